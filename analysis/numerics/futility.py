"""Whether more seeds are likely to settle a comparison: its predictive power (D. J. Spiegelhalter,
L. S. Freedman and P. R. Blackburn, "Monitoring clinical trials: conditional or predictive power?",
Controlled Clinical Trials 7, 1986), for which it may end before all seeds are trained (K. K. G.
Lan, R. Simon and M. Halperin, "Stochastically curtailed tests in long-term clinical trials",
Sequential Analysis 1, 1982).
"""

from typing import Any

import numpy as np

from analysis.numerics.sequential import Seen


def predictive_power(
    at: Seen, shares: Any, apart: Any, smallest: float = 0.0, equal: Any = 0.0
) -> np.ndarray:
    """The chance that differences are told apart from 0, or called smaller than ``smallest``, once
    there are all seeds, given what they are at a look that sees a share of these; shape ``(rows,
    looks)``, as of ``at``. ``apart, equal``: the two-sided levels of both tests then; 0: no test.

    Every true difference is taken to be as likely as any other before the first seed, numbers to be
    bell-shaped, and their standard deviation to be the one seen. 1 where nothing is left to chance
    or to be estimated: at the last look, and where differences do not vary or are fewer than two.
    """
    from scipy import special

    beyond, short_of = -special.ndtri(np.asarray(apart) / 2), -special.ndtri(np.asarray(equal) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = at.mean / at.error / np.sqrt(shares)
        spread = np.sqrt((1 - shares) / shares)
        within = np.clip(smallest / (at.error * np.sqrt(shares)) - short_of, 0, None)
        undecided, same = (
            special.ndtr((limit - centre) / spread) - special.ndtr((-limit - centre) / spread)
            for limit in (beyond, within)
        )
    chance = np.minimum(1 - undecided + same, 1.0)
    return np.where((at.error > 0) & (np.asarray(shares) < 1), chance, 1.0)
