"""The folder of a run, read back into frames: every column name of it. ``run_paths`` says where things lie in it."""

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.columns import Columns, columns_of
from analysis.devices import trial_devices
from analysis.once import once
from analysis.records import SCHEMA as SCHEMA
from analysis.records import STATUSES as STATUSES
from analysis.records import DamagedRun as DamagedRun
from analysis.records import damaged, epoch_problem, metric_problem, missing_notes, read_lines, read_spec, refuse_links, trial_problem
from analysis.run_paths import RunPaths as RunPaths
from analysis.versions import Versions, is_of, trial_versions, versions_note, wanted_versions


@dataclass(frozen=True)
class Run:
    """A run, read back.

    ``spec``: the content of ``study.json``, parameters and metrics called as their columns are.
    ``trials``: one row per trial: ``trial, phase, status, rung, seeds, attempt, epochs, seconds, node, error`` and one column per setting
    key. ``phase`` is "search", or "confirm" for settings that were trained again on fresh seeds; ``rung`` is the epoch at which a pruned
    trial was stopped; ``attempt`` counts the starts of the trial.
    ``epochs``: one row per trial, epoch and seed: ``trial, epoch, seed, seconds, at`` and one column per metric;
    ``seconds`` is what the epoch took for all seeds of its trial together.
    ``notes``: what was tolerated while reading, in sentences.
    ``columns``: which column holds which parameter and which metric: that of its name, unless a column of ours is called so.
    ``recorded``: the content of ``study.json`` as it is.
    ``versions``: the version of the study's code that the numbers of each trial are of, None where it was not recorded.
    ``devices``: on what each trial was trained, and in which precision, where its trainable says so.
    ``whole``: of a part of a run, all of it.
    ``known``: see ``once``.
    """

    paths: RunPaths
    spec: Mapping[str, Any]
    trials: pd.DataFrame
    epochs: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    columns: Columns = Columns({}, {})
    recorded: Mapping[str, Any] = field(default_factory=dict)
    versions: Versions = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    whole: "Run | None" = field(default=None, repr=False)
    known: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def metric(self) -> str:
        return self.spec["metric"]

    @property
    def parameters(self) -> list[str]:
        """The keys that the space varies, in the order of the study."""
        return list(self.spec["space"])

    @once
    def phase(self, name: str) -> "Run":
        """The trials of one phase alone, "search" or "confirm", with their epochs."""
        trials = self.trials[self.trials["phase"] == name]
        epochs = self.epochs[self.epochs["trial"].isin(trials["trial"])]
        return replace(self, trials=trials.reset_index(drop=True), epochs=epochs.reset_index(drop=True), whole=self.whole or self)

    def arrays(self, trial: str) -> dict[str, np.ndarray]:
        """What ``trial`` recorded besides numbers, by name; empty where it recorded nothing.

        Raises:
            DamagedRun: its file cannot be read.
        """
        path = self.paths.arrays(trial)
        if not path.exists():
            return {}
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except Exception as error:  # numpy and zipfile raise a dozen kinds
            raise DamagedRun(f"{path} is damaged: {str(error).splitlines()[0]}. Take it out to do without it.") from None


def load_run(folder: str | Path) -> Run:
    """Read a run folder, finished or not.

    A torn last line (the writer died in the middle of it) is left out and noted. Where a trial and epoch stand twice, the last row counts.
    Epochs that a trial left behind before it was trained anew with other code are left out.
    A trial that ended as completed, but not at the last epoch that is recorded of it, counts as unfinished, with a note.

    Raises:
        DamagedRun: no run folder, an unknown schema, a line that no run writes, or a link in the folder.
    """
    paths = RunPaths(Path(folder).resolve())
    notes: list[str] = []
    recorded = read_spec(paths.study)
    refuse_links(paths.root)
    with _no_collection():
        trial_rows = read_lines(paths.trials, {"trial", "config", "seeds", "status"}, trial_problem, notes)
        epoch_rows = read_lines(paths.epochs, {"trial", "epoch", "metrics", "seconds", "at"}, epoch_problem, notes)
        seeds = {row["trial"]: row["seeds"] for row in trial_rows}
        columns = columns_of(recorded, dict.fromkeys(chain.from_iterable(row["metrics"] for row in epoch_rows)))
        epochs = _epochs_frame(paths, epoch_rows, seeds, columns, wanted_versions(recorded, trial_rows))
        notes += missing_notes(epoch_rows, {recorded["metric"], "loss", *recorded.get("must_be_finite", [])})
    trials = _without_gaps(_trials_frame(recorded["fixed"], trial_rows, columns), epochs, notes)
    of_trials = trial_versions(trial_rows), trial_devices(trial_rows)
    run = Run(paths, columns.renamed(recorded), trials, epochs, notes, columns, recorded, *of_trials)
    notes += [note for note in [versions_note(run)] if note]
    return run


@contextmanager
def _no_collection() -> Iterator[None]:
    """No garbage collection: it would go through all rows read so far again and again, for half of the time, and find nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _without_gaps(trials: pd.DataFrame, epochs: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The trials, those that lack epochs they ended with as unfinished."""
    reached = trials["trial"].map(epochs.groupby("trial")["epoch"].max()).fillna(0)
    gaps = (trials["status"] == "completed") & (trials["epochs"] != reached)
    for name, ended, last in zip(trials["trial"][gaps], trials["epochs"][gaps], reached[gaps], strict=True):
        notes.append(f"Trial {name} completed {ended} epochs, but the last one recorded is {int(last)}: it counts as unfinished.")
    return trials.assign(status=trials["status"].mask(gaps, "unfinished"))


def _trials_frame(fixed: Mapping[str, Any], rows: list[dict[str, Any]], columns: Columns) -> pd.DataFrame:
    last = sorted({row["trial"]: row for row in rows}.values(), key=lambda row: row["trial"])
    records = [
        {
            "trial": row["trial"],
            "phase": row.get("phase", "search"),
            "status": "unfinished" if row["status"] == "running" else row["status"],
            "rung": row.get("rung", np.nan),
            "seeds": row["seeds"],
            "attempt": row.get("attempt", 1),
            "epochs": row.get("epochs", 0),
            "seconds": row.get("seconds", np.nan),
            "node": row.get("node"),
            "error": row.get("error"),
        }
        for row in last
    ]
    ours = ["trial", "phase", "status", "rung", "seeds", "attempt", "epochs", "seconds", "node", "error"]
    settings = [{**fixed, **row["config"]} for row in last]
    # As objects: beside None or 2.5 a column of numbers would turn 1 into 1.0, and round what has more than 53 bits.
    values = {column: pd.Series([setting.get(key) for setting in settings], dtype=object) for key, column in columns.parameters.items()}
    return pd.concat([pd.DataFrame(records, columns=ours), pd.DataFrame(values, dtype=object)], axis=1)


def _epochs_frame(
    paths: RunPaths, rows: list[dict[str, Any]], seeds: Mapping[str, list[int]], names: Columns, versions: Versions
) -> pd.DataFrame:
    last = {(row["trial"], row["epoch"]): (number, row) for number, row in enumerate(rows, start=1)}
    for (trial, _), (number, _) in last.items():
        if trial not in seeds:
            raise damaged(paths.epochs, number, f"it is of trial {trial}, which {paths.trials.name} does not know")
    rows = [row for _, row in last.values() if is_of(row, versions)]
    if not rows:
        return pd.DataFrame({name: np.array([]) for name in ("trial", "epoch", "seed", "seconds", "at")}).astype({"seed": int})
    sizes = [len(seeds[row["trial"]]) for row in rows]
    places = np.repeat(np.arange(len(rows)), sizes)  # of the row that each line of the frame comes from
    trials = sorted(seeds)  # each is sorted, and made a string of pandas, once, and not at every line
    number_of = {trial: number for number, trial in enumerate(trials)}
    trial = np.array([number_of[row["trial"]] for row in rows])[places]
    columns = {name: np.array([row[name] for row in rows])[places] for name in ("epoch", "seconds", "at")}
    columns["seed"] = np.array([seed for row in rows for seed in seeds[row["trial"]]])
    try:
        for name in dict.fromkeys(chain.from_iterable(row["metrics"] for row in rows)):
            columns[names.metrics[name]] = _over_seeds([row["metrics"].get(name) for row in rows], sizes, places)
    except (TypeError, ValueError):
        raise _wrong_metric(paths, last.values(), seeds) from None
    order = np.lexsort((columns["seed"], columns["epoch"], trial))
    frame = pd.DataFrame({name: values[order] for name, values in columns.items()})
    frame.insert(0, "trial", pd.Series(trials, dtype="str").array.take(trial[order]))
    return frame


def _over_seeds(values: list[Any], sizes: list[int], places: np.ndarray) -> np.ndarray:
    """A metric at each trial, epoch and seed: ``values``, one per row, are a number per seed, or one that holds for the whole trial and
    stands at each seed."""
    kinds = set(map(type, values))
    if list not in kinds:
        return np.array(values, dtype=float)[places]
    if kinds != {list}:
        values = [value if isinstance(value, list) else [value] * size for value, size in zip(values, sizes, strict=True)]
    if list(map(len, values)) != sizes:
        raise ValueError("not one value per seed")
    return np.array(list(chain.from_iterable(values)), dtype=float)


def _wrong_metric(paths: RunPaths, rows: Iterable[tuple[int, dict[str, Any]]], seeds: Mapping[str, list[int]]) -> DamagedRun:
    """The error that names the first row, of those given with their numbers, whose metrics are not numbers for its seeds."""
    for number, row in rows:
        ours = seeds[row["trial"]]
        try:
            for value in row["metrics"].values():
                _over_seeds([value], [len(ours)], np.zeros(len(ours), dtype=int))
        except (TypeError, ValueError):
            return damaged(paths.epochs, number, metric_problem(row, ours))
    raise AssertionError("one of the rows was refused before")
