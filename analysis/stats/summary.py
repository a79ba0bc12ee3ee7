"""What samples of seeds say: mean with interval, spread, share that solved the task; over settings
or any other grouping.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.intervals import mean_intervals
from analysis.numerics.means import mean
from analysis.numerics.samples import spread
from analysis.records.load import Run
from analysis.stats.settling import intervals_by, level_by
from analysis.text.format import listing

SMALLEST = 1e-280  # of what numpy rounds: it multiplies by ten to the number of decimals


def sample_table(
    samples: Sequence[np.ndarray], metric: str, spec: Mapping[str, Any]
) -> pd.DataFrame:
    """One row per sample: ``n``, ``<metric>_mean``, ``<metric>_std`` (``ddof=1``),
    ``<metric>_median``, ``ci_low, ci_high`` (95 % bootstrap interval of the mean, see
    ``intervals.mean_intervals``, but of seeds that stop themselves as ``settling.intervals_by``)
    and, where the study says what solved means, ``solved`` (share of the sample), ``solved_low,
    solved_high`` (95 % Wilson interval). Missing where a sample is empty.
    """
    names = {"mean": f"{metric}_mean", "std": f"{metric}_std", "median": f"{metric}_median"}
    table = pd.DataFrame(map(moments, samples), columns=["n", *names]).rename(columns=names)
    intervals = intervals_by(spec, mean_intervals)
    table[["ci_low", "ci_high"]] = intervals(samples, folds=int(spec.get("folds") or 1))
    if spec.get("target") is not None:
        solved = [is_solved(spec, pd.Series(sample, dtype=float)) for sample in samples]
        shares = np.array(
            [wilson(each.to_numpy(), level_by(spec, len(each))) for each in solved], dtype=float
        )
        table[["solved", "solved_low", "solved_high"]] = shares.reshape(-1, 3)
    return table.astype({"n": int})


def judged_by(run: Run, metric: str) -> Run:
    """``run`` with another of its metrics as that of the study, of which no target is known.

    Raises:
        ValueError: no trial recorded it, or a parameter has its name.
    """
    apart = run.columns.metrics.items()
    known = {name: column for name, column in apart if column not in run.parameters}
    column = known.get(metric, metric)
    if column == run.metric:
        return run
    if column not in known.values():
        raise ValueError(f"metric: {metric!r} given; there is {listing(known)}.")
    return replace(run, spec={**run.spec, "metric": column, "target": None})


def seed_numbers(seeds: Sequence[int], value: Any) -> dict[int, Any]:
    """A metric as it is recorded, a number per seed or one that holds for all, by seed."""
    values = value if isinstance(value, list) else [value] * len(seeds)
    return dict(zip(seeds, values, strict=False))


def by_seed(trials: Mapping[str, Mapping[int, float]]) -> dict[int, float]:
    """The number of each seed of a setting, from its trials: id -> seed -> number. A seed that two
    trials had counts once, as the later one had it.
    """
    return {seed: value for _, numbers in sorted(trials.items()) for seed, value in numbers.items()}


def moments(values: np.ndarray) -> dict[str, float]:
    """``n, mean, std`` (``ddof=1``) and ``median`` of a sample, missing where it is too small."""
    n = len(values)
    if not n:
        return {"n": 0, "mean": np.nan, "std": np.nan, "median": np.nan}
    if np.ptp(values) == 0:  # summing equal numbers would leave a rounding error in mean and std
        return {"n": n, "mean": values[0], "std": 0.0 if n > 1 else np.nan, "median": values[0]}
    return {
        "n": n,
        "mean": mean(values.tolist()),
        "std": spread(values, ddof=1),
        "median": np.median(values),
    }


def difference(last: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Last minus first to 12 digits of the larger: further digits are rounding errors, and would
    make equal differences unequal.
    """
    largest = max(np.abs(last).max(initial=0), np.abs(first).max(initial=0))
    if not SMALLEST < largest < math.inf:
        return last - first
    return np.round(last - first, 12 - math.ceil(math.log10(largest)))


def is_solved(spec: Mapping[str, Any], values: pd.Series) -> pd.Series:
    """Whether each number reaches the study's ``target``, as 0.0 or 1.0; missing stays missing.
    Respects the mode.
    """
    reached = values >= spec["target"] if spec["mode"] == "max" else values <= spec["target"]
    return reached.astype(float).where(values.notna())


def wilson(successes: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """The share of a sample of 0.0 and 1.0, and its interval (Wilson 1927, through
    ``scipy.stats``); missing where it is empty.
    """
    from scipy import stats

    if not len(successes):
        return np.nan, np.nan, np.nan
    test = stats.binomtest(int(successes.sum()), len(successes))
    interval = test.proportion_ci(level, method="wilson")
    return float(successes.mean()), float(interval.low), float(interval.high)
