"""The mirror to MLflow with a real server, and with some that are none."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import invoke
from mirror_processes import FAILED, GOOD, processes_of, wait_for
from mlflow_servers import mlflow_served, shown
from run_folders import Trial, write_run
from small_studies import small_study
from wandb_server import served

import tuning
from analysis.records.paths import RunPaths
from tuning import Mirrors
from tuning.mirrors.driver import Mirrored, mirrored
from tuning.mirrors.mlflow_server import Server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_served(tmp_path_factory.mktemp("server")) as address:
        yield address


def mirror(folder: Path, address: str, seconds: float = 60.0) -> tuple[Mirrored, list[str]]:
    """Mirror all there is; how far that came, and what was said."""
    said: list[str] = []
    mirrors = Mirrors(mlflow=address)
    with mirrored(RunPaths(folder), mirrors, said.append, seconds=seconds) as finish:
        told = finish()["mlflow"]
    assert not processes_of(folder), "nothing runs any more"
    return told, said


def test_sending_again_doubles_nothing(tmp_path: Path, address: str) -> None:
    values = {"noise": 0.1, "empty": "", "long": "x" * 7000, "layers": [64, 32], "none": None}
    lost = Trial(params={"width": 3}, epochs=[{"accuracy": [None, 1.0, 0.5]}], status="diverged")
    folder = write_run(tmp_path / "again", [GOOD, FAILED, lost], fixed=values)
    told, said = mirror(folder, address)
    assert (told.sent, told.missing, said) == (4, 0, [])
    first = shown(address, "again")
    assert first["t0000"]["params"]["layers"] == "[64, 32]"
    assert first["t0000"]["numbers"]["accuracy"] == [
        (1, pytest.approx(0.6)),
        (2, pytest.approx(0.8)),
    ]
    (diverged,) = first["t0002"]["numbers"]["accuracy"]
    assert repr(diverged) == "(1, nan)"
    assert [first[name]["state"] for name in ("t0000", "t0001", "summary")] == [
        "FINISHED",
        "FAILED",
        "FINISHED",
    ]
    assert mirror(folder, address) == (Mirrored(sent=0, missing=0), [])
    shutil.rmtree(folder / "mlflow")
    assert mirror(folder, address)[0].sent == 4
    assert repr(shown(address, "again")) == repr(first)


def test_what_is_sent_twice_is_kept_once(address: str) -> None:
    server = Server(address)
    experiment = server.experiment("twice")
    run = server.create(experiment, "one", {"study.run": "twice", "study.trial": "one"}, 1.7e9)
    numbers = [("score", epoch / 3, 1.7e9 + epoch, epoch) for epoch in range(1, 2001)]
    params = {f"p{number}": "x" for number in range(150)}
    for _ in range(2):
        server.log(run, numbers, params, {"a": "b"})
    kept = shown(address, "twice")["one"]
    assert kept["numbers"]["score"] == [(epoch, value) for _, value, _, epoch in numbers]
    assert (len(kept["params"]), kept["tags"]["a"]) == (150, "b")
    assert [found.id for found in server.runs(experiment, {"study.trial": "one"})] == [run]
    assert server.experiment("twice") == experiment


def test_a_mirror_that_is_killed_is_said_and_made_up_for(tmp_path: Path, address: str) -> None:
    folder, said = write_run(tmp_path / "killed", [GOOD] * 40), []
    with mirrored(RunPaths(folder), Mirrors(mlflow=address), said.append) as finish:
        wait_for(lambda: (folder / "mlflow" / "mirror.jsonl").exists())
        os.kill(processes_of(folder)[0], signal.SIGKILL)
        assert finish()["mlflow"].missing is None
    assert len(said) == 1
    assert f"`study sync {folder} --mlflow {address}` goes on" in said[0]
    assert mirror(folder, address)[0].missing == 0
    runs = shown(address, "killed")
    assert len(runs) == 41
    assert {len(run["numbers"]["accuracy"]) for name, run in runs.items() if name != "summary"} == {
        2
    }


def test_a_study_is_mirrored_from_python_and_its_tags_later(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = tuning.run(small_study(), backend="inline", mlflow=address)
    folder = run.paths.root
    assert "MLflow" not in capfd.readouterr().err
    assert run.recorded["mirrors"] == {"wandb": "off", "tensorboard": False, "mlflow": address}
    runs = shown(address, folder.name)
    assert sorted(runs) == ["0001", "0002", "0003", "summary"]
    assert runs["0003"]["numbers"]["score"] == [
        (epoch, pytest.approx(3 * epoch + 0.005)) for epoch in (1, 2, 3)
    ]
    assert "report/index.html" in runs["summary"]["files"]
    invoke("tag", str(folder), "quick")
    invoke("note", str(folder), "the one for the paper")
    synced = invoke("sync", str(folder), "--mlflow", address)
    assert synced.stdout.splitlines()[-1] == "MLflow: 1 runs sent"
    tags = shown(address, folder.name)["summary"]["tags"]
    assert (tags["quick"], tags["mlflow.note.content"][12:]) == ("true", "the one for the paper")


@pytest.mark.parametrize(("fault", "words"), [("nobody", "does not answer"), (500, "answers 500")])
def test_what_is_in_the_way_is_one_line(tmp_path: Path, fault: Any, words: str) -> None:
    folder = write_run(tmp_path / "r1", [GOOD, FAILED])
    with served() as server:
        server.status = fault if isinstance(fault, int) else 200
        place = "http://127.0.0.1:9" if fault == "nobody" else server.url
        told, said = mirror(folder, place, seconds=15.0)
    assert told.missing == 3
    assert len(said) == 2, "what is in the way, and at the end how to make up for it"
    assert words in said[0]
    assert all(f"study sync {folder} --mlflow {place}" in line for line in said)


def test_a_server_that_never_answers_lets_the_study_go(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "r1", [GOOD])
    with served() as server:
        server.released.clear()
        with mirrored(RunPaths(folder), Mirrors(mlflow=server.url), lambda _: None):
            wait_for(lambda: processes_of(folder))
        assert not processes_of(folder)
