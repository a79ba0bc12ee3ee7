"""One writer per run folder: a lock that says who writes, and whether they still live."""

import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cluster.processes import lives_here, us
from tuning.study import StudyError

BEAT_SECONDS = 5.0
SILENT_SECONDS = 20.0
"""A writer on another machine that does not touch its lock while it is watched for so long is taken for dead: clocks may differ."""
OLD_SECONDS = 600.0
"""A lock that nobody has touched for so long needs no watching."""


class Lock:
    """A lock that is held; ``check`` sees whether it still is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._checked = time.monotonic()

    def check(self) -> None:
        """See whether it is still ours: to be called often, does something every few seconds.

        Raises:
            StudyError: another process holds the lock, as this one was not heard of for too long (its machine stood still, say).
        """
        if time.monotonic() - self._checked > BEAT_SECONDS:
            self._checked = time.monotonic()
            holder = _read(self._path)
            if holder is not None and not is_ours(holder):
                raise StudyError(taken_over(self._path.parent, holder))


@contextmanager
def locked(path: Path, tell: Callable[[str], None] = lambda text: None) -> Iterator[Lock]:
    """Hold the lock at ``path`` for the time of the block. A lock whose holder is dead is taken over; one that this process holds already
    stays with the outer block. ``tell`` is given a sentence where it takes a while to see whether the holder lives.

    Raises:
        StudyError: another process holds it.
    """
    if is_ours(_read(path)):
        yield Lock(path)
        return
    _take(path, tell)
    ended = threading.Event()
    # Beside all that the block does: to start Ray, to check the nodes or to read data may take longer than others watch a lock.
    beats = threading.Thread(target=_beat, args=(path, ended), daemon=True)
    beats.start()
    try:
        yield Lock(path)
    finally:
        ended.set()
        beats.join()
        if is_ours(_read(path)):
            path.unlink(missing_ok=True)


def _beat(path: Path, ended: threading.Event) -> None:
    """Show every few seconds that the holder lives, as long as it holds the lock."""
    while not ended.wait(BEAT_SECONDS):
        if is_ours(_read(path)):
            with suppress(OSError):
                os.utime(path)


def _take(path: Path, tell: Callable[[str], None]) -> None:
    judged = _read(path)
    # Whoever else watched a dead lock may have taken it by now.
    if _lives(path, judged, tell) or _read(path) != judged:
        raise StudyError(refusal(path.parent, _read(path) or {}))
    aside, dead = (path.with_name(f".{path.name}.{secrets.token_hex(8)}") for _ in range(2))
    aside.write_text(json.dumps(us()))
    try:
        if path.exists():
            _take_away(path, judged, dead)
        # A link is made whole or not at all, on shared folders too, so that of two takers one wins.
        os.link(aside, path)
    except (FileExistsError, FileNotFoundError):
        raise StudyError(refusal(path.parent, _read(path) or {})) from None
    finally:
        aside.unlink(missing_ok=True)
        dead.unlink(missing_ok=True)


def _take_away(path: Path, judged: dict[str, Any] | None, dead: Path) -> None:
    """Move the lock of a dead holder to ``dead``: of two that do so, one finds it there. What another has put in its place goes back.

    Raises:
        FileNotFoundError: another took it away first.
        FileExistsError: another has put its own there.
    """
    path.rename(dead)
    if _read(dead) != judged:
        os.link(dead, path)
        raise FileExistsError(path)


def is_ours(holder: dict[str, Any] | None) -> bool:
    """Whether a lock says this process, and no other of its number: whatever else it says."""
    return holder is not None and us().items() <= holder.items()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None


def _lives(path: Path, holder: dict[str, Any] | None, tell: Callable[[str], None]) -> bool:
    """Whether the holder of a lock does; nobody does not."""
    if holder is None:
        return False
    lives = lives_here(holder)
    return _is_touched(path, holder, tell) if lives is None else lives


def _is_touched(path: Path, holder: dict[str, Any], tell: Callable[[str], None]) -> bool:
    """Whether a process of another machine touches its lock while it is watched."""
    before = _touched(path)
    if before is None or time.time() - before / 1e9 > OLD_SECONDS:
        return False
    tell(watching(holder, path.parent, SILENT_SECONDS))
    return changes(lambda: _touched(path), SILENT_SECONDS) and _touched(path) is not None


def changes(what: Callable[[], Any], seconds: float) -> bool:
    """Whether ``what()`` becomes another within so many seconds."""
    before, until = what(), time.monotonic() + seconds
    while time.monotonic() < until:
        if what() != before:
            return True
        time.sleep(0.5)
    return False


def watching(holder: dict[str, Any], where: object, seconds: float) -> str:
    return f"{_who(holder)} wrote to {where} last; watching for {seconds:g} s whether it still does."


def refusal(where: object, holder: dict[str, Any]) -> str:
    return f"{where} is being written by {_who(holder)}: wait until it ends, or stop it (kill {holder.get('pid', '?')})."


def taken_over(where: object, holder: dict[str, Any]) -> str:
    return f"{refusal(where, holder)} It took this run over, as nothing was heard of this process."


def _touched(path: Path) -> int | None:
    try:
        # Opened first: a network folder then asks its server again.
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return None


def _who(holder: dict[str, Any]) -> str:
    return f"process {holder.get('pid', '?')} on {holder.get('host', '?')}"
