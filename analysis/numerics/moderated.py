"""Variances that are known from few values each."""

import numpy as np

SMALLEST = 1e-5
"""No variance counts as smaller than this part of their median: the log of 0 says nothing."""
FEWEST = 3


def moderated(variances: np.ndarray, degrees: int) -> np.ndarray:
    """Each drawn towards what all have in common, as far as they differ by no more than chance
    makes them: G. K. Smyth, "Linear Models and Empirical Bayes Methods for Assessing Differential
    Expression in Microarray Experiments", 2004, section 6.2. ``variances``: shape ``(values,)``, of
    ``degrees`` degrees of freedom each; NaN where one is not known, which gets the common one. All
    0 where none is larger.
    """
    from scipy.special import digamma, polygamma

    known = np.isfinite(variances)
    positive = variances[known & (variances > 0)]
    if not len(positive):
        return np.zeros(len(variances))
    floored = np.maximum(variances[known], SMALLEST * np.median(positive))
    half = degrees / 2
    logs = np.log(floored) - digamma(half) + np.log(half)
    excess = float(logs.var(ddof=1) - polygamma(1, half)) if len(logs) >= FEWEST else 0.0
    if excess <= 0:  # no more than chance
        return np.full(len(variances), np.exp(logs.mean()))
    prior = _inverse_trigamma(excess)
    common = float(np.exp(logs.mean() + digamma(prior) - np.log(prior)))
    found = np.full(len(variances), common)
    found[known] = (prior * common + half * floored) / (prior + half)
    return found


def _inverse_trigamma(value: float) -> float:
    from scipy.optimize import brentq
    from scipy.special import polygamma

    return float(brentq(lambda x: polygamma(1, x) - value, 1e-6, 1 / value + 1))
