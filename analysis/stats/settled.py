"""Differences of a run whose seeds stop themselves: their p-values and intervals hold although the
seeds were looked at again and again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.numerics.looks import Looks
from analysis.numerics.multiplicity import corrected, holm_tests
from analysis.numerics.sequential import intervals, p_values, seen
from analysis.records.cache import once
from analysis.records.load import Run
from analysis.records.schema import Status
from analysis.stats.identity import identities
from analysis.stats.planned import all_pairs, planned_pairs
from analysis.stats.settling import ERROR, Rule, Settled, settle
from analysis.stats.tables import seed_table, setting_numbers, trial_settings

ENDED = (Status.COMPLETED, Status.FAILED, Status.DIVERGED)


def rule_of(run: Run) -> Rule | None:
    """By what the seeds of ``run`` stop themselves; None where their number is fixed."""
    said = run.spec.get("until_settled")
    return Rule.of(said) if said else None


@once
def settled(run: Run) -> Settled:
    """Which comparisons of a run with a rule are closed, as its session decided."""
    rule = rule_of(run)
    assert rule
    numbers = setting_numbers(run)
    comparisons = (
        all_pairs(sorted(set(trial_settings(run))))
        if rule.race
        else planned_pairs(run.spec["space"], numbers, run.spec.get("compare"))
    )
    values = _values(run, seed_table(run), run.metric)
    return settle(rule, values, _ended(run), *comparisons, stopped=_stopped(run))


def left_race(run: Run) -> frozenset[int]:
    """The settings of a confirmation that have left the race; none where they do not race."""
    rule = rule_of(run)
    return settled(run).left if rule and rule.race else frozenset()


@dataclass(frozen=True)
class Looked:
    """Differences, shape ``(rows, seeds)``, and which looks were taken, shape ``(rows, looks)``."""

    differences: np.ndarray
    looks: Looks
    taken: np.ndarray

    @property
    def seeds(self) -> np.ndarray:
        """How many seeds of each row were looked at, lost ones among them."""
        sizes = np.array([0, *self.looks.sizes])
        return sizes[self.taken.sum(axis=1)]

    def of(self, rows: np.ndarray) -> "Looked":
        """Some of the rows."""
        return Looked(self.differences[rows], self.looks, self.taken[rows])

    def facts(self) -> pd.DataFrame:
        """At the last look of each row: ``n``, ``difference``, ``ci_low``, ``ci_high``, ``p``."""
        at = seen(self.differences, self.looks, self.taken)
        n = np.where(self.taken.any(axis=1), self._last(at.n), 0)
        frame = pd.DataFrame({"n": n, "difference": self._last(at.mean)})
        frame[["ci_low", "ci_high"]] = self.limits(np.full(len(n), ERROR))
        return frame.assign(p=self.p_values())

    def p_values(self, margin: float = 0.0) -> np.ndarray:
        """As ``sequential.p_values``, at the last look of each row."""
        only = self.taken.copy()
        only[:, :-1] &= ~self.taken[:, 1:]
        return self._last(p_values(self.differences, self.looks, only, margin))

    def limits(self, errors: np.ndarray) -> np.ndarray:
        """Intervals at the last look of each row, which hold however often it was looked at, but
        for ``errors``: shape ``(rows, 2)``; NaN before there are seeds enough for one.
        """
        return self._last(intervals(self.differences, self.looks, self.taken, errors))

    def _last(self, by_look: np.ndarray) -> np.ndarray:
        """What an array of rows and looks has at the last look of each row."""
        last = np.clip(self.taken.sum(axis=1) - 1, 0, None)
        return by_look[np.arange(len(last)), last]


def family_of_looks(
    looked: Looked, p_values: pd.Series, tests: Callable[[pd.Series], pd.Series] = holm_tests
) -> pd.DataFrame:
    """``p_corrected, corrected_low, corrected_high`` of rows that are one family; ``tests``: as for
    ``paired.differences``. A row without a p-value counts among them.
    """
    counted = tests(p_values.fillna(1.0))
    frame = pd.DataFrame({"p_corrected": corrected(p_values, counted)})
    limits = looked.limits(ERROR / counted.to_numpy(dtype=float))
    frame[["corrected_low", "corrected_high"]] = limits
    return frame.set_axis(p_values.index)


def looked_at(
    run: Run, seeds: pd.DataFrame, pairs: np.ndarray, metrics: Sequence[str], *, closed: bool
) -> Looked:
    """The differences of ``pairs`` of settings, shape ``(k, 2)``, each by its metric. ``closed``:
    a comparison that closed stays as it was then, whatever seeds its settings were given later.
    """
    rule = rule_of(run)
    assert rule
    values = {metric: _values(run, seeds, metric) for metric in dict.fromkeys(metrics)}
    rows = [
        values[metric][last] - values[metric][first]
        for metric, (first, last) in zip(metrics, pairs, strict=True)
    ]
    differences = np.array(rows).reshape(-1, rule.looks.sizes[-1])
    until = _common_looks(run, rule, pairs)
    if closed:
        found = settled(run)
        looks = dict(zip(map(frozenset, found.pairs.tolist()), found.looks.tolist(), strict=True))
        each = zip(map(frozenset, pairs.tolist()), until.tolist(), strict=True)
        until = np.array([looks.get(pair, common) for pair, common in each], dtype=int)
    taken = np.arange(len(rule.looks.sizes)) < until.reshape(-1, 1)
    return Looked(differences, rule.looks, taken)


def _common_looks(run: Run, rule: Rule, pairs: np.ndarray) -> np.ndarray:
    """At how many looks both settings of each pair have all their seeds."""
    whole = np.logical_and.accumulate(_ended(run), axis=1)[:, np.array(rule.looks.sizes) - 1]
    return whole.sum(axis=1)[pairs].min(axis=1, initial=len(rule.looks.sizes))


def _values(run: Run, seeds: pd.DataFrame, metric: str) -> np.ndarray:
    """Shape ``(settings, seeds)``; NaN where there is no finite number."""
    rule = rule_of(run)
    assert rule
    values = np.full_like(_ended(run), np.nan, dtype=float)
    numbers = seeds[metric].to_numpy(dtype=float)
    values[seeds.index, seeds["seed"].astype(int) - rule.first] = np.where(
        np.isfinite(numbers), numbers, np.nan
    )
    return values


def _stopped(run: Run) -> np.ndarray:
    """Of which settings a person stopped a trial, shape ``(settings,)``."""
    by_hand = (run.trials["status"] == Status.STOPPED).to_numpy()
    stopped = np.zeros(len(setting_numbers(run)), dtype=bool)
    stopped[trial_settings(run).to_numpy()[by_hand]] = True
    return stopped


@once
def _ended(run: Run) -> np.ndarray:
    """Which seeds of each setting were trained, shape ``(settings, seeds)``."""
    rule = rule_of(run)
    assert rule
    ended = np.zeros((len(setting_numbers(run)), rule.looks.sizes[-1]), dtype=bool)
    over = run.trials[run.trials["status"].isin(ENDED)]
    # What was left out by hand is lost: its seeds are not looked at as if they had not been there.
    dropped = run.dropped[~run.dropped["retrain"].astype(bool)]
    numbers = setting_numbers(run)
    for part in filter(len, (over, dropped)):
        for texts, seeds in zip(identities(part[run.parameters]), part["seeds"], strict=True):
            if texts in numbers:  # a setting may be left out by hand altogether
                ended[numbers[texts], np.array(seeds) - rule.first] = True
    return ended
