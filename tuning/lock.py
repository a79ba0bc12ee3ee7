"""One writer per run folder: a lock that says who writes, and whether they still live."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tuning.study import StudyError

BEAT_SECONDS = 5.0
STALE_SECONDS = 60.0
"""A writer on another machine that has not touched its lock for so long is taken for dead."""


class Lock:
    """A lock that is held; ``beat`` keeps it fresh."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beaten = time.monotonic()

    def beat(self) -> None:
        """Show that the writer lives: to be called often, does something every few seconds."""
        if time.monotonic() - self._beaten > BEAT_SECONDS:
            self._beaten = time.monotonic()
            os.utime(self._path)


@contextmanager
def locked(path: Path) -> Iterator[Lock]:
    """Hold the lock at ``path`` for the time of the block. A lock whose holder is dead is taken over; one that this process holds already
    stays with the outer block.

    Raises:
        StudyError: another process holds it.
    """
    if _is_ours(holder(path)):
        yield Lock(path)
        return
    _take(path)
    try:
        yield Lock(path)
    finally:
        path.unlink(missing_ok=True)


def _take(path: Path) -> None:
    content = json.dumps(_us()).encode()
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(content)
    try:
        # A link is made whole or not at all, on shared folders too, so that of two takers one wins.
        if holding := holder(path):
            raise StudyError(_refusal(path, holding))
        path.unlink(missing_ok=True)
        os.link(aside, path)
    except FileExistsError:
        raise StudyError(_refusal(path, holder(path) or {})) from None
    finally:
        aside.unlink(missing_ok=True)


def _us() -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "began": _began(os.getpid())}


def _is_ours(holder: dict[str, Any] | None) -> bool:
    return holder == _us()


def holder(path: Path) -> dict[str, Any] | None:
    """Who holds the lock at ``path``; None if nobody does, or nobody that lives."""
    try:
        silent = time.time() - path.stat().st_mtime
        holder = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if holder.get("host") == socket.gethostname():
        return holder if _began(holder["pid"]) == holder["began"] else None
    return holder if silent < STALE_SECONDS else None


def _refusal(path: Path, holder: dict[str, Any]) -> str:
    who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')}"
    return f"{path.parent} is being written by {who}: wait until it ends, or stop it (kill {holder.get('pid', '?')})."


def _began(pid: int) -> str | None:
    """When a process began, in the system's own count, so that a later process of the same number is told apart; None if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return "alive" if not Path("/proc").is_dir() and _exists(pid) else None
    return None if fields[0] in "ZX" else fields[19]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
