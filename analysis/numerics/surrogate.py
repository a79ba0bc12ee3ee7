"""A smooth model of the metric over the space: a Gaussian process on the settings, through
scikit-learn.
"""

import warnings
from typing import Any

import numpy as np

from analysis.numerics.samples import RANDOM_SEED, spread

MOST = 300  # trials the model is fitted to: its time grows with their cube
LENGTHS = (0.3, 50.0)  # over which the metric may vary, in units of half a range
NOISE = (1e-4, 1.0)  # variance that the settings do not explain, in units of that of the metric


def fit_kernel(inputs: np.ndarray, values: np.ndarray, variance: np.ndarray) -> Any:
    """The kernel that fits the trials best: squared exponential with a length of its own for each
    feature, and noise (Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning",
    chapter 5). ``inputs``: shape ``(trials, features)``; ``values`` and ``variance``: shape
    ``(trials,)``.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    start = ConstantKernel(1.0) * RBF(np.full(inputs.shape[1], 2.0), LENGTHS) + WhiteKernel(
        0.05, NOISE
    )
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # a length at its limit: the metric does not depend on that feature
        return _fitted(start, inputs, values, variance).kernel_


def predict(
    kernel: Any, inputs: np.ndarray, values: np.ndarray, variance: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """The metric at ``wanted``, shape ``(settings, features)``, by a model with this kernel: shape
    ``(settings,)``. A value of large variance bends the model little.
    """
    model = _fitted(kernel, inputs, values, variance, optimizer=None)
    return values.mean() + (spread(values) or 1.0) * model.predict(wanted)


def most_certain(variance: np.ndarray) -> np.ndarray:
    """The places of the at most 300 trials with the least variance; of equal ones a random part."""
    shuffled = np.random.default_rng(RANDOM_SEED).permutation(len(variance))
    return np.sort(shuffled[np.argsort(variance[shuffled], kind="stable")[:MOST]])


def _fitted(
    kernel: Any, inputs: np.ndarray, values: np.ndarray, variance: np.ndarray, **options: Any
) -> Any:
    from sklearn.gaussian_process import GaussianProcessRegressor

    width = spread(values) or 1.0
    model = GaussianProcessRegressor(
        kernel, alpha=1e-8 + variance / width**2, random_state=RANDOM_SEED, **options
    )
    return model.fit(inputs, (values - values.mean()) / width)
