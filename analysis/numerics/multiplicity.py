"""Which of several differences are supported: p-values and levels corrected over their family."""

from functools import lru_cache

import numpy as np
import pandas as pd


def holm(p_values: pd.Series) -> pd.Series:
    """p-values corrected over their family (Holm 1979, "A simple sequentially rejective multiple
    test procedure"); NaN stays NaN.
    """
    return corrected(p_values, holm_tests(p_values))


def holm_tests(p_values: pd.Series) -> pd.Series:
    """How many tests Holm's procedure counts at each row: all of them at the smallest p-value, one
    at the largest. An interval of the level 1 - error / tests says what the corrected p-value says.
    NaN where there is no p-value.
    """
    return p_values.count() + 1 - p_values.rank(method="min")


def best_tests(p_values: pd.Series) -> pd.Series:
    """How many tests count at each row where the best of some settings is compared with each other
    one: the pairs of all settings that are not yet told apart from it, for any of them might have
    been the best.

    Holm's procedure alone forgets the choice: of 12 equal settings the best would be "better" than
    some other in one study of six. This is the closed test (Marcus, Peritz and Gabriel 1976, "On
    closed testing procedures") of "these settings are equal", each set by Bonferroni over its
    pairs.
    """
    settings = holm_tests(p_values) + 1
    return settings * (settings - 1) / 2


def pair_tests(p_values: pd.Series) -> pd.Series:
    """How many tests count at each row where the rows are all pairs of some settings: the most
    pairs that can be equal once so many are not, for settings that are equal to the same one are
    equal to each other. Of 5 settings 10, 6, 6, 6, 6, 4, 4, 3, 2 and 1 (J. P. Shaffer, "Modified
    sequentially rejective multiple test procedures", Journal of the American Statistical
    Association 81, 1986, procedure S1). Whichever setting is the best then, its pairs are judged.
    """
    settings = round((1 + np.sqrt(1 + 8 * len(p_values))) / 2)
    can_be = np.array(sorted(_equal_pairs(settings)))
    left = holm_tests(p_values)
    return left.map(lambda most: float(can_be[can_be <= most].max()), na_action="ignore")


@lru_cache(maxsize=64)
def _equal_pairs(settings: int) -> frozenset[int]:
    """How many of all pairs of so many settings can be equal."""
    if not settings:
        return frozenset({0})
    return frozenset(
        alike * (alike - 1) // 2 + rest
        for alike in range(1, settings + 1)
        for rest in _equal_pairs(settings - alike)
    )


def corrected(p_values: pd.Series, tests: pd.Series) -> pd.Series:
    """p-values times the number of tests that count at each, none below a smaller one's; NaN stays
    NaN.
    """
    return (
        (p_values * tests)
        .clip(upper=1.0)[p_values.sort_values(kind="stable").index]
        .cummax()
        .reindex(p_values.index)
    )


def levels(tests: pd.Series, error: float = 0.05) -> pd.Series:
    """The level at which each row is judged; the usual one where nothing was tested."""
    return 1 - error / tests.fillna(1)


def are_supported(table: pd.DataFrame, error: float = 0.05) -> pd.Series:
    """Which rows the seeds support: ``p_corrected`` is at most ``error`` and the corrected interval
    excludes 0. Where all differences are equal, there is an interval of none or of no width, and
    the p-value decides.
    """
    return (excludes_zero(table) | table["corrected_low"].isna()) & (table["p_corrected"] <= error)


def excludes_zero(table: pd.DataFrame) -> pd.Series:
    """Which corrected intervals lie on one side of 0."""
    return (table["corrected_low"] > 0) | (table["corrected_high"] < 0)
