"""Whether ranks at an early epoch say anything of later ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

FEWEST_RANKED = 10  # trials with both values
LITTLE = 0.4  # a rank correlation below this is of no use for stopping
ERROR = 0.01  # of the claim that it is below


@dataclass(frozen=True)
class Silent:
    """Ranks that say nothing of those at epoch ``later``: the rank correlation over so many
    ``trials`` that have both values, and the highest that it may be over all trials.
    """

    later: int
    correlation: float
    highest: float
    trials: int


def silent(values: Mapping[int, pd.Series]) -> Silent | None:
    """Whether the rank correlation of the values at the first epoch of ``values`` with those at the
    last that enough trials reached is surely below 0.4 (Fisher's z with the variance of Bonett and
    Wright 2000). Where it is 0 that takes some 40 such trials, where -0.5 about 15; several times
    as many where the first rung stops most: see ``unrestricted``. None where it is not.

    ``values``: epoch -> the value of each trial there, in the order of the epochs; index ``trial``.
    """
    from scipy import stats

    (_, first), *others = values.items()
    first = first.dropna()
    pairs = {
        epoch: pd.concat([first, column.dropna()], axis=1, join="inner") for epoch, column in others
    }
    later = max((epoch for epoch in pairs if len(pairs[epoch]) >= FEWEST_RANKED), default=None)
    if later is None:
        return None
    both = pairs[later]
    if (both.nunique() < 2).any():
        return None
    rank = float(stats.spearmanr(both.iloc[:, 0], both.iloc[:, 1]).statistic)
    spread = np.sqrt((1 + rank**2 / 2) / (len(both) - 3))
    middle = np.arctanh(np.clip(rank, -0.999, 0.999))
    highest = float(np.tanh(middle + stats.norm.ppf(1 - ERROR) * spread))
    highest = unrestricted(highest, first, both.index)
    return Silent(later, rank, highest, len(both)) if highest < LITTLE else None


def unrestricted(correlation: float, first: pd.Series, went_on: pd.Index) -> float:
    """The correlation over all trials, from that over those that went on because their value at the
    first rung was good: these differ less there, which alone makes it smaller (R. L. Thorndike,
    "Personnel Selection", 1949, case 2, on normal scores).
    """
    from scipy import stats

    scores = pd.Series(stats.norm.ppf(first.rank() / (len(first) + 1)), index=first.index)
    wider = float(scores.std() / scores[went_on].std())
    return correlation * wider / (1 + correlation**2 * (wider**2 - 1)) ** 0.5
