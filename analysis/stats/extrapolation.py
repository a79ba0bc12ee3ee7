"""What stopped trials would have reached at full length, estimated from those that went on.

Who goes on at a rung is decided by the value there. Given that value and the setting, going on says
nothing more about the end, so a model of the next value, fitted to the trials that went on, holds
for the stopped ones too ("missing at random", Little and Rubin 2002). The model is a ridge
regression of the log of the value on the log of the one before, the parameters and their squares;
from rung to rung up to the full length. It extrapolates: stopped trials are worse than those it is
fitted to.

It falls short where the slow trials have next to nothing at the first rung: then a parameter of the
speed keeps part of its false weight.

Weights for survival were tried instead and are worse than doing nothing: hardly any trial survives
that resembles the stopped ones, so nothing is there to be weighted (``python -m benchmarks.proofs``
prints both).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.records.schema import Status
from analysis.stats.fidelity import Evidence, features

FEWEST = 8  # completed trials, below which nothing is extrapolated
# Of the variance of the next value, leaving one trial out: what less foretells not even the trials
# that went on is no ground for those that were stopped
LEAST_SHARE = 0.5
# Of the median: smaller values count as this much, or the log of one near 0 would rule the fit
FLOOR = 0.01
# Per trial; the one with the least leave-one-out error is used
PENALTIES = 10.0 ** np.arange(-4, 3.1, 0.5)
LEAST_VARIANCE = 1e-12


def can_extrapolate(found: Evidence, higher: bool) -> bool:
    """Whether trials were stopped, enough of the others completed to learn from, and the regression
    foretells from rung to rung what those that went on did reach: it explains ``LEAST_SHARE`` of
    their variance, each trial left out in turn. ``higher`` as for ``at_full_length``.
    """
    return (
        found.uneven
        and len(found.stops) > 1
        and int(found.values[found.full].notna().sum()) >= FEWEST
        and min(share for *_, share in _steps(*_known(found, _usable(found)), higher))
        >= LEAST_SHARE
    )


def at_full_length(found: Evidence, higher: bool) -> pd.DataFrame:
    """Every trial with a value at the first rung at full length, index ``trial``: ``value``;
    ``variance`` of the extrapolation (0 where the value was measured); ``measured``. Diverged and
    failed trials without a value at full length are left out: they have no such value.

    ``higher``: whether higher is better.
    """
    usable = _usable(found)
    values, inputs = _known(found, usable)
    filled, variance = fill_in(values, inputs, higher)
    return pd.DataFrame(
        {"value": filled, "variance": variance, "measured": ~np.isnan(values[:, -1])},
        index=found.values.index[usable],
    )


def _usable(found: Evidence) -> pd.Series:
    lost = found.ended.isin([Status.DIVERGED, Status.FAILED]) & found.values[found.full].isna()
    return found.values[found.stops[0]].notna() & ~lost


def _known(found: Evidence, usable: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Values and inputs of these trials, as ``fill_in`` takes them."""
    values = found.values[usable].to_numpy(dtype=float)
    return values, features(found.space, found.settings[usable], squares=True)


def fill_in(values: np.ndarray, inputs: np.ndarray, higher: bool) -> tuple[np.ndarray, np.ndarray]:
    """The last column of ``values``, shape ``(trials, stops)``, its gaps filled from column to
    column, and the variance of what was filled.

    ``inputs``: shape ``(trials, features)``. No filled value is better than the best measured one
    of its column.
    """
    *_, (current, variance, _) = _steps(values, inputs, higher)
    return current, variance


def _steps(
    values: np.ndarray, inputs: np.ndarray, higher: bool
) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """What ``fill_in`` gives, column after column, and which share of the variance of the next
    column the regression explains, each trial left out in turn.
    """
    logs = bool(np.nanmin(values) > 0)
    current, variance = values[:, 0], np.zeros(len(values))
    yield current, variance, 1.0
    for after in values.T[1:]:
        seen = ~np.isnan(after)
        before, targets = _scaled(current, logs), _scaled(after, logs)
        guess, error = ridge(np.column_stack([before, inputs]), targets, seen)
        guess = _plausible(guess, targets, higher)
        guess, slope = (np.exp(guess), np.exp(guess)) if logs else (guess, np.ones(len(guess)))
        variance = np.where(seen, 0.0, variance + error * slope**2)
        current = np.where(seen, after, guess)
        yield current, variance, 1 - error / _of_mean(targets[seen])


def _of_mean(targets: np.ndarray) -> float:
    """The mean squared error of the mean of the others, each left out in turn."""
    errors = (targets - targets.mean()) * len(targets) / max(1, len(targets) - 1)
    return max(float(np.mean(errors**2)), LEAST_VARIANCE)


def ridge(inputs: np.ndarray, targets: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, float]:
    """Predictions for all rows of ``inputs``, shape ``(rows, features)``, of a ridge regression
    fitted to the rows that are ``seen``, and its mean squared leave-one-out error (Hoerl and
    Kennard 1970; the shortcut for leaving one out is that of Allen 1974).

    scikit-learn's ``RidgeCV`` says the same to 13 digits and takes four to ten times as long, for
    each of the 300 resamples of a report.
    """
    middle, spread = inputs[seen].mean(axis=0), inputs[seen].std(axis=0)
    scaled = (inputs - middle) / np.where(spread > 0, spread, 1.0) * (spread > 0)
    level = targets[seen].mean()
    residuals = targets[seen] - level
    left, sizes, right = np.linalg.svd(scaled[seen], full_matrices=False)
    sizes = np.where(sizes > 1e-10 * max(sizes.max(initial=0.0), 1e-300), sizes, 0.0)
    along = left.T @ residuals

    def left_out(penalty: float) -> float:
        shrunk = sizes**2 / (sizes**2 + penalty)
        leverage = (left**2) @ shrunk + 1 / len(residuals)
        errors = (residuals - left @ (shrunk * along)) / np.maximum(1 - leverage, 1e-6)
        return float(np.mean(errors**2))

    error, penalty = min((left_out(penalty), penalty) for penalty in PENALTIES * len(residuals))
    weights = right.T @ (sizes / (sizes**2 + penalty) * along)
    return level + scaled @ weights, max(error, LEAST_VARIANCE)


def _plausible(guess: np.ndarray, seen: np.ndarray, higher: bool) -> np.ndarray:
    """Not better than the best one seen, nor further on the other side than ten times their whole
    range.
    """
    low, high = np.nanmin(seen), np.nanmax(seen)
    reach = 10 * (high - low) + 1e-12
    return np.clip(guess, low - reach, high) if higher else np.clip(guess, low, high + reach)


def _scaled(values: np.ndarray, logs: bool) -> np.ndarray:
    return np.log(np.maximum(values, FLOOR * np.nanmedian(values))) if logs else values
