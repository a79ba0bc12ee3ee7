"""Run folders of others: whatever lies in them, nothing outside changes, nothing of theirs runs,
and each refusal is one line.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from run_folders import Trial, scores, write_run
from typer.testing import CliRunner, Result

from analysis import load_run
from analysis.live.details import tail_of
from analysis.live.state import Watched
from analysis.records.inside import is_below, is_name, link_problem, no_link
from analysis.records.lines import DamagedRun
from analysis.records.paths import RunPaths
from tuning.cli.app import app
from tuning.runs.code import kept
from tuning.spec import named_studies

COMMANDS = (
    ["report"],
    ["compare"],
    ["resume"],
    ["extend", "--seeds", "1"],
    ["confirm"],
    ["sync", "--wandb", "offline"],
)
ODD_NAMES = [
    "../../planted",
    "/etc/passwd",
    "a/b",
    "..",
    ".",
    "",
    "a\x00b",
    "a b",
    "x" * 101,
    "a\n",
    "trial.npz",
    "\u202e1",
    "<b>",
    "~",
    "$(id)",
]


def trial() -> Trial:
    return Trial(params={"width": 1}, epochs=scores([0.5, 0.6, 0.7]), name="t0000")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run as a colleague sends it: it names a study file that lies in it."""
    folder = tmp_path / "results" / "bowls" / "theirs"
    write_run(
        folder,
        [trial()],
        reference=str(folder / "evil.py"),
        sessions=[{"started": "2026-01-02T03:04:05Z", "folder": str(folder)}],
    )
    mark = tmp_path / "executed"
    for name in ("evil.py", "conftest.py", "sitecustomize.py", "torch.py", "analysis.py"):
        (folder / name).write_text(f"open({str(mark)!r}, 'w')\n")
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What is none of the run's business."""
    folder = tmp_path / "outside"
    (folder / "deeper").mkdir(parents=True)
    for name in ("precious.txt", "deeper/0001.npz", "mirror.log", "index.html", "t0000.log"):
        (folder / name).write_text("precious")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def command(arguments: list[str], run: Path) -> Result:
    others = [str(write_run(run.parent / "ours", [trial()]))] if arguments[0] == "compare" else []
    place = ["--results", str(run.parent / "compared")] if others else []
    return CliRunner().invoke(app, [arguments[0], str(run), *others, *arguments[1:], *place])


def refused(done: Result) -> str:
    """The one line of a refusal."""
    assert done.exit_code == 2, (done.output, done.exception)
    lines = done.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_what_is_no_name(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize("name", ["0001", "c0001", "A-b_9", "x" * 100])
def test_what_is_a_name(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("place", ["../x", "/x", "a/../../x", ".."])
def test_what_leads_out_of_a_folder(place: str) -> None:
    assert not is_below(place)
    assert is_below(place.replace("..", "b").lstrip("/"))


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda each: each[0])
@pytest.mark.parametrize("name", ["../../../outside/deeper", "/etc/passwd", "a\x00b"])
def test_ids_that_are_paths_are_refused_by_every_command(
    arguments: list[str], name: str, run: Path, outside: Path
) -> None:
    before = content(outside)
    for file in ("trials.jsonl", "epochs.jsonl"):
        path = run / file
        path.write_text(path.read_text().replace('"t0000"', json.dumps(name)))
    assert "is no name; names are letters, digits" in refused(command(arguments, run))
    assert content(outside) == before


@pytest.mark.parametrize("where", ["name", "code of a session", "code of a trial"])
def test_other_parts_of_paths_are_names_too(where: str, run: Path) -> None:
    spec = json.loads((run / "study.json").read_text())
    if where == "name":
        spec["name"] = "../../bowls"
    elif where == "code of a session":
        spec["sessions"][0]["code"] = "../../../outside"
    else:
        rows = [
            json.loads(line) | {"code": "../x"}
            for line in (run / "trials.jsonl").read_text().splitlines()
        ]
        (run / "trials.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (run / "study.json").write_text(json.dumps(spec))
    assert "is no name" in refused(command(["report"], run))


LINKED: dict[str, str] = {
    "report": "",
    "report/index.html": "index.html",
    "report/tables": "",
    "report/best/more.txt": "precious.txt",
    "wandb": "",
    "mirrors": "",
    "mirrors/log": "mirror.log",
    "wandb/run-20261128_204311-theirs-0001": "deeper",
    "wandb/offline-run-20261128_204311-theirs-0001": "deeper",
    "arrays": "deeper",
    "arrays/0001.npz": "deeper/0001.npz",
    "logs": "",
    "logs/t0000.log": "t0000.log",
    "checkpoints/t0000": "deeper",
    "code": "",
    "estimates.jsonl": "precious.txt",
    "lock": "precious.txt",
    "optuna.journal": "precious.txt",
    "session.json": "precious.txt",
    "tensorboard": "",
}


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda each: each[0])
@pytest.mark.parametrize("place", LINKED)
def test_links_are_refused_by_every_command(
    arguments: list[str], place: str, run: Path, outside: Path
) -> None:
    before = content(outside)
    named_studies.remember(str(run / "evil.py"), run)
    link = run / place
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_dir():
        link.rmdir()
    link.symlink_to(outside / LINKED[place])
    line = refused(command(arguments, run))
    said = (
        f"holds {place}: links and special files may lead out of the folder",
        f"/{place} is no plain file, so no lock that a study made",
    )
    assert any(words in line for words in said)
    assert content(outside) == before


def test_records_that_are_links_are_refused(run: Path, outside: Path) -> None:
    for name in ("trials.jsonl", "epochs.jsonl"):
        (outside / name).write_bytes((run / name).read_bytes())
        (run / name).unlink()
        (run / name).symlink_to(outside / name)
    assert "holds epochs.jsonl, trials.jsonl: links" in refused(command(["report"], run))


def test_a_pipe_hangs_no_command(run: Path) -> None:
    os.mkfifo(run / "estimates.jsonl")
    assert "holds estimates.jsonl" in refused(command(["report"], run))


def test_links_that_libraries_make_are_in_nobodys_way(run: Path) -> None:
    of_runs = [
        f"wandb/{name}-20261128_204311-theirs-0001/logs/debug-core.log"
        for name in ("run", "offline-run")
    ]
    for place in [
        "wandb/latest-run",
        "wandb/debug.log",
        "wandb/debug-internal.log",
        "optuna.journal.lock",
        *of_runs,
    ]:
        (run / place).parent.mkdir(parents=True, exist_ok=True)
        (run / place).symlink_to("elsewhere")
    assert link_problem(run) is None
    assert load_run(run).trials["trial"].tolist() == ["t0000"]


def test_a_page_follows_no_link(run: Path, outside: Path) -> None:
    watched = Watched(run)
    (run / "logs").mkdir()
    (run / "logs" / "t0000.log").symlink_to(outside / "t0000.log")
    assert tail_of(watched.paths.log("t0000")) == ""
    with pytest.raises(DamagedRun):
        Watched(run)
    with pytest.raises(AssertionError):
        RunPaths(run).log("../x")
    with pytest.raises(OSError, match="symbolic"), open(run / "logs" / "t0000.log", opener=no_link):
        pass


@pytest.mark.parametrize(
    "arguments",
    [["resume"], ["extend", "--seeds", "1"], ["confirm"], ["replay", "t0000"]],
    ids=lambda each: each[0],
)
@pytest.mark.parametrize("where", ["inside", "beside", "module"])
def test_a_study_that_the_user_never_named_is_not_executed(
    arguments: list[str], where: str, run: Path, tmp_path: Path
) -> None:
    reference = {
        "inside": str(run / "evil.py"),
        "beside": str(run.parent / "evil.py"),
        "module": "evil:study",
    }[where]
    (run.parent / "evil.py").write_bytes((run / "evil.py").read_bytes())
    spec = json.loads((run / "study.json").read_text())
    (run / "study.json").write_text(json.dumps(spec | {"reference": reference}))
    done = CliRunner().invoke(app, [arguments[0], str(run), *arguments[1:]])
    line = refused(done)
    assert f"names the study {reference}, which you have not run or named here before" in line
    assert f"say so with --study {reference}, or give the study itself in Python" in line
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "arguments", [["report"], ["compare"], ["sync", "--wandb", "offline"]], ids=lambda each: each[0]
)
def test_reading_commands_execute_nothing(
    arguments: list[str], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run)
    named_studies.remember(str(run / "evil.py"), run)
    done = command(arguments, run)
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "executed").exists()


def test_a_study_that_was_named_is_known_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert named_studies.is_known("xor_width_depth", tmp_path)
    for reference in (str(tmp_path / "mine.py"), "package.module:study"):
        assert not named_studies.is_known(reference, tmp_path)
        named_studies.remember(reference, tmp_path)
        named_studies.remember(reference, tmp_path)
        assert named_studies.is_known(reference, tmp_path)
    assert not named_studies.is_known("package.module:study", tmp_path / "elsewhere")
    assert named_studies.is_known(str(tmp_path / "mine.py"), tmp_path / "elsewhere")
    file = tmp_path / "state" / "tune-studies" / "studies.jsonl"
    assert len(file.read_text().splitlines()) == 2
    assert file.stat().st_mode & 0o077 == 0


def test_where_nothing_can_be_noted_a_study_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    named_studies.remember(str(tmp_path / "mine.py"), tmp_path)
    assert not named_studies.is_known(str(tmp_path / "mine.py"), tmp_path)


def test_a_kept_copy_of_code_reads_nothing_elsewhere(run: Path, outside: Path) -> None:
    (run / "code" / "abc").mkdir(parents=True)
    about = {
        "study": "mine.py",
        "files": ["mine.py", "../../../../../outside/precious.txt", str(outside / "precious.txt")],
        "values": {},
    }
    (run / "code" / "abc.json").write_text(json.dumps(about))
    (run / "code" / "abc" / "mine.py").write_text("1")
    code = kept(RunPaths(run), "abc")
    assert code is not None
    assert dict(code.files) == {"mine.py": b"1"}


def test_what_a_run_says_is_escaped(run: Path) -> None:
    script = "<script>alert(1)</script>"
    spec = json.loads((run / "study.json").read_text())
    spec |= {"question": script, "command": script, "data": {"name": script}, "metric": script}
    (run / "study.json").write_text(json.dumps(spec))
    path = run / "epochs.jsonl"
    path.write_text(path.read_text().replace('"accuracy"', json.dumps(script)))
    assert command(["report"], run).exit_code == 0
    assert script not in (run / "report" / "index.html").read_text().replace("\\u003c", "<")


@pytest.mark.parametrize(
    "damage",
    [
        b"[" * 100_000,
        b'{"trial": ' + b"9" * 100_000,
        b"\xff\xfe\x00",
        b"null",
        b'"' + b"x" * 5_000_000 + b'"',
    ],
)
def test_odd_lines_are_one_line(damage: bytes, run: Path) -> None:
    with (run / "epochs.jsonl").open("ab") as file:
        file.write(damage + b"\n")
    assert len(refused(command(["report"], run))) < 1000


@pytest.mark.parametrize(
    "array",
    [lambda file: file.write(b"\x80\x04\x95."), lambda file: file.write(b"PK\x03\x04" + b"0" * 50)],
)
def test_pickles_among_arrays_are_not_loaded(array: Callable[..., object], run: Path) -> None:
    (run / "arrays").mkdir(exist_ok=True)
    with (run / "arrays" / "t0000.npz").open("wb") as file:
        array(file)
    with pytest.raises(DamagedRun, match=r"t0000\.npz is damaged"):
        load_run(run).arrays("t0000")
