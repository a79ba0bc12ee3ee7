"""Projects as people have them: helper modules, packages, relative data, arguments of their own."""

import subprocess
import sys
from pathlib import Path

import pytest
from commands import ENVIRONMENT, study

from analysis import load_run

PROJECT = {
    "helpers.py": (
        "from shapes.curves import curve\n\n"
        "def rows():\n"
        "    return [float(line) for line in open('data/rows.txt')]\n"
    ),
    "shapes/__init__.py": "",
    "shapes/curves.py": "from . import constants\n\ncurve = lambda x: constants.SLOPE * x\n",
    "shapes/constants.py": "SLOPE = 2\n",
    "data/rows.txt": "1\n2\n",
    "mine.py": """
import argparse
from helpers import curve, rows
from tuning import Study

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=3)
width = parser.parse_args().width
rows()

def train(config, seeds, resume=None):
    for epoch in range(1, config["epochs"] + 1):
        yield {"epoch": epoch, "score": [curve(config["x"]) + sum(rows())] * len(seeds)}, epoch

study = Study(name="mine", question="?", trainable=train, space={"x": [1, 2]},
    fixed={"width": width}, metric="score", epochs=2, seeds=1)
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (tmp_path / "elsewhere").mkdir()
    return folder


def test_a_project_with_arguments_of_its_own_is_tried(project: Path) -> None:
    for reference in ("mine.py", "mine:study"):
        done = study("try", reference, cwd=project)
        said = f"next: `study run {reference}` trains all trials and writes the report\n"
        assert (done.returncode, done.stderr) == (0, said)
        assert "epoch 2  score 5 " in done.stdout


def test_arguments_that_a_study_demands_are_named_in_one_line(project: Path) -> None:
    text = (project / "mine.py").read_text()
    (project / "mine.py").write_text(text.replace("default=3", "required=True"))
    done = study("try", "mine.py", cwd=project)
    assert done.returncode == 2
    assert "mine.py cannot be read: line 8, `width = parser" in done.stderr
    assert "SystemExit: 2" in done.stderr


def test_data_that_are_not_there_from_here_are_named_in_one_line(project: Path) -> None:
    done = study("try", "../project/mine.py", cwd=project.parent / "elsewhere")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No such file or directory: 'data/rows.txt'" in done.stderr


@pytest.mark.parametrize("name", ["analysis", "trainables", "cluster"])
def test_a_module_with_the_name_of_ours_is_refused_in_python_too(project: Path, name: str) -> None:
    (project / f"{name}.py").write_text("")
    (project / "script.py").write_text("import tuning\n")
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=project,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        f"ImportError: {project / name}.py stands in the way of the package `{name}`"
    )


@pytest.mark.slow
def test_a_project_is_run_gone_on_with_and_replayed_from_another_folder(project: Path) -> None:
    ran = study("run", "mine.py", cwd=project, timeout=300)
    assert ran.returncode == 0, ran.stderr
    folder, elsewhere = project / ran.stdout.splitlines()[-1], project.parent / "elsewhere"
    extended = study("extend", str(folder), "--seeds", "1", cwd=elsewhere, timeout=300)
    assert extended.returncode == 0, extended.stderr
    found = load_run(folder)
    assert [each["command"].split()[1] for each in found.spec["sessions"]] == ["run", "extend"]
    assert set(found.trials["status"]) == {"completed"}
    scores = found.epochs.merge(found.trials[["trial", "x"]], on="trial")
    assert sorted(scores["x"]) == [1, 1, 1, 1, 2, 2, 2, 2]
    assert scores["score"].tolist() == [2 * x + 3 for x in scores["x"]]
    replayed = study("replay", str(folder), "0001", cwd=elsewhere)
    assert replayed.returncode == 0, replayed.stderr
    assert "bit for bit" in replayed.stdout
    kept = {path.relative_to(folder / "code").parts[1:] for path in folder.glob("code/*/**/*.py")}
    assert ("shapes", "constants.py") in kept
