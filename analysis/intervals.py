"""Intervals and tests for means over seeds, all through scipy.stats, with fixed random generators: same input, same numbers."""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

RESAMPLES = 4_999
PERMUTATIONS = 9_999
FINEST, GRID_STEPS = 1_000, 250_000  # steps of the largest difference, and of all of them together, that sign flips are counted by
RANDOM_SEED = 2024
FEW = 6  # values: with fewer, no resample of them reaches as far as the mean may lie
WIDEST = 6.0  # standard errors: no resample lies further out
ROUNDING = 1e-12  # relative: equal differences of unequal numbers still differ in their last digits
_NUMBERS_AT_ONCE = 2_000_000  # how many resampled numbers are in memory at the same time: 16 MB


def mean_intervals(samples: Sequence[np.ndarray], level: float = 0.95) -> np.ndarray:
    """Bootstrap interval of the mean of each sample, as an array of shape ``(len(samples), 2)``: low, high.

    Bias-corrected and accelerated (Efron 1987, through ``scipy.stats.bootstrap``); the percentile method where that is undefined. With few
    values a bootstrap is too narrow, so it is taken at the level of ``expanded``; with fewer than ``FEW`` even that is (of 3 values it
    holds three means of four), and the interval is Student's t. A sample of fewer than two values has no interval (NaN); one of equal
    values has that value at both ends.
    """
    return _by_size(samples, lambda stacked: _intervals(stacked, level), width=2)


def worse_end(sample: np.ndarray, settings: int, mode: str, of: Callable[..., np.ndarray] = mean_intervals) -> tuple[int, float]:
    """Which end of the 95 % interval of the best of so many settings, picked by these very numbers, allows for the choice, and where it is.

    The choice flatters the mean: the end on its worse side has the level 1 - 0.05 / settings (Bonferroni), the other end the usual one.
    """
    end = 0 if mode == "max" else 1
    return end, float(of([sample], 1 - 0.05 / settings)[0, end])


def expanded(level: float, size: int) -> float:
    """The level at which a bootstrap of ``size`` values is as wide as Student's t is at ``level``: it resamples a spread that is too small
    by n - 1 over n, and knows it no better than the sample does (Hesterberg 2015, "What teachers should know about the bootstrap", The
    American Statistician 69, section 4: the expanded percentile interval)."""
    from scipy import stats

    limit = np.sqrt(size / (size - 1)) * stats.t.ppf((1 + level) / 2, size - 1)
    return float(1 - 2 * stats.norm.sf(min(limit, WIDEST)))


def t_intervals(samples: Sequence[np.ndarray], level: float = 0.95) -> np.ndarray:
    """Student's t interval of the mean of each sample, as an array of shape ``(len(samples), 2)``: low, high.

    For means over many test images, which are close to normal: then it holds its level with few seeds, where a bootstrap is too narrow.
    NaN below two values, and where all values are equal: their spread is not known.
    """
    from scipy import stats

    limits = np.full((len(samples), 2), np.nan)
    for place, sample in enumerate(samples):
        if _varies(sample):
            limits[place] = stats.ttest_1samp(sample, 0.0).confidence_interval(level)
    return limits


def t_p_values(samples: Sequence[np.ndarray]) -> np.ndarray:
    """Two-sided p-value of the paired t-test, one per sample of paired differences: shape ``(len(samples),)``.

    Where all differences are equal, which a t-test takes for certainty, the exact sign-flip p-value instead. NaN below two values.
    """
    from scipy import stats

    values = np.full(len(samples), np.nan)
    flat = [place for place, sample in enumerate(samples) if not _varies(sample)]
    values[flat] = sign_flip_p_values([samples[place] for place in flat])
    for place in set(range(len(samples))) - set(flat):
        values[place] = stats.ttest_1samp(samples[place], 0.0).pvalue
    return values


def seeds_for_sign_flips(tests: int, error: float = 0.05) -> int:
    """How many paired seeds a sign-flip test needs at least before the smallest of ``tests`` p-values can be ``error`` after Holm's
    correction: with n seeds no p-value is below 2 / 2^n."""
    return 1 + math.ceil(math.log2(tests / error))


def sign_flip_p_values(samples: Sequence[np.ndarray]) -> np.ndarray:
    """Two-sided p-value for "the differences are symmetric around 0", one per sample of paired differences: shape ``(len(samples),)``.

    Permutation test on the mean: exact up to 13 differences (``scipy.stats.permutation_test``), ``sign_flip_share`` above. Chosen over the
    t-test because accuracies come in clumps: three equal differences are weak evidence, which a t-test takes for infinite. NaN below two
    values.
    """
    return _by_size(samples, _sign_flips, width=1)[:, 0]


def sign_flip_share(differences: np.ndarray) -> float:
    """Which share of all sign flips moves the mean at least as far from 0 as it is, either way.

    The sizes are rounded to a grid, on which the flips can be counted sum by sum (the shift algorithm: B. Streitberg, J. Roehmel, "Exact
    distributions for permutation and rank tests", Statistical Software Newsletter 12, 1986). Flips that come as near as rounding may have
    moved them count too. Random flips would find no share below one in their number, so that a large family could support nothing.
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


def two_sample_interval(first: np.ndarray, last: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Welch's interval of ``mean(last) - mean(first)`` for unpaired samples; NaN below two values on a side, the difference at both ends
    where neither side varies. A percentile bootstrap of 3 values a side holds four differences of five, not 95 %."""
    from scipy import stats

    if min(len(first), len(last)) < 2:
        return np.nan, np.nan
    if not (_varies(first) or _varies(last)):
        return (float(last[0] - first[0]),) * 2
    found = stats.ttest_ind(last, first, equal_var=False).confidence_interval(level)
    return float(found.low), float(found.high)


def two_sample_p_value(first: np.ndarray, last: np.ndarray, *, student: bool = False) -> float:
    """Two-sided p-value of a permutation test on the difference of the means of unpaired samples; NaN below two values on a side.

    ``student``: of Welch's t-test, for few seeds, of which there are too few permutations.
    """
    from scipy import stats

    if min(len(first), len(last)) < 2:
        return np.nan
    if student and (_varies(first) or _varies(last)):
        return float(stats.ttest_ind(last, first, equal_var=False).pvalue)
    batch = max(1, _NUMBERS_AT_ONCE // (len(first) + len(last)))
    return float(stats.permutation_test((last, first), _mean_difference, n_resamples=PERMUTATIONS, batch=batch, rng=_random()).pvalue)


def _varies(sample: np.ndarray) -> bool:
    return len(sample) > 1 and bool(np.ptp(sample) > ROUNDING * np.abs(sample).max())


def _random() -> np.random.Generator:
    return np.random.default_rng(RANDOM_SEED)


def _mean_difference(last: np.ndarray, first: np.ndarray, axis: int = -1) -> Any:
    return np.mean(last, axis=axis) - np.mean(first, axis=axis)


def _by_size(samples: Sequence[np.ndarray], compute: Any, width: int) -> np.ndarray:
    """``compute`` on all samples of one size at once (shape ``(k, size)``): one call of scipy instead of one per setting."""
    sizes = np.array([len(sample) for sample in samples])
    results = np.full((len(samples), width), np.nan)
    for size in np.unique(sizes[sizes > 1]) if len(sizes) else []:
        rows = np.flatnonzero(sizes == size)
        results[rows] = compute(np.stack([samples[int(row)] for row in rows]))
    return results


def _intervals(stacked: np.ndarray, level: float) -> np.ndarray:
    limits = np.repeat(stacked[:, :1], 2, axis=1).astype(float)
    varied = np.flatnonzero(np.ptp(stacked, axis=1) > ROUNDING * np.abs(stacked).max(axis=1))
    if len(varied):
        limits[varied] = _bootstrap(stacked[varied], level) if stacked.shape[1] >= FEW else t_intervals(list(stacked[varied]), level)
    return limits


def _bootstrap(stacked: np.ndarray, level: float) -> np.ndarray:
    from scipy import stats

    level = expanded(level, stacked.shape[1])
    options: dict[str, Any] = {"axis": -1, "confidence_level": level, "batch": max(1, _NUMBERS_AT_ONCE // stacked.size)}
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # answered below
        found = stats.bootstrap((stacked,), np.mean, n_resamples=RESAMPLES, rng=_random(), method="BCa", **options)
    limits = np.stack(found.confidence_interval, axis=1)
    undefined = np.isnan(limits).any(axis=1)
    if undefined.any():
        plain = stats.bootstrap((stacked,), np.mean, n_resamples=0, bootstrap_result=found, method="percentile", **options)
        limits[undefined] = np.stack(plain.confidence_interval, axis=1)[undefined]
    return limits


def _sign_flips(differences: np.ndarray) -> np.ndarray:
    from scipy import stats

    if 2 ** differences.shape[1] > PERMUTATIONS:
        return np.array([[sign_flip_share(each)] for each in differences])
    found = stats.permutation_test(
        (differences,),
        np.mean,
        axis=-1,
        vectorized=True,
        permutation_type="samples",
        n_resamples=PERMUTATIONS,
        batch=max(1, _NUMBERS_AT_ONCE // differences.size),
        rng=_random(),
    )
    return np.asarray(found.pvalue)[:, None]
