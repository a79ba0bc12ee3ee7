"""The mirror to Weights & Biases, with the real wandb: offline, the files read back; online,
against a server on loopback.
"""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mirror_processes import FAILED, GOOD, processes_of, wait_for
from places import ROOT
from run_folders import Trial, scores, write_run
from wandb_files import read_runs
from wandb_server import KEY, Server, served

from analysis import load_run, write_report
from analysis.records.labels import add_note, set_tags
from analysis.records.load import RunPaths
from tuning import Mirrors
from tuning.mirrors import driver
from tuning.mirrors.driver import Mirrored, mirrored
from tuning.runs import lock

NOTHING_TO_DO: tuple[Mirrored, list[str]] = (Mirrored(sent=0, missing=0), [])


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine wandb may take long to start."""
    monkeypatch.setattr(driver, "SECONDS_TO_START", 240.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "r1", [GOOD, FAILED])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with served() as server:
        for key, value in server.environment.items():
            monkeypatch.setenv(key, value)
        yield server


def mirror(folder: Path, mode: str, seconds: float = 120.0) -> tuple[Mirrored, list[str]]:
    """Mirror all there is; how far that came, and what was said."""
    said: list[str] = []
    with mirrored(RunPaths(folder), to(mode), said.append, seconds=seconds) as finish:
        told = finish()["wandb"]
    assert not processes_of(folder), "nothing runs any more"
    return told, said


def to(mode: Any) -> Mirrors:
    return Mirrors(wandb=mode)


def has_table(row: dict[str, Any]) -> bool:
    return any(key.startswith("seeds") for key in row)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a report, mirrored offline."""
    folder = write_run(tmp_path_factory.mktemp("offline") / "r1", [GOOD, FAILED])
    write_report(load_run(folder))
    assert mirror(folder, "offline") == (Mirrored(sent=3, missing=0), [])
    return folder


def test_an_offline_run_per_trial_says_what_the_records_say(reported: Path) -> None:
    runs = read_runs(reported / "wandb")
    assert sorted(runs) == ["summary", "t0000", "t0001"]
    run = runs["t0000"]
    assert (run.id, run.project, run.group, run.kind) == ("r1-t0000", "bowls", "r1", "search")
    assert run.name == "t0000 width=1"
    assert run.config == {
        "noise": 0.1,
        "width": 1,
        "trial": "t0000",
        "phase": "search",
        "seeds": [0, 1, 2],
    }
    assert run.axes == {"epoch": "", "*": "epoch"}
    first, second, after = run.rows
    assert (first["epoch"], first["_step"], first["parameters"], has_table(first)) == (
        1,
        1,
        9,
        False,
    )
    assert first["accuracy"] == pytest.approx(0.6)
    assert first["std/accuracy"] == pytest.approx(0.1)
    assert (second["epoch"], second["accuracy"], second["_step"]) == (2, pytest.approx(0.8), 2)
    assert (after["_step"], has_table(after), "accuracy" in after) == (3, True, False)
    assert run.summary["status"] == "completed"
    assert run.exit_code == 0
    table = json.loads(run.artifacts["run-r1-t0000-seeds"]["seeds.table.json"].read_text())
    assert table["columns"] == ["seed", "accuracy"]
    assert table["data"] == [[0, 0.7], [1, 0.8], [2, 0.9]]
    failed = runs["t0001"]
    assert (failed.summary["status"], failed.summary["error"], failed.exit_code) == (
        "failed",
        "ValueError: too wide",
        1,
    )


def test_a_trial_of_one_seed_has_no_spread_and_no_table(tmp_path: Path) -> None:
    one = Trial(
        params={"width": 1},
        seeds=(7,),
        epochs=[{"accuracy": [0.5]}, {"accuracy": [None]}],
        status="diverged",
        error="not finite",
    )
    mirror(write_run(tmp_path / "r1", [one]), "offline")
    run = read_runs(tmp_path / "r1" / "wandb")["t0000"]
    assert run.rows[0]["accuracy"] == 0.5
    assert math.isnan(float(run.rows[1]["accuracy"]))
    assert not any("std/accuracy" in row or has_table(row) for row in run.rows)
    assert (run.summary["status"], run.exit_code) == ("diverged", 0)


def test_the_summary_holds_tables_charts_and_the_report(reported: Path) -> None:
    run = read_runs(reported / "wandb")["summary"]
    assert run.config["question"] == "Does width help?"
    assert (run.summary["trials"], run.summary["trials/failed"]) == (2, 1)
    tables = json.loads(run.artifacts["run-r1-summary-summary"]["summary.table.json"].read_text())
    assert tables["columns"][:5] == ["width", "parameters", "n", "lost", "accuracy_mean"]
    assert tables["data"][0][:3] == [1, 9, 3]
    report = run.artifacts["r1-report"]
    assert report["index.html"].read_bytes() == (reported / "report" / "index.html").read_bytes()
    assert any(name.startswith("charts/") for name in run.rows[-1])


def test_tags_and_notes_are_those_of_the_run(folder: Path) -> None:
    mirror(folder, "offline")
    set_tags(RunPaths(folder), ["quick", "t" * 100])
    add_note(RunPaths(folder), "the one for the paper")
    assert mirror(folder, "offline")[0].sent == 1
    run = read_runs(folder / "wandb")["summary"]
    assert (run.tags, run.notes[12:]) == (["quick", "t" * 64], "the one for the paper")


def test_the_summary_sends_no_command_line_path_hardware_or_code(tmp_path: Path) -> None:
    here = {
        "reference": "/home/me/bowls.py",
        "storage": "s3://mine/runs",
        "overrides": {"noise": 0.1},
        "command": "study run /home/me/bowls.py",
    }
    versions = {"commit": "0123456", "python": "3.11.7", "packages": {"torch": "2.9.0"}}
    folder = write_run(
        tmp_path / "r1",
        [GOOD],
        **here,
        provenance={**versions, "hardware": {"processor": "a fast one"}},
    )
    write_report(load_run(folder))
    (folder / "report" / "best").mkdir()
    (folder / "report" / "best" / "segment.py").write_text("mine")
    mirror(folder, "offline")
    run = read_runs(folder / "wandb")["summary"]
    assert sorted(run.config) == [
        "data", "epochs", "fixed", "metric", "mode", "name", "provenance", "question", "resources",
        "search", "seeds",
        "seeds_per_trial", "space", "started", "target", "trials",
    ]  # fmt: skip
    assert run.config["provenance"] == versions
    assert "index.html" in run.artifacts["r1-report"]
    assert not [name for name in run.artifacts["r1-report"] if name.startswith("best")]


@pytest.mark.slow
def test_what_is_whole_stays_and_what_changed_is_replaced(folder: Path) -> None:
    mirror(folder, "offline")
    before = {path.name for path in (folder / "wandb").glob("offline-run-*")}
    assert mirror(folder, "offline") == NOTHING_TO_DO
    assert {path.name for path in (folder / "wandb").glob("offline-run-*")} == before
    write_run(folder, [GOOD, FAILED, Trial(params={"width": 3}, epochs=scores([0.1, 0.2, 0.3]))])
    told, _ = mirror(folder, "offline")
    assert told.sent == 2, "the new trial and the summary"
    assert sorted(read_runs(folder / "wandb")) == ["summary", "t0000", "t0001", "t0002"]


@pytest.mark.slow
def test_what_a_killed_mirror_left_is_made_again(folder: Path) -> None:
    torn = folder / "wandb" / "offline-run-20260102_030405-r1-t0000"
    torn.mkdir(parents=True)
    (torn / "run-r1-t0000.wandb").write_bytes(b":W&B\xe1\xbe\x00")
    (folder / "wandb" / "mirror.jsonl").write_bytes(b'{"run": "t0000", "vers')
    told, _ = mirror(folder, "offline")
    assert told.missing == 0
    assert len(read_runs(folder / "wandb")["t0000"].rows) == 3
    assert mirror(folder, "offline") == NOTHING_TO_DO


@pytest.mark.slow
def test_a_mirror_that_is_killed_is_said_and_made_up_for(folder: Path) -> None:
    said: list[str] = []
    with mirrored(RunPaths(folder), to("offline"), said.append) as finish:
        process = wait_for(lambda: processes_of(folder))[0]
        os.kill(process, signal.SIGKILL)
        told = finish()["wandb"]
    assert told.missing is None
    assert len(said) == 1
    assert "study sync" in said[0]
    assert mirror(folder, "offline")[0].missing == 0
    assert sorted(read_runs(folder / "wandb")) == ["summary", "t0000", "t0001"]


def test_online_and_a_synced_offline_run_are_the_same_and_hold_no_key(
    folder: Path, server: Server
) -> None:
    mirror(folder, "offline")
    runs = [str(path) for path in (folder / "wandb").glob("offline-run-*")]
    subprocess.run(
        [sys.executable, "-m", "wandb", "sync", *runs], cwd=folder, check=True, capture_output=True
    )
    offline = {name: facts(run) for name, run in server.runs.items()}
    server.runs.clear()
    told, said = mirror(folder, "online")
    assert (told.missing, said) == (0, [])
    assert {name: facts(run) for name, run in server.runs.items()} == offline
    assert offline["r1-t0000"]["rows"] == [
        (1, pytest.approx(0.6)),
        (2, pytest.approx(0.8)),
        (3, None),
    ]
    assert offline["r1-t0001"]["exitcode"] == 1
    assert [
        path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()
    ] == []


def facts(run: Any) -> dict[str, Any]:
    rows = [(row["_step"], row.get("accuracy")) for row in run.rows]
    about = {key: run.about.get(key) for key in ("project", "groupName", "displayName", "jobType")}
    return {
        "rows": rows,
        "config": run.config,
        "exitcode": run.exitcode,
        "status": run.summary.get("status"),
        **about,
    }


@pytest.mark.slow
def test_sending_again_doubles_nothing(folder: Path, server: Server) -> None:
    mirror(folder, "online")
    first = {name: facts(run) for name, run in server.runs.items() if "summary" not in name}
    assert mirror(folder, "online") == NOTHING_TO_DO
    shutil.rmtree(folder / "wandb")
    assert mirror(folder, "online")[0].sent == 3
    assert {name: facts(run) for name, run in server.runs.items() if "summary" not in name} == first
    assert len(server.runs["r1-summary"].rows) == 2, "the report as it was, and as it is"
    assert not list((folder / "wandb").glob("run-*")), "what was sent leaves nothing behind"


@pytest.mark.slow
def test_epochs_arrive_while_the_trial_runs(tmp_path: Path, server: Server) -> None:
    running = Trial(params={"width": 1}, epochs=scores([0.2, 0.4, 0.6]), status="running")
    folder = write_run(tmp_path / "r1", [running])
    paths, said = RunPaths(folder), []
    with mirrored(paths, to("online"), said.append) as finish:
        wait_for(lambda: "r1-t0000" in server.runs)
        with paths.trials.open("a") as file:
            file.write(paths.trials.read_text().replace('"running"', '"completed"'))
        wait_for(lambda: server.runs["r1-t0000"].exitcode == 0)
        assert len(server.runs["r1-t0000"].rows) == 3
        finish()
    assert (server.runs["r1-t0000"].summary["status"], said) == ("completed", [])


@pytest.mark.slow
def test_an_upload_that_was_cut_off_goes_on_where_it_was(folder: Path, server: Server) -> None:
    mirror(folder, "online")
    whole = facts(server.runs["r1-t0000"])
    shutil.rmtree(folder / "wandb")
    cut = server.runs["r1-t0000"]
    del cut.history[1], cut.history[2]
    cut.summary = cut.history[0]
    assert mirror(folder, "online")[0].missing == 0
    assert facts(server.runs["r1-t0000"]) == whole


@pytest.mark.slow
def test_an_epoch_that_was_trained_again_is_not_sent_twice(tmp_path: Path, server: Server) -> None:
    running = Trial(params={"width": 1}, epochs=scores([0.2, 0.4, 0.6]), status="running")
    folder = write_run(tmp_path / "r1", [running])
    paths = RunPaths(folder)
    with mirrored(paths, to("online"), lambda _: None) as finish:
        wait_for(lambda: "r1-t0000" in server.runs)
        with paths.epochs.open("a") as file:
            file.write(paths.epochs.read_text().splitlines()[-1] + "\n")
        with paths.trials.open("a") as file:
            file.write(paths.trials.read_text().replace('"running"', '"completed"'))
        finish()
    assert [row.get("accuracy") for row in server.runs["r1-t0000"].rows] == [
        pytest.approx(0.2),
        pytest.approx(0.4),
        None,
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("nobody", "connection refused"),
        pytest.param(401, "API key"),
        pytest.param(429, "429"),
        pytest.param("no key", "No API key"),
        pytest.param(500, "500"),
    ],
)
def test_what_is_in_the_way_is_one_line_and_later_made_up_for(
    folder: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    fault: Any,
    words: str,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # where a key of the machine would be found
    with monkeypatch.context() as worse:
        if fault == "nobody":
            worse.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
        elif fault == "no key":
            worse.delenv("WANDB_API_KEY")
        else:
            server.status = fault
        told, said = mirror(folder, "online", seconds=15.0)
    assert told.missing == 3
    assert words in said[0]
    assert len(said) == 2, "what is in the way, and at the end how to make up for it"
    assert all("study sync" in line and KEY not in line for line in said)
    server.status = 200
    assert mirror(folder, "online")[0].missing == 0
    assert sorted(server.runs) == ["r1-summary", "r1-t0000", "r1-t0001"]


@pytest.mark.slow
def test_a_server_that_never_answers_lets_the_study_go(folder: Path, server: Server) -> None:
    server.released.clear()
    with mirrored(RunPaths(folder), to("online"), lambda _: None):
        wait_for(lambda: processes_of(folder))
    assert not processes_of(folder)


@pytest.mark.slow
def test_a_server_that_never_answers_holds_up_no_other_mirror(folder: Path, server: Server) -> None:
    server.released.clear()
    both = Mirrors(wandb="online", tensorboard=True)
    with mirrored(RunPaths(folder), both, lambda _: None):
        wait_for(lambda: len(list((folder / "tensorboard").glob("*/events*"))) == 2)
    assert not processes_of(folder)


@pytest.mark.slow
def test_a_full_disk_counts_as_nothing_written(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small disk needs the right to mount one")
    try:
        folder = write_run(disk / "r1", [GOOD, FAILED])
        with (disk / "filler").open("wb") as filler:
            while os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize > 200_000:
                filler.write(b"x" * 65536)
                filler.flush()
        told, said = mirror(folder, "offline")
        assert told.missing != 0
        assert any("study sync" in line for line in said)
        (disk / "filler").unlink()
        assert mirror(folder, "offline")[0].missing == 0
        assert [
            len(run.rows)
            for name, run in sorted(read_runs(folder / "wandb").items())
            if name != "summary"
        ] == [3, 2]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_thousands_of_trials_are_one_run_with_tables(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "r1", [GOOD, FAILED], trials=1001)
    told, said = mirror(folder, "offline")
    assert (told.sent, told.missing) == (1, 0)
    assert said == [
        "Weights & Biases: more than 1,000 trials: they are mirrored as one run with tables, at"
        " the end"
    ]
    runs = read_runs(folder / "wandb")
    assert sorted(runs) == ["summary"]
    content = json.loads(
        runs["summary"].artifacts["run-r1-summary-trials"]["trials.table.json"].read_text()
    )
    assert content["columns"] == [
        "trial",
        "width",
        "seeds",
        "status",
        "epochs",
        "accuracy",
        "std/accuracy",
        "parameters",
    ]
    assert content["data"][1][:5] == ["t0001", 2, 3, "failed", 1]


@pytest.mark.slow
def test_two_mirrors_of_one_run_do_not_meet(folder: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            (
                "from pathlib import Path; from tuning.runs.lock import locked;"
                f" Path({str(folder / 'mirrors')!r}).mkdir()\nwith"
                f" locked(Path({str(folder / 'mirrors' / 'lock')!r})): print('held', flush=True);"
                " input()"
            ),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    told, said = mirror(folder, "offline")
    assert (told.sent, told.missing) == (0, None)
    assert "is being written by process" in said[0]
    holder.communicate(b"\n")
    assert mirror(folder, "offline")[0].missing == 0


@pytest.mark.slow
def test_a_mirror_that_another_took_over_stops(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", -1.0)
    server.released.clear()
    said: list[str] = []
    with mirrored(RunPaths(folder), to("online"), said.append, seconds=5.0) as finish:
        (folder / "mirrors" / "lock").write_text(
            json.dumps({"host": "elsewhere", "pid": 1, "began": "1"})
        )
        assert finish()["wandb"].missing is None
    assert f"{folder / 'mirrors'} is being written by process 1 on elsewhere" in said[-1]
    assert "It took this run over" in said[-1]


def test_the_mirror_stays_small() -> None:
    """pandas alone would take 70 MB and half a second."""
    program = (
        "import sys, tuning.mirrors.process, tuning.mirrors.wandb, tuning.mirrors.tensorboard,"
        " tuning.mirrors.mlflow;"
        " print([name for name in ('pandas', 'ray', 'torch', 'mlflow',"
        " 'scipy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "[]\n"
