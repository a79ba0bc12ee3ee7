"""The folder that a run was started in: its later sessions work there too, so that relative paths
mean what they meant.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_stands_in: list[str] = []


def stands_in() -> str:
    """Where the user stands, also while the command works elsewhere."""
    return _stands_in[0] if _stands_in else os.getcwd()


@contextmanager
def as_started(spec: Mapping[str, Any], tell: Callable[[str], None]) -> Iterator[None]:
    """Work in the folder of the last session of a run for the time of the block; where that is not
    there, stay, and ``tell`` so.
    """
    sessions = spec.get("sessions") or [{}]
    folder, here = sessions[-1].get("folder"), os.getcwd()
    if folder is None or folder == here:
        yield
        return
    try:
        os.chdir(folder)
    except OSError as error:
        tell(
            f"note: this run was started in {folder} ({error.strerror}): relative paths of the"
            f" study are taken from {here} now."
        )
        yield
        return
    _stands_in.append(here)
    try:
        yield
    finally:
        _stands_in.clear()
        with contextlib.suppress(OSError):
            os.chdir(here)
