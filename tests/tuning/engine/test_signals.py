"""Signals as terminals, ``timeout`` and batch systems send them: to every process of a group,
twice, at any time.
"""

import ctypes
import multiprocessing
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import ENVIRONMENT, STUDY, invoke, wait_for_record, write_study

from analysis import load_run
from tuning.process.signals import Interrupted, Interruption, handled, interrupt

pytestmark = pytest.mark.slow

ALL = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def not_below_nohup() -> Iterator[None]:
    """Whoever runs the tests may ignore SIGHUP."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def start(folder: Path, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """A command in a session of its own, as below setsid; and what marks the environment of all the
    processes it starts.
    """
    mark = f"MARK={secrets.token_hex(8)}"
    temporary = folder / "tmp"
    temporary.mkdir()
    environment = {**ENVIRONMENT, "MARK": mark.removeprefix("MARK="), "TMPDIR": str(temporary)}
    command = ["env", "--default-signal=INT,TERM,HUP", *STUDY[2:], *arguments]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    )
    return process, mark


def marked(mark: str) -> list[str]:
    """Command lines of the processes with this mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().decode())
        except OSError:
            continue
    return found


def wait_until_gone(mark: str) -> None:
    """Killed processes are there for a moment yet."""
    deadline = time.monotonic() + 240
    while marked(mark):
        assert time.monotonic() < deadline, marked(mark)
        time.sleep(0.05)


@pytest.mark.parametrize("number", ALL)
def test_a_signal_to_the_whole_group_ends_a_study_as_one_to_the_driver_does(
    number: signal.Signals, tmp_path: Path
) -> None:
    process, mark = start(
        tmp_path, "run", write_study(tmp_path, "time.sleep(0.3 if epoch == 1 else 600)")
    )
    wait_for_record(tmp_path, process)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 128 + number, err
    run = out.splitlines()[-1]
    assert f"Interrupted. `study resume {run}` goes on" in err
    assert "Traceback" not in err
    assert "GCS" not in err
    wait_until_gone(mark)
    assert list((tmp_path / "tmp").iterdir()) == []
    read = load_run(tmp_path / run)
    assert len(read.epochs) >= 2
    assert set(read.trials["status"]) == {"unfinished"}
    assert invoke("report", str(tmp_path / run)).exit_code == 0


def test_a_signal_to_each_process_of_a_study_as_a_batch_system_sends_it(tmp_path: Path) -> None:
    """Ray ends by it as well, and the driver does not wait for it."""
    process, mark = start(
        tmp_path, "run", write_study(tmp_path, "time.sleep(0.3 if epoch == 1 else 600)")
    )
    wait_for_record(tmp_path, process)
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in file.read_bytes():
                os.kill(int(file.parent.name), signal.SIGTERM)
        except OSError:
            continue
    out, err = process.communicate(timeout=240)
    assert process.returncode == 143, err
    assert f"`study resume {out.splitlines()[-1]}` goes on" in err
    wait_until_gone(mark)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / out.splitlines()[-1] / "lock").exists()


@pytest.mark.parametrize(("moment", "times"), [("gcs_server", 1), ("raylet", 2)])
def test_signals_while_ray_starts_leave_nothing(moment: str, times: int, tmp_path: Path) -> None:
    process, mark = start(tmp_path, "run", write_study(tmp_path, "pass"))
    deadline = time.monotonic() + 240
    while not any(moment in command for command in marked(mark)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 143, err
    assert "Traceback" not in err
    wait_until_gone(mark)
    assert list((tmp_path / "tmp").iterdir()) == []
    # On a busy machine the first epoch may have come before the signal.
    assert list(tmp_path.glob("results/*/*")) == [tmp_path / line for line in out.splitlines()]


def send(*numbers: signal.Signals) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [*ALL, signal.SIGUSR1])
def test_the_first_signal_stops_the_fit_and_the_second_ends_the_session(
    number: signal.Signals,
) -> None:
    interruption, stopped = Interruption(), []
    before = signal.getsignal(signal.SIGUSR1)
    with interruption.ends_session(lambda interrupted: None):
        signal.signal(signal.SIGUSR1, lambda *_: stopped.append(1))  # as Tune does
        interruption.fit_begins()
        send(number)
        assert interruption.by == number
        assert stopped == [1]
        with pytest.raises(Interrupted) as raised:
            send(signal.SIGTERM)
        assert raised.value.code == 128 + number, "the first one counts"
        send(signal.SIGTERM, signal.SIGINT)  # while everything is put away
    assert signal.getsignal(signal.SIGUSR1) == before


def test_outside_a_fit_the_first_signal_ends_the_session_and_afterwards_none_does() -> None:
    interruption = Interruption()
    with interruption.ends_session(lambda interrupted: None), pytest.raises(Interrupted):
        send(signal.SIGHUP)
    over = Interruption()
    with over.ends_session(lambda interrupted: None):
        over.session_ended()
        send(signal.SIGTERM)
    assert over.by == signal.SIGTERM


def test_a_session_that_does_not_end_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuning.process.signals.SECONDS_TO_END", 0.01)
    interruption, called, codes = Interruption(), threading.Event(), []
    with interruption.ends_session(
        lambda interrupted: (codes.append(interrupted.code), called.set())
    ):
        interruption.session_ended()
        send(signal.SIGTERM)
        assert called.wait(240)
    assert codes == [143]


def test_a_session_that_hangs_in_c_code_is_left_behind_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python calls its handlers between two steps of Python code alone."""
    monkeypatch.setattr("tuning.process.signals.SECONDS_TO_END", 0.01)
    interruption, called = Interruption(), []
    libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)

    def at_worst(interrupted: Interrupted) -> None:
        called.append((interrupted.code, interruption.by))
        libc.pthread_mutex_unlock(mutex)

    with interruption.ends_session(at_worst):
        interruption.session_ended()
        threading.Timer(0.5, send, [signal.SIGTERM]).start()
        libc.pthread_mutex_lock(mutex)
        libc.pthread_mutex_lock(mutex)  # which no signal interrupts
    assert called == [(143, None)]


def test_a_session_that_ends_in_time_is_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuning.process.signals.SECONDS_TO_END", 5.0)
    interruption, codes = Interruption(), []
    threads = set(threading.enumerate())
    with interruption.ends_session(lambda interrupted: codes.append(interrupted.code)):
        interruption.session_ended()
        send(signal.SIGTERM)
    for thread in set(threading.enumerate()) - threads:
        thread.join(240)
    assert codes == []


def wait_for_a_signal(ready: Any) -> None:
    ready.set()
    time.sleep(600)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_a_forked_process_is_its_own(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool ends its processes with SIGTERM: they end by it without a word, and this process hears
    nothing of it.
    """
    monkeypatch.setattr("tuning.process.signals.SECONDS_TO_END", 0.01)
    fork, interruption, codes = multiprocessing.get_context("fork"), Interruption(), []
    with (
        handled(interrupt),
        interruption.ends_session(lambda interrupted: codes.append(interrupted.code)),
    ):
        ready = fork.Event()
        process = fork.Process(target=wait_for_a_signal, args=(ready,))
        process.start()
        assert ready.wait(240)
        os.kill(process.pid or 0, number)
        process.join(240)
        assert process.exitcode == -number
        time.sleep(0.1)  # for what should not happen
    assert (interruption.by, codes) == (None, [])


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handled(interrupt):
            send(signal.SIGHUP)
            with pytest.raises(Interrupted):
                send(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("command", "number"),
    [("try", signal.SIGINT), ("show", signal.SIGTERM), ("try", signal.SIGHUP)],
)
def test_other_commands_end_by_a_signal_too(
    command: str, number: signal.Signals, tmp_path: Path
) -> None:
    name = write_study(tmp_path, "print('here', flush=True); time.sleep(600)")
    if command == "show":
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_text(
            text.replace("study =", "print('here', flush=True); time.sleep(600)\nstudy =")
        )
    process, mark = start(tmp_path, command, name)
    assert process.stdout
    assert any("here" in line for line in iter(process.stdout.readline, ""))
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 128 + number
    assert err == "Interrupted.\n"
    wait_until_gone(mark)


def test_a_trainable_that_raises_what_ctrl_c_raises_is_a_mistake_of_its_own(tmp_path: Path) -> None:
    name = write_study(tmp_path, "raise KeyboardInterrupt('enough')")
    process, _ = start(tmp_path, "try", name)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 2
    assert err == "error: Study 'mine': the trainable raised KeyboardInterrupt: enough.\n"
