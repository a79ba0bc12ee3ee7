"""The wheel and the source distribution, as somebody installs them."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from places import ROOT

pytestmark = pytest.mark.slow
FOLDERS = ("analysis", "cluster", "trainables", "tuning")


def run(*command: str, **options: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git knows of the project: building leaves files beside it."""
    folder = tmp_path_factory.mktemp("source")
    names = run("git", "ls-files", "-z", cwd=str(ROOT)).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def test_an_installed_wheel_has_all_that_is_used(source: Path, tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(source))
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        file.relative_to(source).as_posix()
        for folder in FOLDERS
        for file in (source / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert wanted <= inside
    assert not {name for name in inside if name.startswith(("tests/", "benchmarks/"))}
    run(*pip, "install", "--no-deps", "--target", str(tmp_path / "there"), str(wheel))
    installed = {**os.environ, "PYTHONPATH": str(tmp_path / "there")}
    study = (sys.executable, str(tmp_path / "there" / "bin" / "study"))
    elsewhere = {"cwd": str(tmp_path), "env": installed}
    assert "xor_width_depth" in run(*study, "list", **elsewhere).stdout  # type: ignore[arg-type]
    run(*study, "new", "mine.py", **elsewhere)  # type: ignore[arg-type]
    tried = run(*study, "try", "mine.py", "--set", "epochs=2", **elsewhere)  # type: ignore[arg-type]
    assert "epoch 2" in tried.stdout + tried.stderr


def test_the_source_distribution_can_be_tested(source: Path, tmp_path: Path) -> None:
    build = "import sys; from setuptools import build_meta as b; print(b.build_sdist(sys.argv[1]))"
    run(sys.executable, "-c", build, str(tmp_path), cwd=str(source))
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        inside = {name.partition("/")[2] for name in file.getnames()}
    for folder in (*FOLDERS, "benchmarks", "docs", "examples", "tests"):
        wanted = {
            file.relative_to(source).as_posix()
            for file in (source / folder).rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        }
        assert wanted <= inside
    assert {"README.md", "CHANGELOG.md", "pyproject.toml", "constraints.txt"} <= inside
