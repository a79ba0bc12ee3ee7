"""The arms of a study against its baseline, paired by seed: overall and part by part, which differences the seeds support."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.intervals import sign_flip_p_values, t_intervals, t_p_values
from analysis.labels import describe, label, labels, show
from analysis.lost import lost_of, still_supported, with_lost
from analysis.multiplicity import are_supported, holm, holm_tests, levels
from analysis.power import seeds_needed
from analysis.published import published_mean
from analysis.runs import Run
from analysis.samples import difference, moments
from analysis.tables import identities, identity, last_epochs, settings_table
from analysis.wording import listing

LEVEL = 0.95
OVERALL = "overall"
MEANS = ["baseline_mean", "arm_mean", "published_baseline", "published_arm"]
SPREADS = ["baseline_std", "arm_std", "difference", "ci_low", "ci_high", "corrected_low", "corrected_high", "published_difference"]
PLACES = ["baseline_setting", "arm_setting", "baseline", "arm", "at"]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What a study compares, as its ``compare`` says.

    ``arms``: values of ``parameter`` other than ``baseline``; ``metrics``: the overall one first, then its parts; ``names``: theirs;
    ``part``: what a part is called; ``scale``: 100 where metrics are shares, to read in percent, else 1; ``texts``: the labels of values.
    """

    parameter: str
    baseline: Any
    arms: list[Any]
    metrics: list[str]
    names: list[str]
    part: str
    scale: int
    texts: Mapping[str, str]

    @property
    def percent(self) -> bool:
        return self.scale == 100

    def name(self, value: Any) -> str:
        return self.texts.get(identity(value)) or show(value)

    @property
    def decimals(self) -> int | None:
        """Decimals of a percentage; None leaves them to the numbers."""
        return 2 if self.percent else None


def compared(run: Run) -> Compared | None:
    """What the study of ``run`` compares; None where it compares nothing."""
    content = run.spec.get("compare")
    if not content or content["parameter"] not in run.parameters:
        return None
    values = {identity(value): value for value in settings_table(run)[content["parameter"]]}
    values.pop(identity(content["baseline"]), None)
    return Compared(
        parameter=content["parameter"],
        baseline=content["baseline"],
        arms=list(values.values()),
        metrics=list(content["metrics"]),
        names=[OVERALL, *part_names(content["metrics"][1:])],
        part=content.get("parts") or "part",
        scale=100 if content.get("percent") else 1,
        texts=labels(run)[content["parameter"]],
    )


def part_names(metrics: list[str]) -> list[str]:
    """What follows the common beginning, which ends at a ``_``: ``accuracy_0, accuracy_1`` are the parts ``0, 1``."""
    letters = [set(letter) for letter in zip(*metrics, strict=False)]
    alike = next((place for place, found in enumerate(letters) if len(found) > 1), len(letters))
    start = metrics[0].rfind("_", 0, alike) + 1 if metrics else 0
    return [metric[start:] or metric for metric in metrics]


def compare_arms(run: Run, parameter: str | None = None, baseline: Any = None, metrics: Sequence[str] = ()) -> pd.DataFrame:
    """``arms_table`` of what the study compares; or, in any study, of the values of ``parameter`` against ``baseline`` (its first value, if
    not given), by ``metrics`` (the study's, if not given).

    Raises:
        ValueError: the study compares nothing and no parameter is given, or it has no such parameter or value.
    """
    if parameter is None:
        what = compared(run)
        if what is None:
            raise ValueError(f"The study compares nothing by itself: give one of its parameters, {listing(run.parameters)}.")
        return arms_table(run, what)
    if parameter not in run.parameters:
        raise ValueError(f"{parameter!r} is no parameter of the space, which has {listing(run.parameters)}.")
    values = {identity(value): value for value in settings_table(run)[parameter].tolist()}
    first = next(iter(values.values()), None) if baseline is None else baseline
    if identity(first) not in values:
        raise ValueError(f"{parameter} was never {baseline!r}, but {listing(label(run, parameter, value) for value in values.values())}.")
    chosen = {"parameter": parameter, "baseline": first, "metrics": list(metrics) or [run.metric]}
    return compare_arms(replace(run, spec={**run.spec, "compare": chosen}))


def arm_pairs(run: Run, what: Compared) -> pd.DataFrame:
    """Each arm beside the baseline, once for each combination of the other parameters: ``baseline_setting, arm_setting`` (their numbers),
    ``baseline``, ``arm`` (their values) and ``at`` (the other parameters, as text)."""
    settings = settings_table(run)
    others = [key for key in run.parameters if key != what.parameter]
    combinations = identities(settings[others]) if others else [()] * len(settings)
    held = [identity(value) for value in settings[what.parameter]]
    places = {pair: number for number, pair in enumerate(zip(held, combinations, strict=True))}
    rows = [
        (number, places[identity(arm), combination], what.baseline, arm, describe(run, settings.loc[number].to_dict(), others))
        for number, (value, combination) in enumerate(zip(held, combinations, strict=True))
        for arm in what.arms
        if value == identity(what.baseline) and (identity(arm), combination) in places
    ]
    return pd.DataFrame(rows, columns=PLACES)


def arm_seeds(run: Run, what: Compared) -> pd.DataFrame:
    """One row per setting and seed: ``seed, trial`` and the metrics compared, in percent where they are shares; index ``setting``."""
    last = last_epochs(run).reindex(columns=["seed", "trial", *what.metrics])
    last[what.metrics] = last[what.metrics].replace([np.inf, -np.inf], np.nan) * what.scale
    return last


def arms_table(run: Run, what: Compared) -> pd.DataFrame:
    """One row per arm, combination of the other parameters and metric, the overall one first.

    Columns: those of ``arm_pairs``, ``metric``, ``part``, and

    ``n, left_out``: seeds that both have (pairs), and seeds that only one of them has
    ``baseline_mean, baseline_std, arm_mean, arm_std``: over the pairs (``ddof=1``), or over the seeds of each where there is no pair
    ``difference, ci_low, ci_high``: mean of arm minus baseline over the pairs, 95 % t interval
    ``corrected_low, corrected_high``: t interval at the level at which Holm's procedure judges this row of its family
    ``p, p_corrected, p_flips``: paired t-test; the same after Holm's correction over the family; exact sign-flip test, uncorrected
    ``probability_better``: share of the pairs in which the arm is better by the study's mode, ties count half; missing for one pair
    ``seeds_needed``: how many seeds would settle a row that is not supported, see ``power.seeds_to_settle``
    ``supported``: the corrected interval excludes 0 and ``p_corrected`` is at most 0.05; that any of a family is so by chance has a
        probability of at most 5 %, however many of them are
    ``published_baseline, published_arm, published_difference``: what others measured
    ``lost``: seeds that the two lost, where any setting lost some: then a row is supported only if it still is where they count as worst

    The overall rows are one family, the parts another. Means are in percent and differences in percentage points where metrics are shares.
    """
    seeds = arm_seeds(run, what)
    table, filled = _arms(run, what, seeds), with_lost(run, seeds, what.metrics, what.scale)
    if filled is None:
        return table
    pairs = table[["baseline_setting", "arm_setting"]].to_numpy(dtype=int)
    return table.assign(supported=still_supported(table, _arms(run, what, filled)), lost=lost_of(run, pairs))


def _arms(run: Run, what: Compared, seeds: pd.DataFrame) -> pd.DataFrame:
    pairs = arm_pairs(run, what)
    rows = [(pair, metric) for pair in pairs.to_dict("records") for metric in what.metrics]
    frame = pd.DataFrame([{**pair, "metric": metric} for pair, metric in rows], columns=[*PLACES, "metric"])
    frame["part"] = what.names * len(pairs)
    samples = [
        _align(_values(seeds, pair["baseline_setting"], metric), _values(seeds, pair["arm_setting"], metric)) for pair, metric in rows
    ]
    differences = [difference(sample[1].to_numpy(), sample[0].to_numpy()) if sample[2] else np.array([]) for sample in samples]
    sign = 1 if run.spec["mode"] == "max" else -1
    moments = [_moments(*sample, sign * found) for sample, found in zip(samples, differences, strict=True)]
    frame = frame.join(pd.DataFrame(moments, index=frame.index, columns=list(_moments(*_NOTHING))))
    frame = frame.join(_tests(differences, frame["part"] == OVERALL))
    published = [_published(run, what, pair, metric) for pair, metric in rows]
    return frame.join(pd.DataFrame(published, index=frame.index, columns=["published_baseline", "published_arm", "published_difference"]))


def arm_means(run: Run, what: Compared) -> pd.DataFrame:
    """One row per setting and metric, each over all its own seeds: ``setting, arm, at, metric, part, n, mean, std, low, high`` (95 % t
    interval of the mean) and ``published``, in the units of ``arms_table``."""
    seeds, settings = arm_seeds(run, what), settings_table(run)
    others = [key for key in run.parameters if key != what.parameter]
    rows = []
    for number, setting in zip(settings.index, settings.to_dict("records"), strict=True):
        place = {"setting": number, "arm": setting[what.parameter], "at": describe(run, setting, others)}
        for metric, part in zip(what.metrics, what.names, strict=True):
            values = _values(seeds, number, metric)
            low, high = t_intervals([values.to_numpy()], LEVEL)[0]
            of = moments(values.to_numpy())
            published = published_mean(run, what.parameter, setting, metric, what.scale)
            found = {"n": of["n"], "mean": of["mean"], "std": of["std"], "low": low, "high": high, "published": published}
            rows.append({**place, "metric": metric, "part": part, **found})
    return pd.DataFrame(rows)


def with_units(table: pd.DataFrame, what: Compared) -> pd.DataFrame:
    """The table of arms for a file: its columns say their unit, and settings go by their values."""
    names = {name: f"{name}_percent" for name in MEANS} | {name: f"{name}_percentage_points" for name in SPREADS}
    return table.drop(columns=["baseline_setting", "arm_setting"]).rename(columns=names if what.percent else {})


_NOTHING: tuple[pd.Series, pd.Series, int, int, np.ndarray] = (pd.Series(dtype=float), pd.Series(dtype=float), 0, 0, np.array([]))


def _values(seeds: pd.DataFrame, setting: int, metric: str) -> pd.Series:
    """The numbers of one setting, index ``seed``, without missing ones."""
    return seeds.loc[seeds.index == setting].set_index("seed")[metric].dropna().astype(float)


def _align(first: pd.Series, last: pd.Series) -> tuple[pd.Series, pd.Series, int, int]:
    """Both over the seeds that they share (as they are where they share none), the number of those and of the others."""
    shared = first.index.intersection(last.index)
    left_out = len(first.index.union(last.index)) - len(shared)
    return (first.loc[shared], last.loc[shared], len(shared), left_out) if len(shared) else (first, last, 0, left_out)


def _moments(first: pd.Series, last: pd.Series, n: int, left_out: int, better: np.ndarray) -> dict[str, Any]:
    """``better``: the differences, those in favour of ``last`` above 0."""
    both = {"baseline": moments(first.to_numpy()), "arm": moments(last.to_numpy())}
    means = {f"{side}_{name}": found[name] for side, found in both.items() for name in ("mean", "std")}
    wins = float((better > 0).mean() + (better == 0).mean() / 2) if n > 1 else np.nan
    return {"n": n, "left_out": left_out, **means, "probability_better": wins}


def _tests(differences: list[np.ndarray], overall: pd.Series) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"difference": [found.mean() if len(found) else np.nan for found in differences]}, index=overall.index, dtype=float
    )
    frame[["ci_low", "ci_high"]] = t_intervals(differences, LEVEL)
    frame["p"], frame["p_flips"] = t_p_values(differences), sign_flip_p_values(differences)
    for family in (overall, ~overall):
        rows = np.flatnonzero(family)
        judged = levels(holm_tests(frame.loc[family, "p"]), 1 - LEVEL)
        limits = [t_intervals([differences[row]], level)[0] for row, level in zip(rows, judged, strict=True)]
        frame.loc[family, ["corrected_low", "corrected_high"]] = np.array(limits).reshape(-1, 2)
        frame.loc[family, "p_corrected"] = holm(frame.loc[family, "p"])
    order = ["difference", "ci_low", "ci_high", "corrected_low", "corrected_high", "p", "p_corrected", "p_flips"]
    frame = frame.reindex(columns=order).assign(supported=are_supported(frame))
    for family in (overall, ~overall):
        frame.loc[family, "seeds_needed"] = seeds_needed(frame[family], [differences[row] for row in np.flatnonzero(family)])
    return frame


def _published(run: Run, what: Compared, pair: Mapping[Any, Any], metric: str) -> tuple[float, float, float]:
    setting = settings_table(run).loc[pair["arm_setting"]].to_dict()
    settings = ({**setting, what.parameter: what.baseline}, setting)
    baseline, arm = (published_mean(run, what.parameter, each, metric, what.scale) for each in settings)
    return baseline, arm, arm - baseline
