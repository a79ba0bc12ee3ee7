"""A run mirrored to Weights & Biases, while it is trained or at any time later.

The mirror is a process of its own that reads the records as they grow. The study writes its records in any case and knows nothing of it, so
a server that is slow, gone or full cannot slow, hang or fail it; there is no queue to overflow; and what a mirror lacks is made up from the
same records by the same code. Ray's own callback takes two actors and a service process for every trial.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from analysis.inside import no_link
from analysis.own_process import environment, module_command
from analysis.runs import RunPaths
from tuning.lock import Lock, locked
from tuning.signals import Interrupted
from tuning.specs import StudyError
from tuning.terminal import shown

SECONDS_TO_LEAVE = 1.5
"""So long has the mirror to let go when a study is interrupted."""
SECONDS_TO_UPLOAD = 15.0
"""What the end of one run may take while a study waits for it. ``study sync`` has all the time it needs."""
SECONDS_TO_SYNC = 600.0
SECONDS_TO_START = 20.0
"""What the mirror may take beside that without any news: to start, to connect, to give up."""


@dataclass
class Mirrored:
    """How far a mirror came."""

    sent: int = 0
    """Runs written or uploaded in this session."""
    missing: int | None = None
    """Trials that the mirror lacks; None if it ended before it could say."""
    problem: str = ""
    """What was first in its way."""


@contextmanager
def mirrored(
    paths: RunPaths, mode: str, say: Callable[[str], None], *, seconds: float = SECONDS_TO_UPLOAD
) -> Iterator[Callable[[], Mirrored]]:
    """Mirror the run for the time of the block; ``mode`` is "off", "offline" or "online".

    The block is given a function that waits until all is mirrored, as long as that gets on, and says how far it came. A block that is left
    without it leaves the rest to ``study sync``. Nothing that goes wrong is raised: ``say`` is told, once.
    """
    if mode == "off":
        yield Mirrored
        return
    with _alone(paths, say) as lock:
        if lock is None:
            yield Mirrored
            return
        process = _Process(paths, mode, say, seconds, lock)
        try:
            yield process.finish
        finally:
            process.leave()


@contextmanager
def _alone(paths: RunPaths, say: Callable[[str], None]) -> Iterator[Lock | None]:
    """The lock of the mirror, held; None where another mirrors the run, or its folder cannot be written."""
    try:
        paths.wandb.mkdir(exist_ok=True)
        lock = locked(paths.wandb / "lock")
        held = lock.__enter__()
    except (StudyError, OSError) as error:
        say(f"Weights & Biases: the run is not mirrored: {error} (`study sync {shown(paths.root)}` mirrors it later.)")
        yield None
        return
    try:
        yield held
    finally:
        with suppress(OSError):
            lock.__exit__(None, None, None)


class _Process:
    """The process that mirrors, and what it has said so far."""

    def __init__(self, paths: RunPaths, mode: str, say: Callable[[str], None], seconds: float, lock: Lock) -> None:
        self._paths, self._mode, self._say, self._seconds, self._lock = paths, mode, say, seconds, lock
        self._told = Mirrored()
        self._heard = time.monotonic()
        self._left = False
        command = module_command("tuning.tracking_process", str(paths.root), mode, str(seconds))
        # A session of its own: Ctrl-C on the terminal does not reach it, and wandb finds no terminal to ask for a key.
        self._process = subprocess.Popen(
            command,
            env=_environment(paths),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=_log(paths.wandb / "mirror.log"),
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def finish(self) -> Mirrored:
        """Have the rest mirrored, and wait for it as long as there is news of it; Ctrl-C ends the waiting."""
        self._order(b"end\n")
        try:
            while (
                self._told.missing is None and self._reader.is_alive() and time.monotonic() - self._heard < self._seconds + SECONDS_TO_START
            ):
                self._lock.check()
                self._reader.join(0.1)
        except KeyboardInterrupt as error:
            self._told.problem = self._told.problem or "interrupted"
            if isinstance(error, Interrupted) and error.by != signal.SIGINT:
                raise
        except StudyError as error:
            self._told.problem = str(error).rstrip(".")
        self.leave()
        if self._told.missing != 0:
            self._say(f"Weights & Biases: {self._lacking()}: `{self._sync()}` goes on.")
        return self._told

    def leave(self) -> None:
        """End the process: it may let go by itself, else it is killed."""
        if self._left:
            return
        self._left = True
        service = _children(self._process.pid) if self._process.returncode is None else []
        with suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            for handle in service:
                with suppress(OSError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
        for handle in service:
            os.close(handle)
        self._process.wait()
        self._reader.join(SECONDS_TO_LEAVE)

    def _order(self, what: bytes) -> None:
        with suppress(OSError):  # it has died: its silence says so
            self._process.stdin.write(what)  # type: ignore[union-attr]
            self._process.stdin.flush()  # type: ignore[union-attr]

    def _read(self) -> None:
        for line in self._process.stdout:  # type: ignore[union-attr]
            self._heard = time.monotonic()
            with suppress(ValueError):
                self._hear(json.loads(line))

    def _hear(self, news: dict[str, Any]) -> None:
        self._told.sent += "mirrored" in news
        self._told.missing = news.get("missing", self._told.missing)
        if note := news.get("note"):
            self._say(f"Weights & Biases: {note}")
        if (problem := news.get("problem")) and not self._told.problem:
            self._told.problem = problem
            self._say(f"Weights & Biases: {problem.rstrip('.')}. The study does not wait for it; `{self._sync()}` mirrors it later.")

    def _lacking(self) -> str:
        if self._told.missing is None:
            return f"the mirror is not complete ({self._told.problem or f'see {self._paths.wandb}/mirror.log'})"
        return f"{self._told.missing} runs are not mirrored"

    def _sync(self) -> str:
        return f"study sync {shown(self._paths.root)} --wandb {self._mode}"


def _children(process: int) -> list[int]:
    """Handles of the processes that ``process`` has started: wandb's service would outlive it when it is killed. ``process``: a child of
    this one that nobody has waited for, so that its number is still its own."""
    handles = {}
    for child in _numbers_of_children(process):
        with suppress(OSError):
            handles[child] = os.pidfd_open(child)
    # A number may have become that of another process before it was opened: of those that are children still, none has.
    still = _numbers_of_children(process)
    for child in handles.keys() - still:
        os.close(handles.pop(child))
    return list(handles.values())


def _numbers_of_children(process: int) -> set[int]:
    found: set[int] = set()
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            found |= {int(child) for child in file.read_text().split()}
    return found


def _environment(paths: RunPaths) -> dict[str, str]:
    """What the mirror is to know: not how to join Ray, and to keep copies of files in the run folder."""
    own = {key: value for key, value in environment().items() if not key.startswith("RAY_")}
    # Reports of its own use are what wandb would wait for longest where no server answers.
    return {"WANDB_ERROR_REPORTING": "false", **own, "WANDB_DATA_DIR": str(paths.wandb)}


def _log(path: Path) -> IO[bytes] | int:
    try:
        return open(path, "wb", opener=no_link)
    except OSError:
        return subprocess.DEVNULL
