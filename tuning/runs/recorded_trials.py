"""The trials of a run, as its records have them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.numerics.means import epoch_means, mean, standard_error
from analysis.records.frames import rows_of
from analysis.records.load import Run
from analysis.records.schema import Phase
from analysis.records.space import declared
from tuning.runs.trial_record import TrialRecord
from tuning.spec.study import Trial


def trial_records(run: Run, phase: str = Phase.SEARCH) -> list[TrialRecord]:
    """The trials of one phase, in the order of their ids."""
    part = run.phase(phase)
    scores, ends, errors = _numbers(part), _ends(part), {}
    if run.spec["search"].get("sampler") == "auto":  # nothing else asks for them
        errors = _numbers(part, standard_error)
    last = {} if part.epochs.empty else part.epochs.groupby("trial")["epoch"].max().to_dict()
    timed = part.epochs.drop_duplicates(["trial", "epoch"])
    seconds = timed.groupby("trial")["seconds"].sum().to_dict()
    return [
        TrialRecord(
            trial=_trial(run, row),
            status=row["status"],
            rung=None if pd.isna(row["rung"]) else int(row["rung"]),
            attempt=int(row["attempt"]),
            scores=scores.get(row["trial"], {}),
            errors=errors.get(row["trial"], {}),
            last_epoch=int(last.get(row["trial"], 0)),
            seconds=seconds.get(row["trial"], 0.0),
            ends=ends.get(row["trial"], {}),
            version=run.versions.get(row["trial"]),
            lines=run.lines.get(row["trial"], (0, 0)),
        )
        for row in rows_of(part.trials)
    ]


def dropped_records(run: Run) -> list[TrialRecord]:
    """The trials that were left out by hand, with no number of theirs."""
    return [
        TrialRecord(
            trial=_trial(run, row),
            status=row["status"],
            retrain=row["retrain"],
            lines=run.lines[row["trial"]],
        )
        for row in rows_of(run.dropped)
    ]


def _trial(run: Run, row: Mapping[str, Any]) -> Trial:
    params = {
        key: value
        for key in run.recorded["space"]
        if (value := row[run.columns.parameters[key]]) is not pd.NA
    }
    return Trial(
        id=row["trial"],
        params=params,
        seeds=row["seeds"],
        phase=row["phase"],
        refused=run.refused.get(row["trial"], ()),
        drawn=run.drawn.get(row["trial"]),
    )


def _numbers(
    run: Run, of: Callable[[Sequence[float]], float] = mean
) -> dict[str, dict[int, float]]:
    """Of each trial by epoch, as ``epoch_means``; finite ones alone."""
    if run.epochs.empty or run.metric not in run.epochs:
        return {}
    numbers: dict[str, dict[int, float]] = {}
    for (trial, epoch), value in epoch_means(run.epochs, run.metric, of).dropna().items():
        numbers.setdefault(trial, {})[int(epoch)] = float(value)
    return numbers


def _ends(run: Run) -> dict[str, dict[int, float]]:
    if run.metric not in run.epochs:
        return {}
    last = run.epochs[run.epochs["epoch"] == run.epochs.groupby("trial")["epoch"].transform("max")]
    return {
        str(trial): dict(zip(rows["seed"].tolist(), rows[run.metric].tolist(), strict=True))
        for trial, rows in last.groupby("trial")
    }


def repeated_trials(run: Run) -> Iterator[tuple[Trial, str]]:
    """The settings that were drawn again, each with the trial that answers for it."""
    for row in run.repeated:
        trial = Trial(
            id=row["trial"],
            params=declared(run.recorded["space"], row["params"]),
            seeds=row["seeds"],
            refused=row.get("refused", ()),
            drawn=row.get("drawn"),
        )
        yield trial, row["same_as"]
