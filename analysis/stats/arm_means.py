"""What each arm reaches over all its own seeds."""

import numpy as np
import pandas as pd

from analysis.numerics.intervals import t_intervals
from analysis.records.frames import rows_of
from analysis.records.load import Run
from analysis.stats.compared import Compared
from analysis.stats.labels import describe
from analysis.stats.published import published_mean
from analysis.stats.settling import intervals_by
from analysis.stats.summary import moments
from analysis.stats.tables import last_epochs, settings_table

LEVEL = 0.95
COLUMNS = [
    "setting",
    "arm",
    "at",
    "metric",
    "part",
    "n",
    "mean",
    "std",
    "low",
    "high",
    "published",
]


def arm_seeds(run: Run, what: Compared) -> pd.DataFrame:
    """One row per setting and seed: ``seed, trial`` and the metrics compared, in percent where they
    are shares; index ``setting``.
    """
    last = last_epochs(run).reindex(columns=["seed", "trial", *what.metrics])
    last[what.metrics] = last[what.metrics].replace([np.inf, -np.inf], np.nan) * what.scale
    return last


def arm_means(run: Run, what: Compared) -> pd.DataFrame:
    """One row per setting and metric, each over all its own seeds: ``setting, arm, at, metric,
    part, n, mean, std, low, high`` (95 % t interval of the mean) and ``published``, in the units of
    ``arms_table``.
    """
    seeds, settings = arm_seeds(run, what), settings_table(run)
    others = [key for key in run.parameters if key != what.parameter]
    rows, samples = [], []
    for number, setting in zip(settings.index, rows_of(settings), strict=True):
        about = {
            "setting": number,
            "arm": setting[what.parameter],
            "at": describe(run, setting, others),
        }
        for metric, part in zip(what.metrics, what.names, strict=True):
            samples.append(values_of(seeds, number, metric).to_numpy())
            published = published_mean(run, what.parameter, setting, metric, what.scale)
            of = {"metric": metric, "part": part, "published": published}
            rows.append({**about, **of, **moments(samples[-1])})
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame[["low", "high"]] = intervals_by(run.spec, t_intervals)(samples, LEVEL, run.folds)
    return frame


def values_of(seeds: pd.DataFrame, setting: int, metric: str) -> pd.Series:
    """The numbers of one setting, index ``seed``, without missing ones."""
    return seeds.loc[seeds.index == setting].set_index("seed")[metric].dropna().astype(float)
