"""Seeds that a setting lost: they diverged or failed, so they stand behind no mean, and what is
left of the setting looks too good.

They count as the worst before anything is called better (worst-rank analysis: Lachin 1999,
"Worst-rank score analysis with informatively missing observations in clinical trials", Controlled
Clinical Trials 20). Means are over the seeds with a number, beside how many were lost.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from analysis.records.load import Run
from analysis.stats.labels import describe
from analysis.stats.tables import lost_seeds, seed_table, settings_table
from analysis.text.format import count, listing
from analysis.text.rounding import number

NAMED = 3  # so many settings are named; more are counted


def worst(runs: Sequence[Run], metric: str) -> float:
    """What a lost seed counts as: 0 of a share that is to be high, 1 of one that is to be low; of
    any other metric a number as far beyond the worst that a trial recorded at any epoch as the best
    lies on the other side of it. Not finite where nothing was recorded.
    """
    columns = [(run.whole or run).epochs.get(metric, pd.Series(dtype=float)) for run in runs]
    values = np.concatenate([column.to_numpy(dtype=float) for column in columns])
    values, higher = values[np.isfinite(values)], runs[0].higher_is_better
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    if low >= 0 and high <= 1:
        return 0.0 if higher else 1.0
    return float(2 * low - high if higher else 2 * high - low)


def with_lost(
    run: Run, seeds: pd.DataFrame, metrics: Sequence[str], scale: float = 1
) -> pd.DataFrame | None:
    """``seeds``, a row per setting and seed, with one more for each seed that a setting lost and
    another kept, at the worst times ``scale``; None where there is no such.
    """
    known = seeds.dropna(subset=metrics[0])
    lost = lost_seeds(run)
    lost = lost[lost["seed"].isin(known["seed"])]
    if lost.empty:
        return None
    at_worst = {metric: worst([run], metric) * scale for metric in metrics}
    rows = pd.concat([known, lost.assign(**at_worst)]).rename_axis("setting")
    return rows.sort_values(["setting", "seed"], kind="stable")


def lost_of(run: Run, pairs: np.ndarray) -> np.ndarray:
    """How many seeds both settings of each pair lost, shape ``(k,)``."""
    counts = lost_seeds(run).groupby(level=0).size()
    return np.array([counts.reindex(pair, fill_value=0).sum() for pair in pairs], dtype=int)


def still_supported(table: pd.DataFrame, at_worst: pd.DataFrame) -> pd.Series:
    """Which differences of ``table`` are supported, and still are, the same way, in the table where
    lost seeds count as the worst.
    """
    same = np.sign(table["difference"]) == np.sign(at_worst["difference"])
    return table["supported"] & at_worst["supported"] & same


def lost_words(
    run: Run,
    metric: str,
    scale: float = 1,
    unit: str = "",
    name: Callable[[int], str] | None = None,
) -> str:
    """Which settings lost seeds, and what becomes of these, in words; empty where none did.
    ``name``: of a setting, by its number; its values, if not given.
    """
    lost = lost_seeds(run)
    if lost.empty or not math.isfinite(worst([run], metric)):
        return ""
    counts = lost.groupby(level=0).size()
    if len(counts) > NAMED:
        said = f"{len(counts)} settings lost {count(len(lost), 'seed')}"
    else:
        settings = settings_table(run)
        kept = seed_table(run)[run.metric].dropna().groupby(level=0).size()
        said = listing(
            f"{name(setting) if name else describe(run, dict(settings.loc[setting]))} lost"
            f" {amount} of {amount + kept.get(setting, 0)} seeds"
            for setting, amount in counts.items()
        )
    each = number(worst([run], metric) * scale, 3)
    return (
        f"{said}: before anything is called better, a lost seed counts as the worst ({metric}"
        f" {each}{unit})"
    )
