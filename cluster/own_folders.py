"""Temporary folders that say who made them, so that what a killed process left behind can be told
from what belongs to others.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.processes import lives_here, us

OWNER = "owner.json"
"""The mark in each of our folders: the process that made it, as ``processes.us`` describes it."""
PREFIX = "study-"
SECONDS_TO_DIE = 1
MOST_ROUNDS = 20
_held: list[Path] = []
"""Our folders that are in use."""


@contextmanager
def own_folder(parent: str) -> Iterator[str]:
    """A new, marked folder below ``parent`` for the time of the block.

    Before it is made, marked folders there whose owners are surely dead are removed, with what
    still runs of the Ray that was in them. Nothing without a mark is touched, nor what another
    user, machine or container made.
    """
    for leftover in Path(parent).glob(f"{PREFIX}*/{OWNER}"):
        if _is_left(leftover):
            _remove(leftover.parent)
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
    Path(folder, OWNER).write_text(json.dumps(us()))
    _held.append(Path(folder))
    try:
        yield folder
    finally:
        _held.remove(Path(folder))
        _remove(Path(folder))


def abandon_own_folders() -> None:
    """Remove the folders that this process holds: for whoever is about to end it without leaving
    their blocks.
    """
    for folder in _held:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, with what still runs of a Ray in it: one whose start or end was interrupted
    leaves processes.
    """
    _end_ray(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _is_left(mark: Path) -> bool:
    """Whether we made the folder of this mark, and the process that did so is dead: not where that
    cannot be known.
    """
    try:
        ours = (
            not mark.is_symlink()
            and not mark.parent.is_symlink()
            and mark.stat().st_uid == os.getuid()
        )
        return ours and _is_dead(json.loads(mark.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        # Removed by another driver just now, or no mark of ours.
        return False


def _is_dead(owner: dict[str, Any]) -> bool:
    # Where the system does not say when a process began, its number may be in use again.
    known = owner["space"] and owner["began"] and isinstance(owner["pid"], int)
    return bool(known) and lives_here(owner) is False


def _end_ray(folder: Path) -> None:
    """End what runs of the Ray in ``folder``. A process of it may start another while they are
    looked for, so that they are looked for until there are none.
    """
    for _ in range(MOST_ROUNDS):
        if not sum(_ended(process, folder) for process in Path("/proc").glob("[0-9]*")):
            return


def _ended(process: Path, folder: Path) -> bool:
    """End ``process`` if it is ours and of the Ray in ``folder``; whether it was. This process is
    left alone.
    """
    with contextlib.suppress(OSError):
        if int(process.name) == os.getpid():
            return False
        # The handle stays with this very process, whoever gets its number next.
        handle = os.pidfd_open(int(process.name))
        try:
            if process.stat().st_uid == os.getuid() and _is_of_ray(process, folder):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                return _has_died(handle)
        finally:
            os.close(handle)
    return False


def _has_died(handle: int) -> bool:
    """Whether a process ends within the time that dying takes."""
    poll = select.poll()  # unlike select.select, for handles of any number
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(1000 * SECONDS_TO_DIE))


def _is_of_ray(process: Path, folder: Path) -> bool:
    """Whether ``process`` belongs to the Ray in ``folder``, whatever it calls itself: it writes
    files there, or is an agent that has not opened its own yet. Who only reads there, or names the
    folder on a command line, does not.
    """
    if any(
        Path(os.readlink(file)).is_relative_to(folder)
        and _is_written(process / "fdinfo" / file.name)
        for file in (process / "fd").iterdir()
    ):
        return True
    return (
        os.fsencode(folder) in (process / "cmdline").read_bytes()
        and b"\0RAY_RAYLET_PID=" in b"\0" + (process / "environ").read_bytes()
    )


def _is_written(facts: Path) -> bool:
    """Whether an open file may be written to, by its flags in ``/proc``."""
    flags = next(
        line.split()[1] for line in facts.read_text().splitlines() if line.startswith("flags:")
    )
    return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY
