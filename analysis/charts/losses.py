"""Losses and scores of the best setting of a search by epoch."""

from collections.abc import Iterator, Sequence

import pandas as pd

from analysis.charts.curves import carried_on, means_by_epoch
from analysis.charts.curves import chart as learning_curves
from analysis.charts.picture import Picture
from analysis.charts.trials import TRAINING, VALIDATION
from analysis.records.load import Run
from analysis.stats.findings import Findings

SCORE = "validation_"


def draw(findings: Findings) -> Iterator[Picture]:
    """Losses, and scores if there are any, of a search that records ``validation_loss``."""
    run = findings.run
    if findings.search is None or VALIDATION not in run.epochs:
        return
    trials, name_of_best = findings.search.best_trials()
    note = f"of {name_of_best}: mean over its seeds, the band is the 95 % t interval of that mean."
    losses = [name for name in (TRAINING, VALIDATION) if name in run.epochs]
    scores = [name for name in run.epochs if name.startswith(SCORE) and name != VALIDATION]
    for name, title, kind, metrics in (
        ("losses", "Loss by epoch", "loss", losses),
        ("scores", "Scores by epoch", "score", scores),
    ):
        if not metrics:
            continue
        facts = metric_curves(run, trials, metrics)
        if facts["epoch"].nunique() > 1:
            spec = learning_curves(facts, metric=kind)
            yield Picture(name=name, title=title, note=f"Each {kind} {note}", spec=spec)


def metric_curves(run: Run, trials: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """One row per metric and epoch, over the seeds of ``trials``: ``panel, colour, label, epoch,
    mean, low, high, n``.
    """
    epochs = run.epochs[
        run.epochs["trial"].isin(trials.loc[trials["status"] == "completed", "trial"])
    ]
    epochs = carried_on(epochs)
    curves = [
        means_by_epoch(epochs.groupby("epoch")[name], run.folds).assign(
            panel="", colour=name, label=name
        )
        for name in metrics
    ]
    return pd.concat(curves).rename_axis("epoch").reset_index()
