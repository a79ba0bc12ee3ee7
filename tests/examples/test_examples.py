"""The files in ``examples/`` are studies that reach a report."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from commands import ENVIRONMENT
from inline_runs import prepared
from nbclient import NotebookClient
from pages import blocks
from places import ROOT

from analysis import Run, load_run
from analysis.report.build import write_report
from tuning.engine.backends.inline import run_inline
from tuning.spec.loading import find_study

FOLDER = ROOT / "examples"
BRING = ROOT / "docs" / "bring.md"
PACKAGES = {
    "lightning_push": "lightning",
    "hugging_face_push": "transformers",
    "keras_push": "keras",
    "xgboost_push": "xgboost",
    "lightgbm_push": "lightgbm",
}
"""What an example needs besides what this package needs."""
SCRIPTS = ("notebook", "edit_and_extend")


def lines_of(text: str) -> list[str]:
    """The lines of code, without blank ones and the docstring."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith('"""')]


def run_of(name: str, results: Path) -> Run:
    study = find_study(str(FOLDER / f"{name}.py"))
    paths = prepared(study, results)
    run_inline(study, paths)
    write_report(load_run(paths.root))
    return load_run(paths.root)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.stem)
def test_an_example_is_short(file: Path) -> None:
    assert len(lines_of(file.read_text())) <= 42
    if body := re.search(r"^def train\(.*?\n(?=\S)", file.read_text(), re.M | re.S):
        assert len(lines_of(body[0])) <= 19, file.name


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("ray_function", {"completed", "pruned"}),
        ("patience", {"completed"}),
        ("sklearn_push", {"completed"}),
    ],
)
def test_an_example_reaches_a_report(name: str, ends: set[str], tmp_path: Path) -> None:
    read = run_of(name, tmp_path)
    assert set(read.trials["status"]) == ends
    assert read.report.exists()
    assert name != "patience" or read.trials["reason"].notna().sum() > 3


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PACKAGES, "loader_workers"])
def test_an_example_with_another_package_reaches_a_report(name: str, tmp_path: Path) -> None:
    package = PACKAGES.get(name, "torch")
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install '.[examples]'")
    # In a process of its own: such packages change their process for good, and warn.
    code = f"from test_examples import *; run_of({name!r}, Path({str(tmp_path)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **ENVIRONMENT,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests/harness'}:{Path(__file__).parent}",
        },
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder,) = tmp_path.glob("*/*")
    read = load_run(folder)
    assert set(read.trials["status"]) <= {"completed", "pruned"}, read.trials["error"].tolist()
    assert read.report.exists()


def test_the_notebook_runs_cell_by_cell(tmp_path: Path) -> None:
    cells = (FOLDER / "notebook.py").read_text().split("# %%\n")[1:]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = notebook.cells[-1].outputs[-1]["text"]
    assert said.startswith("['completed', 'completed'")
    assert Path(said.split()[-1]).exists()


def test_a_study_is_extended(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / "edit_and_extend.py")],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    count, page = done.stdout.split()[-2:]
    assert count == "18"
    assert Path(page).exists()


@pytest.mark.parametrize("block", [block.text for block in blocks(BRING, "python")])
def test_each_block_of_the_page_is_a_study_that_runs(block: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(block)
    study = find_study(str(tmp_path / "mine.py"))
    paths = prepared(study, tmp_path)
    run_inline(study, paths)
    assert set(load_run(paths.root).trials["status"]) == {"completed"}
