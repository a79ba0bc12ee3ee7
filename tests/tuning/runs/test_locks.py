"""Whose a lock is, and whether its holder lives: with clocks that jump, names that change, and
processes that hide.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_folders import Trial, scores, write_run

from analysis.live.state import Watched
from analysis.records.load import RunPaths
from cluster import processes
from cluster.processes import lives_here, us
from tuning import StudyError
from tuning.runs import lock
from tuning.runs.lock import let_go, locked
from tuning.runs.session_file import forget_session

ELSEWHERE = {"host": "elsewhere", "space": "theirs", "pid": 1, "began": "1", "token": "t"}


class Clock:
    """Time that passes only while somebody sleeps; ``events`` happen when their time has come."""

    def __init__(self) -> None:
        self.now, self.jumped = 1000.0, 0.0
        self.events: list[tuple[float, Callable[[], Any]]] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now + self.jumped

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        due, self.events = (
            [e for e in self.events if e[0] <= self.now],
            [e for e in self.events if e[0] > self.now],
        )
        for _, happen in due:
            happen()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(lock, "time", clock)
    return clock


def dead() -> dict[str, Any]:
    gone = subprocess.Popen(["true"])
    gone.wait()
    return {**us(), "pid": gone.pid, "token": "t"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.mark.parametrize("jump", [-86400, -600, 600, 86400])
def test_a_holder_that_touches_its_lock_is_believed_whatever_the_clocks_say(
    jump: float, path: Path, clock: Clock
) -> None:
    path.write_text(json.dumps(ELSEWHERE))
    os.utime(path, (clock.now - 7200,) * 2)
    clock.jumped = jump
    clock.events = [
        (clock.now + lock.SILENT_SECONDS - 1, lambda: os.utime(path, (clock.now - 7100,) * 2))
    ]
    said: list[str] = []
    with (
        pytest.raises(StudyError, match="being written by process 1 on elsewhere"),
        locked(path, said.append),
    ):
        pass
    assert json.loads(path.read_bytes()) == ELSEWHERE
    folder = path.parent
    assert said == [
        f"process 1 on elsewhere wrote to {folder} last; watching for 20 s whether it still does."
    ]


@pytest.mark.parametrize("age", [0, 601, 10**6, -600])
def test_a_silent_holder_is_watched_for_the_whole_time_however_old_its_lock(
    age: float, path: Path, clock: Clock
) -> None:
    path.write_text(json.dumps(ELSEWHERE))
    os.utime(path, (time.time() - age,) * 2)
    began = clock.now
    with locked(path):
        assert clock.now - began >= lock.SILENT_SECONDS
        assert json.loads(path.read_bytes())["pid"] == os.getpid()


def test_a_clock_that_jumps_while_a_silent_holder_is_watched_changes_nothing(
    path: Path, clock: Clock
) -> None:
    path.write_text(json.dumps(ELSEWHERE))
    began = clock.now
    clock.events = [(began + 1, lambda: setattr(clock, "jumped", 10**6))]
    with locked(path):
        assert clock.now - began >= lock.SILENT_SECONDS


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"3", b'["ab"]', b"{}", b'{"pid": "1; x\\nerror: y", "host": ["\\n"]}'],
)
def test_a_lock_that_does_not_say_whose_it_is_is_watched(
    content: bytes, path: Path, clock: Clock
) -> None:
    path.write_bytes(content)
    began, said = clock.now, []
    with locked(path, said.append):
        assert clock.now - began >= lock.SILENT_SECONDS
    assert [len(text.splitlines()) for text in said] == [1]


def test_a_lock_that_may_not_be_read_is_watched(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(json.dumps(ELSEWHERE))
    path_type = type(path)
    real = path_type.read_bytes
    monkeypatch.setattr(
        path_type, "read_bytes", lambda self: real(self) if self != path else _refuse()
    )
    clock.events = [(clock.now + 5, lambda: os.utime(path, (5, 5)))]
    with pytest.raises(StudyError, match="is being written by process"), locked(path):
        pass
    assert path.exists()


def _refuse() -> bytes:
    raise PermissionError(13, "Permission denied")


def test_a_holder_that_lets_go_while_it_is_watched_is_followed_at_once(
    path: Path, clock: Clock
) -> None:
    path.write_text(json.dumps(ELSEWHERE))
    began = clock.now
    clock.events = [(began + 2, path.unlink)]
    with locked(path):
        assert clock.now - began < 5


def test_a_process_stays_who_it_is_when_its_host_gets_another_name(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(path) as held:
        monkeypatch.setattr(socket, "gethostname", lambda: "another-network.local")
        clock.now += 60
        held.check()
        with locked(path):
            pass
        assert path.exists()
    assert not path.exists()


def test_another_process_of_our_number_is_not_us(path: Path, clock: Clock) -> None:
    """In containers, each is the first process of its machine, and all may have one name."""
    path.write_text(json.dumps({**us(), "space": "theirs", "token": "t"}))
    clock.events = [(clock.now + 1, path.touch)]
    with pytest.raises(StudyError, match="is being written by"), locked(path):
        pass


def test_a_machine_that_slept_looks_at_its_lock_first(path: Path, clock: Clock) -> None:
    """The clock that does not jump may stand still meanwhile."""
    with locked(path) as held:
        path.write_text(json.dumps(ELSEWHERE))
        held.check()
        clock.jumped = 3600
        with pytest.raises(StudyError, match="It took this run over"):
            held.check()


def test_it_is_known_that_a_process_of_ours_lives_or_is_dead() -> None:
    assert lives_here(us()) is True
    assert lives_here(dead()) is False
    assert lives_here({**us(), "began": "1"}) is False, "a later process of its number"
    ended = subprocess.Popen(["true"])
    while (fields := processes._fields(ended.pid)) and fields[0] != "Z":
        time.sleep(0.001)
    assert lives_here({**us(), "pid": ended.pid}) is False, "nobody has asked how it ended"
    ended.wait()


@pytest.mark.parametrize(
    "change",
    [
        {"space": None},
        {"space": "another container"},
        {"pid": None},
        {"pid": "1"},
        {"pid": 0},
        {"pid": -1},
        {"pid": True},
        {"began": None},
    ]
    + [{"host": "a machine of the same image"}],
)
def test_what_cannot_be_known_is_not_taken_for_dead(change: dict[str, Any]) -> None:
    assert lives_here(dead() | change) is None
    assert lives_here({}) is None


@pytest.mark.parametrize("answer", [None, PermissionError(1, "not yours"), OSError(38, "not here")])
def test_a_process_of_another_user_that_proc_hides_is_not_taken_for_dead(
    answer: OSError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``hidepid``: no such folder in /proc, and yet there is such a process."""
    other = {**us(), "pid": os.getppid(), "token": "t"}

    def asked(pid: int) -> int:
        if answer:
            raise answer
        return os.open(os.devnull, os.O_RDONLY)

    monkeypatch.setattr(processes, "_fields", lambda pid: None)
    monkeypatch.setattr(os, "pidfd_open", asked)
    assert lives_here(other) is None


@pytest.mark.parametrize("place", ["fifo", "folder", "link"])
def test_what_is_no_file_is_no_lock_of_ours(
    place: str, path: Path, tmp_path: Path, clock: Clock
) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text(json.dumps(dead()))
    {
        "fifo": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "link": lambda: path.symlink_to(theirs),
    }[place]()
    with pytest.raises(StudyError, match="is no plain file"), locked(path):
        pass
    assert theirs.exists()
    assert os.path.lexists(path)


def test_the_lock_of_the_original_does_not_hold_a_copy_of_its_folder(
    tmp_path: Path, clock: Clock
) -> None:
    original, copy = tmp_path / "original", tmp_path / "copy"
    original.mkdir()
    parent = {
        **us(),
        "pid": os.getppid(),
        "began": processes.began(os.getppid()),
        "token": "t",
        "folder": original.stat().st_ino,
    }
    (original / "lock").write_text(json.dumps(parent))
    shutil.copytree(original, copy)
    began = clock.now
    with pytest.raises(StudyError, match="being written by"), locked(original / "lock"):
        pass
    assert clock.now == began
    with locked(copy / "lock"):
        assert clock.now - began >= lock.SILENT_SECONDS


def test_nothing_of_a_later_holder_is_removed(path: Path) -> None:
    path.write_text(json.dumps(ELSEWHERE))
    let_go(path)
    assert json.loads(path.read_bytes()) == ELSEWHERE
    session = RunPaths(path.parent).session
    for content in (json.dumps(ELSEWHERE), "[]", "{"):
        session.write_text(content)
        forget_session(RunPaths(path.parent))
        assert session.read_text() == content
    session.write_text(json.dumps(us()))
    forget_session(RunPaths(path.parent))
    path.write_text(json.dumps(us()))
    let_go(path)
    assert list(path.parent.iterdir()) == []


def test_a_forked_process_does_not_hold_what_its_parent_holds() -> None:
    read, write = os.pipe()
    if not (child := os.fork()):
        os.write(write, us()["token"].encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100).decode() != us()["token"]


def test_the_live_page_believes_in_a_writer_whose_clock_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, run = (
        Clock(),
        write_run(tmp_path / "run", [Trial(params={"width": 1}, epochs=scores([0.5]))]),
    )
    monkeypatch.setattr("analysis.live.state.time", clock)
    watched = Watched(run)
    assert not watched.is_running
    for hour in range(3):
        (run / "lock").touch()
        os.utime(run / "lock", (hour * 3600,) * 2)
        assert watched.is_running
        clock.sleep(20)
        assert watched.is_running
    clock.sleep(20)
    assert not watched.is_running
