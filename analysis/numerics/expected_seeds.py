"""How many seeds a comparison is going to take whose seeds stop themselves."""

import numpy as np

from analysis.numerics.futility import predictive_power
from analysis.numerics.looks import Looks
from analysis.numerics.sequential import have_intervals, seen, t_test

ERROR, STUDIES = 0.05, 500


def expected_seeds(looks: Looks, apart: float, comparisons: int, futility: float = 0.0) -> float:
    """How many seeds each of two settings has, in the mean, when their comparison is supported, or
    unlikely to be, or when there are no more: simulated, from the same random numbers each time.

    ``apart``: by how many standard deviations of a seed the settings differ, whose numbers are
    taken for bell-shaped; ``comparisons``: of the family, of which this is taken to be the one that
    Holm's method asks most of; ``futility``: the chance of being supported below which it ends,
    which others that are asked less of do later.
    """
    rng = np.random.default_rng(0)
    rows = rng.normal(apart, np.sqrt(2), (STUDIES, looks.sizes[-1]))
    at = seen(rows, looks, np.ones((STUDIES, len(looks.sizes)), dtype=bool))
    # No sign-flip test has a smaller p-value; on bell-shaped data it seldom has a larger one.
    held = looks.repeated(np.maximum(t_test(at), 2.0 ** (1 - at.n)))
    levels = looks.levels(np.array([ERROR / comparisons]))
    shares = np.array(looks.sizes) / looks.sizes[-1]
    over = predictive_power(at, shares, levels[:, -1:]) < futility
    over &= have_intervals(at.n, levels)
    over |= held <= ERROR / comparisons
    over[:, -1] = True
    return float(np.array(looks.sizes)[over.argmax(axis=1)].mean())
