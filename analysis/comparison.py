"""Which differences between settings the seeds support: paired by seed, with intervals and p-values corrected over their family."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from analysis.grid_answer import answer as answer
from analysis.intervals import mean_intervals, sign_flip_p_values, t_intervals, t_p_values, two_sample_interval, two_sample_p_value
from analysis.labels import describe
from analysis.lost import lost_of, still_supported, with_lost
from analysis.means import mean
from analysis.multiplicity import are_supported, best_tests, corrected, holm_tests, levels
from analysis.power import seeds_needed
from analysis.ranking import ranked_settings
from analysis.runs import Run
from analysis.samples import difference
from analysis.tables import identities, identity, seed_table, settings_table

LEVEL = 0.95
Arms = tuple[tuple[np.ndarray, np.ndarray], bool]  # values of the first and the last setting, and whether they are paired
NUMBERS = ["n", "paired", "difference", "ci_low", "ci_high", "corrected_low", "corrected_high", "p", "p_corrected", "supported"]


def comparison_table(run: Run, seeds: pd.DataFrame | None = None) -> pd.DataFrame:
    """What each listed parameter does: each of its values against its first, once for each combination of the other parameters.

    Columns: ``parameter``, ``first``, ``value``, ``at`` (the other parameters, as text), ``first_setting``, ``value_setting``, and those
    of ``differences`` (value minus first), and ``seeds_needed``, where the seeds leave a row open: see ``power.seeds_needed``. All rows
    together are one family for the correction. A parameter whose values the study
    compares as arms has no rows here: ``arms.arms_table`` has them.
    """
    arms = (run.spec.get("compare") or {}).get("parameter")
    pairs = [pair for key in run.parameters if key != arms for pair in _pairs(run, key)]
    frame = pd.DataFrame(pairs, columns=["parameter", "first", "value", "at", "first_setting", "value_setting"])
    seeds = seed_table(run) if seeds is None else seeds
    numbers = frame[["first_setting", "value_setting"]].to_numpy(dtype=int)
    frame = frame.join(_judged(run, seeds, numbers))
    samples = [_paired_differences(arms) for arms in _arms(seeds, run.metric, numbers)]
    return frame.assign(seeds_needed=seeds_needed(frame, samples, flips=True))


def rival_table(run: Run, seeds: pd.DataFrame | None = None, *, student: bool = False) -> pd.DataFrame:
    """The setting with the best mean against every other one that has a result, in the order of the settings.

    Columns: ``best_setting``, ``setting`` and those of ``differences`` (best minus other; there ``student``). Empty where fewer than two
    have a result.
    """
    seeds = seed_table(run) if seeds is None else seeds
    ranked = ranked_settings(run)
    best, others = ranked[:1], sorted(ranked[1:])
    frame = pd.DataFrame({"best_setting": best * len(others), "setting": others}, dtype=int)
    numbers = frame[["setting", "best_setting"]].to_numpy(dtype=int)
    return frame.join(_judged(run, seeds, numbers, student=student, tests=best_tests))


def _judged(run: Run, seeds: pd.DataFrame, pairs: np.ndarray, **how: Any) -> pd.DataFrame:
    """``differences``, supported alone where they are with lost seeds as the worst too; ``lost``: how many, where there are any."""
    table, filled = differences(seeds, run.metric, pairs, **how), with_lost(run, seeds, [run.metric])
    if filled is None:
        return table
    return table.assign(supported=still_supported(table, differences(filled, run.metric, pairs, **how)), lost=lost_of(run, pairs))


def differences(
    seeds: pd.DataFrame,
    metric: str,
    pairs: np.ndarray,
    *,
    student: bool = False,
    tests: Callable[[pd.Series], pd.Series] = holm_tests,
    picked: np.ndarray | None = None,
) -> pd.DataFrame:
    """Differences of mean metric, second setting minus first, for ``pairs`` of setting numbers, shape ``(k, 2)``.

    Columns: ``n`` (pairs of seeds, or seeds on the smaller side where fewer than two seeds are shared), ``paired``, ``difference``,
    ``ci_low``, ``ci_high`` (95 %: bootstrap, of unpaired seeds Welch's), ``corrected_low``, ``corrected_high`` (the same at the level at
    which this row is judged), ``p`` (permutation test), ``p_corrected``, and ``supported`` (see ``multiplicity.are_supported``).

    ``student``: intervals and p-values are those of the t-test, for few seeds whose metric is itself a mean over many
    test cases: there a bootstrap is too narrow, and no permutation of five pairs has a p-value below 0.0625.
    ``tests``: how many tests count at each row, from its p-value: see ``multiplicity.holm_tests`` and ``best_tests``.
    ``picked``: where the settings of a pair were picked as the best of several by these very seeds, of how many the one was that a
    difference above 0 speaks for, and the one that a difference below 0 speaks for, shape ``(k, 2)`` (Bonferroni: so many tests count).
    """
    found = _arms(seeds, metric, pairs)
    samples = [sample for sample, _ in found]
    frame = pd.DataFrame({"n": [min(map(len, sample)) for sample in samples], "paired": [paired for _, paired in found]})
    frame["difference"] = [_of_means(first, last) for first, last in samples]
    frame[["ci_low", "ci_high"]] = _intervals(found, pd.Series(LEVEL, index=frame.index), student)
    frame["p"] = _p_values(found, student)
    low, high = np.ones((2, len(found))) if picked is None else picked.T
    p_values = frame["p"] * np.where(frame["difference"] > 0, low, high)
    counted = tests(p_values)
    frame["p_corrected"] = corrected(p_values, counted)
    limits = _intervals(found, levels(counted * low), student)
    above = limits if picked is None else _intervals(found, levels(counted * high), student)
    frame["corrected_low"], frame["corrected_high"] = limits[:, 0], above[:, 1]
    return frame.assign(supported=are_supported(frame))[NUMBERS]


def _of_means(first: np.ndarray, last: np.ndarray) -> float:
    return float(difference(np.array([mean(last.tolist())]), np.array([mean(first.tolist())]))[0]) if min(len(first), len(last)) else np.nan


def _arms(seeds: pd.DataFrame, metric: str, pairs: np.ndarray) -> list[Arms]:
    """Both settings of each pair, aligned."""
    compared = seeds[seeds.index.isin(np.unique(pairs))].dropna(subset=metric)
    arms = {int(number): group.set_index("seed")[metric] for number, group in compared.groupby(level=0)}
    nothing = pd.Series(dtype=float)
    return [_align(arms.get(int(first), nothing), arms.get(int(last), nothing)) for first, last in pairs]


def _pairs(run: Run, key: str) -> list[dict[str, Any]]:
    """The pairs of settings that differ in ``key`` alone and of which one has its first value, one value after the other."""
    values = run.spec["space"][key].get("values", [])
    if len(values) < 2:
        return []
    others = [other for other in run.parameters if other != key]
    settings = settings_table(run)
    combinations = dict(zip(settings.index, identities(settings[others]), strict=True))
    held = settings[key].map(identity)
    firsts = [int(number) for number in settings.index[held == identity(values[0])]]
    pairs = []
    for value in values[1:]:
        partners = {combinations[number]: int(number) for number in settings.index[held == identity(value)]}
        for number in firsts:
            if combinations[number] in partners:
                at = describe(run, settings.loc[number].to_dict(), others)
                numbers = {"first_setting": number, "value_setting": partners[combinations[number]]}
                pairs.append({"parameter": key, "first": values[0], "value": value, "at": at, **numbers})
    return pairs


def _align(first: pd.Series, last: pd.Series) -> Arms:
    """Both arms over their shared seeds, in the same order; as they are where fewer than two seeds are shared."""
    shared = first.index.intersection(last.index)
    if len(shared) < 2 and not first.index.equals(last.index):
        return (first.to_numpy(dtype=float), last.to_numpy(dtype=float)), False
    return (first.loc[shared].to_numpy(dtype=float), last.loc[shared].to_numpy(dtype=float)), True


def _intervals(found: list[Arms], levels: pd.Series, student: bool) -> np.ndarray:
    """Intervals of the differences, shape ``(k, 2)``; rows of one level go through scipy together."""
    limits = np.full((len(found), 2), np.nan)
    of_samples = t_intervals if student else mean_intervals
    for level, rows in levels.groupby(levels).groups.items():
        limits[rows] = of_samples([_paired_differences(found[row]) for row in rows], float(level))
    for place, ((first, last), paired) in enumerate(found):
        if not paired:
            limits[place] = two_sample_interval(first, last, levels[place])
    return limits


def _p_values(found: list[Arms], student: bool) -> np.ndarray:
    of_samples = t_p_values if student else sign_flip_p_values
    values = of_samples([_paired_differences(arms) for arms in found])
    for place, ((first, last), paired) in enumerate(found):
        if not paired:
            values[place] = two_sample_p_value(first, last, student=student)
    return values


def _paired_differences(arms: Arms) -> np.ndarray:
    (first, last), paired = arms
    return last - first if paired else np.array([])
