"""Epochs that trials lack, or have too many of, where a run was cut off or its records were."""

import pandas as pd

from analysis.records.schema import Status


def within(trials: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
    """The epochs that count: a trial that is trained again after a crash may end itself earlier."""
    ended = trials[trials["reason"].notna() & (trials["status"] == Status.COMPLETED)]
    last = ended.set_index("trial")["epochs"]
    beyond = epochs["epoch"] > epochs["trial"].map(last) if len(last) else pd.Series(dtype=bool)
    return epochs[~beyond].reset_index(drop=True) if beyond.any() else epochs


def without_gaps(trials: pd.DataFrame, epochs: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The trials, those that lack epochs they ended or were paused with as unfinished."""
    reached = trials["trial"].map(epochs.groupby("trial")["epoch"].max()).fillna(0)
    trials = _not_ahead(trials, reached)
    gaps = (trials["status"] == Status.COMPLETED) & (trials["epochs"] != reached)
    for name, ended, last in zip(
        trials["trial"][gaps], trials["epochs"][gaps], reached[gaps], strict=True
    ):
        notes.append(
            f"Trial {name} completed {ended} epochs, but the last one recorded is {int(last)}: it"
            " counts as unfinished."
        )
    return trials.assign(status=trials["status"].mask(gaps, str(Status.UNFINISHED)))


def _not_ahead(trials: pd.DataFrame, reached: pd.Series) -> pd.DataFrame:
    """A trial that lacks the rung at which it was paused has to be trained up to there again."""
    waits = trials["status"].isin([Status.PAUSED, Status.UNFINISHED])
    ahead = waits & (trials["rung"].fillna(0) > reached)
    status = trials["status"].mask(ahead, str(Status.UNFINISHED))
    return trials.assign(status=status, rung=trials["rung"].mask(ahead))
