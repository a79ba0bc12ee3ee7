"""Gaussian processes: fitted to what was seen, and begun with what earlier ones expect."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

STEPS = 15
"""Of the search for the lengths of the kernel."""
LENGTH, NOISE = 0.5, 1e-2
"""What is expected of these before anything is seen: the lengths times the root of the number of
features, the noise as a variance.
"""
SPREADS = {"scale": 1.0, "length": 1.0, "noise": 2.0}
"""How far the logs of these may be off, as standard deviations."""
JITTER = 1e-8
"""A variance that keeps matrices from being singular."""
Mean = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Process:
    """``own``, a process of scikit-learn's, on top of the ``prior`` mean that inputs, of shape
    ``(values, features)``, have.
    """

    own: Any
    prior: Mean

    def predict(self, inputs: np.ndarray, return_std: bool = False) -> Any:
        """The mean, and with ``return_std`` the standard deviation: each of shape ``(values,)``."""
        if not return_std:
            return self.own.predict(inputs) + self.prior(inputs)
        mean, deviation = self.own.predict(inputs, return_std=True)
        return mean + self.prior(inputs), deviation

    @property
    def noise(self) -> float:
        """A variance, with those that were known."""
        return float(self.own.kernel_.k2.noise_level + np.mean(self.own.alpha))


def nothing(inputs: np.ndarray) -> np.ndarray:
    """The prior mean of a process that begins with nothing."""
    return np.zeros(len(inputs))


def fitted(
    inputs: np.ndarray, scores: np.ndarray, variances: np.ndarray, prior: Mean = nothing
) -> Process:
    """A Gaussian process of ``scores`` over ``inputs``, shape ``(values, features)``: its scale,
    lengths and noise the likeliest, given what is expected of them. ``variances``: of the scores
    about their settings, which the noise comes on top of.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    features = inputs.shape[1]
    lengths = Matern(np.ones(features), (0.03, 30.0), nu=2.5)
    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * lengths + WhiteKernel(NOISE, (1e-6, 1.0))
    process = GaussianProcessRegressor(
        kernel, alpha=JITTER + variances, optimizer=_likeliest(features)
    )
    # What lies at its bound does so rightly: scores without noise, say.
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        return Process(process.fit(inputs, scores - prior(inputs)), prior)


def _likeliest(features: int) -> Callable[..., tuple[np.ndarray, float]]:
    """What scikit-learn finds scale, lengths and noise with, all as logs."""
    from scipy.optimize import minimize

    expected = np.log([1.0, *[LENGTH * math.sqrt(features)] * features, NOISE])
    spreads = np.array([SPREADS["scale"], *[SPREADS["length"]] * features, SPREADS["noise"]])

    def find(loss: Any, start: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, float]:
        def penalised(logs: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = loss(logs, eval_gradient=True)
            off = (logs - expected) / spreads
            return value + 0.5 * off @ off, slope + off / spreads

        options = {"maxiter": STEPS}
        found = minimize(penalised, start, jac=True, bounds=bounds, options=options)
        return found.x, found.fun

    return find


def warmed(
    inputs: np.ndarray, scores: np.ndarray, variances: np.ndarray, earlier: Sequence[Process]
) -> Process:
    """As ``fitted``, with a prior mean: a level, and what each of the ``earlier`` processes
    expects, all weighted by a linear regression of the scores, so that what disagrees with them
    counts for little. Before anything is seen each of n has the weight 1/n, give or take 1/sqrt(n),
    and the level is 0, give or take 1; a weight is never below 0.
    """
    if not earlier:
        return fitted(inputs, scores, variances)
    columns = _expected(earlier, inputs)
    start, spread = _start(len(earlier))
    noise = fitted(inputs, scores, variances, lambda given: _expected(earlier, given) @ start)
    spread_of = noise.own.kernel_(inputs) + np.diag(variances)
    known = np.linalg.solve(spread_of, np.column_stack([columns, scores]))
    precision = columns.T @ known[:, :-1] + np.diag(1 / spread**2)
    weights = np.linalg.solve(precision, columns.T @ known[:, -1] + start / spread**2)
    weights[1:] = np.maximum(weights[1:], 0.0)
    return fitted(inputs, scores, variances, lambda given: _expected(earlier, given) @ weights)


def _start(earlier: int) -> tuple[np.ndarray, np.ndarray]:
    start = np.array([0.0, *[1 / earlier] * earlier])
    return start, np.array([1.0, *[1 / math.sqrt(earlier)] * earlier])


def _expected(earlier: Sequence[Process], inputs: np.ndarray) -> np.ndarray:
    """Shape ``(values, 1 + earlier)``."""
    return np.column_stack([np.ones(len(inputs)), *(each.predict(inputs) for each in earlier)])


def believing(model: Process, pending: np.ndarray) -> Process:
    """The process, had the ``pending`` inputs shown what it expects of them: so that what is being
    tried is not suggested again (D. Ginsbourger, R. Le Riche and L. Carraro, "Kriging is
    well-suited to parallelize optimization", 2010).
    """
    from sklearn.gaussian_process import GaussianProcessRegressor

    own = model.own
    inputs = np.vstack([own.X_train_, pending])
    scores = np.concatenate([own.y_train_, own.predict(pending)])
    variances = np.concatenate([own.alpha, np.full(len(pending), JITTER)])
    again = GaussianProcessRegressor(own.kernel_, alpha=variances, optimizer=None)
    return replace(model, own=again.fit(inputs, scores))
