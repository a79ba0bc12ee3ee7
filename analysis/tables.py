"""The tables of a run: one row per seed, per setting, per published row, per status. Frames in, frames out."""

import itertools
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.intervals import RANDOM_SEED, mean_intervals
from analysis.once import once
from analysis.runs import STATUSES, Run
from analysis.wording import last_line

PUBLISHED_DRAWS = 9_999
PUBLISHED_ROUNDING = 1e-6  # published numbers are rounded: a mean this close to the range counts as inside


@once
def settings_table(run: Run) -> pd.DataFrame:
    """One row per setting, numbered by the index ``setting``, one column per parameter of the space; in the order of the space's values.

    A grid lists all its settings, begun or not; any other search lists those that its trials had.
    """
    space = run.spec["space"]
    tried = list(run.trials[run.parameters].itertuples(index=False, name=None))
    planned = list(itertools.product(*(space[key]["values"] for key in run.parameters))) if _is_grid(run) else []
    distinct = {tuple(map(identity, setting)): setting for setting in [*tried, *planned]}
    ranks = [_ranks(space[key]) for key in run.parameters]
    ordered = sorted(distinct.values(), key=lambda setting: [rank(value) for rank, value in zip(ranks, setting, strict=True)])
    columns = {
        key: pd.Series([setting[i] for setting in ordered], dtype=None if ordered else object) for i, key in enumerate(run.parameters)
    }
    return pd.DataFrame(columns, columns=run.parameters).rename_axis("setting")


@once
def trial_settings(run: Run) -> pd.Series:
    """The number of the setting of each trial, index ``trial``."""
    numbers = _numbers(run)
    found = [numbers[texts] for texts in identities(run.trials[run.parameters])]
    return pd.Series(found, index=pd.Index(run.trials["trial"]), name="setting", dtype=int)


def completed_epochs(run: Run) -> pd.DataFrame:
    """The epochs of the completed trials: those of ``run.epochs`` with the column ``setting`` before them."""
    completed = run.trials.loc[run.trials["status"] == "completed", "trial"]
    epochs = run.epochs.reindex(columns=list(dict.fromkeys([*run.epochs, run.metric])))
    epochs = epochs[epochs["trial"].isin(completed)]
    return epochs.assign(setting=epochs["trial"].map(trial_settings(run)).astype(int))


@once
def seed_table(run: Run) -> pd.DataFrame:
    """One row per setting and seed of the completed trials, at the last epoch of each trial.

    Columns: the parameters of the space, ``parameters`` (number of weights, if recorded), ``seed``, ``trial``, the metric. The index
    ``setting`` is that of ``settings_table``. A setting that met the same seed in two trials counts it once, as the later trial had it.
    """
    weights = ["parameters"] if _counts_weights(run) else []
    last = last_epochs(run)[[*weights, "seed", "trial", run.metric]]
    return settings_table(run).join(last.astype(dict.fromkeys(weights, "Int64")), how="inner")


@once
def last_epochs(run: Run) -> pd.DataFrame:
    """One row per setting and seed of the completed trials, with all that was recorded at the last epoch of each trial; index ``setting``.

    A setting that met the same seed in two trials counts it once, as the later trial had it.
    """
    epochs = completed_epochs(run)
    last = epochs[epochs["epoch"] == epochs.groupby("trial")["epoch"].transform("max")]
    return last.drop_duplicates(["setting", "seed"], keep="last").sort_values(["setting", "seed"]).set_index("setting")


def summary_table(run: Run, seeds: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per setting, index ``setting``; settings without a single result are kept with ``n`` 0.

    Columns: the parameters of the space, ``parameters`` (if recorded), ``n`` (seeds with a number), ``<metric>_mean``, ``<metric>_std``
    (``ddof=1``), ``<metric>_median``, ``ci_low``, ``ci_high`` (95 % bootstrap interval of the mean, see ``intervals.mean_intervals``), and
    ``solved``, the share of seeds that reach the study's ``solved`` (only if it has one). ``seeds``: the seed table, if you have it.
    """
    seeds = seed_table(run) if seeds is None else seeds
    table = settings_table(run)
    if _counts_weights(run):
        table["parameters"] = _weights(run).reindex(table.index).astype("Int64")
    samples = samples_by_setting(seeds, run.metric)
    moments = [_moments(samples.get(number, np.array([]))) for number in table.index]
    facts = pd.DataFrame(moments, index=table.index, columns=list(_moments(np.array([]))))
    limits = mean_intervals([samples.get(number, np.array([])) for number in table.index])
    names = {"mean": f"{run.metric}_mean", "std": f"{run.metric}_std", "median": f"{run.metric}_median"}
    table = table.join(facts.rename(columns=names)).assign(ci_low=limits[:, 0], ci_high=limits[:, 1])
    if run.spec.get("solved") is not None:
        table["solved"] = is_solved(run.spec, seeds[run.metric]).groupby(level=0).mean().reindex(table.index).astype(float)
    return table


def best_setting(summary: pd.DataFrame, spec: Mapping[str, Any]) -> int | None:
    """The number of the setting with the best mean (the first of equals); None where no setting has a result."""
    means = summary[f"{spec['metric']}_mean"].dropna()
    if means.empty:
        return None
    return int(means.idxmax() if spec["mode"] == "max" else means.idxmin())


def samples_by_setting(seeds: pd.DataFrame, metric: str) -> dict[int, np.ndarray]:
    """The numbers of each setting that has any, without missing ones, in the order of the seeds."""
    present = seeds[metric].dropna()
    return {int(number): group.to_numpy(dtype=float) for number, group in present.groupby(level=0)}


def is_solved(spec: Mapping[str, Any], values: pd.Series) -> pd.Series:
    """Whether each number reaches the study's ``solved``, as 0.0 or 1.0; missing stays missing. Respects the mode."""
    reached = values >= spec["solved"] if spec["mode"] == "max" else values <= spec["solved"]
    return reached.astype(float).where(values.notna())


def published_table(run: Run, seeds: pd.DataFrame | None = None) -> pd.DataFrame | None:
    """Published means of the study's metric beside ours, one row per published row; None where the study has none.

    Columns: the parameters, ``published_mean``, ``published_std``, ``n`` (our seeds), ``<metric>_mean``, ``range_low``, ``range_high`` (the
    central 95 % of the means of as many seeds as were published, drawn from ours with replacement, 9,999 times; wider by the chance of
    the evaluation points, see ``evaluation_points``), ``outside`` (the published mean lies outside that range; missing where we have no
    seeds).
    """
    listed = published_rows(run, run.metric)
    if not listed:
        return None
    seeds = seed_table(run) if seeds is None else seeds
    samples = samples_by_setting(seeds, run.metric)
    numbers = _numbers(run)
    rows = []
    for row in listed:
        setting = {key: row.get(key) for key in run.parameters}
        ours = samples.get(numbers.get(tuple(map(identity, setting.values())), -1), np.array([]))
        rows.append({**setting, **_beside(row, ours, run.spec["published"]["runs"], run.metric, evaluation_points(run, seeds))})
    columns = [*run.parameters, "published_mean", "published_std", "n", f"{run.metric}_mean", "range_low", "range_high", "outside"]
    return pd.DataFrame(rows, columns=columns).astype({"outside": "boolean"})


def evaluation_points(run: Run, seeds: pd.DataFrame) -> int | None:
    """On how many points the metric is a share, where the study's data say it: others, who drew theirs, got another share by chance."""
    points = (run.spec.get("data") or {}).get("evaluation")
    is_share = run.spec["mode"] == "max" and bool(seeds[run.metric].dropna().between(0, 1).all())
    return points if is_share and isinstance(points, int) and points > 0 else None


def published_rows(run: Run, metric: str) -> list[Mapping[str, Any]]:
    """The published rows that hold means of ``metric``; a row that names none holds the study's."""
    rows = (run.spec.get("published") or {}).get("rows", [])
    return [row for row in rows if row.get("metric", run.metric) == metric]


def status_table(run: Run) -> pd.DataFrame:
    """One row per status: ``status, trials, seeds, errors``; first the planned ones, last those never started. No trial is left out.

    ``errors``: the distinct last lines of the errors, each with how often it came.
    """
    rows = [_status_row(status, run.trials[run.trials["status"] == status]) for status in STATUSES]
    planned = max(int(run.spec.get("trials") or 0), len(run.trials))
    waiting = planned - len(run.trials)
    begun = sum(row["seeds"] for row in rows)
    seeds = max(begun, _planned_seeds(run, planned)) if waiting else begun
    first = {"status": "planned", "trials": planned, "seeds": seeds, "errors": ""}
    last = {"status": "not started", "trials": waiting, "seeds": seeds - begun, "errors": ""}
    return pd.DataFrame([first, *rows, last])


def identity(value: Any) -> str:
    """One text per value: 1 and 1.0 agree, None and NaN agree, because a column of a frame may have turned one into the other."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or value != value:
        return "null"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(float(value))
    return json.dumps(value, sort_keys=True, default=str)


def identities(settings: pd.DataFrame) -> list[tuple[str, ...]]:
    """The ``identity`` of each value, one tuple per row."""
    return [tuple(map(identity, row)) for row in settings.itertuples(index=False, name=None)]


@once
def _numbers(run: Run) -> dict[tuple[str, ...], int]:
    return {texts: number for number, texts in enumerate(identities(settings_table(run)))}


def _is_grid(run: Run) -> bool:
    return run.spec["search"].get("kind") == "grid" and all("values" in domain for domain in run.spec["space"].values())


def _planned_seeds(run: Run, trials: int) -> int:
    """How many networks were to be trained: all seeds of every setting of a grid, or of every trial of a search."""
    settings = math.prod(len(domain["values"]) for domain in run.spec["space"].values()) if _is_grid(run) else trials
    return settings * len(run.spec["seeds"])


def _ranks(domain: Mapping[str, Any]) -> Any:
    """A sort key for the values of one parameter: their place in its list, then by size, then by text."""
    places = {identity(value): place for place, value in enumerate(domain.get("values", []))}

    def rank(value: Any) -> tuple[int, float, str]:
        size = float(value) if isinstance(value, int | float | np.number) and value == value else np.inf
        return places.get(identity(value), len(places)), size, identity(value)

    return rank


def _counts_weights(run: Run) -> bool:
    return "parameters" in run.epochs and "parameters" not in [*run.parameters, run.metric]


def _weights(run: Run) -> pd.Series:
    """Number of weights per setting, from any trial of it that reported one, completed or not."""
    reported = run.epochs.dropna(subset="parameters").drop_duplicates("trial").set_index("trial")["parameters"]
    return reported.groupby(trial_settings(run).reindex(reported.index)).first()


def _moments(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {"n": 0, "mean": np.nan, "std": np.nan, "median": np.nan}
    if np.ptp(values) == 0:  # summing equal numbers would leave a rounding error in mean and std
        return {"n": len(values), "mean": values[0], "std": 0.0 if len(values) > 1 else np.nan, "median": values[0]}
    return {"n": len(values), "mean": np.mean(values), "std": np.std(values, ddof=1), "median": np.median(values)}


def _beside(row: Mapping[str, Any], ours: np.ndarray, runs: int, metric: str, points: int | None) -> dict[str, Any]:
    low, high, outside = np.nan, np.nan, None
    if len(ours):
        rng = np.random.default_rng(RANDOM_SEED)
        means = rng.choice(ours, (PUBLISHED_DRAWS, runs)).mean(axis=1)
        if points:  # their points are others than ours: each set is off by its own binomial error, the same for all runs
            means = np.clip(means + rng.standard_normal(len(means)) * np.sqrt(2 * means * (1 - means) / points), 0, 1)
        low, high = np.quantile(means, [0.025, 0.975])
        outside = not low - PUBLISHED_ROUNDING <= row["mean"] <= high + PUBLISHED_ROUNDING
    mean = _moments(ours)["mean"]
    facts = {"published_mean": row["mean"], "published_std": row.get("std"), "n": len(ours), f"{metric}_mean": mean}
    return {**facts, "range_low": low, "range_high": high, "outside": outside}


def _status_row(status: str, trials: pd.DataFrame) -> dict[str, Any]:
    lines = pd.Series([last_line(error) for error in trials["error"] if isinstance(error, str)], dtype=object).value_counts()
    errors = "; ".join(f"{times} x {line}" for line, times in lines.items() if line)
    return {"status": status, "trials": len(trials), "seeds": int(trials["seeds"].map(len).sum()), "errors": errors}
