"""Intervals and tests for means over seeds, all through scipy.stats, with fixed random generators:
same input, same numbers.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from analysis.numerics.samples import NUMBERS_AT_ONCE, by_size, generator, is_flat, spread, unit_of
from analysis.numerics.sign_flips import PERMUTATIONS, sign_flip_p_values

RESAMPLES = 4_999
FEW = 6  # values: with fewer, no resample of them reaches as far as the mean may lie
WIDEST = 6.0  # standard errors: no resample lies further out


def mean_intervals(
    samples: Sequence[np.ndarray], level: float = 0.95, folds: int = 1
) -> np.ndarray:
    """Bootstrap interval of the mean of each sample, as an array of shape ``(len(samples), 2)``:
    low, high.

    Bias-corrected and accelerated (Efron 1987, through ``scipy.stats.bootstrap``); the percentile
    method where that is undefined. With few values a bootstrap is too narrow, so it is taken at the
    level of ``expanded``; with fewer than ``FEW`` even that is (of 3 values it holds three means of
    four), and the interval is Student's t. A sample of fewer than two values has no interval (NaN);
    one of equal values has that value at both ends. Values of ``folds`` are judged by
    ``t_intervals``.
    """
    if folds > 1:
        return t_intervals(samples, level, folds)
    return by_size(samples, lambda stacked: _intervals(stacked, level), width=2)


def worse_end(
    sample: np.ndarray,
    settings: int,
    mode: str,
    of: Callable[..., np.ndarray] = mean_intervals,
    folds: int = 1,
) -> tuple[int, float]:
    """Which end of the 95 % interval of the best of so many settings, picked by these very numbers,
    allows for the choice, and where it is.

    The choice flatters the mean: the end on its worse side has the level 1 - 0.05 / settings
    (Bonferroni), the other end the usual one.
    """
    end = 0 if mode == "max" else 1
    return end, float(of([sample], 1 - 0.05 / settings, folds)[0, end])


def expanded(level: float, size: int) -> float:
    """The level at which a bootstrap of ``size`` values is as wide as Student's t is at ``level``:
    it resamples a spread that is too small by n - 1 over n, and knows it no better than the sample
    does (Hesterberg 2015, "What teachers should know about the bootstrap", The American
    Statistician 69, section 4: the expanded percentile interval).
    """
    from scipy import stats

    limit = np.sqrt(size / (size - 1)) * stats.t.ppf((1 + level) / 2, size - 1)
    return float(1 - 2 * stats.norm.sf(min(limit, WIDEST)))


def t_intervals(samples: Sequence[np.ndarray], level: float = 0.95, folds: int = 1) -> np.ndarray:
    """Student's t interval of the mean of each sample, as an array of shape ``(len(samples), 2)``:
    low, high.

    For means over many test images, which are close to normal: then it holds its level with few
    seeds, where a bootstrap is too narrow. NaN below two values, and where all values are equal:
    their spread is not known. ``folds``: of a cross-validation that the values are of, 1 where they
    are of none; see ``error_of_mean``.
    """
    from scipy import stats

    limits = np.full((len(samples), 2), np.nan)
    for place, sample in enumerate(samples):
        if varies(sample):
            width = stats.t.ppf((1 + level) / 2, len(sample) - 1) * error_of_mean(sample, folds)
            limits[place] = np.mean(sample) + np.array([-width, width])
    return limits


def error_of_mean(sample: np.ndarray, folds: int = 1) -> float:
    """The standard error of the mean of a sample of two values or more.

    Values of folds are not independent: their training data overlap. Their variance counts ``1 / n
    + 1 / (folds - 1)`` times, where the second part is the test data of a fold over its training
    data: the corrected resampled variance of C. Nadeau and Y. Bengio, "Inference for the
    Generalization Error", Machine Learning 52, 2003; for repeated folds R. R. Bouckaert and E.
    Frank, "Evaluating the Replicability of Significance Tests", PAKDD 2004.
    """
    shared = 1 / (folds - 1) if folds > 1 else 0.0
    return float(spread(sample, ddof=1) * np.sqrt(1 / len(sample) + shared))


def t_p_values(samples: Sequence[np.ndarray], folds: int = 1) -> np.ndarray:
    """Two-sided p-value of the paired t-test, one per sample of paired differences: shape
    ``(len(samples),)``.

    Where all differences are equal, which a t-test takes for certainty, the exact sign-flip p-value
    instead; NaN for ``folds``, of which no exact test is known. NaN below two values.
    """
    from scipy import stats

    def p_value(sample: np.ndarray) -> float:
        if not varies(sample):
            return sign_flip_p_values([sample])[0] if folds == 1 else np.nan
        distance = abs(np.mean(sample)) / error_of_mean(sample, folds)
        return float(2 * stats.t.sf(distance, len(sample) - 1))

    return np.array([p_value(sample) for sample in samples], dtype=float)


def two_sample_interval(
    first: np.ndarray, last: np.ndarray, level: float = 0.95, folds: int = 1
) -> tuple[float, float]:
    """Welch's interval of ``mean(last) - mean(first)`` for unpaired samples; NaN below two values
    on a side, the difference at both ends where neither side varies. A percentile bootstrap of 3
    values a side holds four differences of five, not 95 %.
    """
    from scipy import stats

    if min(len(first), len(last)) < 2:
        return np.nan, np.nan
    if not (varies(first) or varies(last)):
        return (float(last[0] - first[0]),) * 2
    if folds > 1:
        difference, error, freedom = _welch(first, last, folds)
        width = float(stats.t.ppf((1 + level) / 2, freedom)) * error
        return difference - width, difference + width
    low, high = stats.ttest_ind(last, first, equal_var=False).confidence_interval(level)
    return float(low), float(high)


def two_sample_p_value(
    first: np.ndarray, last: np.ndarray, *, student: bool = False, folds: int = 1
) -> float:
    """Two-sided p-value of a permutation test on the difference of the means of unpaired samples;
    NaN below two values on a side.

    ``student``: of Welch's t-test, for few seeds, of which there are too few permutations.
    """
    from scipy import stats

    if min(len(first), len(last)) < 2:
        return np.nan
    if folds > 1:
        if not (varies(first) or varies(last)):
            return np.nan
        middle, error, freedom = _welch(first, last, folds)
        return float(2 * stats.t.sf(abs(middle) / error, freedom))
    if student and (varies(first) or varies(last)):
        return float(stats.ttest_ind(last, first, equal_var=False).pvalue)
    return float(
        stats.permutation_test(
            (last, first),
            _mean_difference,
            n_resamples=PERMUTATIONS,
            batch=max(1, NUMBERS_AT_ONCE // (len(first) + len(last))),
            rng=generator(),
        ).pvalue
    )


def _welch(first: np.ndarray, last: np.ndarray, folds: int) -> tuple[float, float, float]:
    """The difference of the means of unpaired folds, its standard error, and Welch's degrees of
    freedom.
    """
    errors = np.array([error_of_mean(sample, folds) ** 2 for sample in (first, last)])
    sizes = np.array([len(first), len(last)])
    freedom = errors.sum() ** 2 / (errors**2 / (sizes - 1)).sum()
    return float(np.mean(last) - np.mean(first)), float(np.sqrt(errors.sum())), float(freedom)


def varies(sample: np.ndarray) -> bool:
    """Whether the values differ by more than rounding errors; two or more of them."""
    return len(sample) > 1 and not is_flat(sample)


def _mean_difference(last: np.ndarray, first: np.ndarray, axis: int = -1) -> Any:
    return np.mean(last, axis=axis) - np.mean(first, axis=axis)


def _intervals(stacked: np.ndarray, level: float) -> np.ndarray:
    limits = np.repeat(stacked[:, :1], 2, axis=1).astype(float)
    varied = ~is_flat(stacked)
    if varied.any():
        of_samples = _bootstrap if stacked.shape[1] >= FEW else t_intervals
        limits[varied] = of_samples(stacked[varied], level)
    return limits


def _rounded_mean(values: np.ndarray, axis: int) -> Any:
    """Of values no larger than 2. The same values have the same mean, in whichever order they are
    added up: how often a resample has the mean of the sample decides on the bias of a bootstrap.
    """
    return np.round(np.mean(values, axis=axis), 9)


def _bootstrap(stacked: np.ndarray, level: float) -> np.ndarray:
    from scipy import stats

    middles = np.median(stacked, axis=1, keepdims=True)
    units = unit_of(stacked - middles, axis=1)
    bootstrap = partial(
        stats.bootstrap,
        ((stacked - middles) / units,),
        _rounded_mean,
        axis=-1,
        confidence_level=expanded(level, stacked.shape[1]),
        batch=max(1, NUMBERS_AT_ONCE // stacked.size),
    )
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # answered below
        drawn = bootstrap(n_resamples=RESAMPLES, rng=generator(), method="BCa")
    limits = np.stack(drawn.confidence_interval, axis=1)
    undefined = np.isnan(limits).any(axis=1)
    if undefined.any():
        plain = bootstrap(n_resamples=0, bootstrap_result=drawn, method="percentile")
        limits[undefined] = np.stack(plain.confidence_interval, axis=1)[undefined]
    return middles + limits * units
