"""Which setting is the best: one order for the report, the confirmation, the export and what is told while a study runs."""

import math
from collections.abc import Mapping
from typing import TypeVar

from analysis.means import mean
from analysis.once import once
from analysis.runs import Run
from analysis.tables import samples_by_setting, seed_table, trial_settings

Key = TypeVar("Key")


def best_first(means: Mapping[Key, float], tried: Mapping[Key, str], mode: str) -> list[Key]:
    """The keys by their mean, the best first; of equals the one whose trial, in ``tried``, comes first. Those whose mean is not finite are
    left out."""
    sign = -1 if mode == "max" else 1
    return sorted((key for key, value in means.items() if math.isfinite(value)), key=lambda key: (sign * means[key], tried[key]))


@once
def ranked_settings(part: Run) -> list[int]:
    """The settings of a phase that have a result, by their mean over seeds, the best first; of equals the one that completed a trial of a
    lower number. Numbers are those of ``tables.settings_table``."""
    means = {number: mean(values.tolist()) for number, values in samples_by_setting(seed_table(part), part.metric).items()}
    completed = part.trials.loc[part.trials["status"] == "completed", "trial"]
    tried: dict[int, str] = {}
    for trial, number in trial_settings(part)[completed].items():
        tried.setdefault(int(number), str(trial))
    return best_first(means, tried, part.spec["mode"])
