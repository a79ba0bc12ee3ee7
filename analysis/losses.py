"""Losses by epoch: those of the best setting beside its scores, and those of every trial."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from analysis import charts, search_charts, search_facts
from analysis.facts import means_by_epoch
from analysis.pictures import Picture
from analysis.runs import Run

TRAINING, VALIDATION = "loss", "validation_loss"
SCORE = "validation_"


def loss_pictures(run: Run, trials: pd.DataFrame, who: str) -> Iterator[Picture]:
    """Of a run that records ``validation_loss``: the losses and the scores of the best setting by epoch. ``trials``: those of that setting,
    which ``who`` names."""
    if VALIDATION not in run.epochs:
        return
    note = f"of {who}: mean over its seeds, the band is the 95 % t interval of that mean."
    losses = [name for name in (TRAINING, VALIDATION) if name in run.epochs]
    scores = [name for name in run.epochs if name.startswith(SCORE) and name != VALIDATION]
    for name, title, kind, metrics in (("losses", "Loss by epoch", "loss", losses), ("scores", "Scores by epoch", "score", scores)):
        curves = metric_curves(run, trials, metrics)
        if curves["epoch"].nunique() > 1:
            yield Picture(name=name, title=title, note=f"Each {kind} {note}", spec=charts.learning_curves(curves, metric=kind))


def trials_by_loss(run: Run) -> Iterator[Picture]:
    """The trials of the search as their validation loss went, where the study compares them by another metric and records it."""
    if VALIDATION not in run.epochs or run.metric == VALIDATION:
        return
    by_loss = replace(run, spec={**run.spec, "metric": VALIDATION, "mode": "min"})
    curves = search_facts.trial_curves(by_loss, search_facts.shown_trials(run))
    if curves["epoch"].nunique() > 1:
        apart = " The space varies the loss itself: only trials of one loss can be compared here." if TRAINING in run.parameters else ""
        note = f"The same trials as above by their {VALIDATION}; they were compared by {run.metric}.{apart}"
        chart = search_charts.trial_curves(curves, metric=VALIDATION, limits=search_facts.value_limits(by_loss))
        yield Picture(name="trials_by_loss", title="The trials by loss", note=note, spec=chart)


def metric_curves(run: Run, trials: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """One row per metric and epoch, over the seeds of ``trials``: ``panel, colour, label, epoch, mean, low, high, n``."""
    epochs = run.epochs[run.epochs["trial"].isin(trials.loc[trials["status"] == "completed", "trial"])]
    curves = [means_by_epoch(epochs.groupby("epoch")[name]).assign(panel="", colour=name, label=name) for name in metrics]
    return pd.concat(curves).rename_axis("epoch").reset_index()
