"""Which files of a study go to a cluster with a job: what it imports, and the text files that it
names.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from study_command import OURS
from tuning.runs.code import code_of
from tuning.spec.study import Study

TEXT = (".json", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".txt", ".csv")
LARGEST_FILE = 1_000_000
"""In bytes: what is larger is data."""
_SECRET = re.compile(
    r"(?i)secret|credential|password|passwd|token|api.?key|private|^\.|\.(pem|key|p12|pfx|netrc)$"
)


@dataclass(frozen=True)
class SentFiles:
    """``content``: each file that is sent, by its place below the folder of the study;
    ``left_out``: files that the study names and that are not sent, each with the reason.
    """

    content: Mapping[str, bytes]
    left_out: Mapping[str, str]


def files_to_send(study: Study, reference: str) -> SentFiles:
    """The files of a study that has been found by ``reference`` in this folder; none of a built-in
    one.

    Named is a file below the folder of the study if a text in its code, or a value of the study, is
    its path, seen from that folder or from that of the code. Data are not sent: nodes read them
    where they lie.
    """
    if not reference.endswith(".py") and ":" not in reference:
        return SentFiles({}, {})
    folder = Path(reference).resolve().parent if reference.endswith(".py") else Path.cwd()
    code = {
        place: content
        for place, content in code_of(study, reference).files.items()
        if not _is_ours(place)
    }
    named = {place for place in _named(study, code, folder) if place not in code}
    reasons = {place: why for place in sorted(named) if (why := _reason(folder / place))}
    return SentFiles(
        {
            **code,
            **{place: (folder / place).read_bytes() for place in sorted(named - reasons.keys())},
        },
        reasons,
    )


def _is_ours(place: str) -> bool:
    return PurePosixPath(place).parts[0].removesuffix(".py") in OURS


def _named(study: Study, code: Mapping[str, bytes], folder: Path) -> Iterator[str]:
    """The places of the files that values or texts name."""
    bases = {place: PurePosixPath(place).parent for place in code}
    texts = [(text, PurePosixPath()) for text in _texts_in([study.fixed, study.space])]
    texts += [
        (text, base)
        for place, content in code.items()
        for text in _constants(content)
        for base in (bases[place], PurePosixPath())
    ]
    for text, base in texts:
        file = (folder / base / text).resolve()
        if file.is_file() and file.is_relative_to(folder):
            yield file.relative_to(folder).as_posix()


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if _may_be_path(value):
            yield value
    elif isinstance(value, Mapping):
        yield from (text for each in value.values() for text in _texts_in(each))
    elif isinstance(value, list | tuple):
        yield from (text for each in value for text in _texts_in(each))


def _constants(source: bytes) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    yield from (
        text
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        for text in _texts_in(node.value)
    )


def _may_be_path(text: str) -> bool:
    return 0 < len(text) < 500 and text.isprintable()


def _reason(file: Path) -> str | None:
    """Why a named file is not sent."""
    if _SECRET.search(file.name):
        return "its name says that it is a secret"
    if file.suffix not in TEXT or file.stat().st_size > LARGEST_FILE:
        return "data are not sent: put them where every node reads them"
    return None
