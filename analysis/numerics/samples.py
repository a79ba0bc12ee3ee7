"""Samples of any sizes, computed with at once, by generators that are always the same."""

from collections.abc import Sequence
from typing import Any

import numpy as np

RANDOM_SEED = 2024
ROUNDING = 1e-12  # relative: equal differences of unequal numbers still differ in their last digits
NUMBERS_AT_ONCE = 2_000_000  # how many resampled numbers are in memory at the same time: 16 MB


def generator() -> np.random.Generator:
    return np.random.default_rng(RANDOM_SEED)


def unit_of(values: np.ndarray, axis: int | None = None) -> Any:
    """A power of two as large as the largest of the values, 1 where there is none. The squares of
    values may be too large or too small for a float; those of ``values / unit`` are neither, and no
    digit of them is lost.
    """
    largest = np.abs(values).max(axis=axis, keepdims=axis is not None, initial=0)
    units = np.ldexp(1.0, np.frexp(largest)[1] - 1)
    return np.where((largest > 0) & np.isfinite(largest), units, 1.0)[()]


def spread(values: np.ndarray, ddof: int = 0) -> float:
    """Their standard deviation, whatever their size."""
    unit = unit_of(values)
    return float(np.std(values / unit, ddof=ddof) * unit)


def is_flat(values: np.ndarray, axis: int = -1) -> Any:
    """Whether values are equal up to rounding: what is left of them around their mean says nothing
    of how they vary.
    """
    return np.ptp(values, axis=axis) <= ROUNDING * np.abs(values).max(axis=axis)


def by_size(samples: Sequence[np.ndarray], compute: Any, width: int) -> np.ndarray:
    """``compute`` on all samples of one size at once (shape ``(k, size)``): one call of scipy
    instead of one per setting.
    """
    sizes = np.array([len(sample) for sample in samples], dtype=int)
    results = np.full((len(samples), width), np.nan)
    for size in np.unique(sizes[sizes > 1]):
        rows = np.flatnonzero(sizes == size)
        results[rows] = compute(np.stack([samples[int(row)] for row in rows]))
    return results
