"""The first thing that the command imports: a file of the user's that stands in the way of our packages ends it in one line.

It may import nothing of ours, for that may be what is in the way.
"""

import ast
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
NAMES = ("tuning", "trainables", "analysis", "cluster")


def in_the_way() -> list[str]:
    """A sentence for each of our packages that Python would find elsewhere."""
    found = []
    for name in NAMES:
        spec = importlib.util.find_spec(name)
        place = Path(spec.origin or next(iter(spec.submodule_search_locations or []), "")) if spec else ROOT / name
        if not place.is_relative_to(ROOT / name):
            found.append(f"{place} stands in the way of the package `{name}` of this program: rename it, or {_path_advice(place)}.")
    return found


def hidden_by_ours(study_file: Path) -> list[str]:
    """A sentence for each file beside a study that the study imports, and of which one of our packages has the name."""
    names = [name for name in NAMES if _file(study_file.parent, name) and study_file.parent.resolve() != ROOT]
    wanted = _imported(study_file) if names else set()
    return [
        f"{study_file} imports `{name}`, which is a package of this program, not the {_file(study_file.parent, name)} beside it: "
        "rename that file."
        for name in names
        if name in wanted
    ]


def _path_advice(place: Path) -> str:
    folder = place.parent.parent if place.name == "__init__.py" else place.parent
    return f"take {folder} out of PYTHONPATH" if folder != Path.cwd() else "call `study` from another folder"


def _file(folder: Path, name: str) -> str | None:
    return next((file for file in (f"{name}.py", f"{name}/__init__.py") if (folder / file).is_file()), None)


def _imported(file: Path) -> set[str]:
    """The modules that a file imports by names without a dot."""
    try:
        nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (SyntaxError, ValueError):
        return set()
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return plain | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}


if problems := in_the_way():
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    raise SystemExit(2)
