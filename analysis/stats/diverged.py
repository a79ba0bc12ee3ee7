"""Which parameter tells the trials that diverged from the others."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.numerics.multiplicity import holm
from analysis.records.load import Run
from analysis.records.schema import Status
from analysis.stats.fidelity import NUMERIC, Evidence, is_there, kind_of, positions
from analysis.stats.identity import identity
from analysis.stats.labels import label
from analysis.text.format import count

ERROR = 0.001  # probability of a false alarm of one check


FEWEST_LOST = 3  # diverged trials


Finding = tuple[str, str]


def diverged(run: Run, found: Evidence) -> Iterator[Finding]:
    """Whether the trials that diverged differ in one parameter from the others: Mann-Whitney's or
    Fisher's test over the trials in which it is active, corrected by Holm.
    """
    lost = (found.ended == Status.DIVERGED).to_numpy()
    if lost.sum() < FEWEST_LOST or lost.all():
        return
    p_values = {key: _difference(found, key, lost) for key in run.parameters}
    corrected = holm(pd.Series(p_values, dtype=float))
    if not corrected.min() <= ERROR:
        return
    key = str(corrected.idxmin())
    inside, words = _explaining(run, found, key, lost)
    finding = (
        f"Trials diverge with {words}; leave that part of the space out, or make training there"
        " stable."
    )
    yield (
        finding,
        f"{(lost & inside).sum()} of {count(int(inside.sum()), 'trial')} with {words} diverged,"
        f" {(lost & ~inside).sum()} of the {(~inside).sum()} others (p = {corrected[key]:.1g})",
    )


def _difference(found: Evidence, key: str, lost: np.ndarray) -> float:
    """p-value for "this parameter has nothing to do with diverging"."""
    from scipy import stats

    column = found.settings[key]
    active = is_there(column)
    column, lost = column[active], lost[active]
    if not lost.any() or lost.all():
        return np.nan
    if kind_of(found.space[key]) == NUMERIC:
        values = positions(found.space[key], column)
        if np.ptp(values) == 0:
            return np.nan
        return float(stats.mannwhitneyu(values[lost], values[~lost]).pvalue)
    groups = column.map(identity)
    p_values = [_fisher((groups == group).to_numpy(), lost) for group in groups.unique()]
    return min(1.0, min(p_values) * len(p_values)) if len(p_values) > 1 else np.nan


def _fisher(inside: np.ndarray, lost: np.ndarray) -> float:
    from scipy import stats

    table = [[(part & ended).sum() for ended in (lost, ~lost)] for part in (inside, ~inside)]
    return float(stats.fisher_exact(table).pvalue)


def _explaining(run: Run, found: Evidence, key: str, lost: np.ndarray) -> tuple[np.ndarray, str]:
    """The part of a parameter's range, or the value, that tells diverged trials from the others
    best, and its words.
    """
    column = found.settings[key]
    if kind_of(found.space[key]) == NUMERIC:
        values = pd.to_numeric(column.where(is_there(column), np.nan)).to_numpy(dtype=float)
        parts = [
            (inside(values, value), f"{key} at or {side} {label(run, key, value)}")
            for inside, side in ((np.greater_equal, "above"), (np.less_equal, "below"))
            for value in np.unique(values[~np.isnan(values)])
        ]
    else:
        groups = column.map(identity)
        parts = [
            ((groups == group).to_numpy(), f"{key} {label(run, key, values.iloc[-1])}")
            for group, values in column[is_there(column)].groupby(groups, sort=False)
        ]
    return max(parts, key=lambda part: part[0][lost].mean() - part[0][~lost].mean())
