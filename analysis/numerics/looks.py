"""Tests and intervals of paired differences that hold although the seeds are looked at again and
again while more of them are trained: group-sequential, by spending of the error.

The error that may have been made by a look is a function of the share of the seeds that it sees (K.
K. G. Lan and D. L. DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70,
1983). What that leaves for each look is a level for the ordinary test there (C. Jennison and B. W.
Turnbull, "Group Sequential Methods with Applications to Clinical Trials", 2000, chapters 3.8, 7 and
9, where the repeated intervals and p-values are defined as well).
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Spending = Callable[[np.ndarray, float], np.ndarray]
"""The error spent by each share of the seeds, of the error that may be made in all."""
NODES, REACH = 96, 8.5
"""Of the quadrature over the statistic at one look, in its standard deviations."""
FARTHEST, HALVINGS = 37.0, 60
LEAST = 1e-300
ERRORS = np.concatenate([np.geomspace(1e-9, 0.1, 25), np.linspace(0.15, 0.999, 7)])
"""The errors at which levels are computed; between them they are interpolated."""


def gradual(shares: np.ndarray, error: float) -> np.ndarray:
    """Between Pocock's boundary and that of O'Brien and Fleming: it needs about as few seeds as the
    one and finds nearly as much as the other (``benchmarks.seed_proofs``). K. Kim and D. L. DeMets,
    "Design and analysis of group sequential tests based on the type I error spending rate
    function", Biometrika 74, 1987.
    """
    return error * shares**1.5


@dataclass(frozen=True)
class Looks:
    """After how many seeds differences are looked at, ascending; the last is the most there can
    be.
    """

    sizes: tuple[int, ...]
    spending: Spending = gradual

    def levels(self, errors: np.ndarray) -> np.ndarray:
        """The level of a two-sided test at each look, shape ``(len(errors), looks)``, so that equal
        settings are told apart at any of the looks with a probability of ``errors`` at most.
        """
        table, wanted = np.log(_levels(self)), np.log(np.clip(errors, ERRORS[0], 1))
        columns = [np.interp(wanted, np.log(ERRORS), column) for column in table.T]
        return np.exp(np.stack(columns, axis=-1))

    def level_at(self, seeds: int, level: float = 0.95) -> float:
        """The level of an interval of a mean over so many seeds, where the intervals at all looks
        together are to have ``level``.
        """
        look = min(bisect_left(self.sizes, seeds), len(self.sizes) - 1)
        return 1 - float(self.levels(np.array([1 - level]))[0, look])

    def repeated(self, p_values: np.ndarray) -> np.ndarray:
        """Of the p-values of ordinary tests at each look, shape ``(rows, looks)``, those that hold
        whenever it is looked: the least error at which a row would be told apart there. NaN stays
        NaN.
        """
        table, errors = np.log(_levels(self)), np.log(ERRORS)
        seen = np.log(np.clip(np.nan_to_num(p_values, nan=1.0), LEAST, 1))
        columns = [
            np.where(p > levels[-1], 1.0, np.exp(np.interp(p, levels, errors)))
            for p, levels in zip(seen.T, table.T, strict=True)
        ]
        return np.where(np.isnan(p_values), np.nan, np.stack(columns, axis=1))


@lru_cache(maxsize=64)
def _levels(looks: Looks) -> np.ndarray:
    """The level at each look, shape ``(len(ERRORS), looks)``, ascending in the error.

    By integration over what the sum of the differences may be at one look after the other, having
    crossed no boundary before (P. Armitage, C. K. McPherson and B. C. Rowe, "Repeated significance
    tests on accumulating data", Journal of the Royal Statistical Society A 132, 1969).
    """
    from scipy import special

    sizes = np.array(looks.sizes, dtype=float)
    shares = sizes / sizes[-1]
    spent = np.stack([looks.spending(shares, error) for error in ERRORS.tolist()])
    sums = np.zeros((len(ERRORS), 1))  # what the sum may be, and how probably
    chances = np.ones((len(ERRORS), 1))
    levels = np.empty_like(spent)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    for look, step in enumerate(np.sqrt(np.diff(sizes, prepend=0.0))):
        root = np.sqrt(sizes[look])
        increments = spent[:, look] - (spent[:, look - 1] if look else 0)
        bounds = _bounds(sums, chances, root, step, increments)
        levels[:, look] = 2 * special.ndtr(-bounds)
        reach = (np.minimum(bounds, REACH) * root)[:, None]
        here = nodes * reach
        moves = np.exp(-(((here[:, :, None] - sums[:, None]) / step) ** 2) / 2)
        chances = (
            weights * reach / (step * np.sqrt(2 * np.pi)) * (moves @ chances[:, :, None])[..., 0]
        )
        sums = here
    return np.maximum.accumulate(np.clip(levels, LEAST, 1), axis=0)


def _bounds(
    sums: np.ndarray, chances: np.ndarray, root: float, step: float, increments: np.ndarray
) -> np.ndarray:
    """How many standard deviations the sum must be from 0 at a look for that to happen with a
    probability of ``increments``: by bisection, for all errors at once.
    """
    from scipy import special

    low, high = np.zeros((2, len(increments)))
    high += FARTHEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        beyond = special.ndtr((sums - middle[:, None] * root) / step)
        likely = 2 * (chances * beyond).sum(axis=1) > increments
        low, high = np.where(likely, middle, low), np.where(likely, high, middle)
    return high
