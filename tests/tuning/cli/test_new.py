"""``study new``, completion, ``--version``."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import pytest
from inline_runs import prepared
from typer.testing import CliRunner

from analysis import load_run
from tuning.cli.app import app
from tuning.cli.completion import run_folders, studies
from tuning.cli.options import Kind
from tuning.engine.backends.inline import run_inline
from tuning.spec.loading import find_study

KINDS = get_args(get_args(Kind)[0])


def study(*arguments: str, **options: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, arguments, env=options, prog_name="study")
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_study_is_short_and_reaches_its_end(kind: str, tmp_path: Path) -> None:
    file = Path(f"my_{kind}.py")
    code, out, err = study("new", str(file), "--kind", kind)
    assert (code, out) == (0, f"{file}\n")
    assert f"next: `study try {file}`" in err
    lines = [line for line in file.read_text().splitlines() if line.strip()]
    assert len(lines) <= 45
    if kind == "lightning":
        pytest.importorskip("lightning")
    found = find_study(str(file)).override({"epochs": 1 if kind == "sklearn" else 6})
    assert found.name == file.stem
    paths = prepared(found, tmp_path / "results")
    run_inline(found, paths)
    assert set(load_run(paths.root).trials["status"]) <= {"completed", "pruned"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("study.txt", "'study.txt' is no name for a study: give a .py file"),
        ("a b.py", "'a b.py' is no name for a study"),
        ("random.py", "random.py would stand in the way of the module 'random'"),
        ("tuning.py", "tuning.py would stand in the way of the module 'tuning'"),
        ("nowhere/a_study_of_mine.py", "There is no folder nowhere: make it first."),
    ],
)
def test_where_no_study_can_be_written_nothing_is(name: str, says: str) -> None:
    code, out, err = study("new", name)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {says}")
    assert not list(Path().iterdir())


def test_a_file_that_is_there_is_left_as_it_is() -> None:
    Path("mine.py").write_text("precious")
    code, _, err = study("new", "mine.py")
    assert (code, err) == (2, "error: mine.py is there already: give another name, or move it.\n")
    assert Path("mine.py").read_text() == "precious"


def test_the_version_is_that_of_the_distribution() -> None:
    assert study("--version") == (0, f"study {version('tune-studies')}\n", "")


def test_the_shell_is_offered_studies_and_runs() -> None:
    Path("mine.py").touch()
    Path("mine.txt").touch()
    Path("more").mkdir()
    for name in ("20260101-000000-aaaa", "20260102-000000-aaaa"):
        (folder := Path("results/sine", name)).mkdir(parents=True)
        (folder / "study.json").touch()
    assert studies("x") == ["xor_width_depth"]
    assert studies("m") == ["mnist_ffn_vs_cnn", "mine.py", "more/"]
    newest_first = [
        f"results/sine/{name}" for name in ("20260102-000000-aaaa", "20260101-000000-aaaa")
    ]
    assert run_folders("") == newest_first
    assert run_folders("results/sine/20260101") == newest_first[1:]
    assert run_folders("mo") == ["more/"]


def test_completion_speaks_to_the_shell() -> None:
    words = {"COMP_WORDS": "study show xor", "COMP_CWORD": "2"}
    code, out, _ = study(_STUDY_COMPLETE="complete_bash", **words)
    assert (code, re.split(r"\s+", out.strip())) == (0, ["xor_width_depth"])
