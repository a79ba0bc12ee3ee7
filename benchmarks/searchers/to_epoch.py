"""Rivals that say up to which epoch a setting is to be trained, and are told its value there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.searchers.problems import Params
from benchmarks.searchers.race import Job


@dataclass(frozen=True)
class Asked:
    params: Params
    epoch: int
    """To be trained up to."""
    about: Any
    """What the rival itself calls it."""
    key: str | None = None
    """Of what goes on where it was left; None where each time the first epoch comes first."""


class ToEpoch:
    """``ask()`` gives what is to be trained next; ``tell(about, value)`` hears what came of it."""

    def __init__(self, ask: Callable[[], Asked], tell: Callable[[Any, float], None]) -> None:
        self._ask, self._tell = ask, tell
        self._number = 0

    def next(self) -> Job:
        asked = self._ask()
        self._number += 1
        return Job(asked.key or str(self._number), asked.params, asked)

    def report(self, job: Job, epoch: int, value: float) -> bool:
        if epoch < job.trial.epoch:
            return True
        self._tell(job.trial.about, value)
        return False
