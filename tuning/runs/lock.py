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

from cluster.processes import is_us, lives_here, us
from tuning.spec.errors import StudyError
from tuning.spec.values import cut

BEAT_SECONDS = 5.0
SILENT_SECONDS = 20.0
"""A writer that cannot be seen from here and does not touch its lock while it is watched for so
long is taken for dead. When it was touched last says nothing: clocks may differ, and jump.
"""


class Lock:
    """A lock that is held; ``check`` sees whether it still is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._checked = _clocks()

    def check(self) -> None:
        """See whether it is still ours: to be called often, does something every few seconds.

        Raises:
            StudyError: another process holds the lock, as this one was not heard of for too long
            (its machine stood still, say).
        """
        now = _clocks()
        if max(abs(new - old) for new, old in zip(now, self._checked, strict=True)) > BEAT_SECONDS:
            self._checked = now
            holder = _read(self._path)
            if holder and not is_us(holder):  # one that cannot be read just now says nothing
                raise StudyError(taken_over(self._path.parent, holder))


def _clocks() -> tuple[float, float]:
    """One clock that never jumps, and one that also goes on while the machine sleeps."""
    return time.monotonic(), time.time()


@contextmanager
def locked(path: Path, tell: Callable[[str], None] = lambda text: None) -> Iterator[Lock]:
    """Hold the lock at ``path`` for the time of the block. A lock whose holder is dead is taken
    over; one that this process holds already stays with the outer block. ``tell`` is given a
    sentence where it takes a while to see whether the holder lives.

    Raises:
        StudyError: another process holds it.
    """
    if is_us(_read(path)):
        yield Lock(path)
        return
    _take(path, tell)
    ended = threading.Event()
    # Beside all that the block does: to start Ray, to check the nodes or to read data may take
    # longer than others watch a lock.
    beats = threading.Thread(target=_beat, args=(path, ended), daemon=True)
    beats.start()
    try:
        yield Lock(path)
    finally:
        ended.set()
        beats.join()
        let_go(path)


def refuse_writer(path: Path, tell: Callable[[str], None]) -> None:
    """Nothing where nobody holds the lock at ``path``, which stays as it is.

    Raises:
        StudyError: another process holds it.
    """
    holder = _read(path)
    if holder is not None and not is_us(holder) and _lives(path, holder, tell):
        raise StudyError(refusal(path.parent, holder))


def is_held(path: Path, tell: Callable[[str], None] = lambda text: None) -> bool:
    """Whether a process that lives holds the lock at ``path``; ``tell``: as for ``locked``."""
    holder = _read(path)
    return holder is not None and _lives(path, holder, tell)


def let_go(path: Path) -> None:
    """Remove the lock at ``path`` if this process holds it, and no other's."""
    held, dead = _read(path), _beside(path)
    if is_us(held):
        with suppress(FileNotFoundError, FileExistsError):  # another took it over just now
            _take_away(path, held, dead)
        dead.unlink(missing_ok=True)


def _beat(path: Path, ended: threading.Event) -> None:
    """Show every few seconds that the holder lives, as long as it holds the lock."""
    while not ended.wait(BEAT_SECONDS):
        with suppress(OSError, StudyError):
            if is_us(_read(path)):
                os.utime(path)


def _take(path: Path, tell: Callable[[str], None]) -> None:
    judged = _read(path)
    lives = judged is not None and _lives(path, judged, tell)
    now = _read(path)
    # Whoever else watched a dead lock may have taken it by now.
    if lives or now not in (None, judged):
        raise StudyError(refusal(path.parent, now or judged or {}))
    aside, dead = _beside(path), _beside(path)
    aside.write_text(json.dumps(us() | {"folder": _folder(path)}))
    try:
        if now is not None:
            _take_away(path, now, dead)
        # A link is made whole or not at all, on shared folders too, so that of two takers one wins.
        os.link(aside, path)
    except (FileExistsError, FileNotFoundError):
        raise StudyError(refusal(path.parent, _read(path) or {})) from None
    finally:
        aside.unlink(missing_ok=True)
        dead.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


def _take_away(path: Path, judged: dict[str, Any] | None, dead: Path) -> None:
    """Move the lock of a dead holder to ``dead``: of two that do so, one finds it there. What
    another has put in its place goes back.

    Raises:
        FileNotFoundError: another took it away first.
        FileExistsError: another has put its own there.
    """
    path.rename(dead)
    if _read(dead) != judged:
        os.link(dead, path)
        raise FileExistsError(path)


def _read(path: Path) -> dict[str, Any] | None:
    """Who holds a lock, None where there is none: empty where it does not say, or may not be read.

    Raises:
        StudyError: what is there is no file.
    """
    if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
        raise StudyError(
            f"{path} is no plain file, so no lock that a study made: take it out of the folder."
        )
    try:
        said = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _lives(path: Path, holder: dict[str, Any], tell: Callable[[str], None]) -> bool:
    lives = lives_here(holder)
    # A copy of a run folder has the lock of the original, which nobody touches there.
    if lives is None or (lives and holder.get("folder") != _folder(path)):
        return _is_touched(path, holder, tell)
    return lives


def _folder(path: Path) -> int:
    return path.parent.stat().st_ino


def _is_touched(path: Path, holder: dict[str, Any], tell: Callable[[str], None]) -> bool:
    """Whether a process that cannot be seen from here touches its lock while it is watched."""
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
    return (
        f"{_who(holder)} wrote to {where} last; watching for {seconds:g} s whether it still does."
    )


def refusal(where: object, holder: dict[str, Any]) -> str:
    return (
        f"{where} is being written by {_who(holder)}: wait until it ends, or stop it there (kill"
        f" {_said(holder, 'pid')})."
    )


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
    return f"process {_said(holder, 'pid')} on {_said(holder, 'host')}"


def _said(holder: dict[str, Any], what: str) -> str:
    """What a lock says, in one short line: anybody may have written it."""
    return cut(str(holder.get(what, "?")))
