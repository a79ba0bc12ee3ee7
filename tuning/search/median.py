"""Trials that are worse than the median of the others are stopped."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean, median
from typing import Any, ClassVar

from analysis.records.schema import Mode
from tuning.runs.trial_record import TrialRecord
from tuning.search.base import NeverPauses
from tuning.spec.components import spec
from tuning.spec.scheduling import Scheduling, geometric, grace_problems
from tuning.spec.study import Study
from tuning.spec.trial import Trial


@spec
class Median(Scheduling):
    """Stop a trial whose best value so far is worse than the median of what the other trials had on
    average up to the same epoch.

    D. Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017.
    """

    counts: ClassVar[Mapping[str, int]] = {"min_trials": 1, "interval": 1}
    grace_period: int = 1
    """The first epoch at which a trial is judged."""
    min_trials: int = 3
    """Nobody is stopped before so many others have reached the epoch."""
    interval: int = 1
    """Trials are judged at every ``interval`` epochs from ``grace_period`` on."""

    def rungs(self, epochs: int) -> list[int]:
        return geometric(self.grace_period, 3, epochs)

    def judges(self, before: int, epoch: int, epochs: int) -> bool:
        """Also where the trainable leaves epochs out, one of which it would be judged at."""
        due = [(each - self.grace_period) // self.interval for each in (before, epoch)]
        return self.grace_period <= epoch < epochs and due[0] < due[1]

    def text(self, study: Study) -> str:
        return (
            f"from epoch {self.grace_period} on a trial is stopped whose best value is worse than"
            " the median of the others' mean values up to that epoch"
        )

    def problems(self, epochs: Any) -> list[str]:
        return super().problems(epochs) + grace_problems(self.grace_period, epochs)

    def scheduler(self, study: Study, past: Iterable[TrialRecord] = ()) -> "MedianScheduler":
        return MedianScheduler(study, self, past)


class MedianScheduler(NeverPauses):
    """Keeps the mean value of each trial up to each of its epochs. It is built from the records: a
    trial that has a later epoch went on at the earlier ones.
    """

    def __init__(self, study: Study, rule: Median, past: Iterable[TrialRecord] = ()) -> None:
        self._study, self._rule, self._sign = study, rule, Mode(study.mode).sign
        self._scores: defaultdict[str, dict[int, float]] = defaultdict(dict)
        self._means: defaultdict[int, dict[str, float]] = defaultdict(dict)
        self._went_on: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self._complete: set[str] = set()
        for record in past:
            for epoch, score in sorted(record.scores.items()):
                self._take(record.id, epoch, score)
            self._went_on[record.id] = record.last_epoch - 1
            self._last[record.id] = record.last_epoch
            if record.status == "completed":
                self.completed(record.id)

    def judge(
        self, trial: Trial, epoch: int, score: float | None, can_pause: bool = True
    ) -> Mapping[str, Any] | None:
        self._last[trial.id] = epoch
        if score is None or not math.isfinite(score):
            return None
        before = max((each for each in self._scores[trial.id] if each < epoch), default=0)
        self._take(trial.id, epoch, score)
        if epoch <= self._went_on.get(trial.id, 0) or not self._rule.judges(
            before, epoch, self._study.epochs
        ):
            return None
        return {"status": "pruned", "rung": epoch} if self._is_worse(trial.id, epoch) else None

    def completed(self, trial: str) -> None:
        """The trial has ended complete. If it ended itself before the last epoch, it would have
        stayed as it is: its last value counts at the epochs that are left.
        """
        self._complete.add(trial)

    def _is_worse(self, trial: str, epoch: int) -> bool:
        others = [
            mean
            for name in self._scores
            if name != trial and (mean := self._mean(name, epoch)) is not None
        ]
        if len(others) < self._rule.min_trials:
            return False
        best = max(value for each, value in self._scores[trial].items() if each <= epoch)
        return best < median(others)

    def _mean(self, trial: str, epoch: int) -> float | None:
        """The mean value of a trial up to an epoch; None where it has none there."""
        last = self._last[trial]
        if trial not in self._complete or epoch <= last:
            return self._means[epoch].get(trial)
        end = max((each for each in self._scores[trial] if each <= last), default=0)
        if not end:
            return None
        value = self._scores[trial][end]
        return (self._means[end][trial] * last + value * (epoch - last)) / epoch

    def _take(self, trial: str, epoch: int, score: float) -> None:
        scores = self._scores[trial]
        scores[epoch] = self._sign * score
        self._means[epoch][trial] = fmean(v for each, v in scores.items() if each <= epoch)
