"""What a mirror needs of a trial, in little memory: the numbers of the seeds are reduced to mean
and standard deviation as they are read; those of the last epoch are kept.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from analysis.numerics.means import mean, spread
from analysis.records.follow import FollowedTrial
from analysis.records.schema import Status
from analysis.text.errors import headline

TITLE = 120
"""Characters of a title, at the most."""
_OF_END = ("attempt", "epochs", "seconds", "rung", "reason")


def flat(value: Any) -> Any:
    """The value of a parameter for a table: a list or a mapping as JSON."""
    return json.dumps(value) if isinstance(value, (list, dict)) else value


class MirroredTrial(FollowedTrial):
    """One trial as its records have it so far."""

    def __init__(self, trial: str) -> None:
        super().__init__(trial)
        self.is_whole = True
        """Whether all epochs are kept."""
        self.restart()

    def restart(self) -> None:
        self.count = 0
        """How many epochs there are."""
        self.metrics: dict[int, dict[str, float]] = {}
        """Epoch -> its metrics as ``reduced``."""
        self.times: dict[int, float] = {}
        """Epoch -> when it ended, unix time; without those of which that is not known."""
        self.last_epoch = 0
        """The highest; 0 before the first."""
        self.last: Mapping[str, Any] = {}
        """Its metrics as they are recorded: a number, or one per seed."""

    def add(self, row: Mapping[str, Any], began: int) -> None:
        epoch, at = row["epoch"], row["at"]
        self.count += epoch not in self.metrics
        self.metrics[epoch] = reduced(row["metrics"])
        if isinstance(at, int | float):
            self.times[epoch] = at
        if epoch >= self.last_epoch:
            self.last_epoch, self.last = epoch, row["metrics"]

    @property
    def version(self) -> str:
        """Differs between any two states of the trial that a mirror shows differently."""
        code = f" of code {self.code}" if self.code else ""
        about = f"attempt {self.attempt} epochs {self.count} to {self.last_epoch}"
        return f"{self.status} {about}{code}"

    @property
    def numbers(self) -> Mapping[str, float]:
        """The last epoch's metrics, ``reduced``; empty before the first."""
        return self.metrics.get(self.last_epoch, {})

    def title(self, space: Iterable[str]) -> str:
        """Its id and the params that the study searches."""
        params = self.row["params"]
        setting = ", ".join(f"{key}={_short(params[key])}" for key in space if key in params)
        return f"{self.trial} {setting}"[:TITLE]

    @property
    def is_failure(self) -> bool:
        """Whether it is to be shown as failed: an unfinished one is, too."""
        return self.status is Status.FAILED or not self.status.has_ended

    @property
    def end(self) -> dict[str, Any]:
        """How it ended: its status, and what else its record says."""
        facts = {key: self.row[key] for key in _OF_END if self.row.get(key) is not None}
        if error := self.row.get("error"):
            facts["error"] = headline(error)
        return {"status": str(self.status), **facts}

    def seed_table(self) -> tuple[list[str], list[tuple[Any, ...]]] | None:
        """The metrics of the last epoch, their names and a row per seed; None where there is one
        seed alone.
        """
        names = [name for name, value in self.last.items() if isinstance(value, list)]
        if len(self.seeds) < 2 or not names:
            return None
        rows = zip(self.seeds, *(self.last[name] for name in names), strict=True)
        return ["seed", *names], list(rows)

    def forget(self) -> None:
        """Keep the last epoch alone."""
        self.is_whole = False
        self.metrics = {self.last_epoch: dict(self.numbers)} if self.metrics else {}
        self.times = {}


def reduced(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Each metric as one number: the mean over the seeds, and under ``std/<name>`` their standard
    deviation where there are two or more.

    A number that is not finite, which the records hold as null, makes both NaN.
    """
    numbers: dict[str, float] = {}
    for name, value in metrics.items():
        values = [_number(each) for each in value] if isinstance(value, list) else [_number(value)]
        numbers[name] = mean(values)
        if len(values) > 1 and f"std/{name}" not in metrics:
            numbers[f"std/{name}"] = spread(values)
    return numbers


def beside(ours: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """What we say, under names that are none of the user's."""
    taken = set(names)
    return {f"study/{key}" if key in taken else key: value for key, value in ours.items()}


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(value: Any) -> float:
    return value if value is not None and math.isfinite(value) else math.nan
