"""How much of a full training lies behind a value."""

import math
from collections.abc import Sequence

MOST = 150
"""So many values are learned from, of the highest rungs: a suggestion takes some tenths of a second
at the most.
"""


def depth(epoch: int, stops: Sequence[int]) -> float:
    """1 at full length, the last of the ``stops``; 0 at the first one, and less below it."""
    first, full = stops[0], stops[-1]
    return 1 - math.log(full / epoch) / math.log(full / first) if full > first else 1.0
