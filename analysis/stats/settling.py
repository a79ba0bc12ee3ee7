"""Seeds that stop themselves: which comparisons of a grid, or of the settings that are confirmed,
are closed, by the records alone.

All comparisons are looked at together, once every setting that one of them still needs has all
seeds of a look. So a run that is cut off and goes on closes the same ones.

The settings of a confirmation race: one that is told apart from a better one, or called equal to
the best, has left, and gets no more seeds (O. Maron and A. W. Moore, "Hoeffding races", NIPS 1993;
M. Birattari et al., "A racing algorithm for configuring metaheuristics", GECCO 2002).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.futility import predictive_power
from analysis.numerics.looks import Looks
from analysis.numerics.multiplicity import corrected, holm_tests, pair_tests
from analysis.numerics.sequential import at_one_look, have_intervals, looked_mean_intervals, seen
from analysis.records.schema import Mode

ERROR = 0.05
OPEN, SUPPORTED, EQUAL, LOST, MOST = "", "supported", "equal", "lost", "at most"
CENSORED, LEFT, FUTILE = "stopped by hand", "left the race", "not going to settle"
"""Why a comparison closed: the difference is supported, or smaller than what matters; one of the
settings has no number; there are as many seeds as there may be; a person stopped a trial of one of
the settings, so that nothing is said of them; one of them had left the race; or as many seeds as
there may be are unlikely to settle it.
"""


@dataclass(frozen=True)
class Rule:
    """When a comparison closes: looks, and the smallest difference that matters. ``futility``: the
    chance of being settled at the last look below which it closes before. ``first``: of the seeds.
    ``race``: where settings race, 1 if the largest mean is the best, -1 if the smallest; 0 where
    they do not.
    """

    looks: Looks
    smallest: float
    futility: float = 0.0
    first: int = 0
    race: int = 0

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Rule":
        """From what ``study.json`` has as ``until_settled``, of the study or its confirmation."""
        least, most = said["at_least"], said["at_most"]
        looks = Looks((*range(least, most, least), most))
        race = Mode(said["race"]).sign if "race" in said else 0
        return cls(looks, said["smallest"], said["futility"], said.get("first", 0), race)

    @property
    def tests(self) -> Callable[[pd.Series], pd.Series]:
        """How many tests count at each row of a family of differences: see ``multiplicity``."""
        return pair_tests if self.race else holm_tests


def intervals_by(
    spec: Mapping[str, Any], method: Callable[..., np.ndarray]
) -> Callable[..., np.ndarray]:
    """``method``, by which intervals of means are computed from samples, level and folds; or, where
    the seeds of the study stop themselves, one whose intervals hold although they do.
    """
    said = spec.get("until_settled")
    return partial(looked_mean_intervals, looks=Rule.of(said).looks) if said else method


def level_by(spec: Mapping[str, Any], seeds: int) -> float:
    """The level of a 95 % interval over so many seeds: where they stop themselves, that of the look
    with so many.
    """
    said = spec.get("until_settled")
    return Rule.of(said).looks.level_at(seeds) if said else 0.95


@dataclass(frozen=True)
class Settled:
    """``pairs``: the settings of each comparison, shape ``(k, 2)``; ``looks``: at how many looks
    each was looked at; ``reasons``: why each closed; ``families``: as for ``settle``; ``reached``:
    how many looks there were; ``left``: the settings that have left the race.
    """

    pairs: np.ndarray
    families: np.ndarray
    looks: np.ndarray
    reasons: np.ndarray
    reached: int
    left: frozenset[int] = frozenset()

    @property
    def needed(self) -> set[int]:
        """The settings that an open comparison needs."""
        return set(self.pairs[self.reasons == OPEN].ravel().tolist())


def settle(
    rule: Rule,
    values: np.ndarray,
    ended: np.ndarray,
    pairs: np.ndarray,
    families: np.ndarray,
    stopped: np.ndarray | None = None,
) -> Settled:
    """Which of ``pairs`` of settings, shape ``(k, 2)``, are closed. ``values``: the metric, shape
    ``(settings, seeds)``, NaN where there is none; ``ended``: which of these seeds were trained;
    ``families``: of which family each pair is; ``stopped``: of which settings a person stopped a
    trial, shape ``(settings,)``, none if not given. A pair that lacks seeds for that is given up.

    Of each family the chance that any difference is supported that is none is at most 5 %, and so
    is that of calling any equal that differs by what matters: Holm's method over p-values that hold
    at every look. A pair whose settings lost a seed is not closed early: what the seed would have
    said is not known. One that is unlikely to be settled claims nothing; it is supported after all
    where its seeds suffice once others of its family are supported.
    """
    differences = values[pairs[:, 1]] - values[pairs[:, 0]]
    reasons, looks = np.full(len(pairs), OPEN, dtype=object), np.zeros(len(pairs), dtype=int)
    plain = np.full((len(pairs), len(rule.looks.sizes)), np.nan)
    held = np.ones((2, len(pairs)))  # p-values of both questions, at the last look of each row
    left: set[int] = set()
    for look, size in enumerate(rule.looks.sizes):
        if stopped is not None:
            lacks = (stopped & ~ended[:, :size].all(axis=1))[pairs].any(axis=1)
            reasons[lacks & (reasons == OPEN)] = CENSORED
        still = reasons == OPEN
        if not still.any() or not ended[np.unique(pairs[still]), :size].all():
            break
        looks[still] = look + 1
        numbers = ~np.isnan(values[:, :size])
        whole, none = numbers.all(axis=1)[pairs].all(axis=1), ~numbers.any(axis=1)
        for place, margin in enumerate((0.0, rule.smallest)):
            plain[still, look] = at_one_look(differences[still, :size], margin)
            held[place, still] = np.where(whole, rule.looks.repeated(plain)[:, look], 1.0)[still]
        different, among = judged(held[0], families, rule.tests)
        equal, among_equal = judged(held[1], families, holm_tests)
        last = np.full(len(pairs), size == rule.looks.sizes[-1])
        reasons[different & (reasons == FUTILE)] = SUPPORTED
        for reason, holds in (
            (LOST, none[pairs].any(axis=1)),
            (SUPPORTED, different),
            (EQUAL, equal),
            (MOST, last),
            (FUTILE, whole & _futile(rule, differences[:, :size], (among, among_equal))),
        ):
            reasons[holds & (reasons == OPEN)] = reason
        if rule.race:
            left |= _leaving(rule, values[:, :size], pairs, reasons, np.unique(pairs[still]))
            reasons[np.isin(pairs, list(left)).any(axis=1) & (reasons == OPEN)] = LEFT
    reached = int(looks.max(initial=0))
    return Settled(pairs, families, looks, reasons, reached, frozenset(left))


def _leaving(
    rule: Rule, values: np.ndarray, pairs: np.ndarray, reasons: np.ndarray, racing: np.ndarray
) -> set[int]:
    """Which of the settings ``racing`` leave at a look that sees ``values``: those that are worse
    than another one, and those that differ too little from the best.
    """
    there = ~np.isnan(values)
    n = there.sum(axis=1)
    means = rule.race * np.where(there, values, 0.0).sum(axis=1) / np.maximum(n, 1)
    means[n == 0] = -np.inf
    ahead, behind = means[pairs].max(axis=1), means[pairs].min(axis=1)
    worse = reasons == SUPPORTED
    worse |= (reasons == EQUAL) & (ahead == means[racing].max()) & (behind < ahead)
    worse &= np.isin(pairs, racing).all(axis=1)
    return set(pairs[worse, means[pairs[worse]].argmin(axis=1)].tolist())


def _futile(rule: Rule, differences: np.ndarray, tests: Sequence[np.ndarray]) -> np.ndarray:
    """Which pairs are unlikely to be settled at the last look, at the levels at which they would be
    judged now: among so many ``tests`` of both questions. None before it has an interval.
    """
    size, most = differences.shape[1], rule.looks.sizes[-1]
    if not rule.futility or size == most:
        return np.zeros(len(differences), dtype=bool)
    at = seen(differences, Looks((size,)), np.ones((len(differences), 1), dtype=bool))
    apart, equal = (rule.looks.levels(ERROR / each) for each in tests)
    last = apart[:, -1:], rule.smallest, equal[:, -1:]
    hopeless = predictive_power(at, size / most, *last) < rule.futility
    look = rule.looks.sizes.index(size)
    return np.asarray((hopeless & have_intervals(at.n, apart[:, [look]]))[:, 0])


def judged(
    p_values: np.ndarray, families: np.ndarray, tests: Callable[[pd.Series], pd.Series]
) -> tuple[np.ndarray, np.ndarray]:
    """Which hypotheses are rejected in each family, and how many tests count at each; a comparison
    without a p-value counts as well.
    """
    values = pd.Series(np.nan_to_num(p_values, nan=1.0))
    counts, holds = np.ones(len(values)), np.zeros(len(values), dtype=bool)
    for family in np.unique(families):
        own = values[families == family]
        among = tests(own)
        counts[families == family] = among
        holds[families == family] = corrected(own, among) <= ERROR
    return holds, counts
