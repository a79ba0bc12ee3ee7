"""What the trials of a run cost their machines, as their rows say."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

PARTS = ("start", "data", "training", "evaluation", "checkpoint", "reporting")
"""Where the time of a trial went, in its process."""
AMOUNTS = (
    "began", "seconds", *PARTS, "waiting", "slots", "sampled", "cpu", "gpu", "energy", "gpu_energy",
    "memory", "memory_total", "memory_free", "gpu_memory", "gpu_total",
)  # fmt: skip
OPENED = {"at": "opened", "data": "reading", "start": "starting"}
"""What is said once of a session, and its columns."""


def costs_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One row for each time that a trial was in a process and said what it cost, from rows of
    ``epochs.jsonl``, those that do not count any more too: they were paid for. A trial that was
    paused goes on in the same attempt. Empty for runs of versions that recorded none.

    Columns, floats that are missing where nothing was told: ``trial, attempt``; ``session`` (from
    0, as far as they said it), ``opened`` (unix time), ``reading`` and ``starting`` (seconds that
    reading the data took, and all else before the first trial); ``began`` (unix time), ``seconds``
    (in its process), of these ``PARTS``; ``waiting`` (seconds for a process), ``slots`` (how many
    trials could run at once); ``sampled`` (seconds), within these ``cpu`` and ``gpu`` (seconds of
    cores, and of GPUs), ``energy`` and ``gpu_energy`` (joules); the peaks ``memory`` and
    ``gpu_memory``, ``memory_total`` and ``gpu_total`` that there are, and ``memory_free``, the
    least that was left (bytes).
    """
    last: dict[Any, dict[str, Any]] = {}
    session, opened = 0, dict.fromkeys(OPENED.values())
    for row in rows:
        if type(cost := row.get("cost")) is not dict:
            continue
        if type(begins := cost.get("session")) is dict:
            session += bool(last)
            opened = {column: _number(begins.get(name)) for name, column in OPENED.items()}
        amounts = {name: _number(cost.get(name)) for name in AMOUNTS}
        whose = {"trial": row["trial"], "attempt": row.get("attempt", 1), "session": session}
        last[*whose.values(), amounts["began"]] = {**whose, **opened, **amounts}
    numbers = ["session", *OPENED.values(), *AMOUNTS]
    frame = pd.DataFrame([*last.values()], columns=["trial", "attempt", *numbers])
    return frame.astype(dict.fromkeys(numbers, float))


def lost_seconds(rows: Iterable[Mapping[str, Any]]) -> float:
    """What the rows of ``trials.jsonl`` say that failed attempts took beyond what they told."""
    return sum(_number(row.get("lost")) or 0.0 for row in rows)


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) else None
