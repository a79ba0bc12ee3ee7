"""What ranks at one epoch say about ranks at a later one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a search asks for nothing of these before enough trials are there
    import numpy as np

FEWEST = 10
"""With fewer that have both values nothing is said."""
LITTLE = 0.4
"""A rank correlation below this is of no use for stopping."""
ERROR = 0.01
"""How often ranks that agree by ``LITTLE`` may be said to agree less."""


@dataclass(frozen=True)
class Agreement:
    """A rank correlation of the values at two epochs over the ``n`` that have both, and what it is
    at most over all that have the earlier one.
    """

    rank: float
    n: int
    highest: float

    @property
    def says_nothing(self) -> bool:
        return self.highest < LITTLE


def agreement(earlier: "np.ndarray", later: "np.ndarray") -> Agreement | None:
    """Of values at an epoch with those at a later one, each of shape ``(values,)``, NaN where there
    is no later one; None where too few have both or all of these are alike.

    The bound is by Fisher's z with the variance of D. Bonett and T. Wright, "Sample size
    requirements for estimating Pearson, Kendall and Spearman correlations", 2000. Those that went
    on because they were good differ less at the earlier epoch, which alone makes the correlation
    smaller: what it would be over all is by R. L. Thorndike, "Personnel Selection", 1949, case 2,
    on normal scores.
    """
    import numpy as np
    from scipy import special, stats

    both = np.isfinite(later)
    n = int(both.sum())
    if n < FEWEST or np.ptp(earlier[both]) == 0 or np.ptp(later[both]) == 0:
        return None
    ranks = stats.rankdata(earlier[both]), stats.rankdata(later[both])
    rank = float(np.corrcoef(*ranks)[0, 1])
    spread = np.sqrt((1 + rank**2 / 2) / (n - 3))
    middle = np.arctanh(np.clip(rank, -0.999, 0.999))
    highest = float(np.tanh(middle + special.ndtri(1 - ERROR) * spread))
    scores = special.ndtri(stats.rankdata(earlier) / (len(earlier) + 1))
    wider = float(scores.std(ddof=1) / scores[both].std(ddof=1))
    return Agreement(rank, n, highest * wider / (1 + highest**2 * (wider**2 - 1)) ** 0.5)
