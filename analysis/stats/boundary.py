"""Whether the best trials lie at the end of a range: then better ones may lie beyond it."""

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.records.load import Run
from analysis.stats.extrapolation import at_full_length, can_extrapolate
from analysis.stats.fidelity import NUMERIC, Evidence, is_there, kind_of, positions
from analysis.stats.labels import label
from analysis.text.format import count

# Of the test, over all parameters: so small because extrapolated trials are no independent evidence
ERROR = 1e-5
EDGE = 0.15 + 1e-9  # share of a range that counts as its end
WIDE = 0.25 + 1e-9  # another one, because an optimum at the end may be flat
TOP = 0.2  # share of the trials that count as the best
FEWEST_TOP = 5
FEWEST_VALUES = 4  # of a list, for its last one to be an end


def at_an_edge(run: Run, found: Evidence) -> Iterator[tuple[str, str]]:
    """Sentence and evidence for each end of a range at which the best fifth of the trials lie more
    often than the others; of a parameter of a branch, over the trials of that branch.

    Hypergeometric test of the best fifth against all trials; without early stopping also whether
    the metric still gets better towards the end within that half of the range (Spearman's test),
    which a search that crowds at the end does not hide.
    """
    higher = run.higher_is_better
    extrapolated = can_extrapolate(found, higher)
    scores = (
        at_full_length(found, higher)["value"]
        if extrapolated
        else found.values[found.full].dropna()
    )
    keys = [key for key in run.parameters if _has_ends(found, key)]
    every = scores * run.mode.sign
    for key in keys:
        scores = every[is_there(found.settings.loc[every.index, key])]
        top = max(FEWEST_TOP, round(TOP * len(scores)))
        if len(scores) < 2 * top or scores.nunique() < 2:
            continue
        places = _places(found, key, scores.index)
        for end, near in (("lower", places), ("upper", 1 - places)):
            p_value = _p_value(near, scores, top, extrapolated) * 2 * len(keys)
            if p_value <= ERROR and _is_best_there(near, scores):
                value = label(run, key, _ends(found, key)[end == "upper"])
                finding = (
                    f"The best trials lie at the {end} end of {key} ({value}): better ones may lie"
                    " beyond it. Widen the range if it can be."
                )
                inside = near <= EDGE
                shares = (
                    f"{inside[_best(scores, top)].sum()} of the best {top} trials lie at that end,"
                    f" {inside.sum()} of all {count(len(scores), 'trial')}"
                )
                yield finding, f"{shares} (p = {p_value:.1g})"


def _best(scores: pd.Series, top: int) -> np.ndarray:
    """The places of the best trials."""
    return np.argsort(-scores.to_numpy(), kind="stable")[:top]


def _p_value(near: np.ndarray, scores: pd.Series, top: int, extrapolated: bool) -> float:
    from scipy import stats

    best = _best(scores, top)
    tails = [
        float(stats.hypergeom.sf(end[best].sum() - 1, len(scores), end.sum(), top))
        for end in (near <= EDGE, near <= WIDE)
    ]
    crowded = min(1.0, 2 * min(tails))
    half = near <= 0.5
    if extrapolated or half.sum() < 10 or np.ptp(near[half]) == 0 or scores[half].nunique() < 2:
        return crowded
    rising = float(stats.spearmanr(-near[half], scores[half], alternative="greater").pvalue)
    return min(1.0, 2 * min(crowded, rising))


def _is_best_there(near: np.ndarray, scores: pd.Series) -> bool:
    """Whether the best trial lies near the end, and those at the end are better than their
    neighbours: an optimum close to it is none at it.
    """
    beside = near[near > EDGE].min(initial=np.inf)
    neighbours = (near > EDGE) & (near <= max(2 * EDGE, beside))
    outer, inner = scores[near <= EDGE], scores[neighbours]
    return (
        near[int(scores.to_numpy().argmax())] <= WIDE
        and len(inner) > 0
        and outer.median() > inner.median()
    )


def _has_ends(found: Evidence, key: str) -> bool:
    domain = found.space[key]
    values = domain.get("values")
    return kind_of(domain) == NUMERIC and (values is None or len(set(values)) >= FEWEST_VALUES)


def _ends(found: Evidence, key: str) -> tuple[float, float]:
    domain = found.space[key]
    values = domain.get("values") or (domain["low"], domain["high"])
    return min(values), max(values)


def _places(found: Evidence, key: str, trials: pd.Index) -> np.ndarray:
    """Where each trial lies in the range, 0 to 1; of a list by the order of its values."""
    domain, column = found.space[key], found.settings.loc[trials, key]
    if "values" in domain:
        # Not as floats: those of large whole numbers may be one.
        ordered = sorted(set(domain["values"]))
        return np.array([bisect_left(ordered, value) for value in column]) / (len(ordered) - 1)
    low, high = positions(domain, pd.Series(_ends(found, key)))
    return (positions(domain, column) - low) / (high - low)
