"""How many seeds it would take to settle what the seeds at hand leave open."""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.numerics.intervals import varies
from analysis.numerics.samples import RANDOM_SEED, ROUNDING, unit_of
from analysis.numerics.sign_flips import seeds_for_sign_flips

POWER = 0.8
DRAWS = 500  # simulated studies at each number of seeds
FEWEST = 5  # paired seeds, below which their differences say too little about what others would be
SEEDS = [*range(3, 10), *range(10, 30, 2), *range(30, 60, 5), *range(60, 401, 10)]
MOST_ROWS = 200  # of a table; longer ones are not read to the end


def seeds_needed(
    table: pd.DataFrame, samples: Sequence[np.ndarray], *, flips: bool = False, folds: int = 1
) -> np.ndarray:
    """``seeds_to_settle`` for the rows of ``table``, one family with the columns ``p`` and
    ``supported``, that were tested and are not supported; NaN for the others, and after the first
    200. ``samples``: the paired differences of each row. ``flips``: whether they are judged by sign
    flips, of which few seeds have too few for any small p-value, as equal differences always are.
    NaN for ``folds``: more of the same data settle little.
    """
    if folds > 1:
        return np.full(len(table), np.nan)
    unclear = table["p"].notna() & ~table["supported"] & (np.arange(len(table)) < MOST_ROWS)
    chosen = [sample if left else sample[:0] for sample, left in zip(samples, unclear, strict=True)]
    tests = max(1, int(table["p"].count()))
    by_flips = [flips or not varies(sample) for sample in samples]
    return np.maximum(
        seeds_to_settle(chosen, tests), np.where(by_flips, seeds_for_sign_flips(tests), 0)
    )


def seeds_to_settle(samples: Sequence[np.ndarray], tests: int, error: float = 0.05) -> np.ndarray:
    """How many paired seeds would show the difference that each sample has, in four studies of
    five: shape ``(len(samples),)``.

    Power by bootstrap (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 25):
    studies of so many seeds are drawn from the differences at hand and tested by the paired t-test
    at ``error / tests``, ``tests`` being the size of the family. It takes the difference seen for
    the true one, which few seeds know badly. A round number up to 400, or infinite; NaN below 5
    differences.
    """
    return np.array([_seeds(sample, error / max(1, tests)) for sample in samples], dtype=float)


def settled_text(seeds: float) -> str:
    """The number of seeds in words; empty where it is not known."""
    if np.isnan(seeds):
        return ""
    return f"more than {SEEDS[-1]}" if np.isinf(seeds) else f"about {seeds:.0f}"


def _seeds(sample: np.ndarray, level: float) -> float:
    if len(sample) < FEWEST:
        return np.nan
    if abs(sample.mean()) <= ROUNDING * np.abs(sample).max():
        return np.inf
    place = bisect_left(SEEDS, POWER, key=lambda seeds: _power(sample, seeds, level))
    return float(SEEDS[place]) if place < len(SEEDS) else np.inf


def _power(sample: np.ndarray, seeds: int, level: float) -> float:
    """Share of studies of so many seeds, drawn from ``sample``, that find a difference on its
    side.
    """
    from scipy import stats

    sample = sample / unit_of(sample)
    drawn = np.random.default_rng(RANDOM_SEED).choice(sample, (DRAWS, seeds))
    spread = np.maximum(drawn.std(axis=1, ddof=1), ROUNDING * np.abs(sample).max())
    ratio = drawn.mean(axis=1) / spread * np.sqrt(seeds)
    return float((ratio * np.sign(sample.mean()) > stats.t.ppf(1 - level / 2, seeds - 1)).mean())
