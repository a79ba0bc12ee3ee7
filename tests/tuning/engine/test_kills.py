"""Signals go to processes of ours, by handles: a number may belong to somebody else by now."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import ROOT

from tuning.cli import job
from tuning.process import children

BY_NUMBER = re.compile(r"os\.kill\w*\(|killpg|\bkillall\b|pkill")


def test_no_process_is_signalled_by_its_number() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for folder in ("tuning", "cluster", "analysis", "trainables")
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text().splitlines()
        if BY_NUMBER.search(line)
    ]
    assert found == []


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def test_a_number_that_was_used_again_is_not_the_service_of_the_mirror(
    bystander: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service ends after its number was read, and another process gets it."""
    read = iter([{bystander.pid}, set()])
    monkeypatch.setattr(children, "_numbers_of_children", lambda process: next(read))
    assert children.handles_of_children(1) == []


def test_the_children_of_a_process_are_found_by_handles() -> None:
    parent = subprocess.Popen(["sh", "-c", "sleep 600 & echo; wait"], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    parent.stdout.readline()
    (handle,) = children.handles_of_children(parent.pid)
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    os.close(handle)
    parent.communicate(timeout=240)


def test_a_signal_is_forwarded_to_the_driver_and_none_to_who_has_its_number_next(
    tmp_path: Path,
) -> None:
    program = "import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(600)"
    assert job._forwarding([sys.executable, "-c", program], tmp_path) == 128 + signal.SIGTERM


def test_a_signal_that_comes_when_the_driver_was_waited_for_hits_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = subprocess.Popen.wait

    def late(self: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        code = real(self, timeout)
        self.returncode = None  # as between the two
        os.kill(os.getpid(), signal.SIGTERM)
        return code

    monkeypatch.setattr(subprocess.Popen, "wait", late)
    monkeypatch.setattr(
        subprocess.Popen, "send_signal", lambda self, number: pytest.fail("by its number")
    )
    assert job._forwarding(["true"], tmp_path) == 0
