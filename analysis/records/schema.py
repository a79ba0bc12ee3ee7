"""The words in the records of a run that stand for a choice, and the version of their form."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

SCHEMA = 2
"""Of ``study.json`` and the files beside it. A folder of another version is refused."""
RUNNING = "running"
"""What ``trials.jsonl`` says of a trial that has begun; read back, it is unfinished."""
REPEATED = "repeated"
"""What ``trials.jsonl`` says of a setting that was drawn again, and is not trained again:
``same_as`` is the trial that answers for it. Read back, it is no trial.
"""


class Mode(StrEnum):
    """Whether a larger or a smaller metric is better."""

    MAX = "max"
    MIN = "min"

    @property
    def sign(self) -> int:
        """By what a metric is multiplied, so that a larger one is better."""
        return 1 if self is Mode.MAX else -1


class Phase(StrEnum):
    """The parts of a run, in their order."""

    SEARCH = "search"
    CONFIRM = "confirm"


class Status(StrEnum):
    """How a trial stands."""

    COMPLETED = "completed"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    FAILED = "failed"
    STOPPED = "stopped by hand"
    """By an order of a person: what it would have reached is not known, and it did not fail."""
    PAUSED = "paused"
    """At a rung; it goes on from there if it proves good, and is pruned at the end if not."""
    UNFINISHED = "unfinished"
    DROPPED = "dropped"
    """Left out by hand, however it had ended; read back, it is no trial. See ``Run.dropped``."""

    @property
    def has_ended(self) -> bool:
        return self not in (Status.PAUSED, Status.UNFINISHED)


ENDED = tuple(status for status in Status if status.has_ended)
CENSORED = (Status.PRUNED, Status.STOPPED)
"""Ends of trials that would have gone on."""
ADDED = "a"
"""With what the ids of trials begin whose settings a person added to a search."""
ORDER_KEYS = ("added_by", "stopped_by")
"""Where a row of ``trials.jsonl`` names the order that it carries out."""


def is_added(trial: str) -> bool:
    """Whether the setting of a trial was added by a person."""
    return trial.startswith(ADDED)


def status_of(row: Mapping[str, Any]) -> Status:
    """How the trial of a row of ``trials.jsonl`` stands."""
    said = row.get("status", RUNNING)
    return Status.UNFINISHED if said == RUNNING else Status(said)


def phase_of(row: Mapping[str, Any]) -> Phase:
    """The phase of the trial of a row of ``trials.jsonl``, which need not say that of a search."""
    return Phase(row.get("phase") or Phase.SEARCH)


def is_of_code(row: Mapping[str, Any], code: str | None) -> bool:
    """Whether a row of ``epochs.jsonl`` is of that version of the study's code, as far as known: a
    trial that was trained anew with other code leaves rows behind that do not count.
    """
    return None in (code, row.get("code")) or row["code"] == code
