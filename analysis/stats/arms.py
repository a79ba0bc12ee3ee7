"""The arms of a study against its baseline, paired by seed: overall and part by part, which
differences the seeds support.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.intervals import t_intervals, t_p_values
from analysis.numerics.multiplicity import are_supported, corrected, holm_tests, levels
from analysis.numerics.power import seeds_needed
from analysis.numerics.sign_flips import sign_flip_p_values
from analysis.records.load import Run
from analysis.records.space import as_declared
from analysis.stats.arm_means import LEVEL, arm_seeds, values_of
from analysis.stats.compared import PLACES, Compared, arm_pairs, compared, values_had
from analysis.stats.identity import identity
from analysis.stats.labels import label
from analysis.stats.lost import lost_of, still_supported, with_lost
from analysis.stats.published import published_mean
from analysis.stats.settled import family_of_looks, looked_at, rule_of
from analysis.stats.summary import difference, judged_by, moments
from analysis.stats.tables import settings_table
from analysis.text.format import listing

MEANS = ["baseline_mean", "arm_mean", "published_baseline", "published_arm"]
SPREADS = [
    "baseline_std",
    "arm_std",
    "difference",
    "ci_low",
    "ci_high",
    "corrected_low",
    "corrected_high",
    "published_difference",
]

TESTS = [
    "difference",
    "ci_low",
    "ci_high",
    "corrected_low",
    "corrected_high",
    "p",
    "p_corrected",
    "p_flips",
]
COLUMNS = [
    *PLACES,
    "metric",
    "part",
    "n",
    "left_out",
    "baseline_mean",
    "baseline_std",
    "arm_mean",
    "arm_std",
    "probability_better",
    *TESTS,
    "supported",
    "seeds_needed",
    "published_baseline",
    "published_arm",
    "published_difference",
]


def compare_arms(
    run: Run, parameter: str | None = None, baseline: Any = None, metrics: Sequence[str] = ()
) -> pd.DataFrame:
    """``arms_table`` of what the study compares; or, in any study, of the values of ``parameter``
    against ``baseline`` (its first value, if not given), by ``metrics`` (the study's, if not
    given).

    Raises:
        ValueError: the study compares nothing and no parameter is given, or it has no such
            parameter, value or metric.
    """
    if parameter is None:
        what = compared(run)
        if what is None:
            raise ValueError(
                "The study compares nothing by itself: give one of its parameters,"
                f" {listing(run.parameters)}."
            )
        return arms_table(run, what)
    if parameter not in run.parameters:
        raise ValueError(
            f"{parameter!r} is no parameter of the space, which has {listing(run.parameters)}."
        )
    values = values_had(run, parameter)
    had = list(values.values())
    first = next(iter(had), None) if baseline is None else as_declared({"values": had}, baseline)
    if identity(first) not in values:
        raise ValueError(
            f"{parameter} was never {baseline!r}, but"
            f" {listing(label(run, parameter, value) for value in values.values())}."
        )
    names = [metrics] if isinstance(metrics, str) else metrics or [run.metric]
    by = list(dict.fromkeys(judged_by(run, name).metric for name in names))
    chosen = {"parameter": parameter, "baseline": first, "metrics": by}
    return compare_arms(replace(run, spec={**run.spec, "compare": chosen}))


def arms_table(run: Run, what: Compared) -> pd.DataFrame:
    """One row per arm, combination of the other parameters and metric, the overall one first.

    Columns: those of ``arm_pairs``, ``metric``, ``part``, and

    - ``n, left_out``: seeds that both have (pairs), and seeds that only one of them has
    - ``baseline_mean, baseline_std, arm_mean, arm_std``: over the pairs (``ddof=1``), or over the
      seeds of each where there is no pair
    - ``difference, ci_low, ci_high``: mean of arm minus baseline over the pairs, 95 % t interval
    - ``corrected_low, corrected_high``: t interval at the level at which Holm's procedure judges
      this row of its family
    - ``p, p_corrected, p_flips``: paired t-test; the same after Holm's correction over the family;
      exact sign-flip test, uncorrected
    - ``probability_better``: share of the pairs in which the arm is better by the study's mode,
      ties count half; missing for one pair, and for metrics that are no parts of the first one: the
      study does not say which side of them is better
    - ``seeds_needed``: how many seeds would settle a row that is not supported, see
      ``power.seeds_to_settle``
    - ``supported``: the corrected interval excludes 0 and ``p_corrected`` is at most 0.05; that any
      of a family is so by chance has a probability of at most 5 %, however many of them are
    - ``published_baseline, published_arm, published_difference``: what others measured
    - ``lost``: seeds that the two lost, where any setting lost some: then a row is supported only
      if it still is where they count as worst

    The rows of the first metric are one family, all others another. Means are in percent and
    differences in percentage points where metrics are shares.
    """
    seeds = arm_seeds(run, what)
    table, filled = _arms(run, what, seeds), with_lost(run, seeds, what.metrics, what.scale)
    if filled is None:
        return table
    pairs = table[["baseline_setting", "arm_setting"]].to_numpy(dtype=int)
    return table.assign(
        supported=still_supported(table, _arms(run, what, filled)), lost=lost_of(run, pairs)
    )


def _arms(run: Run, what: Compared, seeds: pd.DataFrame) -> pd.DataFrame:
    if rule_of(run):
        return _looked_arms(run, what, seeds)
    rows = [_pair(run, what, seeds, about) for about in _places(run, what)]
    facts, samples = [row for row, _ in rows], [differences for _, differences in rows]
    frame = pd.DataFrame(facts, columns=COLUMNS).astype(dict.fromkeys(TESTS, float))
    frame["difference"] = [each.mean() if len(each) else np.nan for each in samples]
    frame[["ci_low", "ci_high"]] = t_intervals(samples, LEVEL, run.folds)
    frame["p"] = t_p_values(samples, run.folds)
    frame["p_flips"] = sign_flip_p_values(samples) if run.folds == 1 else np.nan
    overall = what.of_first(frame)
    for family in (overall, ~overall):
        p_values = frame.loc[family, "p"]
        tests = holm_tests(p_values)
        frame.loc[family, "p_corrected"] = corrected(p_values, tests)
        for row, level in levels(tests, 1 - LEVEL).items():
            frame.loc[row, ["corrected_low", "corrected_high"]] = t_intervals(
                [samples[row]], level, run.folds
            )[0]
    frame["supported"] = are_supported(frame)
    for family in (overall, ~overall):
        frame.loc[family, "seeds_needed"] = seeds_needed(
            frame[family], [samples[row] for row in np.flatnonzero(family)], folds=run.folds
        )
    return frame


def _places(run: Run, what: Compared) -> list[dict[Any, Any]]:
    """The places of the rows of the table, with the metric and the part of each."""
    return [
        {**pair, "metric": metric, "part": part}
        for pair in arm_pairs(run, what).to_dict("records")
        for metric, part in zip(what.metrics, what.names, strict=True)
    ]


def _looked_arms(run: Run, what: Compared, seeds: pd.DataFrame) -> pd.DataFrame:
    """As ``_arms``, of seeds that stop themselves: a comparison that closed stays as it was."""
    places = _places(run, what)
    pairs = np.array([(row["baseline_setting"], row["arm_setting"]) for row in places], dtype=int)
    looked = looked_at(
        run, seeds, pairs.reshape(-1, 2), [row["metric"] for row in places], closed=True
    )
    facts = [
        _pair(run, what, seeds[seeds["seed"] < most], about)[0]
        for about, most in zip(places, looked.seeds, strict=True)
    ]
    frame = pd.DataFrame(facts, columns=COLUMNS).astype(dict.fromkeys(TESTS, float))
    seen = looked.facts()
    frame[list(seen)] = seen
    overall = what.of_first(frame)
    for family in (overall, ~overall):
        corrected_rows = family_of_looks(looked.of(family.to_numpy()), frame.loc[family, "p"])
        frame.loc[family, list(corrected_rows)] = corrected_rows
    return frame.assign(supported=are_supported(frame))


def _pair(
    run: Run, what: Compared, seeds: pd.DataFrame, about: Mapping[Any, Any]
) -> tuple[dict[Any, Any], np.ndarray]:
    """A row of the table but for its tests, and the differences over the seeds that both have."""
    metric = about["metric"]
    first = values_of(seeds, about["baseline_setting"], metric)
    last = values_of(seeds, about["arm_setting"], metric)
    shared = first.index.intersection(last.index)
    left_out = len(first.index.union(last.index)) - len(shared)
    differences = np.array([])
    if len(shared):
        first, last = first.loc[shared], last.loc[shared]
        differences = difference(last.to_numpy(), first.to_numpy())
    better = differences * run.mode.sign
    facts: dict[str, float] = {"n": len(shared), "left_out": left_out}
    settings = settings_table(run)
    of_side = {side: dict(settings.loc[about[f"{side}_setting"]]) for side in ("baseline", "arm")}
    for (side, values), of in zip(of_side.items(), (first, last), strict=True):
        found = moments(of.to_numpy())
        facts |= {f"{side}_mean": found["mean"], f"{side}_std": found["std"]}
        published = published_mean(run, what.parameter, values, metric, what.scale)
        facts[f"published_{side}"] = published
    return {
        **about,
        **facts,
        "probability_better": (
            (better > 0).mean() + (better == 0).mean() / 2
            if len(better) > 1 and (what.has_parts or metric == what.metrics[0])
            else np.nan
        ),
        "published_difference": facts["published_arm"] - facts["published_baseline"],
    }, differences


def with_units(table: pd.DataFrame, what: Compared) -> pd.DataFrame:
    """The table of arms for a file: its columns say their unit, and settings go by their values."""
    names = {name: f"{name}_percent" for name in MEANS} | {
        name: f"{name}_percentage_points" for name in SPREADS
    }
    return table.drop(columns=["baseline_setting", "arm_setting"]).rename(
        columns=names if what.percent else {}
    )
