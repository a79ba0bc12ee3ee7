"""What a search spent and what stopping saved it: rungs, epochs and seconds, the best score so far. Frames in, frames out."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.runs import STATUSES, Run
from analysis.search_trials import trial_ends, trial_epochs

SAVING = ("pruned", "diverged")  # end states that spare the epochs left; a trial that failed was to have them
ALL = "all"


def rung_table(run: Run) -> pd.DataFrame:
    """One row per rung: what became of the search trials that reached it. Empty where the study stops none.

    Columns: ``rung`` (its epoch), ``reached, stopped, went_on`` (trials), ``others`` (trials that reached it and neither were stopped
    there nor went on: they failed, diverged or are unfinished there), ``best`` (value of the metric at that epoch), ``passed_at`` (the
    worst value there of those that went on).
    """
    search = run.phase("search")
    ends, epochs = trial_ends(search), trial_epochs(search)
    rungs = (run.spec.get("stopping") or {}).get("rungs") or []
    rows = [_rung(rung, ends, epochs[epochs["epoch"] == rung], run.spec["mode"] == "max") for rung in rungs]
    return pd.DataFrame(rows, columns=["rung", "reached", "stopped", "went_on", "others", "best", "passed_at"])


def ledger(run: Run) -> pd.DataFrame:
    """One row per phase and end state, and one for all: what the trials spent and what their early end saved.

    Columns: ``phase, status, trials, epochs, seconds`` (as the epochs were timed: without starting and without epochs that a resumed
    trial ran again), ``epochs_saved`` (those left to the full length, of pruned and of diverged trials; missing for the others),
    ``seconds_saved`` (an estimate: the epochs left, at the mean seconds per epoch of that very trial).
    """
    ends = trial_ends(run)
    left = (int(run.spec["epochs"]) - ends["epoch"]).clip(lower=0).where(ends["status"].isin(SAVING))
    pace = ends["seconds"] / ends["epoch"].where(ends["epoch"] > 0)
    ends = ends.assign(trials=1, epochs=ends["epoch"], epochs_saved=left, seconds_saved=left * pace)
    names = ["trials", "epochs", "seconds", "epochs_saved", "seconds_saved"]
    rows = [
        {"phase": phase, "status": status, **ends.loc[members, names].sum(min_count=1)}
        for phase in ("search", "confirm")
        for status in STATUSES
        if (members := (ends["phase"] == phase) & (ends["status"] == status)).any()
    ]
    rows += [{"phase": ALL, "status": ALL, **ends[names].sum(min_count=1)}] if rows else []
    whole = dict.fromkeys(["trials", "epochs", "epochs_saved"], "Int64")
    return pd.DataFrame(rows, columns=["phase", "status", *names]).astype({**whole, "seconds": float, "seconds_saved": float})


def search_progress(run: Run) -> pd.DataFrame:
    """The best score so far: one row per search trial that ended, in the order in which they did. Empty where none completed.

    Columns: ``trial, status, epochs_spent`` (by all trials ended until then, however they did), ``score`` (of completed trials: mean of the
    metric over seeds at the last epoch), ``best`` (so far; missing before the first score).
    """
    ends = trial_ends(run.phase("search")).reset_index()
    ends = ends[(ends["status"] != "unfinished") & (ends["epoch"] > 0)].sort_values(["at", "trial"], kind="stable", ignore_index=True)
    score = ends["value"].where(ends["status"] == "completed")
    best = score.cummax() if run.spec["mode"] == "max" else score.cummin()
    frame = ends[["trial", "status"]].assign(epochs_spent=ends["epoch"].cumsum(), score=score, best=best.ffill())
    return frame if score.notna().any() else frame.head(0)


def _rung(rung: int, ends: pd.DataFrame, there: pd.DataFrame, higher: bool) -> dict[str, Any]:
    reached = ends["epoch"] >= rung
    stopped = reached & (ends["status"] == "pruned") & (ends["rung"].fillna(ends["epoch"]) == rung)
    went_on = reached & ~stopped & (ends["epoch"] > rung)
    values = there.set_index("trial")["value"].reindex(ends.index)
    best, worst = (np.nanmax, np.nanmin) if higher else (np.nanmin, np.nanmax)
    return {
        "rung": rung,
        "reached": int(reached.sum()),
        "stopped": int(stopped.sum()),
        "went_on": int(went_on.sum()),
        "others": int((reached & ~stopped & ~went_on).sum()),
        "best": best(values[reached]) if values[reached].notna().any() else np.nan,
        "passed_at": worst(values[went_on]) if values[went_on].notna().any() else np.nan,
    }
