"""A run mirrored elsewhere, while it is trained or at any time later.

The mirrors of a run are one process that reads the records as they grow. The study writes its
records in any case and knows nothing of it, so a server that is slow, gone or full cannot slow,
hang or fail it; there is no queue to overflow; and what a mirror lacks is made up from the same
records by the same code. Ray's own callback takes two actors and a service process for every trial.
"""

import json
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from analysis.live.own_process import environment, module_command
from analysis.records.inside import no_link
from analysis.records.paths import RunPaths
from tuning.process.children import handles_of_children
from tuning.process.signals import Interrupted
from tuning.process.terminal import shown
from tuning.runs.lock import Lock, locked
from tuning.spec.errors import StudyError
from tuning.spec.mirroring import TITLES, Mirrors

SECONDS_TO_LEAVE = 1.5
"""So long has the mirror to let go when a study is interrupted."""
SECONDS_TO_UPLOAD = 15.0
"""What the end of one run may take while a study waits for it. ``study sync`` has all the time it
needs.
"""
SECONDS_TO_SYNC = 600.0
SECONDS_TO_START = 20.0
"""What the mirror may take beside that without any news: to start, to connect, to give up."""


@dataclass
class Mirrored:
    """How far a mirror came."""

    sent: int = 0
    """What was written or uploaded in this session: trials, and the study where that is shown."""
    missing: int | None = None
    """How much the mirror lacks; None if it ended before it could say."""
    problem: str = ""
    """What was first in its way."""


Finish = Callable[[], Mapping[str, Mirrored]]


@contextmanager
def mirrored(
    paths: RunPaths,
    mirrors: Mirrors,
    say: Callable[[str], None],
    *,
    seconds: float = SECONDS_TO_UPLOAD,
) -> Iterator[Finish]:
    """Mirror the run for the time of the block; ``seconds``: what the end of a trial may take.

    The block is given a function that waits until all is mirrored, as long as that gets on, and
    says how far each mirror came. A block that is left without it leaves the rest to ``study
    sync``. Nothing that goes wrong is raised: ``say`` is told, once.
    """
    with _alone(paths, mirrors, say) as lock:
        if lock is None:
            yield lambda: {name: Mirrored() for name in mirrors.modes}
            return
        process = _Process(paths, mirrors, say, seconds, lock)
        try:
            yield process.finish
        finally:
            process.leave()


@contextmanager
def _alone(paths: RunPaths, mirrors: Mirrors, say: Callable[[str], None]) -> Iterator[Lock | None]:
    """The lock of the mirrors, held; None where none is wanted, another process mirrors the run, or
    its folder cannot be written.
    """
    if not mirrors.modes:
        yield None
        return
    try:
        paths.mirrors.mkdir(exist_ok=True)
        lock = locked(paths.mirrors / "lock")
        held = lock.__enter__()
    except (StudyError, OSError) as error:
        titles = " and ".join(TITLES[name] for name in mirrors.modes)
        say(
            f"{titles}: the run is not mirrored: {error} (`study sync {shown(paths.root)}` mirrors"
            " it later.)"
        )
        yield None
        return
    try:
        yield held
    finally:
        with suppress(OSError):
            lock.__exit__(None, None, None)


class _Process:
    """The process that mirrors, and what it has said so far."""

    def __init__(
        self,
        paths: RunPaths,
        mirrors: Mirrors,
        say: Callable[[str], None],
        seconds: float,
        lock: Lock,
    ) -> None:
        self._paths, self._say, self._seconds, self._lock = paths, say, seconds, lock
        self._modes = mirrors.modes
        self._mirrored = {name: Mirrored() for name in self._modes}
        self._heard = time.monotonic()
        self._left = False
        modes = [f"{name}={mode}" for name, mode in self._modes.items()]
        command = module_command("tuning.mirrors.process", str(paths.root), str(seconds), *modes)
        # A session of its own: Ctrl-C on the terminal does not reach it, and wandb finds no
        # terminal to ask for a key.
        self._process = subprocess.Popen(
            command,
            env=_environment(paths),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=_log(paths.mirrors / "log"),
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def finish(self) -> Mapping[str, Mirrored]:
        """Have the rest mirrored, and wait for it as long as there is news of it; Ctrl-C ends the
        waiting.
        """
        self._order(b"end\n")
        try:
            while (
                any(mirror.missing is None for mirror in self._mirrored.values())
                and self._reader.is_alive()
                and time.monotonic() - self._heard < self._seconds + SECONDS_TO_START
            ):
                self._lock.check()
                self._reader.join(0.1)
        except KeyboardInterrupt as error:
            self._note("interrupted")
            if isinstance(error, Interrupted) and error.by != signal.SIGINT:
                raise
        except StudyError as error:
            for mirror in self._mirrored.values():
                mirror.problem = str(error).rstrip(".")
        self.leave()
        for name, mirror in self._mirrored.items():
            if mirror.missing != 0:
                self._say(f"{TITLES[name]}: {self._lacking(mirror)}: `{self._sync()}` goes on.")
        return self._mirrored

    def leave(self) -> None:
        """End the process: it may let go by itself, else it is killed."""
        if self._left:
            return
        self._left = True
        with suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._kill()
        self._process.wait()
        self._reader.join(SECONDS_TO_LEAVE)

    def _kill(self) -> None:
        """With wandb's service, which would outlive it; what was started last counts too."""
        service = handles_of_children(self._process.pid)
        self._process.kill()
        for handle in service:
            with suppress(OSError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)

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
        name = news["mirror"]
        mirror = self._mirrored[name]
        mirror.sent += "mirrored" in news
        mirror.missing = news.get("missing", mirror.missing)
        if note := news.get("note"):
            self._say(f"{TITLES[name]}: {note}")
        if (problem := news.get("problem")) and not mirror.problem:
            mirror.problem = problem
            self._say(
                f"{TITLES[name]}: {problem.rstrip('.')}. The study does not wait for it;"
                f" `{self._sync()}` mirrors it later."
            )

    def _note(self, problem: str) -> None:
        for mirror in self._mirrored.values():
            mirror.problem = mirror.problem or problem

    def _lacking(self, mirror: Mirrored) -> str:
        if mirror.missing is None:
            why = mirror.problem or f"see {self._paths.mirrors}/log"
            return f"the mirror is not complete ({why})"
        return f"{mirror.missing} runs are not mirrored"

    def _sync(self) -> str:
        modes = [
            f" --{name} {shlex.quote(self._modes[name])}"
            for name in ("wandb", "mlflow")
            if name in self._modes
        ]
        return f"study sync {shown(self._paths.root)}{''.join(modes)}"


def _environment(paths: RunPaths) -> dict[str, str]:
    """What the mirror is to know: not how to join Ray, and to keep copies of files in the run
    folder.
    """
    own = {key: value for key, value in environment().items() if not key.startswith("RAY_")}
    # Reports of its own use are what wandb would wait for longest where no server answers; MLflow
    # sends some too.
    reports = {"WANDB_ERROR_REPORTING": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return {**reports, **own, "WANDB_DATA_DIR": str(paths.wandb)}


def _log(path: Path) -> IO[bytes] | int:
    try:
        return open(path, "wb", opener=no_link)
    except OSError:
        return subprocess.DEVNULL
