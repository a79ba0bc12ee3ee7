"""Frames of the rows of a run, with the names of columns."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from analysis.records.columns import Columns
from analysis.records.lines import DamagedRun, damaged, metric_problem
from analysis.records.paths import RunPaths
from analysis.records.schema import Status, phase_of, status_of
from analysis.records.space import declared
from analysis.records.versions import Versions, is_of

TRIAL_COLUMNS = [
    "trial", "phase", "status", "rung", "seeds", "attempt", "epochs", "seconds", "node", "error",
    "reason",
]  # fmt: skip


def trials_frame(
    spec: Mapping[str, Any], rows: list[dict[str, Any]], columns: Columns
) -> pd.DataFrame:
    """One row per trial, from rows of ``trials.jsonl``: ``TRIAL_COLUMNS``, then the parameters,
    with the values that the space has for them; ``pd.NA`` where one is not active. ``spec``: the
    content of ``study.json``.
    """
    last = sorted({row["trial"]: row for row in rows}.values(), key=lambda row: row["trial"])
    missing = {"rung": np.nan, "attempt": 1, "epochs": 0, "seconds": np.nan}
    records = [
        {
            **{name: row.get(name, missing.get(name)) for name in TRIAL_COLUMNS},
            "phase": str(phase_of(row)),
            "status": str(status_of(row)),
        }
        for row in last
    ]
    settings = [{**spec["fixed"], **declared(spec["space"], row["params"])} for row in last]
    # As objects: beside None or 2.5 a column of numbers would turn 1 into 1.0, and round what has
    # more than 53 bits.
    values = {
        column: pd.Series([setting.get(key, pd.NA) for setting in settings], dtype=object)
        for key, column in columns.parameters.items()
    }
    frames = [pd.DataFrame(records, columns=TRIAL_COLUMNS), pd.DataFrame(values, dtype=object)]
    return pd.concat(frames, axis=1)


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as mappings. ``frame.to_dict`` would make None of ``pd.NA``."""
    return [dict(zip(frame, row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def facts_of_draws(rows: Iterable[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """Trial -> what its first row of ``trials.jsonl`` says under ``name``; without those that say
    nothing.
    """
    return {row["trial"]: row[name] for row in rows if row.get(name)}


def epochs_frame(
    paths: RunPaths,
    rows: list[dict[str, Any]],
    seeds: Mapping[str, list[int]],
    names: Columns,
    versions: Versions,
) -> pd.DataFrame:
    """One row per trial, epoch and seed, from rows of ``epochs.jsonl``, line 1 first: ``trial,
    epoch, seed, seconds, at``, then the metrics. ``seeds``: of each trial; ``versions``: of the
    code, which its epochs must be of to count.

    Raises:
        DamagedRun: a row is of no known trial, or its metrics are not numbers for its seeds.
    """
    last = {(row["trial"], row["epoch"]): (number, row) for number, row in enumerate(rows, start=1)}
    for (trial, _), (number, _) in last.items():
        if trial not in seeds:
            why = f"it is of trial {trial}, which {paths.trials.name} does not know"
            raise damaged(paths.epochs, number, why)
    rows = [row for _, row in last.values() if is_of(row, versions)]
    if not rows:
        empty = pd.DataFrame(columns=["trial", "epoch", "seed", "seconds", "at"], dtype=float)
        return empty.astype({"seed": int})
    sizes = [len(seeds[row["trial"]]) for row in rows]
    # Of the row that each line of the frame comes from
    places = np.repeat(np.arange(len(rows)), sizes)
    # Each trial is sorted, and made a string of pandas, once, and not at every line.
    trials = sorted(seeds)
    number_of = {trial: number for number, trial in enumerate(trials)}
    trial = np.array([number_of[row["trial"]] for row in rows])[places]
    columns = {
        name: np.array([row[name] for row in rows])[places] for name in ("epoch", "seconds", "at")
    }
    columns["seed"] = np.array([seed for row in rows for seed in seeds[row["trial"]]])
    try:
        for name in dict.fromkeys(chain.from_iterable(row["metrics"] for row in rows)):
            values = [row["metrics"].get(name) for row in rows]
            columns[names.metrics[name]] = _over_seeds(values, sizes, places)
    except (TypeError, ValueError):
        raise _wrong_metric(paths, last.values(), seeds) from None
    order = np.lexsort((columns["seed"], columns["epoch"], trial))
    frame = pd.DataFrame({name: values[order] for name, values in columns.items()})
    frame.insert(0, "trial", pd.Series(trials, dtype="str").array.take(trial[order]))
    return frame


def _over_seeds(values: list[Any], sizes: list[int], places: np.ndarray) -> np.ndarray:
    """A metric at each trial, epoch and seed: ``values``, one per row, are a number per seed, or
    one that holds for the whole trial and stands at each seed.
    """
    kinds = set(map(type, values))
    if list not in kinds:
        return np.array(values, dtype=float)[places]
    if kinds != {list}:
        values = [
            value if isinstance(value, list) else [value] * size
            for value, size in zip(values, sizes, strict=True)
        ]
    if list(map(len, values)) != sizes:
        raise ValueError("not one value per seed")
    return np.array(list(chain.from_iterable(values)), dtype=float)


def _wrong_metric(
    paths: RunPaths, rows: Iterable[tuple[int, dict[str, Any]]], seeds: Mapping[str, list[int]]
) -> DamagedRun:
    """The error that names the first row, of those given with their numbers, whose metrics are not
    numbers for its seeds.
    """
    for number, row in rows:
        ours = seeds[row["trial"]]
        try:
            for value in row["metrics"].values():
                _over_seeds([value], [len(ours)], np.zeros(len(ours), dtype=int))
        except (TypeError, ValueError):
            return damaged(paths.epochs, number, metric_problem(row, ours))
    raise AssertionError("one of the rows was refused before")


def ends_of(trials: pd.DataFrame) -> str:
    """``8 completed, 1 failed``: how many trials ended how."""
    amounts = trials["status"].value_counts()
    return ", ".join(f"{amounts[status]} {status}" for status in Status if status in amounts)
