"""What was spent and what it gave: rungs, epochs and seconds of a search, the best score so far;
weights, training time and speed of arms. Frames in, frames out.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.ranks import Agreement, agreement
from analysis.records.load import Run
from analysis.records.schema import CENSORED, ENDED, Phase, Status
from analysis.stats.arm_means import arm_means
from analysis.stats.compared import Compared
from analysis.stats.fidelity import evidence
from analysis.stats.identity import identity
from analysis.stats.search_trials import trial_ends, trial_epochs, upfront_share
from analysis.stats.tables import completed_epochs, counts_weights

# As trainables report them: once for all seeds of a trial
SECONDS, SPEED = "train_seconds", "images_per_second"
# End states that spare the epochs left; a trial that failed was to have them
SAVING = (*CENSORED, Status.DIVERGED)
ALL = "all"
# The columns of ``arm_costs`` that are no costs
REACHED = ["arm", "at", "n", "mean", "std", "low", "high"]


def rung_table(run: Run) -> pd.DataFrame:
    """One row per rung: what became of the search trials that reached it. Empty where the study
    stops none.

    Columns: ``rung`` (its epoch), ``reached, stopped`` (there, or before the next rung where trials
    are judged at any epoch), ``went_on`` (trials), ``others`` (trials that reached it and neither
    were stopped there nor went on: they failed, diverged, ended themselves, were stopped by hand,
    are paused or unfinished there), ``best`` (value of the metric at that epoch), ``passed_at``
    (the worst value there of those that went on).
    """
    search = run.phase("search")
    ends, epochs = trial_ends(search), trial_epochs(search)
    rows = [
        _rung(rung, until, ends, epochs[epochs["epoch"] == rung], run.higher_is_better)
        for rung, until in zip(run.rungs, [*run.rungs[1:], run.spec["epochs"]], strict=False)
    ]
    return pd.DataFrame(
        rows, columns=["rung", "reached", "stopped", "went_on", "others", "best", "passed_at"]
    )


def silent_rungs(run: Run) -> Iterator[tuple[int, int, Agreement]]:
    """The rungs whose ranks surely say little about those at the next rung or at full length: both
    epochs, and how far they agree. Where trials are stopped at rungs alone, such a rung stops
    nobody.
    """
    found = evidence(run)
    for rung, after in pairwise(found.stops if run.rungs and not run.judged_anywhere else []):
        known = found.values[[rung, after]].dropna(subset=[rung])
        told = agreement(known[rung].to_numpy(), known[after].to_numpy())
        if told and told.says_nothing:
            yield rung, after, told


def cost_table(run: Run) -> pd.DataFrame:
    """One row per phase and end state, and one for all: what the trials spent and what their early
    end saved.

    Columns: ``phase, status, trials, epochs, seconds`` (as the epochs were timed: without starting
    and without epochs that a resumed trial ran again), ``epochs_saved`` (those left to the full
    length, of pruned and diverged trials, of those stopped by hand and of those that ended
    themselves; missing for the others, and for all where an early end saves nothing:
    ``search_trials.upfront_share``), ``seconds_saved`` (an estimate: the epochs left, at the mean
    seconds per epoch of that very trial).
    """
    ends = trial_ends(run)
    left = (int(run.spec["epochs"]) - ends["epoch"]).clip(lower=0)
    ended_itself = run.trials.set_index("trial")["reason"].notna().reindex(ends.index)
    saves = ends["status"].isin(SAVING) | ended_itself
    left = left.where(saves & (upfront_share(run) is None))
    pace = ends["seconds"] / ends["epoch"].where(ends["epoch"] > 0)
    ends = ends.assign(trials=1, epochs=ends["epoch"], epochs_saved=left, seconds_saved=left * pace)
    names = ["trials", "epochs", "seconds", "epochs_saved", "seconds_saved"]
    rows = [
        {"phase": str(phase), "status": str(status), **ends.loc[kind, names].sum(min_count=1)}
        for phase in Phase
        for status in Status
        if (kind := (ends["phase"] == phase) & (ends["status"] == status)).any()
    ]
    rows += [{"phase": ALL, "status": ALL, **ends[names].sum(min_count=1)}] if rows else []
    types = dict.fromkeys(["trials", "epochs", "epochs_saved"], "Int64")
    return pd.DataFrame(rows, columns=["phase", "status", *names]).astype(
        {**types, "seconds": float, "seconds_saved": float}
    )


def search_progress(run: Run) -> pd.DataFrame:
    """The best score so far: one row per search trial that ended, in the order in which they did.
    Empty where none completed.

    Columns: ``trial, status, epochs_spent`` (by all trials ended until then, however they did),
    ``score`` (of completed trials: mean of the metric over seeds at the last epoch), ``best`` (so
    far; missing before the first score).
    """
    ends = trial_ends(run.phase("search")).reset_index()
    ends = ends[ends["status"].isin(ENDED) & (ends["epoch"] > 0)].sort_values(
        ["at", "trial"], kind="stable", ignore_index=True
    )
    score = ends["value"].where(ends["status"] == Status.COMPLETED)
    best = score.cummax() if run.higher_is_better else score.cummin()
    frame = ends[["trial", "status"]].assign(
        epochs_spent=ends["epoch"].cumsum(), score=score, best=best.ffill()
    )
    return frame if score.notna().any() else frame.head(0)


def _rung(
    rung: int, until: int, ends: pd.DataFrame, there: pd.DataFrame, higher: bool
) -> dict[str, Any]:
    reached, at = ends["epoch"] >= rung, ends["rung"].fillna(ends["epoch"])
    stopped = reached & (ends["status"] == Status.PRUNED) & (rung <= at) & (at < until)
    went_on = reached & ~stopped & (ends["epoch"] > rung)
    values = there.set_index("trial")["value"].reindex(ends.index)
    best, worst = ("max", "min") if higher else ("min", "max")
    return {
        "rung": rung,
        "reached": int(reached.sum()),
        "stopped": int(stopped.sum()),
        "went_on": int(went_on.sum()),
        "others": int((reached & ~stopped & ~went_on).sum()),
        "best": values[reached].agg(best),
        "passed_at": values[went_on].agg(worst),
    }


def arm_costs(run: Run, what: Compared) -> pd.DataFrame:
    """One row per setting, the overall metric over all its seeds beside its costs.

    Columns: ``arm, at`` (the other parameters, as text), ``n, mean, std, low, high`` as in
    ``arm_means.arm_means``, and of what was recorded: ``parameters`` (weights),
    ``fewer_parameters`` (1 - weights / those of the baseline at the same ``at``), ``train_seconds``
    (all epochs of all its trials), ``train_seconds_per_seed``, ``images_per_second`` (mean over
    epochs and trials).
    """
    means = arm_means(run, what)
    table = means[what.of_first(means)].set_index("setting")[REACHED]
    epochs = completed_epochs(run).drop_duplicates(["trial", "epoch"])
    by_setting = epochs.groupby("setting")
    if counts_weights(run):
        table["parameters"] = by_setting["parameters"].max().reindex(table.index).astype("Int64")
        table["fewer_parameters"] = _fewer(table, what)
    if SECONDS in epochs:
        table[SECONDS] = by_setting[SECONDS].sum(min_count=1).reindex(table.index)
        table[f"{SECONDS}_per_seed"] = table[SECONDS] / _trained(run, epochs).reindex(table.index)
    if SPEED in epochs:
        table[SPEED] = by_setting[SPEED].mean().reindex(table.index)
    return table.reset_index(drop=True)


def _fewer(table: pd.DataFrame, what: Compared) -> pd.Series:
    """The share of the baseline's weights that a setting does without; NaN for the baseline
    itself.
    """
    is_baseline = table["arm"].map(identity) == identity(what.baseline)
    of_baseline = table[is_baseline].drop_duplicates("at").set_index("at")["parameters"]
    shares = 1 - table["parameters"].astype(float) / table["at"].map(of_baseline).astype(float)
    return shares.mask(is_baseline, np.nan)


def _trained(run: Run, epochs: pd.DataFrame) -> pd.Series:
    """How many seeds the trials of each setting trained."""
    sizes = run.trials.set_index("trial")["seeds"].map(len)
    trials = epochs.drop_duplicates("trial")
    seeds = trials["trial"].map(sizes).astype(float)  # without a trial it would be text
    return seeds.groupby(trials["setting"]).sum()
