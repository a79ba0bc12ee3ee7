"""What the rungs of a search tell of each other."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from analysis.numerics.ranks import FEWEST, agreement

MOST = 200
"""The trials with the lowest ids that have values at two stops are enough to compare these."""


@dataclass
class Stop:
    """The scores of trials at an epoch, and the ids, ascending, of those that reached the next stop
    and of those that did not.
    """

    scores: dict[str, float] = field(default_factory=dict)
    went_on: list[str] = field(default_factory=list)
    stayed: list[str] = field(default_factory=list)
    said: tuple[tuple[int, int], bool] = (0, 0), False


class RungRanks:
    """The scores of trials at ``stops``: the rungs, ascending, and the full length.

    A rung says nothing where the rank correlation of its scores with those at the next stop is
    surely little (``numerics.ranks``). That follows from the scores that are there, whatever order
    they came in: a search that is resumed decides as one that went on.
    """

    def __init__(self, stops: Sequence[int]) -> None:
        self._stops = {stop: Stop() for stop in stops}
        self._next = dict(pairwise(stops))
        self._before = {after: stop for stop, after in self._next.items()}

    def add(self, stop: int, trial: str, score: float) -> None:
        """The stops of a trial come in ascending order; what is there already stays."""
        here, before = self._stops[stop], self._stops.get(self._before.get(stop, 0))
        if trial in here.scores:
            return
        here.scores[trial] = score
        insort(here.stayed, trial)
        if before and trial in before.scores:
            del before.stayed[bisect_left(before.stayed, trial)]
            insort(before.went_on, trial)

    def says_nothing(self, rung: int) -> bool:
        """Whether the order at a rung is of no use for stopping."""
        here = self._stops[rung]
        as_of = len(here.went_on), len(here.stayed)
        if len(here.went_on) >= FEWEST and as_of != here.said[0]:
            here.said = as_of, self._compared(here, self._stops[self._next[rung]])
        return here.said[1]

    def _compared(self, here: Stop, there: Stop) -> bool:
        """Of those that stayed, as many are compared as their share is."""
        import numpy as np

        went_on = here.went_on[:MOST]
        share = len(went_on) / len(here.went_on)
        trials = [*went_on, *here.stayed[: round(share * len(here.stayed))]]
        earlier = np.array([here.scores[trial] for trial in trials])
        later = np.array([there.scores[trial] for trial in went_on])
        missing = np.full(len(trials) - len(went_on), np.nan)
        found = agreement(earlier, np.concatenate([later, missing]))
        return found is not None and found.says_nothing
