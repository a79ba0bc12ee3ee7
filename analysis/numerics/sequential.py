"""Paired differences, looked at again and again: their p-values and intervals at each look.

The test at a look is the paired t-test, as far as the sign-flip test agrees: accuracies come in
clumps, where five equal differences are weak evidence, which a t-test takes for infinite. Where so
few seeds have no sign-flip p-value as small as the level of a look, there is no interval either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from analysis.numerics.intervals import t_intervals
from analysis.numerics.looks import Looks
from analysis.numerics.samples import ROUNDING
from analysis.numerics.sign_flips import sign_flip_p_values

JUDGED = 0.05
"""Above this level no look judges: a sign-flip test would change nothing there."""


@dataclass(frozen=True)
class Seen:
    """What each look sees of differences, arrays of shape ``(rows, looks)``: ``n`` of them, their
    ``mean``, its standard error. NaN where a row was not looked at, or sees fewer than two.
    """

    n: np.ndarray
    mean: np.ndarray
    error: np.ndarray


def seen(differences: np.ndarray, looks: Looks, taken: np.ndarray) -> Seen:
    """``differences``: shape ``(rows, seeds)``, in the order in which seeds are trained; NaN for a
    seed that a setting lost. ``taken``: which rows were looked at, shape ``(rows, looks)``.
    """
    there = ~np.isnan(differences)
    at = np.array(looks.sizes) - 1
    n = there.cumsum(axis=1)[:, at]
    middle = np.nan_to_num(np.nanmedian(_padded(differences), axis=1, keepdims=True))
    shifted = np.where(there, differences - middle, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = shifted.cumsum(axis=1)[:, at] / n
        squares = (shifted**2).cumsum(axis=1)[:, at] - n * mean**2
        error = np.sqrt(np.clip(squares, 0, None) / (n - 1) / n)
    largest = np.maximum.accumulate(np.abs(np.nan_to_num(differences)), axis=1)[:, at]
    error = np.where(error > 1e3 * ROUNDING * largest, error, 0.0)
    lacks = ~taken | (n < 2)
    return Seen(n, np.where(lacks, np.nan, mean + middle), np.where(lacks, np.nan, error))


def _padded(differences: np.ndarray) -> np.ndarray:
    """With a 0 for rows without any number, whose median is of no use."""
    return np.where(np.isnan(differences).all(axis=1, keepdims=True), 0.0, differences)


def p_values(
    differences: np.ndarray, looks: Looks, taken: np.ndarray, margin: float = 0.0
) -> np.ndarray:
    """Of each row at each look, shape ``(rows, looks)``, the p-value of "the true difference is 0",
    however often it is looked at; with a ``margin``, of "it is the margin or more, either way" (two
    one-sided tests: D. J. Schuirmann 1987). NaN where a row was not looked at.
    """
    plain = np.full(taken.shape, np.nan)
    for look, size in enumerate(looks.sizes):
        rows = taken[:, look]
        plain[rows, look] = at_one_look(differences[rows, :size], margin)
    return looks.repeated(plain)


def at_one_look(differences: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """The p-value of each row as if it were looked at this once: shape ``(rows,)``."""
    rows, size = differences.shape
    plain = t_test(seen(differences, Looks((size,)), np.ones((rows, 1), dtype=bool)), margin)[:, 0]
    for row in np.flatnonzero(plain <= JUDGED):
        sample = differences[row][~np.isnan(differences[row])]
        moved = [sample + shift for shift in {margin, -margin}]
        plain[row] = max(plain[row], *(_sign_flips(each.tobytes()) for each in moved))
    return plain


@lru_cache(maxsize=20_000)
def _sign_flips(sample: bytes) -> float:
    """Once for each sample: after every block of seeds all earlier looks are gone through again."""
    return float(sign_flip_p_values([np.frombuffer(sample)])[0])


def t_test(at: Seen, margin: float = 0.0) -> np.ndarray:
    """The p-values of the paired t-test at each look, as if it were the only one."""
    from scipy import stats

    distance = np.clip(margin - np.abs(at.mean), 0, None) if margin else np.abs(at.mean)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(distance > 0, distance / at.error, 0 * at.error)
    return np.asarray(2 * stats.t.sf(ratio, at.n - 1))


def intervals(
    differences: np.ndarray, looks: Looks, taken: np.ndarray, errors: np.ndarray
) -> np.ndarray:
    """The intervals that hold the true difference of a row at all looks together, but for a
    probability of ``errors``, one per row: shape ``(rows, looks, 2)``, NaN where there are too few
    seeds for one.
    """
    from scipy import stats

    at, levels = seen(differences, looks, taken), looks.levels(errors)
    with np.errstate(invalid="ignore"):
        width = stats.t.isf(levels / 2, at.n - 1) * at.error
    width[~have_intervals(at.n, levels)] = np.nan
    return np.stack([at.mean - width, at.mean + width], axis=2)


def have_intervals(n: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Whether ``n`` differences are enough for a sign-flip test to have a p-value as small."""
    return np.asarray(2.0 ** (1 - n) <= levels)


def looked_mean_intervals(
    samples: Sequence[np.ndarray], level: float = 0.95, folds: int = 1, *, looks: Looks
) -> np.ndarray:
    """Intervals of the means of samples whose sizes were chosen by looking at them, shape ``(k,
    2)``: Student's t at the level of the look with so many seeds. NaN below two values.
    """
    limits = [
        t_intervals([sample], looks.level_at(len(sample), level), folds) for sample in samples
    ]
    return np.concatenate([np.empty((0, 2)), *limits])
