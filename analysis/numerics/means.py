"""Means and spreads over seeds, of numbers that need not be finite: a trial that diverges reports
whatever it came to.

All means that decide anything are computed here. Two ways of adding up differ in their last bit,
and a tie decided by that bit is decided otherwise by a run that is resumed.
"""

import math
from collections.abc import Callable, Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # a mirror needs means, and nothing of pandas
    import pandas as pd


def mean(values: Sequence[float]) -> float:
    """The mean of one number or more, whatever their order; NaN or infinite where they are. Of
    equal numbers it is that number.
    """
    if len(set(values)) == 1:
        return float(values[0])
    try:
        return fmean(values)
    except OverflowError:  # the sum is too large
        return math.fsum(value / len(values) for value in values)
    except ValueError:  # infinities of both signs
        return math.nan


def spread(values: Sequence[float]) -> float:
    """The standard deviation of two numbers or more; NaN where one of them is not finite, infinite
    where it is too large.
    """
    if not all(map(math.isfinite, values)):
        return math.nan
    try:
        return stdev(values)
    except OverflowError:
        return math.inf


def standard_error(values: Sequence[float]) -> float:
    """Of the mean of some values, whatever their order; NaN where fewer than two are given, where
    one is not finite, and where all are alike, as those are that hold for several seeds at once.
    """
    if len(values) < 2 or len(set(values)) == 1 or not all(map(math.isfinite, values)):
        return math.nan
    middle = mean(values)
    squares = math.fsum((value - middle) ** 2 for value in values)
    return math.sqrt(squares / (len(values) - 1) / len(values))


def epoch_means(
    epochs: "pd.DataFrame", metric: str, of: Callable[[Sequence[float]], float] = mean
) -> "pd.Series":
    """The mean over seeds of a metric, or what ``of`` makes of its values, index ``trial, epoch``,
    of epochs as ``Run.epochs`` has them; NaN where it is not finite.
    """
    import pandas as pd

    groups = epochs.groupby(["trial", "epoch"])
    sizes = groups.size()
    values = (
        epochs[metric]
        .to_numpy(dtype=float)[np.argsort(groups.ngroup().to_numpy(), kind="stable")]
        .tolist()
    )
    ends = sizes.cumsum().tolist()
    means = (
        [of(values[start:end]) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
        if ends
        else []
    )
    return pd.Series(means, index=sizes.index, dtype=float).replace([np.inf, -np.inf], np.nan)
