"""Means and spreads over seeds, of numbers that need not be finite: a trial that diverges reports whatever it came to."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev


def mean(values: Sequence[float]) -> float:
    """The mean of one number or more; NaN or infinite where they are."""
    try:
        return fmean(values)
    except (ValueError, OverflowError):  # infinities of both signs, or a sum that is too large
        return sum(value / len(values) for value in values)


def spread(values: Sequence[float]) -> float:
    """The standard deviation of two numbers or more; NaN where one of them is not finite, infinite where it is too large."""
    if not all(map(math.isfinite, values)):
        return math.nan
    try:
        return stdev(values)
    except OverflowError:
        return math.inf
