"""The arrows between packages, as the design draws them, against the imports in the code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("tuning", "trainables", "analysis", "cluster")
ALLOWED = {
    "tuning": {"tuning", "trainables", "analysis", "cluster"},
    "trainables": {"trainables"},
    "analysis": {"analysis"},
    "cluster": {"cluster"},
}
FORBIDDEN_LIBRARIES = {"trainables": {"ray"}, "analysis": {"ray", "torch", "torchvision"}, "cluster": {"torch"}, "tuning": set()}
MAY_IMPORT_RAY = {
    f"tuning/{name}.py"
    for name in ("space", "launch", "slots", "shipping", "sendable", "worker", "search", "recorder", "metrics", "ray_session")
}
MAY_IMPORT_WANDB = {f"tuning/{name}.py" for name in ("tracking_process", "tracking_runs", "tracking_summary")}
MAX_LINES = 250


def files() -> list[Path]:
    return [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]


def imports(file: Path) -> set[str]:
    """The top-level names of all that a file imports, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_follow_the_arrows(file: Path) -> None:
    name = str(file.relative_to(ROOT))
    package = name.split("/")[0]
    imported = imports(file)
    assert imported & set(PACKAGES) <= ALLOWED[package]
    assert not imported & FORBIDDEN_LIBRARIES[package]
    assert "wandb" not in imported or name in MAY_IMPORT_WANDB
    if "ray" in imported:
        assert package == "cluster" or name in MAY_IMPORT_RAY or name.startswith("tuning/studies/")


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_files_stay_readable(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= MAX_LINES


def test_every_package_is_packaged() -> None:
    import tomllib

    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {str(file.parent.relative_to(ROOT)).replace("/", ".") for file in files()}
    assert listed == found


def test_scripts_of_the_live_page_are_packaged_and_served() -> None:
    import tomllib

    from analysis.live import SCRIPTS

    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"] == {"analysis": ["*.js"]}
    assert {file.name for file in (ROOT / "analysis").glob("*.js")} == set(SCRIPTS)
    for file in (ROOT / "analysis").glob("*.js"):
        assert len(file.read_text().splitlines()) <= MAX_LINES
