"""The best setting of a run, in few numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.intervals import mean_intervals, t_intervals, worse_end
from analysis.numerics.means import mean
from analysis.records.load import Run
from analysis.records.schema import Status
from analysis.stats.ranking import ranked_settings
from analysis.stats.search_trials import is_search
from analysis.stats.settling import intervals_by
from analysis.stats.tables import samples_by_setting, seed_table, settings_table, trial_settings


@dataclass(frozen=True)
class Best:
    """The best setting: ``params``, the ``mean`` of the metric over ``n`` seeds, and its 95 %
    interval, which allows for its being picked as the best (``intervals.worse_end``). ``low`` and
    ``high`` are NaN where one seed has no interval, and where the mean is the score that a search
    chose the setting by. ``kind``: "mean" (of a grid), "confirmed" (on fresh seeds) or "search
    score". ``trials``: the ids of those that completed with it.
    """

    params: dict[str, Any]
    mean: float
    low: float
    high: float
    n: int
    kind: str
    trials: list[str]


def best_setting(run: Run) -> Best | None:
    """The best setting of ``run``: by its fresh seeds where it has been confirmed, as the report
    ranks settings. None where no trial has a result.
    """
    confirmation = run.phase("confirm")
    if ranked_settings(confirmation):
        return _best(confirmation, "confirmed", t_intervals)
    if is_search(run):
        return _best(run.phase("search"), "search score", None)
    return _best(run, "mean", mean_intervals)


def interval_of_best(part: Run, limits: Any, method: Callable[..., np.ndarray]) -> np.ndarray:
    """Low and high end of the 95 % interval of the mean of the best setting of a phase, which are
    ``limits`` but for the choice: the end on its worse side allows for its being picked as the best
    of those with a result (``intervals.worse_end``). ``method``: as for ``intervals_by``.
    """
    ranked, intervals = ranked_settings(part), intervals_by(part.spec, method)
    sample = samples_by_setting(seed_table(part), part.metric)[ranked[0]]
    end, limit = worse_end(sample, len(ranked), part.mode, intervals, part.folds)
    picked = np.array(limits, dtype=float)
    picked[end] = limit
    return picked


def _best(part: Run, kind: str, method: Callable[..., np.ndarray] | None) -> Best | None:
    ranked = ranked_settings(part)
    if not ranked:
        return None
    sample = samples_by_setting(seed_table(part), part.metric)[ranked[0]]
    limits = np.array([np.nan, np.nan])
    if method:
        usual = intervals_by(part.spec, method)([sample], 0.95, part.folds)[0]
        limits = interval_of_best(part, usual, method)
    low, high = map(float, limits)
    setting = settings_table(part).loc[ranked[0]]
    params = {key: value for key, value in setting.items() if value is not pd.NA}
    completed = (part.trials["status"] == Status.COMPLETED).to_numpy()
    settings = trial_settings(part)[completed]
    trials = settings.index[settings == ranked[0]].tolist()
    return Best(params, mean(sample.tolist()), low, high, len(sample), kind, trials)
