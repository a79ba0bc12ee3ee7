"""Published numbers beside those of a run."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.intervals import error_of_mean
from analysis.numerics.means import mean
from analysis.numerics.samples import RANDOM_SEED
from analysis.records.load import Run
from analysis.records.space import declared
from analysis.stats.identity import identity
from analysis.stats.labels import show
from analysis.stats.summary import moments
from analysis.stats.tables import samples_by_setting, seed_table, setting_numbers
from analysis.text.format import listing

PUBLISHED_DRAWS = 9_999
# Published numbers are rounded: a mean this close to the range counts as inside.
PUBLISHED_ROUNDING = 1e-6


def published_table(run: Run) -> pd.DataFrame | None:
    """Published means of the study's metric beside ours, one row per published row; None where the
    study has none.

    Columns: the parameters, ``published_mean``, ``published_std``, ``n`` (our seeds),
    ``<metric>_mean``, ``range_low``, ``range_high`` (see ``expected_range``), ``outside`` (the
    published mean lies outside that range; missing where we have fewer than two seeds).
    """
    listed = published_rows(run, run.metric)
    if not listed:
        return None
    seeds = seed_table(run)
    samples, numbers = samples_by_setting(seeds, run.metric), setting_numbers(run)
    runs, points = run.spec["published"]["runs"], evaluation_points(run, seeds)
    ends = (0.0, 1.0) if is_share(run, seeds) else (-np.inf, np.inf)
    rows = []
    for row in listed:
        setting = [
            row.get(key, pd.NA if "when" in domain else None)
            for key, domain in run.spec["space"].items()
        ]
        ours = samples.get(numbers.get(tuple(map(identity, setting)), -1), np.array([]))
        low, high = np.clip(expected_range(ours, runs, points, run.folds), *ends)
        inside = low - PUBLISHED_ROUNDING <= row["mean"] <= high + PUBLISHED_ROUNDING
        facts = [row["mean"], row.get("std"), len(ours), moments(ours)["mean"], low, high]
        rows.append([*setting, *facts, None if np.isnan(low) else not inside])
    columns = [
        *run.parameters,
        "published_mean",
        "published_std",
        "n",
        f"{run.metric}_mean",
        "range_low",
        "range_high",
        "outside",
    ]
    return pd.DataFrame(rows, columns=columns).astype({"outside": "boolean"})


def evaluation_points(run: Run, seeds: pd.DataFrame) -> int | None:
    """On how many points the metric is a share, where the study's data say it: others, who drew
    theirs, got another share by chance.
    """
    points = (run.spec.get("data") or {}).get("evaluation")
    return points if is_share(run, seeds) and isinstance(points, int) and points > 0 else None


def is_share(run: Run, seeds: pd.DataFrame) -> bool:
    """Whether the metric can only be taken for a share, as an accuracy: higher is better, and all
    numbers lie between 0 and 1.
    """
    return run.higher_is_better and bool(seeds[run.metric].dropna().between(0, 1).all())


def published_rows(run: Run, metric: str) -> list[Mapping[str, Any]]:
    """The published rows that hold means of ``metric``; a row that names none holds the study's.
    None of what was measured otherwise.
    """
    rows = [] if measured_otherwise(run) else (run.spec.get("published") or {}).get("rows", [])
    return [
        declared(run.spec["space"], row) for row in rows if row.get("metric", run.metric) == metric
    ]


def measured_otherwise(run: Run) -> str:
    """Where this run has other fixed values than the published numbers hold for: a sentence that
    says so; empty where it has the same.
    """
    published, ours = run.spec.get("published") or {}, run.spec["fixed"]
    theirs = {
        key: value
        for key, value in published.get("fixed", {}).items()
        if identity(ours.get(key)) != identity(value)
    }
    if not theirs:
        return ""
    told = listing(
        f"{key} {show(value)}, this run has {show(ours.get(key))}" for key, value in theirs.items()
    )
    return (
        f"The published numbers ({published['source']}) were measured with {told}: they are left"
        " out."
    )


def published_mean(
    run: Run, parameter: str, setting: Mapping[Any, Any], metric: str, scale: int
) -> float:
    """The first published mean of ``metric`` whose row names ``parameter`` and does not contradict
    ``setting``, times ``scale``; NaN where there is none.
    """
    fitting = (
        row
        for row in published_rows(run, metric)
        if parameter in row
        and all(identity(row.get(key, setting[key])) == identity(setting[key]) for key in setting)
    )
    return next((row["mean"] * scale for row in fitting), np.nan)


def expected_range(
    ours: np.ndarray, runs: int, points: int | None = None, folds: int = 1
) -> tuple[float, float]:
    """Where the mean of so many other runs falls 95 % of the time, if nothing differs; NaN below
    two seeds of ours.

    Student's prediction interval knows that both means err (Hahn and Meeker 1991, "Statistical
    intervals", section 4.7). Where seeds come in clumps, means of a few of them reach further on
    one side: so it goes as far as the central 95 % of the means of so many of ours, drawn with
    replacement 9,999 times. ``points``: wider by the chance of both sets of evaluation points, see
    ``evaluation_points``; ``folds``: as for ``intervals.error_of_mean``.
    """
    from scipy import stats

    if len(ours) < 2:
        return np.nan, np.nan
    rng, center = np.random.default_rng(RANDOM_SEED), mean(ours.tolist())
    means = rng.choice(ours, (PUBLISHED_DRAWS, runs)).mean(axis=1)
    reach = stats.t.ppf(0.975, len(ours) - 1) * np.hypot(
        np.std(ours, ddof=1) / np.sqrt(runs), error_of_mean(ours, folds)
    )
    # Their points are others than ours: each set is off by its own binomial error, the same for all
    # runs
    if points:
        means = means + rng.standard_normal(len(means)) * np.sqrt(2 * means * (1 - means) / points)
        reach = np.hypot(reach, stats.norm.ppf(0.975) * np.sqrt(2 * center * (1 - center) / points))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(min(low, center - reach)), float(max(high, center + reach))
