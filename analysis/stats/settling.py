"""Seeds that stop themselves: which comparisons of a grid, or of the settings that are confirmed,
are closed, by the records alone.

All comparisons are looked at together, once every setting that one of them still needs has all
seeds of a look. So a run that is cut off and goes on closes the same ones.

The settings of a confirmation race: one that is told apart from a better one, or called equal to
the best, has left, and gets no more seeds (O. Maron and A. W. Moore, "Hoeffding races", NIPS 1993;
M. Birattari et al., "A racing algorithm for configuring metaheuristics", GECCO 2002).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.looks import Looks
from analysis.numerics.multiplicity import corrected, holm_tests, pair_tests
from analysis.numerics.sequential import at_one_look, looked_mean_intervals
from analysis.records.schema import Mode
from analysis.records.space import as_declared
from analysis.stats.identity import identity

ERROR = 0.05
OPEN, SUPPORTED, EQUAL, LOST, MOST = "", "supported", "equal", "lost", "at most"
CENSORED, LEFT = "stopped by hand", "left the race"
"""Why a comparison closed: the difference is supported, or smaller than what matters; one of the
settings has no number; there are as many seeds as there may be; a person stopped a trial of one of
the settings, so that nothing is said of them; or one of them had left the race.
"""


@dataclass(frozen=True)
class Rule:
    """When a comparison closes: looks, and the smallest difference that matters. ``first``: of the
    seeds. ``race``: where settings race, 1 if the largest mean is the best, -1 if the smallest; 0
    where they do not.
    """

    looks: Looks
    smallest: float
    first: int = 0
    race: int = 0

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Rule":
        """From what ``study.json`` has as ``until_settled``, of the study or its confirmation."""
        least, most = said["at_least"], said["at_most"]
        looks = Looks((*range(least, most, least), most))
        race = Mode(said["race"]).sign if "race" in said else 0
        return cls(looks, said["smallest"], said.get("first", 0), race)

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
    said is not known.
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
        different = _rejected(held[0], families, rule.tests)
        equal = _rejected(held[1], families, holm_tests)
        last = np.full(len(pairs), size == rule.looks.sizes[-1])
        for reason, holds in (
            (LOST, none[pairs].any(axis=1)),
            (SUPPORTED, different),
            (EQUAL, equal),
            (MOST, last),
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


def _rejected(
    p_values: np.ndarray, families: np.ndarray, tests: Callable[[pd.Series], pd.Series]
) -> np.ndarray:
    """Which hypotheses are rejected in each family; a comparison without a p-value counts as
    well.
    """
    groups = pd.Series(np.nan_to_num(p_values, nan=1.0)).groupby(families)
    judged = groups.transform(lambda p: corrected(p, tests(p)))
    return (judged <= ERROR).to_numpy(dtype=bool)


def all_pairs(settings: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The comparisons of settings that race, as ``planned_pairs``: all pairs, in one family."""
    pairs = np.array([*combinations(settings, 2)], dtype=int).reshape(-1, 2)
    return pairs, np.zeros(len(pairs), dtype=int)


def planned_pairs(
    space: Mapping[str, Any],
    numbers: Mapping[tuple[str, ...], int],
    compare: Mapping[str, Any] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The comparisons of a grid, and the family of each: those of ``comparison_table`` and the
    overall ones of ``arms_table``. ``space`` and ``compare``: as ``study.json`` has them;
    ``numbers``: of the settings, by the identities of their values.
    """
    arms = (compare or {}).get("parameter")
    rows = []
    for place, (key, domain) in enumerate(space.items()):
        values = domain.get("values") or [None]
        first = as_declared(domain, compare["baseline"]) if compare and key == arms else values[0]
        others = [value for value in values if identity(value) != identity(first)]
        apart = arms_apart if key == arms else one_apart
        for value in others:
            rows += [(*pair, key == arms) for pair in apart(numbers, place, first, value)]
    table = np.array(rows, dtype=int).reshape(-1, 3)
    return table[:, :2], table[:, 2]


def one_apart(
    numbers: Mapping[tuple[str, ...], int], place: int, first: Any, value: Any
) -> Iterator[tuple[int, int]]:
    """The numbers of the pairs of settings that differ in one value alone, the one at ``place``."""
    for texts, number in numbers.items():
        if texts[place] == identity(first):
            partner = numbers.get((*texts[:place], identity(value), *texts[place + 1 :]))
            if partner is not None:
                yield number, partner


def arms_apart(
    numbers: Mapping[tuple[str, ...], int], place: int, first: Any, value: Any
) -> Iterator[tuple[int, int]]:
    """As ``one_apart``, where branches of a choice may have parameters of their own: the pairs that
    agree in every other parameter that both have.
    """
    ours, theirs = (
        [each for each in numbers.items() if each[0][place] == identity(one)]
        for one in (first, value)
    )
    for (texts, number), (others, partner) in product(ours, theirs):
        pairs = zip(texts, others, strict=True)
        if all(
            at == place or one == other or "" in (one, other)
            for at, (one, other) in enumerate(pairs)
        ):
            yield number, partner


def texts_of(params: Mapping[str, Any], keys: Sequence[str]) -> tuple[str, ...]:
    """The identities of the values of a setting; that of a key that is not active is empty."""
    return tuple(identity(params.get(key, pd.NA)) for key in keys)
