"""Paired differences with their signs flipped: counted where they are few, else drawn."""

import math
from collections.abc import Sequence

import numpy as np

from analysis.numerics.samples import NUMBERS_AT_ONCE, by_size, generator

FINEST, GRID_STEPS = 1_000, 250_000
"""Steps of the largest difference, and of all of them together, that sign flips are counted by."""
PERMUTATIONS = 9_999


def seeds_for_sign_flips(tests: int, error: float = 0.05) -> int:
    """How many paired seeds a sign-flip test needs at least before the smallest of ``tests``
    p-values can be ``error`` after Holm's correction: with n seeds no p-value is below 2 / 2^n.
    """
    return 1 + math.ceil(math.log2(tests / error))


def sign_flip_p_values(samples: Sequence[np.ndarray]) -> np.ndarray:
    """Two-sided p-value for "the differences are symmetric around 0", one per sample of paired
    differences: shape ``(len(samples),)``.

    Permutation test on the mean: exact up to 13 differences (``scipy.stats.permutation_test``),
    ``sign_flip_share`` above. Chosen over the t-test because accuracies come in clumps: three equal
    differences are weak evidence, which a t-test takes for infinite. NaN below two values.
    """
    return by_size(samples, _sign_flips, width=1)[:, 0]


def sign_flip_share(differences: np.ndarray) -> float:
    """Which share of all sign flips moves the mean at least as far from 0 as it is, either way.

    The sizes are rounded to a grid, on which the flips can be counted sum by sum (the shift
    algorithm: B. Streitberg, J. Roehmel, "Exact distributions for permutation and rank tests",
    Statistical Software Newsletter 12, 1986). Flips that come as near as rounding may have moved
    them count too. Random flips would find no share below one in their number, so that a large
    family could support nothing.
    """
    sizes = np.abs(differences)
    if not sizes.any():
        return 1.0
    steps = np.rint(sizes / sizes.max() * min(FINEST, GRID_STEPS // len(sizes))).astype(int)
    shares = np.ones(1)  # of the flips at each sum of the positive steps
    for step in steps:
        longer = np.zeros(len(shares) + step)
        longer[: len(shares)] += shares / 2
        longer[step:] += shares / 2
        shares = longer
    positive = int(steps[differences > 0].sum())
    seen = max(positive, steps.sum() - positive) - len(steps) // 4
    return min(1.0, 2 * float(shares[seen:].sum())) if 2 * seen > steps.sum() else 1.0


def _sign_flips(differences: np.ndarray) -> np.ndarray:
    from scipy import stats

    if 2 ** differences.shape[1] > PERMUTATIONS:
        return np.array([[sign_flip_share(each)] for each in differences])
    test = stats.permutation_test(
        (differences,),
        np.mean,
        axis=-1,
        vectorized=True,
        permutation_type="samples",
        n_resamples=PERMUTATIONS,
        batch=max(1, NUMBERS_AT_ONCE // differences.size),
        rng=generator(),
    )
    return test.pvalue[:, None]
