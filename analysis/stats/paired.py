"""Which differences between settings the seeds support: paired by seed, with intervals and p-values
corrected over their family.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.intervals import (
    mean_intervals,
    t_intervals,
    t_p_values,
    two_sample_interval,
    two_sample_p_value,
)
from analysis.numerics.means import mean
from analysis.numerics.multiplicity import (
    are_supported,
    best_tests,
    corrected,
    holm_tests,
    levels,
    pair_tests,
)
from analysis.numerics.power import seeds_needed
from analysis.numerics.sign_flips import sign_flip_p_values
from analysis.records.load import Run
from analysis.stats.compared import partners
from analysis.stats.lost import lost_of, still_supported, with_lost
from analysis.stats.ranking import ranked_settings
from analysis.stats.settled import family_of_looks, looked_at, rule_of, settled
from analysis.stats.summary import difference
from analysis.stats.tables import seed_table

LEVEL = 0.95
Arms = tuple[tuple[np.ndarray, np.ndarray], bool]
"""Values of the first and the last setting, and whether they are paired."""
NUMBERS = [
    "n",
    "paired",
    "difference",
    "ci_low",
    "ci_high",
    "corrected_low",
    "corrected_high",
    "p",
    "p_corrected",
    "supported",
]


def comparison_table(run: Run) -> pd.DataFrame:
    """What each listed parameter does: each of its values against its first, once for each
    combination of the other parameters.

    Columns: ``parameter``, ``first``, ``value``, ``at`` (the other parameters, as text),
    ``first_setting``, ``value_setting``, and those of ``differences`` (value minus first), and
    ``seeds_needed``, where the seeds leave a row open: see ``power.seeds_needed``. All rows
    together are one family for the correction. A parameter whose values the study compares as arms
    has no rows here: ``arms.arms_table`` has them.
    """
    arms = (run.spec.get("compare") or {}).get("parameter")
    rows: list[tuple[Any, ...]] = []
    for key, domain in run.spec["space"].items():
        first, *values = domain.get("values") or [None]
        if key != arms:
            rows += [(key, *pair) for pair in partners(run, key, first, values)]
    frame = pd.DataFrame(
        rows, columns=["parameter", "first", "value", "at", "first_setting", "value_setting"]
    )
    numbers = frame[["first_setting", "value_setting"]].to_numpy(dtype=int)
    frame = frame.join(_judged(run, numbers))
    if rule_of(run):  # it says itself when a row is settled
        return frame.assign(seeds_needed=np.nan)
    pairs = _arms(seed_table(run), run.metric, numbers)
    samples = [_paired_differences(arms) for arms in pairs]
    return frame.assign(seeds_needed=seeds_needed(frame, samples, flips=True, folds=run.folds))


def best_vs_rest(run: Run, *, student: bool = False) -> pd.DataFrame:
    """The setting with the best mean against every other one that has a result, in the order of the
    settings.

    Columns: ``best_setting``, ``setting`` and those of ``differences`` (best minus other; there
    ``student``). Empty where fewer than two have a result. Of settings that race all pairs are one
    family, and a pair stays as it was when it closed.
    """
    ranked = ranked_settings(run)
    best, others = ranked[:1], sorted(ranked[1:])
    frame = pd.DataFrame({"best_setting": best * len(others), "setting": others}, dtype=int)
    numbers = frame[["setting", "best_setting"]].to_numpy(dtype=int)
    rule = rule_of(run)
    if rule and rule.race:
        return frame.join(_of_race(run, numbers))
    how = {"closed": False} if rule else {"student": student}
    return frame.join(_judged(run, numbers, **how, tests=best_tests))


def _of_race(run: Run, pairs: np.ndarray) -> pd.DataFrame:
    """``_judged`` of ``pairs``, in the family of all pairs of settings, with ``closed``: why."""
    wanted = {frozenset(pair): pair for pair in pairs.tolist()}
    every = [wanted.get(frozenset(pair), pair) for pair in settled(run).pairs.tolist()]
    table = _judged(run, np.array(every, dtype=int).reshape(-1, 2), tests=pair_tests)
    rows = [every.index(pair) for pair in pairs.tolist()]
    rule = rule_of(run)
    facts = {"closed": settled(run).reasons, "smallest": rule.smallest if rule else np.nan}
    return table.assign(**facts).iloc[rows].reset_index(drop=True)


def _judged(run: Run, pairs: np.ndarray, **how: Any) -> pd.DataFrame:
    """``differences``, supported alone where they are with lost seeds as the worst too; ``lost``:
    how many, where there are any.
    """
    judge = partial(_looked, run) if rule_of(run) else partial(differences, folds=run.folds)
    seeds = seed_table(run)
    filled = with_lost(run, seeds, [run.metric])
    table = judge(seeds, run.metric, pairs, **how)
    if filled is None:
        return table
    at_worst = judge(filled, run.metric, pairs, **how)
    return table.assign(supported=still_supported(table, at_worst), lost=lost_of(run, pairs))


def _looked(
    run: Run,
    seeds: pd.DataFrame,
    metric: str,
    pairs: np.ndarray,
    *,
    closed: bool = True,
    tests: Callable[[pd.Series], pd.Series] = holm_tests,
) -> pd.DataFrame:
    """As ``differences``, of seeds that stop themselves: intervals and p-values hold at every
    look. ``closed``: as for ``looked_at``.
    """
    looked = looked_at(run, seeds, pairs, [metric] * len(pairs), closed=closed)
    frame = looked.facts().assign(paired=True)
    frame = frame.join(family_of_looks(looked, frame["p"], tests))
    return frame.assign(supported=are_supported(frame))[NUMBERS]


def differences(
    seeds: pd.DataFrame,
    metric: str,
    pairs: np.ndarray,
    *,
    student: bool = False,
    tests: Callable[[pd.Series], pd.Series] = holm_tests,
    picked: np.ndarray | None = None,
    folds: int = 1,
) -> pd.DataFrame:
    """Differences of mean metric, second setting minus first, for ``pairs`` of setting numbers,
    shape ``(k, 2)``.

    Columns: ``n`` (pairs of seeds, or seeds on the smaller side where fewer than two seeds are
    shared), ``paired``, ``difference``, ``ci_low``, ``ci_high`` (95 %: bootstrap, of unpaired seeds
    Welch's), ``corrected_low``, ``corrected_high`` (the same at the level at which this row is
    judged), ``p`` (permutation test), ``p_corrected``, and ``supported`` (see
    ``multiplicity.are_supported``).

    ``student``: intervals and p-values are those of the t-test, for few seeds whose metric is
    itself a mean over many test cases: there a bootstrap is too narrow, and no permutation of five
    pairs has a p-value below 0.0625. ``tests``: how many tests count at each row, from its p-value:
    see ``multiplicity.holm_tests`` and ``best_tests``. ``picked``: where the settings of a pair
    were picked as the best of several by these very seeds, of how many the one was that a
    difference above 0 speaks for, and the one that a difference below 0 speaks for, shape ``(k,
    2)`` (Bonferroni: so many tests count). ``folds``: where the seeds are folds of a
    cross-validation, how many it has: intervals and p-values are those of the corrected t-test
    then (see ``intervals.error_of_mean``).
    """
    arms = _arms(seeds, metric, pairs)
    frame = pd.DataFrame(
        {
            "n": [min(map(len, samples)) for samples, _ in arms],
            "paired": [paired for _, paired in arms],
            "difference": [_of_means(*samples) for samples, _ in arms],
        }
    )
    how: dict[str, Any] = {"student": student, "folds": folds}
    frame[["ci_low", "ci_high"]] = _intervals(arms, pd.Series(LEVEL, index=frame.index), **how)
    frame["p"] = _p_values(arms, **how)
    low, high = np.ones((2, len(arms))) if picked is None else picked.T
    p_values = frame["p"] * np.where(frame["difference"] > 0, low, high)
    counted = tests(p_values)
    frame["p_corrected"] = corrected(p_values, counted)
    limits = _intervals(arms, levels(counted * low), **how)
    above = limits if picked is None else _intervals(arms, levels(counted * high), **how)
    frame["corrected_low"], frame["corrected_high"] = limits[:, 0], above[:, 1]
    return frame.assign(supported=are_supported(frame))[NUMBERS]


def _of_means(first: np.ndarray, last: np.ndarray) -> float:
    if not (len(first) and len(last)):
        return np.nan
    means = [np.array([mean(values.tolist())]) for values in (last, first)]
    return float(difference(*means)[0])


def _arms(seeds: pd.DataFrame, metric: str, pairs: np.ndarray) -> list[Arms]:
    """Both settings of each pair, aligned."""
    compared = seeds[seeds.index.isin(np.unique(pairs))].dropna(subset=metric)
    arms = {number: rows.set_index("seed")[metric] for number, rows in compared.groupby(level=0)}
    nothing = pd.Series(dtype=float)
    return [_align(*(arms.get(number, nothing) for number in pair)) for pair in pairs.tolist()]


def _align(first: pd.Series, last: pd.Series) -> Arms:
    """Both arms over their shared seeds, in the same order; as they are where fewer than two seeds
    are shared.
    """
    shared = first.index.intersection(last.index)
    paired = len(shared) > 1 or first.index.equals(last.index)
    first, last = (first.loc[shared], last.loc[shared]) if paired else (first, last)
    return (first.to_numpy(dtype=float), last.to_numpy(dtype=float)), paired


def _intervals(arms: list[Arms], levels: pd.Series, student: bool, folds: int) -> np.ndarray:
    """Intervals of the differences, shape ``(k, 2)``; rows of one level go through scipy
    together.
    """
    limits = np.full((len(arms), 2), np.nan)
    of_samples = t_intervals if student else mean_intervals
    for level, rows in levels.groupby(levels).groups.items():
        samples = [_paired_differences(arms[row]) for row in rows]
        limits[rows] = of_samples(samples, float(level), folds)
    for row, (sides, paired) in enumerate(arms):
        if not paired:
            limits[row] = two_sample_interval(*sides, levels[row], folds)
    return limits


def _p_values(arms: list[Arms], student: bool, folds: int) -> np.ndarray:
    samples = [_paired_differences(each) for each in arms]
    by_t = student or folds > 1
    values = t_p_values(samples, folds) if by_t else sign_flip_p_values(samples)
    for row, (sides, paired) in enumerate(arms):
        if not paired:
            values[row] = two_sample_p_value(*sides, student=student, folds=folds)
    return values


def _paired_differences(arms: Arms) -> np.ndarray:
    (first, last), paired = arms
    return last - first if paired else np.array([])
