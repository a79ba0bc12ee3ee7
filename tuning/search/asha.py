"""Asynchronous successive halving."""

import math
from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.records.schema import Mode
from tuning.runs.trial_record import TrialRecord
from tuning.search.base import NeverPauses
from tuning.search.rung_ranks import RungRanks
from tuning.spec.study import Asha, Study, Trial


class AshaScheduler(NeverPauses):
    """Stops trials that fall behind, as ``Asha`` says; ``stopped`` holds the rung of each that was,
    by its id.

    Ray's own scheduler of this kind forgets its rungs with the driver, keys them by ids that
    change, and lets NaN pass for ever. This one is built from the records: a trial of an earlier
    session counts at every rung that it passed. The decisions are the same.
    """

    def __init__(
        self, study: Study, past: Iterable[TrialRecord] = (), rule: Asha | None = None
    ) -> None:
        """``rule``: instead of the study's own."""
        own = rule or study.scheduler
        assert isinstance(own, Asha)
        self._study, self._rule = study, own
        self._sign = Mode(study.mode).sign
        rungs = self._rule.rungs(study.epochs)
        self._judged: dict[int, set[str]] = {rung: set() for rung in rungs}
        self._scores: dict[int, list[float]] = {rung: [] for rung in rungs}
        self._ranks = RungRanks([*rungs, study.epochs])
        self._cut_off_at: dict[str, tuple[int, int, float]] = {}
        self._epochs: dict[str, int] = {}
        self._last_scores: dict[str, float] = {}
        self.stopped: dict[str, int] = {}
        for record in past:
            self._recall(record)

    def judge(
        self, trial: Trial, epoch: int, score: float | None, can_pause: bool = True
    ) -> Mapping[str, Any] | None:
        if self.goes_on(trial.id, epoch, score):
            return None
        return {"status": "pruned", "rung": self.stopped[trial.id]}

    def goes_on(self, trial: str, epoch: int, score: float | None) -> bool:
        """Whether a trial with that mean metric after ``epoch`` goes on. It is judged at the last
        rung that it has reached since its epoch before, and counts there from then on; True where
        there is none, and where the metric is not finite: it ends by itself.
        """
        self._count_passed(trial, epoch)
        if score is None:
            return True
        self._last_scores[trial] = self._sign * score
        rung = self._rung_between(self._epochs.get(trial, 0), epoch)
        self._epochs[trial] = max(epoch, self._epochs.get(trial, 0))
        if rung is None or trial in self._judged[rung] or not math.isfinite(score):
            return True
        goes_on = (
            self._rule.spares(self._study.search.seed, trial)
            or is_among_best(self._sign * score, self._scores[rung], self._rule)
            or self._ranks.says_nothing(rung)
        )
        self._count(rung, trial, self._sign * score)
        if not goes_on:
            self.stopped[trial] = rung
        return goes_on

    def _rung_between(self, before: int, epoch: int) -> int | None:
        return self._rule.rung_between(before, epoch, self._study.epochs)

    def completed(self, trial: str) -> None:
        """The trial has ended complete. If it ended itself before the last epoch, it would have
        stayed as it is: its last score counts at the rungs that are left.
        """
        score = self._last_scores.pop(trial, math.nan)
        for rung in self._judged:
            if rung > self._epochs.get(trial, 0) and math.isfinite(score):
                self._count(rung, trial, score)
        if math.isfinite(score):
            self._ranks.add(self._study.epochs, trial, score)

    def _count(self, rung: int, trial: str, score: float) -> None:
        if trial not in self._judged[rung]:
            self._judged[rung].add(trial)
            insort(self._scores[rung], score)
            self._ranks.add(rung, trial, score)

    def _recall(self, past: TrialRecord) -> None:
        """A trial that diverged at the epoch at which it would have been judged was not. Where it
        was cut off there, nobody knows.
        """
        judged, before = past.ended and past.status != "diverged", 0
        for epoch in sorted(past.scores):
            rung = self._rung_between(before, epoch)
            score = self._sign * past.scores[epoch]
            if rung is not None and (judged or epoch < past.last_epoch):
                self._count(rung, past.trial.id, score)
            elif rung is not None and not past.ended:
                self._cut_off_at[past.trial.id] = epoch, rung, score
                break
            before = epoch
            self._last_scores[past.trial.id] = score
        self._epochs[past.trial.id] = before
        if past.status == "completed":
            self.completed(past.trial.id)

    def _count_passed(self, trial: str, epoch: int) -> None:
        """A trial that was cut off at a rung was judged there if it kept a later epoch: it comes
        with that one, and never at the rung.
        """
        cut_off, rung, score = self._cut_off_at.get(trial, (epoch, 0, 0.0))
        if cut_off < epoch:
            self._count(rung, trial, score)
            self._epochs[trial] = max(cut_off, self._epochs.get(trial, 0))


def is_among_best(score: float, before: Sequence[float], rule: Asha) -> bool:
    """Whether a trial goes on by that rule; ``before``: the scores of those that reached the rung
    before it, ascending. A higher score is better.
    """
    share = 100 * (1 - 1 / rule.reduction_factor)
    return len(before) < rule.min_trials or score >= percentile(before, share)


def percentile(ascending: Sequence[float], share: float) -> float:
    """As ``numpy.percentile``, to the last bit, of one number or more that are sorted already:
    without going through them all.
    """
    place = (len(ascending) - 1) * (share / 100)
    low = math.floor(place)
    first, second = ascending[low], ascending[min(low + 1, len(ascending) - 1)]
    part, gap = place - low, second - first
    return first + gap * part if part < 0.5 else second - gap * (1 - part)
