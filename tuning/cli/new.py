"""``study new``: a study to begin with."""

import importlib.util
import re
from pathlib import Path

from tuning.cli.hints import suggest
from tuning.cli.options import Kind, NewFile
from tuning.process.terminal import plain_errors, say

TEMPLATES = Path(__file__).parent / "templates"
NEEDS = ("lightning",)
"""The kinds that need a package of their name, which does not come with this one."""


def new(file: NewFile, kind: Kind = "grid") -> None:
    """Write a short study that runs, to be changed."""
    from tuning.spec.errors import StudyError

    with plain_errors():
        path = Path(file)
        if problem := "" if path.exists() else _problem(path):
            raise StudyError(problem)
        text = (TEMPLATES / f"{kind}.py").read_text().replace("NAME", path.stem)
        try:
            with path.open("x", encoding="utf-8") as target:
                target.write(text)
        except FileExistsError:
            raise StudyError(f"{path} is there already: give another name, or move it.") from None
        except FileNotFoundError:
            raise StudyError(f"There is no folder {path.parent}: make it first.") from None
        print(path)
        if importlib.util.find_spec(kind if kind in NEEDS else "tuning") is None:
            say(f"note: it needs `pip install {kind}`")
        suggest("new", path)


def _problem(path: Path) -> str:
    """Why no study can be written there, "" if one can."""
    if path.suffix != ".py" or not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", path.stem):
        return (
            f"{str(path)!r} is no name for a study: give a .py file with letters, digits, '_' and"
            " '-', my_study.py say."
        )
    if _is_a_module(path.stem):
        return (
            f"{path.name} would stand in the way of the module {path.stem!r}: give another name,"
            f" {path.stem}_study.py say."
        )
    return ""


def _is_a_module(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # one that is running
        return True
    return spec is not None and spec.origin is not None
