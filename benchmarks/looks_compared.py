"""What the rule for looking at seeds again and again was chosen against: other ways to spend the
error, and e-values, which hold after any number of seeds. Of these each function gives the p-value
at every look, shape ``(rows, looks)``, of differences of shape ``(rows, seeds)``: 1 over the
largest e-value so far.
"""

import numpy as np

from analysis.numerics.looks import Looks
from analysis.numerics.sequential import seen

SPREADS = (0.3, 1.0, 3.0)
"""Of the differences under the alternative, in standard deviations: a mixture of these."""
BETS = np.array([0.3, 0.6, 1.2, 2.4])


def pocock(shares: np.ndarray, error: float) -> np.ndarray:
    """Nearly the same level at every look."""
    return error * np.log1p((np.e - 1) * shares)


def obrien_fleming(shares: np.ndarray, error: float) -> np.ndarray:
    """Hardly any error at the first looks, so that nearly all of it is left for the last."""
    from scipy import special

    return np.asarray(4 * special.ndtr(special.ndtri(error / 4) / np.sqrt(shares)))


def t_mixture(differences: np.ndarray, looks: Looks) -> np.ndarray:
    """Bell-shaped differences of unknown variance: Bayes factors of a normal prior on the effect
    size (H. Wang and A. Ramdas, "Anytime-valid t-tests and confidence sequences for Gaussian means
    with unknown variance", Sequential Analysis 44, 2025).
    """
    at = seen(differences, looks, np.ones((len(differences), len(looks.sizes)), dtype=bool))
    with np.errstate(divide="ignore", invalid="ignore"):
        square = np.nan_to_num((at.mean / at.error) ** 2 / (at.n - 1), posinf=1e30)
    factors = [
        -np.log1p(at.n * spread**2) / 2
        + at.n / 2 * (np.log1p(square) - np.log1p(square / (1 + at.n * spread**2)))
        for spread in SPREADS
    ]
    return _held(np.logaddexp.reduce(factors, axis=0) - np.log(len(SPREADS)))


def symmetric(differences: np.ndarray, looks: Looks) -> np.ndarray:
    """Differences symmetric around 0 and of any other shape: exp(bd) / cosh(bd), with bets b by the
    seeds before (S. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, "Time-uniform, nonparametric,
    nonasymptotic confidence sequences", Annals of Statistics 49, 2021).
    """
    count = np.arange(1, differences.shape[1])
    spread = np.sqrt((differences[:, :-1] ** 2).cumsum(axis=1) / count)
    spread = np.concatenate([np.full((len(differences), 1), np.inf), spread], axis=1)
    spread[spread == 0] = np.inf
    bets = np.concatenate([BETS, -BETS])[:, None, None] * differences / spread
    gains = (bets - np.logaddexp(bets, -bets) + np.log(2)).cumsum(axis=2)
    return _held(np.logaddexp.reduce(gains, axis=0)[:, _at(looks)] - np.log(2 * len(BETS)))


def betting(differences: np.ndarray, looks: Looks, truth: float = 0.0) -> np.ndarray:
    """Differences of shares, which lie within -1 and 1, and are ``truth`` in the mean: a hedged
    capital with predictable bets (I. Waudby-Smith and A. Ramdas, "Estimating means of bounded
    random variables by betting", JRSS B 86, 2024, section 4). It holds whatever the shape: its
    intervals, of all truths that it does not refuse, allow for a failure that nobody has seen.
    """
    shares, count = (differences + 1) / 2, np.arange(1, differences.shape[1] + 1)
    mean = (0.5 + shares.cumsum(axis=1)) / (count + 1)
    spread = (0.25 + ((shares - mean) ** 2).cumsum(axis=1)) / (count + 1)
    before = np.concatenate([np.full((len(shares), 1), 0.25), spread[:, :-1]], axis=1)
    bets = np.minimum(np.sqrt(2 * np.log(2 / 0.05) / (before * count * np.log1p(count))), 1.0)
    gains = [np.log1p(side * bets * (shares - (truth + 1) / 2)).cumsum(axis=1) for side in (1, -1)]
    return _held(np.logaddexp(*gains)[:, _at(looks)] - np.log(2))


def _at(looks: Looks) -> np.ndarray:
    return np.array(looks.sizes) - 1


def _held(evidence: np.ndarray) -> np.ndarray:
    return np.exp(-np.maximum.accumulate(np.clip(evidence, 0, None), axis=1))
