"""How long a study still takes: what its trials took so far, drawn again and again for those that are left."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tuning.study import Study, Trial

DRAWS = 80
ONE_BY_ONE = 200
"""So many of the trials left are placed on the slots one by one; those before them count by their sum."""
DOUBT = 0.5
"""How far the mean pace may be from that of one trial, as a standard deviation of its logarithm; of n trials, the root of n less."""


@dataclass(frozen=True)
class Estimate:
    """Seconds that are left: a middle, and the range that holds the truth four times in five."""

    left: float
    low: float
    high: float

    def after(self, seconds: float) -> "Estimate":
        """What is left where nothing was heard for so many seconds since. Once that is longer than the middle, the study is known to take
        longer than was thought: then as long again as the excess so far, between a ninth of it and nine times it. J. R. Gott,
        "Implications of the Copernican principle for our future prospects", Nature 363, 1993."""
        excess = max(0.0, seconds - self.left)
        return Estimate(
            left=max(self.left - seconds, excess),
            low=max(self.low - seconds, excess / 9),
            high=max(self.high - seconds, excess * 9),
        )


@dataclass
class _Timed:
    """A trial of this session as it was timed."""

    phase: str
    cold: bool
    """Whether it was among the first, which carry the start of their processes."""
    epoch: int = 0
    first: float = 0.0
    later: float = 0.0
    counted: int = 0
    """Epochs behind ``later``, the seconds of all but the first one."""
    status: str = ""

    @property
    def pace(self) -> float | None:
        """Seconds per epoch. The first one also carries what is done once per trial, so that it counts only where there is no other."""
        if self.counted:
            return self.later / self.counted
        return self.first if self.status in ("completed", "pruned") else None


@dataclass
class TimeLeft:
    """Watches the trials of one session. ``waiting``: how many trials of each phase it is to train; ``slots``: how many fit at once, as far
    as known beforehand."""

    study: Study
    waiting: Mapping[str, int]
    slots: int = 1
    _trials: dict[str, _Timed] = field(default_factory=dict)
    _began: float | None = None
    _busy: float = 0.0
    _warm: tuple[float, float, int] | None = None
    """When the first trial ended: the time, the busy seconds until then, and how many trials had begun."""

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        if self._began is None:
            self._began = time.monotonic() - row["seconds"]
        timed = self._trials.setdefault(trial.id, _Timed(trial.phase, cold=len(self._trials) < self.slots))
        self._busy += row["seconds"]
        if timed.epoch:
            timed.later, timed.counted = timed.later + row["seconds"], timed.counted + 1
        else:
            timed.first = row["seconds"]
        timed.epoch = row["epoch"]
        self.slots = max(self.slots, sum(not one.status for one in self._trials.values()))

    def end(self, trial: Trial, status: str) -> None:
        timed = self._trials.setdefault(trial.id, _Timed(trial.phase, cold=False))
        timed.status = status
        self._warm = self._warm or (time.monotonic(), self._busy, len(self._trials))

    def estimate(self) -> Estimate | None:
        """None as long as nothing is known: before any trial had a second epoch or ended."""
        paces = self._paces("search") or self._paces("confirm")
        if not paces or self._began is None:
            return None
        rng = np.random.default_rng(0)
        search, confirm = _Phase(self, "search", paces, rng), _Phase(self, "confirm", self._paces("confirm") or paces, rng)
        seconds = search.seconds() + confirm.seconds() * (1.0 if self._paces("confirm") else self._other_seeds(rng))
        low, middle, high = np.quantile(seconds, [0.1, 0.5, 0.9])
        return Estimate(float(middle), float(low), float(high))

    def _paces(self, phase: str) -> list[float]:
        known = [(one.pace, one.cold and not one.counted) for one in self._trials.values() if one.phase == phase and one.pace is not None]
        warm = [pace for pace, cold in known if not cold]
        return warm or [pace for pace, _ in known]

    def _other_seeds(self, rng: np.random.Generator) -> np.ndarray:
        """By what a trial of the confirmation takes longer than one of the search: its seeds may be trained together, or one by one."""
        if not self.study.confirm:
            return np.ones(DRAWS)
        together = len(self.study.parts(self.study.fresh_seeds, self.study.seeds_per_trial)[0])
        ratio = together / (
            len(self.study.seed_list) if self.study.stopping else min(self.study.seeds_per_trial, len(self.study.seed_list))
        )
        return np.exp(rng.uniform(min(0.0, math.log(ratio)), max(0.0, math.log(ratio)), DRAWS))

    def overhead(self) -> float:
        """Seconds per trial in which a slot trains nothing, as measured since the first trial ended."""
        if self._warm is None:
            return 0.0
        at, busy, begun = self._warm
        ended = sum(bool(one.status) for one in self._trials.values()) - 1
        idle = (time.monotonic() - at) * min(self.slots, begun) - (self._busy - busy)
        return max(0.0, idle / ended) if ended > 3 else 0.0


@dataclass
class _Phase:
    """What is left of one phase, drawn ``DRAWS`` times."""

    told: TimeLeft
    phase: str
    paces: Sequence[float]
    rng: np.random.Generator

    def seconds(self) -> np.ndarray:
        """Until the phase is over, shape ``(DRAWS,)``: the trials left are given to whichever slot is free first."""
        running = [one for one in self._known() if not one.status]
        left = max(0, self.told.waiting.get(self.phase, 0) - len(self._known()))
        scale = np.exp(self.rng.normal(0, DOUBT / math.sqrt(len(self.paces)), DRAWS))
        loads = np.zeros((DRAWS, max(1, self.told.slots, len(running))))
        for place, one in enumerate(running):
            pace = one.pace if one.counted and one.pace is not None else self._drawn(1)[:, 0] * scale
            loads[:, place] = np.maximum(0, self._lengths(1, one.epoch)[:, 0] - one.epoch) * pace
        if left:
            times = self._lengths(left, 0) * self._drawn(left) * scale[:, None] + self.told.overhead()
            _place(loads, times)
        return loads.max(axis=1)

    def _known(self) -> list[_Timed]:
        return [one for one in self.told._trials.values() if one.phase == self.phase]

    def _drawn(self, count: int) -> np.ndarray:
        """Paces as those of the trials so far, shape ``(DRAWS, count)``, by the Bayesian bootstrap: each draw weighs the trials anew."""
        weights = self.rng.dirichlet(np.ones(len(self.paces)), DRAWS).cumsum(axis=1)
        picked = (self.rng.random((DRAWS, count))[:, :, None] > weights[:, None, :-1]).sum(axis=2) if len(self.paces) <= 64 else None
        if picked is None:
            picked = self.rng.integers(0, len(self.paces), (DRAWS, count))
        return np.asarray(self.paces)[picked]

    def _lengths(self, count: int, epoch: int) -> np.ndarray:
        """How many epochs trials have that have done ``epoch`` of them, shape ``(DRAWS, count)``. At each rung a trial goes on with the
        share of those that did, over all that were judged there, the running ones among them: E. L. Kaplan, P. Meier, "Nonparametric
        Estimation from Incomplete Observations", 1958. Drawn from its Beta distribution; before anything is known, as the study plans."""
        lengths = np.full((DRAWS, count), float(self.told.study.epochs))
        over = np.zeros((DRAWS, count), dtype=bool)
        rungs = self.told.study.rungs if self.phase == "search" else []
        for rung in (rung for rung in rungs if rung >= max(1, epoch)):
            passed, stopped = self._judged(rung)
            assert self.told.study.stopping
            prior = 1 / self.told.study.stopping.keep_one_in
            share = self.rng.beta(passed + prior, stopped + 1 - prior, DRAWS)
            stops = ~over & (self.rng.random((DRAWS, count)) > share[:, None])
            lengths[stops] = rung
            over |= stops
        return lengths

    def _judged(self, rung: int) -> tuple[int, int]:
        """How many trials went on at a rung, and how many ended there or on the way to it."""
        before = max((other for other in self.told.study.rungs if other < rung), default=0)
        known = self._known()
        passed = sum(one.epoch > rung for one in known)
        stopped = sum(before < one.epoch <= rung and one.status not in ("", "completed") for one in known)
        return passed, stopped


def _place(loads: np.ndarray, times: np.ndarray) -> None:
    """Give each of ``times``, shape ``(draws, trials)``, to the slot with the least load, one trial after the other."""
    rows = np.arange(len(loads))
    early = times.shape[1] - ONE_BY_ONE
    if early > 0:
        loads += times[:, :early].sum(axis=1, keepdims=True) / loads.shape[1]
    for column in times[:, max(0, early) :].T:
        loads[rows, loads.argmin(axis=1)] += column
