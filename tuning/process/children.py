"""The processes that another one has started."""

import os
from contextlib import suppress
from pathlib import Path


def handles_of_children(process: int) -> list[int]:
    """Handles of the processes that ``process`` has started: they would outlive it where it is
    killed. ``process``: a child of this one that nobody has waited for, so that its number is still
    its own.
    """
    handles = {}
    for child in _numbers_of_children(process):
        with suppress(OSError):
            handles[child] = os.pidfd_open(child)
    # A number may have become that of another process before it was opened: of those that are
    # children still, none has.
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
