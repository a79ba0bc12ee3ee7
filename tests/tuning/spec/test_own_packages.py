"""Files of the user's that have the name of one of our packages, or of a library."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ENVIRONMENT, STUDY, write_study

import study_command
from study_command import PACKAGES
from tuning.spec.own_packages import hidden_by_others, hidden_by_ours


def as_installed(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command as its script runs it, which looks for no module in the working folder."""
    command = [*STUDY[:3], "-P", *STUDY[3:], *arguments]
    return subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.parametrize(
    ("name", "is_package"), list(zip(PACKAGES, [False, True, False, True], strict=True))
)
def test_what_stands_in_the_way_of_our_packages_is_named(
    name: str, is_package: bool, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    file = own / name / "__init__.py" if is_package else own / f"{name}.py"
    file.parent.mkdir(parents=True)
    file.write_text("raise RuntimeError('this was imported')")
    path = os.pathsep.join([str(own), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [*STUDY, "list"],
        cwd=tmp_path,
        env=ENVIRONMENT | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 2
    advice = f"rename it, or take {own} out of PYTHONPATH."
    assert (
        done.stderr
        == f"error: {file} stands in the way of the package `{name}` of this program: {advice}\n"
    )


def test_windows_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(SystemExit) as ended:
        study_command.main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: tune-studies runs on Linux and macOS, not on Windows")
    assert line.endswith("install it in WSL, the Windows Subsystem for Linux.")


def test_ctrl_c_while_python_imports_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")
    done = subprocess.run(
        [*STUDY, "list"],
        env=ENVIRONMENT | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize(
    "line",
    ["import {}", "from {} import helper", "def f():\n    import os, {}", "import {} as other"],
)
def test_a_study_that_imports_its_own_module_and_would_get_ours_is_refused(
    name: str, line: str, tmp_path: Path
) -> None:
    (tmp_path / f"{name}.py").write_text("")
    (tmp_path / "mine.py").write_text(line.format(name))
    assert hidden_by_ours(tmp_path / "mine.py") == [
        f"{tmp_path}/mine.py imports `{name}`, which is a package of this program, not the"
        f" {name}.py beside it: rename that file."
    ]


def test_the_command_refuses_it_too_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "analysis.py").write_text("")
    (tmp_path / "mine.py").write_text("import analysis")
    shown = as_installed("show", "mine.py", cwd=tmp_path)
    assert shown.returncode == 2
    assert len(shown.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "from tuning import Asha, Study",
        "from tuning.spec.study import Study",
        "from . import analysis",
        "x = 'analysis'",
        "def broken(:",
    ],
)
def test_a_file_that_the_study_does_not_import_is_not_in_its_way(text: str, tmp_path: Path) -> None:
    for name in PACKAGES:
        (tmp_path / f"{name}.py").write_text("")
    (tmp_path / "mine.py").write_text(text)
    assert hidden_by_ours(tmp_path / "mine.py") == []


@pytest.mark.slow
def test_files_beside_a_study_stand_in_for_no_library_in_its_trials(tmp_path: Path) -> None:
    """The driver's working folder would come first in the processes of trials."""
    write_study(
        tmp_path, "import json, random, torch; assert json.dumps, random.random and torch.Tensor"
    )
    for name in (
        "json",
        "random",
        "torch",
        "ray",
        "numpy",
        "analysis",
        "cluster",
        "logging",
        "typing",
    ):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong one')")
    ran = as_installed("run", "mine.py", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr


def test_a_helper_that_another_folder_hides_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("own", "stray"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "helper_hidden.py").write_text("")
    study = tmp_path / "own" / "mine.py"
    study.write_text("def train(config):\n    import helper_hidden\n")
    stray, own = str(tmp_path / "stray"), str(tmp_path / "own")
    monkeypatch.setattr(sys, "path", [*sys.path, stray, own])
    assert hidden_by_others(study) == [
        f"{study} imports `helper_hidden`, which is {stray}/helper_hidden.py, not the"
        " helper_hidden.py beside it: rename one, or take the folder of the other out of"
        " PYTHONPATH."
    ]
    monkeypatch.setattr(sys, "path", [*sys.path[:-2], own, stray])
    assert hidden_by_others(study) == []
