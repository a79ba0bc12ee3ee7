"""The files in ``examples/`` are studies that reach a report."""

import importlib.util
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from commands import ENVIRONMENT
from inline_runs import crash_after, prepared, run
from nbclient import NotebookClient
from pages import blocks
from places import ROOT

from analysis import Run, load_run
from analysis.report.build import write_report
from tuning import Recovery
from tuning.engine import reporter
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


def goes_on(name: str, results: Path) -> None:
    """Crash it in the middle of its second trial, and see that the rest alone is trained."""
    study = find_study(str(FOLDER / f"{name}.py"))
    study = replace(study, recovery=Recovery(checkpoint_seconds=0))
    whole, paths = run(study, results / "whole"), prepared(study, results / "crashed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reporter, "SECONDS_BETWEEN_REPORTS", -1.0)  # each epoch has a checkpoint
        assert crash_after(int(whole.trials["epochs"][0]) + 5, study, paths)
        run_inline(study, paths)
    again = load_run(paths.root)
    assert again.trials["attempt"].tolist()[:3] == [1, 2, 1]
    assert len(paths.epochs.read_text().splitlines()) <= whole.trials["epochs"].sum() + 1
    columns = ["trial", "epoch", "seed", study.metric]
    pd.testing.assert_frame_equal(again.epochs[columns], whole.epochs[columns])


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


def in_another_process(function: str, name: str, folder: Path) -> None:
    """Such packages change their process for good, and warn."""
    package = PACKAGES.get(name, "torch")
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install '.[examples]'")
    code = f"from test_examples import *; {function}({name!r}, Path({str(folder)!r}))"
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


def test_an_example_goes_on_after_a_crash(tmp_path: Path) -> None:
    goes_on("sklearn_push", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lightning_push", "keras_push"])
def test_an_example_with_another_package_goes_on_after_a_crash(name: str, tmp_path: Path) -> None:
    in_another_process("goes_on", name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PACKAGES, "loader_workers"])
def test_an_example_with_another_package_reaches_a_report(name: str, tmp_path: Path) -> None:
    in_another_process("run_of", name, tmp_path)
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


@pytest.mark.parametrize(
    "block", [block.text for block in blocks(BRING, "python") if "Study(" in block.text]
)
def test_each_block_of_the_page_is_a_study_that_runs(block: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(block)
    study = find_study(str(tmp_path / "mine.py"))
    paths = prepared(study, tmp_path)
    run_inline(study, paths)
    assert set(load_run(paths.root).trials["status"]) == {"completed"}
