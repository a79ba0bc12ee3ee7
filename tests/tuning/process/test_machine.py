"""What ``study doctor`` finds, on machines that lack something."""

import resource
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from tuning.cli.app import app
from tuning.process import machine
from tuning.process.machine import Check, checks

GIB = machine.GIB
Usage = namedtuple("Usage", "total used free")


def found(results: Path) -> dict[str, Check]:
    return {check.name: check for check in checks(results)}


def test_a_machine_that_lacks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(9 * GIB, 0, 9 * GIB))
    for name in (
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    here = found(tmp_path / "results")
    assert {check.state for check in here.values()} <= {"ok", "note"}
    assert here["packages"].state == here["ports"].state == "ok"
    assert here["results"].text == f"{tmp_path / 'results'} has 9.0 GiB free"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "limits", "says"),
    [
        ("open files", (1024, 4096), "1024 at most: `ulimit -n 4096` before long studies"),
        ("open files", (1024, resource.RLIM_INFINITY), "1024 at most: `ulimit -n 65536`"),
    ],
)
def test_few_open_files(
    name: str, limits: Any, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    assert found(tmp_path)[name].state == "note"
    assert found(tmp_path)[name].text.startswith(says)


def test_little_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(9 * GIB, 8.9 * GIB, 0.1 * GIB))
    memory = namedtuple("memory", "total available")(8 * GIB, GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    here = found(tmp_path)
    assert here["results"] == Check("results", "note", f"{tmp_path} has 0.1 GiB free: make room")
    assert here["shared memory"].text.endswith("in Docker, give --shm-size=2g")
    assert here["memory"].text.startswith("1.0 GiB free of 8.0 GiB")
    assert here["memory"].state == "note"


@pytest.mark.parametrize(
    ("environ", "state"),
    [
        ({}, "ok"),
        ({"HTTP_PROXY": "http://a:1"}, "note"),
        ({"https_proxy": "http://a:1", "NO_PROXY": "b, localhost"}, "ok"),
        ({"https_proxy": "http://a:1", "no_proxy": "b"}, "note"),
        ({"all_proxy": "http://a:1", "no_proxy": "*"}, "ok"),
        ({"http_proxy": ""}, "ok"),
    ],
)
def test_a_proxy_that_is_asked_for_this_machine(environ: dict[str, str], state: str) -> None:
    assert machine._proxies(environ).state == state


def test_a_key_is_known_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert machine._wandb({}).text.startswith("no key")
    given = machine._wandb({"WANDB_API_KEY": "s3cret", "WANDB_BASE_URL": "http://wandb.example:1"})
    assert given.text == "a key for wandb.example is there"
    (tmp_path / ".netrc").write_text("machine api.wandb.ai login user password s3cret\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert machine._wandb({}).text == "a key for api.wandb.ai is there"
    (tmp_path / ".netrc").write_text("nonsense")
    assert machine._wandb({}).text.startswith("no key")


def test_the_client_of_mlflow_is_known_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "version", lambda name: None)
    assert 'pip install "tune-studies[mlflow]"' in machine._mlflow().text
    monkeypatch.setattr(machine, "version", {"mlflow-skinny": "3.17.2"}.get)
    assert machine._mlflow().text == "client 3.17.2"


def test_packages_that_are_too_old_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    real = machine.version
    monkeypatch.setattr(
        machine, "version", lambda name: {"torch": "1.0", "optuna": None}.get(name, real(name))
    )
    check = machine._packages()
    assert check.state == "problem"
    assert "torch 1.0 (needed: >=" in check.text
    assert "optuna is missing" in check.text


def test_the_command_shows_a_line_each_and_fails_with_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CliRunner().invoke(app, ["doctor", "--results", str(tmp_path)])
    assert len(done.stdout.splitlines()) == 13
    assert done.exit_code == 0
    monkeypatch.setattr(machine, "_loopback", lambda: Check("ports", "problem", "none"))
    done = CliRunner().invoke(app, ["doctor", "--results", str(tmp_path)])
    assert done.exit_code == 1
    assert "problem  ports          none" in done.stdout.splitlines()
