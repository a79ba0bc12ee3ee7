"""Mirrors of real studies, started from the command as a user does."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from commands import ENVIRONMENT, STUDY, invoke, train_here, wait_for_record, write_study
from mirror_processes import GOOD, processes_of, wait_for
from run_folders import write_run
from small_studies import small_study
from wandb_files import read_runs
from wandb_server import KEY, Server, served

from tuning import Mirrors, StudyError, run
from tuning.mirrors import base
from tuning.mirrors.base import chosen_mirrors
from tuning.mirrors.trial import MirroredTrial


def study(
    *arguments: str, cwd: Path, server: Server | None = None
) -> subprocess.CompletedProcess[str]:
    environment = ENVIRONMENT | (server.environment if server else {})
    return subprocess.run(
        [*STUDY, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_error_of_a_trial_is_its_type_and_first_line() -> None:
    error = (
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: no such'
        " layer: 3\n\nKnown:\n  conv\n"
    )
    trial = MirroredTrial("0001")
    trial.take({"status": "failed", "error": error})
    assert trial.end["error"] == "ValueError: no such layer: 3"


@pytest.mark.slow
def test_a_study_is_mirrored_while_it_runs(tmp_path: Path) -> None:
    with served() as server:
        ran = study(
            "run",
            write_study(tmp_path, "pass"),
            "--wandb",
            "online",
            "--tensorboard",
            cwd=tmp_path,
            server=server,
        )
    assert ran.returncode == 0, ran.stderr
    folder = tmp_path / ran.stdout.splitlines()[-1]
    assert sorted(server.runs) == [f"{folder.name}-{name}" for name in ("0001", "0002", "summary")]
    assert [row.get("score") for row in server.runs[f"{folder.name}-0002"].rows] == [2.5, 2.5, None]
    assert {artifact["type"] for artifact in server.artifacts} == {"run_table", "report"}
    assert server.artifact_files["index.html"] == (folder / "report" / "index.html").read_bytes()
    assert "Weights & Biases" not in ran.stderr
    assert len(ran.stdout.splitlines()) == 2
    assert sorted(path.name for path in (folder / "tensorboard").glob("*/")) == ["0001", "0002"]
    assert json.loads((folder / "study.json").read_text())["mirrors"] == {
        "wandb": "online",
        "tensorboard": True,
        "mlflow": "off",
    }
    assert not [
        path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()
    ]
    assert KEY not in ran.stderr + ran.stdout
    assert not processes_of(folder)


@pytest.mark.slow
def test_a_study_does_as_well_without_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with served() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        server.status = 401
        ran = train_here("run", write_study(tmp_path, "pass"), "--wandb", "online")
        assert ran.exit_code == 0, ran.stderr
        folder = ran.stdout.splitlines()[-1]
        lines = [line for line in ran.stderr.splitlines() if "Weights & Biases" in line]
        assert len(lines) == 2
        assert (
            lines[1]
            == f"Weights & Biases: 3 runs are not mirrored: `study sync {folder} --wandb online`"
            " goes on."
        )
        server.status = 200
        for sent in (3, 0):
            synced = invoke("sync", folder)
            assert synced.exit_code == 0
            assert synced.stdout.splitlines()[-1] == f"Weights & Biases: {sent} runs sent"
            assert len(server.runs) == 3


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_a_server_that_is_silent(tmp_path: Path) -> None:
    name = write_study(tmp_path, "time.sleep(0.3 if epoch == 1 else 600)")
    with served() as server:
        server.released.clear()
        process = subprocess.Popen(
            [*STUDY, "run", name, "--wandb", "online"],
            cwd=tmp_path,
            env=ENVIRONMENT | server.environment,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        folder = wait_for_record(tmp_path, process).parent
        wait_for(lambda: processes_of(folder))
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=240)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert tmp_path / out.splitlines()[-1] == folder
    assert not processes_of(folder)


@pytest.mark.slow
def test_a_resumed_run_keeps_its_mirror(tmp_path: Path) -> None:
    go = tmp_path / "go"
    name = write_study(
        tmp_path,
        f"time.sleep(0.3 if epoch == 1 or __import__('os').path.exists({str(go)!r}) else 600)",
    )
    process = subprocess.Popen(
        [*STUDY, "run", name, "--wandb", "offline"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    folder = wait_for_record(tmp_path, process).parent
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=240)
    assert process.returncode == 130
    go.write_text("")
    resumed = study("resume", str(folder), cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    runs = read_runs(folder / "wandb")
    assert sorted(runs) == ["0001", "0002", "summary"]
    assert [row["epoch"] for row in runs["0001"].rows] == [1, 2, 2]
    assert runs["0001"].summary["status"] == "completed"


def test_the_option_wins_then_the_session_before_then_the_study() -> None:
    study = small_study(wandb="offline", tensorboard=True)
    none = {"wandb": None, "tensorboard": None, "mlflow": None}
    assert chosen_mirrors(study, none) == Mirrors(wandb="offline", tensorboard=True)
    assert chosen_mirrors(study, {"wandb": "off", "tensorboard": False}) == Mirrors()
    before = {"mirrors": {"wandb": "online", "tensorboard": False}}
    assert chosen_mirrors(study, none, before) == Mirrors(wandb="online", tensorboard=False)
    asked = none | {"wandb": "offline"}
    assert chosen_mirrors(study, asked, {}) == Mirrors(wandb="offline", tensorboard=True)


def test_a_mirror_that_there_is_not_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        StudyError, match="mirrors: wandb='on' must be 'off', 'offline' or 'online'"
    ):
        small_study(wandb="on")
    with pytest.raises(StudyError, match="mirrors: tensorboard=1 must be True or False"):
        small_study(tensorboard=1)
    monkeypatch.chdir(tmp_path)
    refused = invoke("run", write_study(tmp_path, "pass"), "--wandb", "on")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: Invalid value for '--wandb'")
    assert "'off', 'offline', 'online'" in refused.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "address",
    [
        "https://me:s3cret@mlflow.example",
        "https://s3cret@mlflow.example",
        "https://mlflow.example/?token=s3cret",
        "s3cret",
        "sqlite:///s3cret.db",
        "http://s3cret:x",
        "",
    ],
)
def test_an_address_with_a_secret_or_of_no_server_is_refused_and_not_repeated(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = write_study(tmp_path, "pass")
    before = write_run(tmp_path / "r1", [GOOD])
    place = ["--address", "http://127.0.0.1:9", "--results", "/shared"]
    for words in (["run", name], ["sync", "r1"]):
        refused = invoke(*words, "--mlflow", address)
        assert refused.exit_code == 2, words
        assert "mlflow must be" in refused.stderr
        assert "s3cret" not in refused.stderr
    assert "mlflow must be" in invoke("submit", name, *place, "--mlflow", address).stderr
    with pytest.raises(StudyError, match="mirrors: mlflow must be") as error:
        small_study(mlflow=address)
    assert "s3cret" not in str(error.value)
    with pytest.raises(StudyError, match="mlflow must be"):
        run(small_study(), backend="inline", mlflow=address)
    assert not (tmp_path / "results").exists()
    assert sorted(path.name for path in before.iterdir()) == [
        "epochs.jsonl",
        "study.json",
        "trials.jsonl",
    ]


def test_a_client_that_is_not_installed_is_named_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "find_spec", lambda name: None)
    monkeypatch.chdir(tmp_path)
    refused = invoke("run", write_study(tmp_path, "pass"), "--mlflow", "http://127.0.0.1:9")
    assert refused.exit_code == 2
    assert 'pip install "tune-studies[mlflow]"' in refused.stderr
    assert not (tmp_path / "results").exists()


def test_credentials_go_to_no_server_that_a_run_folder_alone_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study, before = small_study(), {"mirrors": {"mlflow": "https://mlflow.example"}}
    named = Mirrors(mlflow="https://mlflow.example")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert chosen_mirrors(study, {}, before) == named
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    with pytest.raises(StudyError, match=r"--mlflow https://mlflow\.example to send your cred"):
        chosen_mirrors(study, {}, before)
    assert chosen_mirrors(study, {"mlflow": "off"}, before) == Mirrors()
    assert chosen_mirrors(study, {"mlflow": "https://mlflow.example"}, before) == named
    assert chosen_mirrors(small_study(mlflow="https://mlflow.example"), {}, before) == named
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    assert chosen_mirrors(study, {}, before) == named
