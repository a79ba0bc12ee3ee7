"""The studies that come with the package, told from their source: to import one takes seconds."""

import ast
from pathlib import Path

from tuning import studies


def built_in_names() -> list[str]:
    """The names of the studies that come with the package."""
    return sorted(file.stem for file in _folder().glob("*.py") if file.stem != "__init__")


def questions() -> dict[str, str]:
    """What each of them is to answer, by its name."""
    return {name: _question(_folder() / f"{name}.py") for name in built_in_names()}


def _folder() -> Path:
    return Path(studies.__path__[0])


def _question(file: Path) -> str:
    """The ``question`` of the one call of ``Study`` in a file, which is a plain text there."""
    return next(
        str(ast.literal_eval(each.value))
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Study"
        for each in node.keywords
        if each.arg == "question"
    )
