"""The rooms of the house and the arrows between them, against the imports in the code."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from places import ROOT

PACKAGES = {
    "tuning": {"trainables", "analysis", "cluster"},
    "trainables": set(),
    "analysis": set(),
    "cluster": set(),
}
"""Which other packages each may import."""
ROOMS = {
    "tuning": {
        "process": set(),
        "spec": {"process"},
        "runs": {"spec", "process"},
        "search": {"spec", "runs", "process"},
        "engine": {"spec", "runs", "search", "process"},
        "callbacks": {"spec", "runs", "engine", "process"},
        "mirrors": {"spec", "runs", "process"},
        "cli": {"spec", "runs", "search", "engine", "callbacks", "mirrors", "process"},
        "studies": {"spec"},
    },
    "analysis": {
        "numerics": set(),
        "text": {"numerics"},
        "records": {"numerics", "text"},
        "stats": {"numerics", "text", "records"},
        "charts": {"numerics", "text", "records", "stats"},
        "report": {"numerics", "text", "records", "stats", "charts"},
        "home": {"text", "records", "stats", "report", "live"},
        "live": {"numerics", "text", "records", "stats", "charts", "report"},
    },
    "trainables": {"xor": set(), "digits": set(), "lungs": set()},
}
"""Which other rooms of its package each may import. What lies in no room serves all of them
(``trainables/loop.py``) or is the front door (``__init__.py``).
"""
EXCEPTIONS = {
    # An error of the user is a StudyError, and its printing has to know it.
    ("tuning/process/terminal.py", "tuning.spec.errors"),
    # The ways out of two copies that differ stand in the help of the command.
    ("tuning/process/terminal.py", "tuning.runs.two_copies"),
    ("tuning/process/terminal.py", "tuning.runs.store"),
    # What a worker of Ray leaves in the state of its process.
    ("tuning/process/state.py", "tuning.engine.ray_reporting"),
    # The built-in studies are found by their names.
    ("tuning/spec/loading.py", "tuning.studies"),
    ("tuning/spec/catalog.py", "tuning.studies"),
    # The value of a field of a study names who searches, or who stops trials.
    *(
        (f"tuning/spec/{file}.py", module)
        for file, names in {
            "searches": ("base", "grid", "random"),
            "optuna_search": ("base", "optuna"),
            "scheduling": ("base", "asha", "promotion"),
        }.items()
        for module in ("tuning.runs.history", *(f"tuning.search.{name}" for name in names))
    ),
    # Objects of the user's own, as searchers and schedulers.
    ("tuning/spec/fields.py", "tuning.search.own"),
    ("tuning/spec/fields.py", "tuning.search.own_scheduler"),
    # A trial that is tried in this process shows its epochs as a run does.
    ("tuning/engine/one_trial.py", "tuning.callbacks.progress"),
}
"""(file, module): imports against the arrows."""
LIBRARIES = {
    "ray": {
        "cluster/",
        "tuning/studies/",  # their spaces
        "tuning/cli/templates/",  # likewise
        "tuning/spec/space.py",
        "tuning/callbacks/prometheus.py",
        "tuning/engine/backends/ray_",
        "tuning/engine/ray_reporting.py",
        "tuning/engine/ray_trainables.py",
        "tuning/engine/sendable.py",
    },
    "torch": {"trainables/", "tuning/"},
    "torchvision": {"trainables/"},
    "wandb": {"tuning/mirrors/wandb"},
    "mlflow": {"tuning/mirrors/mlflow"},
}
"""Where alone a library may be imported."""
MAX_LINES, MAX_WIDTH = 250, 100


def files(*folders: str) -> list[Path]:
    """The Python files below some folders, relative to the repository."""
    return [
        file.relative_to(ROOT)
        for folder in folders
        for file in sorted((ROOT / folder).rglob("*.py"))
    ]


@cache
def imports(file: Path) -> frozenset[str]:
    """The modules that a file imports, also inside functions."""
    return frozenset(_imports(file))


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            module = node.module or ""
            for alias in node.names:
                path = ROOT / module.replace(".", "/") / alias.name
                inside = path.is_dir() or path.with_suffix(".py").is_file()
                yield f"{module}.{alias.name}" if inside else module


def room(module: str) -> tuple[str, str]:
    """The package of a module and its room there, "" if it is in none."""
    package, _, rest = module.partition(".")
    first = rest.partition(".")[0]
    return package, first if first in ROOMS.get(package, {}) else ""


def test_packages_import_each_other_as_drawn() -> None:
    for file in files(*PACKAGES):
        package = file.parts[0]
        others = {module.partition(".")[0] for module in imports(file)} & PACKAGES.keys()
        assert others <= PACKAGES[package] | {package}, file


def test_rooms_import_each_other_as_drawn() -> None:
    against = set()
    for file in files(*ROOMS):
        package, own = room(".".join(file.with_suffix("").parts))
        for module in imports(file):
            other, its_room = room(module)
            allowed = {own, "", *ROOMS[package].get(own, ROOMS[package])}
            if other == package and its_room not in allowed:
                against.add((file.as_posix(), module))
    assert against == EXCEPTIONS


def test_every_folder_is_a_room() -> None:
    for package, rooms in ROOMS.items():
        assert {file.parts[1] for file in files(package) if len(file.parts) > 2} == set(rooms)


def test_libraries_have_their_places() -> None:
    for file in files(*PACKAGES):
        for library in {module.partition(".")[0] for module in imports(file)} & LIBRARIES.keys():
            assert file.as_posix().startswith(tuple(LIBRARIES[library])), f"{file}: {library}"


def test_files_stay_readable() -> None:
    scripts = [file.relative_to(ROOT) for file in (ROOT / "analysis").glob("*/static/*.js")]
    long, wide = [], []
    for file in [*files(*PACKAGES, "benchmarks"), *scripts, Path("study_command.py")]:
        lines = (ROOT / file).read_text().splitlines()
        long += [f"{file}: {len(lines)} lines"] * (len(lines) > MAX_LINES)
        wide += [f"{file}:{i}" for i, line in enumerate(lines, 1) if len(line) > MAX_WIDTH]
    assert long == []
    assert wide == []


def test_all_of_it_is_packaged() -> None:
    from analysis.live.server import SCRIPTS

    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert set(tools["packages"]) == {".".join(file.parent.parts) for file in files(*PACKAGES)}
    assert tools["package-data"] == {
        "analysis.home": ["static/*.js", "templates/*"],
        "analysis.live": ["static/*.js", "templates/*"],
        "analysis.report": ["templates/*"],
        "cluster": ["README.md", "*.json", "*.sbatch", "*.sh", "*.yaml"],
    }
    assert {file.name for file in (ROOT / "analysis/live/static").glob("*.js")} == set(SCRIPTS)
