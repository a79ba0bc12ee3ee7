"""The trials of a search one by one: how each went on from epoch to epoch, and how it ended. Frames
in, frames out.
"""

from dataclasses import replace
from typing import Any

import pandas as pd

from analysis.numerics.means import epoch_means
from analysis.records.cache import once
from analysis.records.load import Run
from analysis.records.schema import ENDED, Phase
from analysis.stats.statuses import status_table
from analysis.text.format import count


def is_search(run: Run) -> bool:
    """Whether the run is told as a search: it draws its settings, stops trials early, or confirms
    its best settings.
    """
    grid = run.spec["search"].get("kind") == "grid"
    return not grid or bool(run.spec.get("scheduler") or run.spec.get("confirm"))


def claimed(run: Run) -> Run:
    """The trials that claims rest on: those on fresh seeds where the study has a confirmation."""
    return run.phase(Phase.CONFIRM) if run.spec.get("confirm") else run


def phase_statuses(run: Run) -> pd.DataFrame:
    """``statuses.status_table`` of each phase, one below the other, with the column ``phase``
    before it.

    How many trials a confirmation needs is known when it begins: until then it has no rows.
    """
    parts = {phase: run.phase(phase) for phase in Phase}
    confirm = parts[Phase.CONFIRM]
    parts[Phase.CONFIRM] = replace(confirm, spec={**confirm.spec, "trials": 0})
    tables = [
        status_table(part).assign(phase=str(phase))
        for phase, part in parts.items()
        if phase == Phase.SEARCH or len(part.trials)
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[["phase", *table.columns.drop("phase")]]


@once
def trial_epochs(run: Run) -> pd.DataFrame:
    """One row per trial and epoch: ``trial, epoch, value`` (mean of the metric over the seeds;
    missing where it is not finite), ``seconds`` (all seeds together), ``at`` (seconds, for
    sorting). A trial that ended has no epoch after its last one, whatever an earlier attempt left.
    """
    epochs = run.epochs.reindex(columns=["trial", "epoch", "seconds", "at", run.metric])
    frame = epochs[["trial", "epoch", "seconds"]].assign(at=_moments(epochs["at"]))
    frame = frame.groupby(["trial", "epoch"], as_index=False).first()
    frame.insert(2, "value", epoch_means(epochs, run.metric).to_numpy())
    trials = run.trials.set_index("trial")
    ended = trials["status"].isin(ENDED) & (trials["epochs"] > 0)
    last = frame["trial"].map(trials["epochs"].where(ended))
    return frame[~(frame["epoch"] > last)].reset_index(drop=True)


@once
def trial_ends(run: Run) -> pd.DataFrame:
    """One row per trial, index ``trial``: ``phase, status, rung, epoch`` (the last one, 0 before
    the first), ``value`` (mean of the metric over its seeds at that epoch), ``seconds`` (sum over
    its epochs), ``at`` (when the last epoch ended, seconds).
    """
    epochs = trial_epochs(run)
    last = epochs.drop_duplicates("trial", keep="last").set_index("trial")[["epoch", "value", "at"]]
    seconds = epochs.groupby("trial")["seconds"].sum()
    ends = run.trials.set_index("trial")[["phase", "status", "rung"]].join(last).join(seconds)
    return ends.assign(
        epoch=ends["epoch"].fillna(0).astype(int), seconds=ends["seconds"].astype(float).fillna(0.0)
    )


UPFRONT = 0.95  # of the time of a trial, from which on what is left is not worth stopping it
FEWEST_TIMED = 4  # trials with two epochs or more


@once
def upfront_share(run: Run) -> float | None:
    """Which share of its seconds a trial spends on its first epoch (median over trials), where that
    is practically all of them: it trains, or prepares, everything before it reports anything, and
    an early end saves nothing. None otherwise, and where too few trials can tell.
    """
    by_trial = trial_epochs(run).groupby("trial")["seconds"]
    timed = (by_trial.count() > 1) & (by_trial.sum() > 0)
    shares = (by_trial.first() / by_trial.sum())[timed]
    share = float(shares.median()) if len(shares) >= FEWEST_TIMED else 0.0
    return share if share >= UPFRONT else None


def short_name(row: Any) -> str:
    """What a row of the leaderboard is called: by the confirmation, or after its trial."""
    if isinstance(row["name"], str):
        return row["name"]
    if not isinstance(row["trial"], str):
        return "a setting without a trial"
    return f"trial{'s' * (', ' in row['trial'])} {few_trials(row['trial'])}"


def few_trials(trials: str) -> str:
    """Trials as the leaderboard has them, of several the first one named: a setting of a grid may
    have one for each of its seeds.
    """
    first, *others = trials.split(", ")
    return f"{first} and {count(len(others), 'other')}" if others else first


def _moments(column: pd.Series) -> pd.Series:
    """Times as seconds, whether they were written as such or as dates."""
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    texts = column.where(numbers.isna()).astype(object)
    dates = pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601")
    return numbers.fillna((dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds())
