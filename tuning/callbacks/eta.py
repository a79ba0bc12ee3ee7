"""How long a study still takes: what its trials took so far, drawn again and again for those that
are left.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tuning.callbacks.timed import Timed, TimedPhase
from tuning.spec.study import Study, Trial

DRAWS = 80
ONE_BY_ONE = 200
"""So many of the trials left are placed on the slots one by one; those before them count by their
sum.
"""
DOUBT = 0.5
"""How far the mean pace may be from that of one trial, as a standard deviation of its logarithm; of
n trials, the root of n less.
"""


@dataclass(frozen=True)
class Estimate:
    """Seconds that are left: a middle, and the range that holds the truth four times in five."""

    left: float
    low: float
    high: float

    def facts(self) -> dict[str, float]:
        """For a record: ``left, low, high`` to a tenth of a second."""
        return {name: round(value, 1) for name, value in asdict(self).items()}

    def after(self, seconds: float) -> "Estimate":
        """What is left where nothing was heard for so many seconds since. Once that is longer than
        the middle, the study is known to take longer than was thought: then as long again as the
        excess so far, between a ninth of it and nine times it. J. R. Gott, "Implications of the
        Copernican principle for our future prospects", Nature 363, 1993.
        """
        excess = max(0.0, seconds - self.left)
        return Estimate(
            left=max(self.left - seconds, excess),
            low=max(self.low - seconds, excess / 9),
            high=max(self.high - seconds, excess * 9),
        )

    def within(self, seconds: float) -> "Estimate":
        """What is left where it all ends in so many seconds."""
        return Estimate(*(min(each, seconds) for each in (self.left, self.low, self.high)))


class TimeLeft:
    """Watches the trials of one session. ``waiting``: how many trials of each phase it is to train;
    ``slots``: how many fit at once, as far as known beforehand.
    """

    def __init__(self, study: Study, waiting: dict[str, int], slots: int = 1) -> None:
        self.study, self.waiting, self.slots = study, waiting, slots
        self._phases = {"search": TimedPhase(study.rungs), "confirm": TimedPhase([])}
        self._began: float | None = None
        self._busy = 0.0
        self._warm: tuple[float, float, int] | None = None
        """When the first trial ended: the time, the busy seconds until then, and how many trials
        had begun.
        """
        self._ended = 0

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        if self._began is None:
            self._began = time.monotonic() - row["seconds"]
        self._busy += row["seconds"]
        self._timed(trial).take(row["epoch"], row["seconds"])
        self.slots = max(self.slots, sum(len(each.running) for each in self._phases.values()))

    def pause(self, trial: Trial) -> None:
        self._phases[trial.phase].pause(trial.id)

    def end(self, trial: Trial, status: str) -> None:
        self._timed(trial, cold=False)
        self._phases[trial.phase].end(trial.id, status)
        self._warm = self._warm or (time.monotonic(), self._busy, self._begun)
        self._ended += 1

    def _timed(self, trial: Trial, cold: bool | None = None) -> Timed:
        phase = self._phases[trial.phase]
        if timed := phase.go_on(trial.id):
            return timed
        return phase.begin(trial.id, self._begun < self.slots if cold is None else cold)

    @property
    def _begun(self) -> int:
        return sum(phase.begun for phase in self._phases.values())

    def estimate(self) -> Estimate | None:
        """None as long as nothing is known: before any trial had a second epoch or ended."""
        confirm_paces = self._phases["confirm"].paces()
        paces = self._phases["search"].paces() or confirm_paces
        if not paces or self._began is None:
            return None
        rng = np.random.default_rng(0)
        search = _Draws(self, "search", paces, rng).seconds()
        confirm = _Draws(self, "confirm", confirm_paces or paces, rng).seconds()
        seconds = search + confirm * (1.0 if confirm_paces else self._other_seeds(rng))
        low, middle, high = np.quantile(seconds, [0.1, 0.5, 0.9])
        return Estimate(float(middle), float(low), float(high))

    def _other_seeds(self, rng: np.random.Generator) -> np.ndarray:
        """By what a trial of the confirmation takes longer than one of the search: its seeds may be
        trained together, or one by one.
        """
        if not self.study.confirm:
            return np.ones(DRAWS)
        together = len(self.study.fresh_parts[0][0])
        ratio = together / (
            len(self.study.seed_list)
            if self.study.scheduler
            else min(self.study.seeds_per_trial, len(self.study.seed_list))
        )
        return np.exp(rng.uniform(min(0.0, math.log(ratio)), max(0.0, math.log(ratio)), DRAWS))

    def overhead(self) -> float:
        """Seconds per trial in which a slot trains nothing, as measured since the first trial
        ended.
        """
        if self._warm is None or self._ended < 5:
            return 0.0
        at, busy, begun = self._warm
        idle = (time.monotonic() - at) * min(self.slots, begun) - (self._busy - busy)
        return max(0.0, idle / (self._ended - 1))


class _Draws:
    """What is left of one phase, drawn ``DRAWS`` times."""

    def __init__(
        self, left: TimeLeft, phase: str, paces: Sequence[float], rng: np.random.Generator
    ) -> None:
        self._left, self._phase, self._rng = left, left._phases[phase], rng
        self._waiting = max(0, left.waiting.get(phase, 0) - self._phase.begun)
        self._rungs = left.study.rungs if phase == "search" else []
        self._paces = np.asarray(paces)

    def seconds(self) -> np.ndarray:
        """Until the phase is over, shape ``(DRAWS,)``: the trials left are given to whichever slot
        is free first.
        """
        running = list(self._phase.running.values())
        scale = np.exp(self._rng.normal(0, DOUBT / math.sqrt(len(self._paces)), DRAWS))
        loads = np.zeros((DRAWS, max(1, self._left.slots, len(running))))
        for slot, timed in enumerate(running):
            pace = timed.pace if timed.pace is not None else self._drawn(1)[:, 0] * scale
            epochs = np.maximum(0, self._lengths(1, timed.epoch)[:, 0] - timed.epoch)
            loads[:, slot] = epochs * pace
        if self._waiting:
            lengths, paces = self._lengths(self._waiting, 0), self._drawn(self._waiting)
            _place(loads, lengths * paces * scale[:, None] + self._left.overhead())
        return loads.max(axis=1)

    def _drawn(self, count: int) -> np.ndarray:
        """Paces as those of the trials so far, shape ``(DRAWS, count)``, by the Bayesian bootstrap:
        each draw weighs the trials anew. Of many trials each weighs the same.
        """
        if len(self._paces) > 64:
            return self._paces[self._rng.integers(0, len(self._paces), (DRAWS, count))]
        weights = self._rng.dirichlet(np.ones(len(self._paces)), DRAWS).cumsum(axis=1)
        draws = self._rng.random((DRAWS, count))[:, :, None]
        return self._paces[(draws > weights[:, None, :-1]).sum(axis=2)]

    def _lengths(self, count: int, epoch: int) -> np.ndarray:
        """How many epochs trials have that have done ``epoch`` of them, shape ``(DRAWS, count)``.
        At each rung a trial goes on with the share of those that did, over all that were judged
        there, the running ones among them: E. L. Kaplan, P. Meier, "Nonparametric Estimation from
        Incomplete Observations", 1958. Drawn from its Beta distribution; before anything is known,
        as the study plans.
        """
        study = self._left.study
        lengths = np.full((DRAWS, count), float(study.epochs))
        over = np.zeros((DRAWS, count), dtype=bool)
        for rung in (rung for rung in self._rungs if rung >= max(1, epoch)):
            passed, stopped = self._phase.judged(rung)
            assert study.scheduler
            prior = study.scheduler.share
            share = self._rng.beta(passed + prior, stopped + 1 - prior, DRAWS)
            stops = ~over & (self._rng.random((DRAWS, count)) > share[:, None])
            lengths[stops] = rung
            over |= stops
        return lengths


def _place(loads: np.ndarray, times: np.ndarray) -> None:
    """Give each of ``times``, shape ``(draws, trials)``, to the slot with the least load, one trial
    after the other.
    """
    rows = np.arange(len(loads))
    early = times.shape[1] - ONE_BY_ONE
    if early > 0:
        loads += times[:, :early].sum(axis=1, keepdims=True) / loads.shape[1]
    for column in times[:, max(0, early) :].T:
        loads[rows, loads.argmin(axis=1)] += column
