"""The trials of a search one by one: how each went on from epoch to epoch, and how it ended. Frames in, frames out."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.means import epoch_means
from analysis.once import once
from analysis.runs import Run
from analysis.tables import status_table


def is_search(run: Run) -> bool:
    """Whether the run is told as a search: it draws its settings, stops trials early, or confirms its best settings."""
    spec = run.spec
    return spec["search"].get("kind") != "grid" or bool(spec.get("stopping")) or bool(spec.get("confirm"))


def phase_statuses(run: Run) -> pd.DataFrame:
    """``tables.status_table`` of each phase, one below the other, with the column ``phase`` before it.

    How many trials a confirmation needs is known when it begins: until then it has no rows.
    """
    search, confirm = run.phase("search"), run.phase("confirm")
    parts = {"search": status_table(search)}
    if len(confirm.trials):
        parts["confirm"] = status_table(replace(confirm, spec={**confirm.spec, "trials": 0}))
    return pd.concat([frame.assign(phase=phase)[["phase", *frame]] for phase, frame in parts.items()], ignore_index=True)


@once
def trial_epochs(run: Run) -> pd.DataFrame:
    """One row per trial and epoch: ``trial, epoch, value`` (mean of the metric over the seeds; missing where it is not finite),
    ``seconds`` (all seeds together), ``at`` (seconds, for sorting). A trial that ended has no epoch after its last one, whatever an earlier
    attempt left.
    """
    epochs = run.epochs.reindex(columns=list(dict.fromkeys(["trial", "epoch", "seconds", "at", run.metric])))
    frame = epochs[["trial", "epoch", "seconds"]].assign(at=_moments(epochs["at"]))
    frame = frame.groupby(["trial", "epoch"], as_index=False).agg({"seconds": "first", "at": "first"})
    frame.insert(2, "value", epoch_means(epochs, run.metric).to_numpy())
    last = frame["trial"].map(run.trials.set_index("trial")["epochs"].where(_ended(run)))
    return frame[~(frame["epoch"] > last)].reset_index(drop=True)


@once
def trial_ends(run: Run) -> pd.DataFrame:
    """One row per trial, index ``trial``: ``phase, status, rung, epoch`` (the last one, 0 before the first), ``value`` (mean of the metric
    over its seeds at that epoch), ``seconds`` (sum over its epochs), ``at`` (when the last epoch ended, seconds)."""
    epochs = trial_epochs(run)
    last = epochs.drop_duplicates("trial", keep="last").set_index("trial")[["epoch", "value", "at"]]
    seconds = epochs.groupby("trial")["seconds"].sum()
    ends = run.trials.set_index("trial")[["phase", "status", "rung"]].join(last).join(seconds)
    return ends.assign(epoch=ends["epoch"].fillna(0).astype(int), seconds=ends["seconds"].astype(float).fillna(0.0))


def short_name(row: Any) -> str:
    """What a row of the leaderboard is called: by the confirmation, or after its trial."""
    if isinstance(row["name"], str):
        return row["name"]
    return f"trial {row['trial']}" if isinstance(row["trial"], str) else "a setting without a trial"


def _ended(run: Run) -> np.ndarray:
    return ((run.trials["status"] != "unfinished") & (run.trials["epochs"] > 0)).to_numpy()


def _moments(column: pd.Series) -> pd.Series:
    """Times as seconds, whether they were written as such or as dates."""
    numbers = pd.to_numeric(column, errors="coerce")
    dates = pd.to_datetime(column.where(numbers.isna()).astype(object), errors="coerce", utc=True, format="ISO8601")
    return numbers.astype(float).fillna((dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds())
