"""Temporary folders that say who made them, so that what a killed process left behind can be told from what belongs to others."""

import contextlib
import json
import os
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
_held: list[Path] = []
"""Our folders that are in use."""


@contextmanager
def own_folder(parent: str) -> Iterator[str]:
    """A new, marked folder below ``parent`` for the time of the block.

    Before it is made, marked folders there whose owners are surely dead are removed, with what still runs of the Ray that was in them.
    Nothing without a mark is touched, nor what another user, machine or container made.
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
    """Remove the folders that this process holds: for whoever is about to end it without leaving their blocks."""
    for folder in _held:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, with what still runs of a Ray in it: one whose start or end was interrupted leaves processes."""
    _end_writers(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _is_left(mark: Path) -> bool:
    """Whether we made the folder of this mark, and the process that did so is dead: not where that cannot be known."""
    try:
        ours = not mark.is_symlink() and not mark.parent.is_symlink() and mark.stat().st_uid == os.getuid()
        return ours and _is_dead(json.loads(mark.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        # Removed by another driver just now, or no mark of ours.
        return False


def _is_dead(owner: dict[str, Any]) -> bool:
    # Where the system does not say when a process began, its number may be in use again.
    known = owner["space"] and owner["began"] and isinstance(owner["pid"], int)
    return bool(known) and lives_here(owner) is False


def _end_writers(folder: Path) -> None:
    """End our processes that write files in ``folder``: those of its Ray all do, whatever they call themselves. Who only reads there, or
    names the folder on a command line, is left alone; so is this process."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(process.name) == os.getpid():
                continue
            # The handle stays with this very process, whoever gets its number next.
            handle = os.pidfd_open(int(process.name))
            try:
                if process.stat().st_uid == os.getuid() and _writes_in(process, folder):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)


def _writes_in(process: Path, folder: Path) -> bool:
    return any(
        Path(os.readlink(file)).is_relative_to(folder) and _is_written(process / "fdinfo" / file.name)
        for file in (process / "fd").iterdir()
    )


def _is_written(facts: Path) -> bool:
    """Whether an open file may be written to, by its flags in ``/proc``."""
    flags = next(line.split()[1] for line in facts.read_text().splitlines() if line.startswith("flags:"))
    return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY
