"""Files of the user's that are not imported, because another module of their name comes first."""

import ast
from pathlib import Path

import tuning
from study_command import PACKAGES, ROOT
from tuning.spec.imports import import_statements, own_files


def hidden_by_ours(study_file: Path) -> list[str]:
    """A sentence for each file beside a study that the study imports, and of which one of our
    packages has the name.
    """
    names = [
        name
        for name in PACKAGES
        if _file(study_file.parent, name) and study_file.parent.resolve() != ROOT
    ]
    wanted = _imported(study_file) if names else set()
    return [
        f"{study_file} imports `{name}`, which is a package of this program, not the"
        f" {_file(study_file.parent, name)} beside it: rename that file."
        for name in names
        if name in wanted
    ]


def hidden_by_others(study_file: Path) -> list[str]:
    """A sentence for each file beside a study that the study imports, and of which a file
    elsewhere, on ``PYTHONPATH`` say, has the name and is found first. Installed modules come before
    both.
    """
    folder = study_file.parent.resolve()
    found = own_files({study_file.resolve(): study_file.name})
    elsewhere = {
        place.split("/")[0].removesuffix(".py"): file
        for file, place in found.items()
        if not file.is_relative_to(folder)
    }
    return [
        f"{study_file} imports `{name}`, which is {file}, not the {beside} beside it: rename one,"
        " or take the folder of the other out of PYTHONPATH."
        for name, file in elsewhere.items()
        if (beside := _file(folder, name))
    ]


def _file(folder: Path, name: str) -> str | None:
    return next(
        (file for file in (f"{name}.py", f"{name}/__init__.py") if (folder / file).is_file()), None
    )


def _imported(file: Path) -> set[str]:
    """The modules that a file imports by names without a dot, but for our own public names."""
    nodes = import_statements(file.read_bytes())
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return plain | {
        node.module
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        if node.module != "tuning" or not {name.name for name in node.names} <= {*tuning.__all__}
    }
