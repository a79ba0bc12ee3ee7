"""What each arm costs: weights, training time, speed, beside what it reaches."""

import numpy as np
import pandas as pd

from analysis.arms import OVERALL, Compared, arm_means
from analysis.runs import Run
from analysis.tables import completed_epochs, counts_weights, identity

SECONDS, SPEED = "train_seconds", "images_per_second"  # as trainables report them: once for all seeds of a trial


def costs_table(run: Run, what: Compared, means: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per setting, the overall metric over all its seeds beside its costs.

    Columns: ``arm, at`` (the other parameters, as text), ``n, mean, std, low, high`` as in ``arms.arm_means``, and of what was recorded:
    ``parameters`` (weights), ``fewer_parameters`` (1 - weights / those of the baseline at the same ``at``), ``train_seconds`` (all epochs
    of all its trials), ``train_seconds_per_seed``, ``images_per_second`` (mean over epochs and trials).
    """
    means = arm_means(run, what) if means is None else means
    table = means[means["part"] == OVERALL].set_index("setting")[["arm", "at", "n", "mean", "std", "low", "high"]]
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
    """The share of the baseline's weights that a setting does without; NaN for the baseline itself."""
    is_baseline = table["arm"].map(identity) == identity(what.baseline)
    of_baseline = table[is_baseline].drop_duplicates("at").set_index("at")["parameters"]
    shares = 1 - table["parameters"].astype(float) / table["at"].map(of_baseline).astype(float)
    return shares.mask(is_baseline, np.nan)


def _trained(run: Run, epochs: pd.DataFrame) -> pd.Series:
    """How many seeds the trials of each setting trained."""
    sizes = run.trials.set_index("trial")["seeds"].map(len)
    trials = epochs.drop_duplicates("trial")
    return trials["trial"].map(sizes).groupby(trials["setting"]).sum()
