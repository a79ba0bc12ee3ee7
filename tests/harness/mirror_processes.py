"""Processes that mirror a run."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from run_folders import Trial, scores

GOOD = Trial(
    params={"width": 1},
    epochs=[
        {"accuracy": [0.5, 0.6, 0.7], "parameters": 9},
        {"accuracy": [0.7, 0.8, 0.9], "parameters": 9},
    ],
)


FAILED = Trial(
    params={"width": 2},
    epochs=scores([0.2, 0.4, 0.6], epochs=1),
    status="failed",
    error="Traceback\nValueError: too wide",
)


def processes_of(folder: Path) -> list[int]:
    """The mirrors of a run."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"tuning.mirrors.process" in words and str(folder).encode() in words:
            found.append(int(file.parent.name))
    return found


def wait_for(fact: Callable[[], Any], seconds: float = 240.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := fact()):
        assert time.monotonic() < deadline, f"did not come true within {seconds:g} s"
        time.sleep(0.02)
    return value
