"""What learning curves that were cut off may have gone on to: many continuations of each, drawn
from how the longer curves of the same run went on.

From one stop to the next, the change per unit of log epochs is a linear function of the change per
unit before, and of the value; its coefficients and its noise have a posterior (a Bayesian linear
regression, normal and inverse gamma; A. Gelman et al., "Bayesian Data Analysis", 3rd edition,
chapter 14), which is drawn from. Steps between earlier stops, of which there are more, count too,
the less the earlier they are. A fast change is an uncertain one: the noise grows with it. Trials
that went on at a rung did so by their values there, which the model is given: so it holds for the
others too ("missing at random", R. Little and D. Rubin, 2002).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EARLIER = 0.25
"""What a step counts less than the one after it."""
SPREADS = np.array([2.0, 1.0, 0.5])
"""What is expected of the coefficients of constant, change and value: normal, about 0."""
SHAPE, NOISE = 1.0, 0.5
"""What is expected of the noise: its precision has a gamma prior of that shape."""
LEAST = 0.5
"""Of the noise, beside the part that grows with the change."""


def stops_below(first: int) -> list[int]:
    """Where the curve before the first rung is looked at: half of its epochs, and so on."""
    found: list[int] = []
    while (first := round(first / 2)) >= 1 and first not in found:
        found.insert(0, first)
    return found


def continued(
    values: np.ndarray, stops: Sequence[int], draws: int, rng: np.random.Generator
) -> np.ndarray:
    """``values``, shape ``(trials, stops)``, NaN from where a curve ends, with every gap after a
    first value filled: shape ``(draws, trials, stops)``. Known values are the same in every draw.
    Where no curve reaches a step or one before, it stays NaN.
    """
    logs = np.log(np.asarray(stops, dtype=float))
    steps = [_step(values, logs, number) for number in range(len(stops) - 1)]
    drawn = np.repeat(values[None], draws, axis=0)
    for number, step in enumerate(steps):
        gaps = np.isnan(values[:, number + 1])
        # The first step has no change before it.
        known = [each for each in steps[min(number, 1) : number + 1] if len(each.rates)]
        if not known or not gaps.any():
            continue
        now, before = drawn[:, gaps, number], drawn[:, gaps, max(number - 1, 0)]
        changes, levels = (now - before) / step.before, (now - step.middle) / step.spread
        rates = _drawn(known, number, changes, levels, rng)
        drawn[:, gaps, number + 1] = now + rates * (logs[number + 1] - logs[number])
    return drawn


@dataclass(frozen=True)
class _Step:
    """From stop ``number`` to the next. Of the trials that have both: ``rates``, the change per
    unit of log epochs; ``changes``, the same before the stop; ``levels``, the values there, of
    which all have that ``middle`` and that ``spread``. ``before``: the length of the step before,
    in log epochs.
    """

    number: int
    before: float
    middle: float
    spread: float
    rates: np.ndarray
    changes: np.ndarray
    levels: np.ndarray


def _step(values: np.ndarray, logs: np.ndarray, number: int) -> _Step:
    now, after, before = values[:, number], values[:, number + 1], values[:, max(number - 1, 0)]
    length = logs[number] - logs[number - 1] if number else 1.0
    there, both = now[~np.isnan(now)], ~np.isnan(now) & ~np.isnan(after)
    middle = float(np.median(there)) if len(there) else 0.0
    spread = _size(there - middle)
    return _Step(
        number=number,
        before=length,
        middle=middle,
        spread=spread,
        rates=((after - now) / (logs[number + 1] - logs[number]))[both],
        changes=((now - before) / length)[both],
        levels=((now - middle) / spread)[both],
    )


def _drawn(
    steps: Sequence[_Step],
    number: int,
    changes: np.ndarray,
    levels: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Rates after stop ``number``, shape ``(draws, trials)`` as that of ``changes`` and ``levels``
    there.
    """
    weights = np.concatenate(
        [np.full(len(each.rates), EARLIER ** (number - each.number)) for each in steps]
    )
    rates, seen, heights = (
        np.concatenate([getattr(each, name) for each in steps])
        for name in ("rates", "changes", "levels")
    )
    unit, usual = _size(rates, weights), _size(seen, weights)
    inputs = np.column_stack([np.ones(len(rates)), seen / usual, heights])
    worth = weights / _noise(seen / usual) ** 2
    precision = np.diag(SPREADS**-2) + (inputs * worth[:, None]).T @ inputs
    mean = np.linalg.solve(precision, inputs.T @ (worth * rates / unit))
    errors = worth @ (rates / unit - inputs @ mean) ** 2 + mean**2 @ SPREADS**-2
    variances = (SHAPE * NOISE**2 + errors / 2) / rng.gamma(
        SHAPE + weights.sum() / 2, 1.0, len(changes)
    )
    deviations, root = np.sqrt(variances)[:, None], np.linalg.cholesky(np.linalg.inv(precision))
    coefficients = mean + deviations * (rng.standard_normal((len(changes), 3)) @ root.T)
    constant, slope, height = coefficients.T[:, :, None]
    noise = deviations * rng.standard_normal(changes.shape) * _noise(changes / usual)
    return unit * (constant + slope * changes / usual + height * levels + noise)


def _size(values: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The root of the mean square; 1 where that is 0."""
    if not np.any(values):
        return 1.0
    return float(np.sqrt(np.average(values**2, weights=weights)))


def _noise(changes: np.ndarray) -> np.ndarray:
    return np.sqrt(LEAST**2 + changes**2)
