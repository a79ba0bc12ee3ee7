"""How strongly one parameter goes with the metric: coefficients and their intervals, all
deterministic. Arrays in, numbers out.
"""

import math
import warnings
from functools import partial
from typing import Any

import numpy as np

from analysis.numerics.samples import generator, is_flat, unit_of

SPEARMAN, PEARSON, ETA = "spearman", "pearson", "eta"
FEWEST = 10  # trials, below which a bootstrap of a coefficient does not hold its level
MANY = 1_000  # trials, from which 99 resamples and a normal approximation give the same interval
RESAMPLES, FEW_RESAMPLES = 999, 99
LEVEL = 0.95


def coefficient(method: str, parameter: np.ndarray, metric: np.ndarray, axis: int = -1) -> Any:
    """Spearman's or Pearson's coefficient (-1 to 1), or the correlation ratio eta (0 to 1) of a
    parameter given as codes.

    NaN where one of both does not vary. ``axis``: along which the trials lie (not for eta).
    """
    if method == ETA:
        return eta(parameter, metric)
    if method == SPEARMAN:
        from scipy import stats

        parameter, metric = stats.rankdata(parameter, axis=axis), stats.rankdata(metric, axis=axis)
    return _pearson(parameter, metric, axis)


def eta(codes: np.ndarray, metric: np.ndarray) -> float:
    """The correlation ratio (Fisher 1925): square root of the share of the variance of the metric
    that lies between the groups.
    """
    metric = metric / unit_of(metric)
    total = float(((metric - metric.mean()) ** 2).sum()) if len(metric) else 0.0
    sizes = np.bincount(codes) if len(codes) else np.array([])
    if not total > 0 or np.count_nonzero(sizes) < 2 or is_flat(metric):
        return np.nan
    means = np.bincount(codes, weights=metric) / np.maximum(sizes, 1)
    return math.sqrt(min(1.0, float((sizes * (means - metric.mean()) ** 2).sum()) / total))


def interval(method: str, parameter: np.ndarray, metric: np.ndarray) -> tuple[float, float]:
    """95 % interval of ``coefficient``: bootstrap over trials (BCa, Efron 1987) for Spearman and
    Pearson, inverted noncentral F test for eta (Steiger 2004; a bootstrap of eta, which is never
    below 0, would exclude 0 always). NaN below 10 trials, where nothing varies, and where all
    trials lie on one line.
    """
    value = coefficient(method, parameter, metric) if len(metric) >= FEWEST else np.nan
    if not abs(value) < 1 - 1e-12:
        return np.nan, np.nan
    if method == ETA:
        return _eta_interval(float(value), len(np.unique(parameter)), len(metric))
    return _bootstrap(method, parameter, metric)


def normal_interval(value: float, resampled: np.ndarray) -> tuple[float, float]:
    """Interval of a coefficient from the spread of resampled ones, on Fisher's z scale; NaN where
    too few resamples have one.
    """
    resampled = resampled[np.isfinite(resampled)]
    if len(resampled) < FEWEST:
        return np.nan, np.nan
    spread = 1.96 * np.std(np.arctanh(np.clip(resampled, -1 + 1e-9, 1 - 1e-9)), ddof=1)
    middle = np.arctanh(np.clip(value, -1 + 1e-9, 1 - 1e-9))
    return float(np.tanh(middle - spread)), float(np.tanh(middle + spread))


def _pearson(first: np.ndarray, last: np.ndarray, axis: int) -> Any:
    flat = is_flat(first, axis) | is_flat(last, axis)
    first, last = first / unit_of(first), last / unit_of(last)
    first = first - first.mean(axis=axis, keepdims=True)
    last = last - last.mean(axis=axis, keepdims=True)
    size = np.sqrt((first**2).sum(axis=axis) * (last**2).sum(axis=axis))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (first * last).sum(axis=axis) / size
    # Of points on a line it may come out a digit beyond 1.
    return np.where(flat, np.nan, np.clip(found, -1, 1))[()]


def _bootstrap(method: str, parameter: np.ndarray, metric: np.ndarray) -> tuple[float, float]:
    from scipy import stats

    many = len(metric) > MANY
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        drawn = stats.bootstrap(
            (parameter, metric),
            partial(coefficient, method),
            paired=True,
            vectorized=True,
            confidence_level=LEVEL,
            n_resamples=FEW_RESAMPLES if many else RESAMPLES,
            method="percentile" if many else "BCa",
            batch=max(1, 2_000_000 // len(metric)),
            rng=generator(),
        )
    low, high = drawn.confidence_interval
    # A resample in which nothing varies has no coefficient, and BCa none without it.
    if many or np.isnan(low):
        value = coefficient(method, parameter, metric)
        return normal_interval(float(value), drawn.bootstrap_distribution)
    return float(low), float(high)


def _eta_interval(value: float, groups: int, trials: int) -> tuple[float, float]:
    within = trials - groups
    if within < 1:
        return np.nan, np.nan
    ratio = (value**2 / (groups - 1)) / ((1 - value**2) / within)
    low, high = (
        _noncentrality(ratio, groups - 1, within, share)
        for share in ((1 + LEVEL) / 2, (1 - LEVEL) / 2)
    )
    return math.sqrt(low / (low + trials)), math.sqrt(high / (high + trials))


def _noncentrality(ratio: float, between: int, within: int, share: float) -> float:
    """The noncentrality at which an F value as small as ``ratio`` has the probability ``share``; 0
    where it is rarer than that anyway.
    """
    from scipy import optimize, stats

    def excess(noncentrality: float) -> float:
        if not noncentrality:
            return float(stats.f.cdf(ratio, between, within)) - share
        return float(stats.ncf.cdf(ratio, between, within, noncentrality)) - share

    if excess(0.0) <= 0:
        return 0.0
    top = 10.0 + 4 * ratio * between
    while excess(top) > 0:
        top *= 2
    return float(optimize.brentq(excess, 0.0, top))
