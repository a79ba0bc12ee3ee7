"""The records of a run, followed while they grow: what a mirror needs of them, in little memory.

Needs neither pandas nor Ray, for the process that mirrors is to stay small. The numbers of the seeds are reduced to mean and standard
deviation as they are read; those of the last epoch are kept.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.means import mean, spread

ENDS = ("completed", "pruned", "diverged", "failed")


@dataclass
class Told:
    """What the records say of one trial so far."""

    trial: str
    row: Mapping[str, Any] = field(default_factory=dict)
    """The last line of the trial in ``trials.jsonl``."""
    epochs: dict[int, dict[str, float]] = field(default_factory=dict)
    """Epoch -> its metrics as ``reduced``; the last line of an epoch counts."""
    last: Mapping[str, Any] = field(default_factory=dict)
    """The metrics of the last epoch as they are recorded: a number, or one per seed."""
    times: dict[int, float] = field(default_factory=dict)
    """Epoch -> when it ended, unix time."""
    count: int = 0
    """How many epochs there are."""

    @property
    def ended(self) -> bool:
        return self.row.get("status") in ENDS

    @property
    def version(self) -> str:
        """Differs between any two states of the trial that a mirror shows differently."""
        return f"{self.status} attempt {self.row.get('attempt', 1)} epochs {self.count} to {self.last_epoch}"

    @property
    def status(self) -> str:
        return self.row["status"] if self.ended else "unfinished"

    @property
    def last_epoch(self) -> int:
        """0 before the first."""
        return max(self.epochs, default=0)

    @property
    def numbers(self) -> Mapping[str, float]:
        """The last epoch's metrics, ``reduced``; empty before the first."""
        return self.epochs.get(self.last_epoch, {})

    def add(self, epoch: int, metrics: Mapping[str, Any], at: float) -> None:
        self.count += epoch not in self.epochs
        self.epochs[epoch], self.times[epoch] = reduced(metrics), at
        if epoch == self.last_epoch:
            self.last = metrics

    def forget(self) -> None:
        """Keep the last epoch alone."""
        self.epochs = {epoch: numbers for epoch, numbers in self.epochs.items() if epoch == self.last_epoch}
        self.times = {epoch: self.times[epoch] for epoch in self.epochs}


class Follower:
    """Reads what was added to the records of a run since it looked last."""

    def __init__(self, trials: Path, epochs: Path) -> None:
        self._trials, self._epochs = _Tail(trials), _Tail(epochs)
        self.told: dict[str, Told] = {}

    def look(self) -> list[Told]:
        """The trials of which something new is there, in the order in which it was written.

        The end of a trial is written after its epochs, so trials are read first: who has ended then has all its epochs.
        """
        changed = {}
        for row in self._trials.lines():
            told = changed[row["trial"]] = self._of(row["trial"])
            told.row = row
        for row in self._epochs.lines():
            told = changed[row["trial"]] = self._of(row["trial"])
            told.add(row["epoch"], row["metrics"], row["at"])
        return [told for told in changed.values() if told.row]

    def _of(self, trial: str) -> Told:
        return self.told.setdefault(trial, Told(trial))


class _Tail:
    """The lines of a file, each given once; one that is not whole yet is left for later."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def lines(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._read += len(line)
                yield json.loads(line)


def reduced(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Each metric as one number: the mean over the seeds, and under ``std/<name>`` their standard deviation where there are two or more.

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


def _number(value: Any) -> float:
    return value if value is not None and math.isfinite(value) else math.nan
