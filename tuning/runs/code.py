"""The code of a study: its own files and what its functions hold, as one version, with a copy of it
in the folder of each run.
"""

import difflib
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from analysis.records.inside import is_below
from analysis.records.load import RunPaths
from analysis.records.write import write_aside
from tuning.runs.held import Held
from tuning.runs.meaning import meaning
from tuning.spec.imports import OURS, file_of, is_own, own_files
from tuning.spec.study import Study

_SCRIPTS = ("__main__", "__mp_main__")
"""The script that runs the study, which nothing imports by these names; what a study holds of it is
found as what its functions hold.
"""


@dataclass(frozen=True)
class Code:
    """``files``: each own file by its place, as ``imports.own_files`` says; ``study``: the place of
    the study's own file, or nothing; ``values``: what functions hold besides, as ``held.Held``
    says.
    """

    study: str
    files: Mapping[str, bytes]
    values: Mapping[str, str]

    @cached_property
    def version(self) -> str:
        """Twelve digits that stay where comments, docstrings, layout or the name of the study's
        file change, and nothing else does.
        """
        told = {
            "" if place == self.study else place: meaning(content)
            for place, content in self.files.items()
        }
        return hashlib.sha256(
            json.dumps([told, dict(self.values)], sort_keys=True).encode(errors="replace")
        ).hexdigest()[:12]


def code_of(study: Study, reference: str = "") -> Code:
    """The code of a study that has been found by ``reference``: its file and all of its own that
    this imports, what lies in its folder and was imported by other means, and the files of the
    functions that the trainable and ``load`` are or hold.
    """
    root = _study_file(reference) or _home_of(study.task.train)
    functions: dict[str, Any] = {
        "trainable": study.task.train,
        **({"load": study.task.load} if study.task.load else {}),
    }
    held = Held(functions, root[0] if root else None)
    roots = {
        **({root[0]: root[1]} if root else {}),
        **{file: _place(file, module) for file, module in held.files.items()},
    }
    installed = [file for file in ([root[0]] if root else []) + held.homes if not is_own(file)]
    found = own_files(roots, [_home(file, roots[file]) for file in installed])
    if reference and root and not root[0].is_relative_to(OURS / "tuning"):
        found |= {file: place for file, place in _loaded_below(root[0].parent) if file not in found}
    files: dict[str, bytes] = {}
    for file, place in found.items():
        files[place if place not in files else str(file).lstrip("/")] = file.read_bytes()
    return Code(root[1] if root else "", files, held.values)


def changes(was: Code, now: Code) -> list[str]:
    """What differs, one phrase per file or value: ``model.py: 3 lines added, 1 removed``. Empty
    where the code says the same.
    """
    before, after = _by_role(was), _by_role(now)
    found = []
    for role in sorted(before.keys() | after.keys()):
        place = now.study or was.study if role == "" else role
        if role not in after:
            found.append(f"{place}: not part of it any more")
        elif role not in before:
            found.append(f"{place}: new, {len(after[role].splitlines())} lines")
        elif meaning(before[role]) != meaning(after[role]):
            found.append(f"{place}: {_size(before[role], after[role])}")
    differ = [
        name
        for name in sorted(was.values.keys() | now.values.keys())
        if was.values.get(name) != now.values.get(name)
    ]
    return found + [f"{name}: another value" for name in differ]


def keep(paths: RunPaths, code: Code, version: str) -> None:
    """Copy the code into the folder of a run, unless that version is there."""
    about = paths.code / f"{version}.json"
    if about.exists():
        return
    for place, content in code.files.items():
        file = paths.code / version / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    paths.code.mkdir(exist_ok=True)
    write_aside(
        about,
        json.dumps(
            {"study": code.study, "files": sorted(code.files), "values": dict(code.values)},
            indent=1,
        )
        + "\n",
    )


def kept(paths: RunPaths, version: str) -> Code | None:
    """A version of the code as a run has kept it; None where its copy is not there or not whole."""
    try:
        about = json.loads((paths.code / f"{version}.json").read_bytes())
        files = {
            place: (paths.code / version / place).read_bytes()
            for place in about["files"]
            if is_below(place)
        }
        return Code(about["study"], files, about["values"])
    except (OSError, ValueError, KeyError):
        return None


def package_version() -> str:
    """Of the sources of this package that take part in training: a checkout changes without a new
    number.
    """
    files = sorted(
        file for part in ("tuning", "trainables") for file in (OURS / part).rglob("*.py")
    )
    content = b"".join(
        file.relative_to(OURS).as_posix().encode() + b"\0" + file.read_bytes() for file in files
    )
    return hashlib.sha256(content).hexdigest()[:12]


def _study_file(reference: str) -> tuple[Path, str] | None:
    """The file of a study that was found by ``reference``, and its place."""
    if not reference or reference.endswith(".py"):
        return (Path(reference).resolve(), Path(reference).name) if reference else None
    module = reference.split(":")[0] if ":" in reference else f"tuning.studies.{reference}"
    file = file_of(sys.modules.get(module))
    return (file, _place(file, module)) if file else None


def _home_of(function: Any) -> tuple[Path, str] | None:
    """The own file that a study given from Python has its trainable from, be it the script or a
    module that another script imports.
    """
    homes = Held({"trainable": function}).files.items()
    return next(((file, _place(file, module)) for file, module in homes if is_own(file)), None)


def _place(file: Path, module: str) -> str:
    """The place of a module by its name; of one that has been loaded under another name, by its
    file.
    """
    *folders, last = module.split(".")
    if file.stem == "__init__":
        return "/".join([*folders, last, file.name])
    return "/".join([*folders, file.name]) if file.stem == last else file.name


def _home(file: Path, place: str) -> Path:
    """The topmost package that a file belongs to, or the file."""
    depth = place.count("/")
    return file.parents[depth - 1] if depth else file


def _loaded_below(folder: Path) -> Iterator[tuple[Path, str]]:
    for name, module in list(sys.modules.items()):
        if name in _SCRIPTS:
            continue
        place = getattr(module, "__file__", None)
        # Most modules are installed, and to resolve the paths of thousands takes half a second.
        file = file_of(module) if isinstance(place, str) and is_own(Path(place)) else None
        if file and file.is_relative_to(folder) and is_own(file):
            yield file, file.relative_to(folder).as_posix()


def _by_role(code: Code) -> dict[str, bytes]:
    """The files by their places, but that of the study by no name: it may be called otherwise
    later.
    """
    return {"" if place == code.study else place: content for place, content in code.files.items()}


def _size(before: bytes, after: bytes) -> str:
    old, new = (content.decode(errors="replace").splitlines() for content in (before, after))
    parts = [
        part
        for part in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if part[0] != "equal"
    ]
    removed, added = (
        sum(part[2] - part[1] for part in parts),
        sum(part[4] - part[3] for part in parts),
    )
    return f"{added} line{'s' * (added != 1)} added, {removed} removed"
