"""The trials of a run, as its records have them."""

import pandas as pd

from analysis.numerics.means import epoch_means
from analysis.records.frames import rows_of
from analysis.records.load import Run
from analysis.records.schema import Phase
from tuning.runs.trial_record import TrialRecord
from tuning.spec.study import Trial


def trial_records(run: Run, phase: str = Phase.SEARCH) -> list[TrialRecord]:
    """The trials of one phase, in the order of their ids."""
    part = run.phase(phase)
    scores, ends, space = _scores(part), _ends(part), run.recorded["space"]
    last = {} if part.epochs.empty else part.epochs.groupby("trial")["epoch"].max().to_dict()
    timed = part.epochs.drop_duplicates(["trial", "epoch"])
    seconds = timed.groupby("trial")["seconds"].sum().to_dict()
    return [
        TrialRecord(
            trial=Trial(
                id=row["trial"],
                params={
                    key: value
                    for key in space
                    if (value := row[run.columns.parameters[key]]) is not pd.NA
                },
                seeds=row["seeds"],
                phase=row["phase"],
                refused=run.refused.get(row["trial"], ()),
                drawn=run.drawn.get(row["trial"]),
            ),
            status=row["status"],
            rung=None if pd.isna(row["rung"]) else int(row["rung"]),
            attempt=int(row["attempt"]),
            scores=scores.get(row["trial"], {}),
            last_epoch=int(last.get(row["trial"], 0)),
            seconds=seconds.get(row["trial"], 0.0),
            ends=ends.get(row["trial"], {}),
            version=run.versions.get(row["trial"]),
            lines=run.lines.get(row["trial"], (0, 0)),
        )
        for row in rows_of(part.trials)
    ]


def _scores(run: Run) -> dict[str, dict[int, float]]:
    if run.epochs.empty or run.metric not in run.epochs:
        return {}
    scores: dict[str, dict[int, float]] = {}
    for (trial, epoch), value in epoch_means(run.epochs, run.metric).dropna().items():
        scores.setdefault(trial, {})[int(epoch)] = float(value)
    return scores


def _ends(run: Run) -> dict[str, dict[int, float]]:
    if run.metric not in run.epochs:
        return {}
    last = run.epochs[run.epochs["epoch"] == run.epochs.groupby("trial")["epoch"].transform("max")]
    return {
        str(trial): dict(zip(rows["seed"].tolist(), rows[run.metric].tolist(), strict=True))
        for trial, rows in last.groupby("trial")
    }
