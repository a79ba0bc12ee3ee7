"""Train one recorded trial again in this process, and compare number by number."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.records.load import Run
from analysis.records.schema import Phase
from analysis.text.format import count
from tuning.engine.backends.inline import trained
from tuning.runs.history import TrialRecord
from tuning.runs.recorded_trials import trial_records
from tuning.spec.study import Study, StudyError

CLOCKS = ("seconds", "_per_second")
"""How the names of metrics end that measure the machine: no two trainings have them alike."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """An epoch trained again, beside its record."""

    epoch: int
    numbers: int
    """How many were compared: metrics times seeds."""
    differences: Mapping[str, float]
    """Metric -> the largest relative difference over the seeds, of the metrics that are not equal
    bit for bit; infinite where a metric is missing on one side or not a number on one side only.
    """
    device: str | None = None
    """On what it was trained again, where the trainable says so."""

    def line(self) -> str:
        """What came of this epoch, in one line."""
        if not self.differences:
            return f"epoch {self.epoch}: {_all(self.numbers)} equal"
        found = ", ".join(f"{name} by up to {size:.2g}" for name, size in self.differences.items())
        return f"epoch {self.epoch}: differs relatively: {found}"


def replay(study: Study, run: Run, name: str) -> Iterator[Replayed]:
    """The recorded epochs of trial ``name``, one after the other as they are trained again; with as
    many threads as the trial had.

    What the trainable raises is raised here as it is.

    Raises:
        StudyError: the run has no such trial, or no epoch of it.
    """
    trial = find_trial(run, name).trial
    epochs = run.epochs[run.epochs["trial"] == name]
    recorded = {int(str(epoch)): rows.set_index("seed") for epoch, rows in epochs.groupby("epoch")}
    if not recorded:
        raise StudyError(
            f"trial {name} has no recorded epoch to compare with; `study try` runs a trial in this"
            " process."
        )
    threads = max(1, math.floor(study.resources.cpus))
    with closing(trained(study, trial, threads)) as rows:
        for row, _ in rows:
            if row["epoch"] in recorded:
                yield _compared(row, recorded[row["epoch"]], trial.seeds, run.columns.metrics)
            if row["epoch"] >= max(recorded):
                return


def _all(numbers: int) -> str:
    return "the only number" if numbers == 1 else f"all {numbers} numbers"


def verdict(name: str, epochs: Sequence[Replayed], device: str | None = None) -> str:
    """What came of the whole trial, in one line; ``device``: on what it was trained, as
    recorded.
    """
    numbers = sum(epoch.numbers for epoch in epochs)
    different = [epoch for epoch in epochs if epoch.differences]
    if not different:
        return (
            f"trial {name}: {_all(numbers)} of {count(len(epochs), 'epoch')}"
            f" {'is' if numbers == 1 else 'are'} equal to the record, bit for bit."
        )
    largest = max(size for epoch in different for size in epoch.differences.values())
    where = f"{len(different)} of {len(epochs)} epochs, first at epoch {different[0].epoch}"
    others = {epoch.device for epoch in epochs} - {device} if device else set()
    because = (
        f" It was trained on {device}, and again on {', '.join(map(str, others))}."
        if others
        else ""
    )
    return (
        f"trial {name}: differs from the record in {where}; the largest relative difference is"
        f" {largest:.2g}.{because}"
    )


def find_trial(run: Run, name: str) -> TrialRecord:
    """The trial of that id.

    Raises:
        StudyError: there is none.
    """
    trials = {each.trial.id: each for phase in Phase for each in trial_records(run, phase)}
    if name not in trials:
        ids = list(trials)
        there = f"It has {ids[0]} to {ids[-1]}." if ids else "It has none yet."
        if name in set(run.dropped["trial"]):
            there = f"It was left out: `study drop RUN {name} --undo` takes that back."
        raise StudyError(f"{run.paths.root} has no trial {name!r}. {there}")
    return trials[name]


def _compared(
    row: Mapping[str, Any], recorded: Any, seeds: Any, columns: Mapping[str, str]
) -> Replayed:
    """``columns``: metric -> its column of ``recorded``, the rows of the epoch with the index
    ``seed``.
    """
    found, numbers = {}, 0
    there = [metric for metric, column in columns.items() if column in recorded]
    for metric in dict.fromkeys([*row["metrics"], *there]):
        if metric.endswith(CLOCKS):
            continue
        before = (
            recorded[columns[metric]].loc[list(seeds)].to_numpy()
            if metric in there
            else np.full(len(seeds), math.nan)
        )
        after = np.broadcast_to(
            np.asarray(row["metrics"].get(metric, math.nan), dtype=float), len(seeds)
        )
        # The record holds no number that is not finite.
        after = np.where(np.isfinite(after), after, math.nan)
        numbers += len(seeds)
        if not np.array_equal(before, after, equal_nan=True):
            found[metric] = _largest(before, after)
    return Replayed(
        epoch=row["epoch"], numbers=numbers, differences=found, device=row.get("device")
    )


def _largest(before: np.ndarray, after: np.ndarray) -> float:
    """The largest relative difference."""
    gaps = np.abs(before - after) / np.maximum(np.abs(before), np.finfo(float).tiny)
    gaps[(before == after) | (np.isnan(before) & np.isnan(after))] = 0
    return float(np.nan_to_num(gaps, nan=math.inf).max())
