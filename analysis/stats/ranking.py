"""Which setting is the best: one order for the report, the confirmation, the export and what is
told while a study runs.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping
from typing import Generic, TypeVar

from analysis.numerics.means import mean
from analysis.records.cache import once
from analysis.records.load import Run
from analysis.records.schema import Mode, Status
from analysis.stats.settled import left_race
from analysis.stats.summary import by_seed
from analysis.stats.tables import samples_by_setting, seed_table, trial_settings

Key = TypeVar("Key", bound=Hashable)


def best_first(
    means: Mapping[Key, float],
    mode: str,
    tried: Mapping[Key, str] | None = None,
    last: Collection[Key] = frozenset(),
) -> list[Key]:
    """The keys by their mean, the best first, and those of ``last`` behind the others; of equals
    the one whose trial, in ``tried``, comes first: the key itself where that is None. Those whose
    mean is not finite are left out.
    """
    sign = Mode(mode).sign
    return sorted(
        (key for key, value in means.items() if math.isfinite(value)),
        key=lambda key: (key in last, -sign * means[key], tried[key] if tried else key),
    )


class Ranking(Generic[Key]):
    """Settings as ``best_first`` ranks them, kept up to date while their trials complete: the best
    one is known without going through the others.
    """

    def __init__(self, mode: str) -> None:
        self._mode = Mode(mode)
        self._numbers: dict[Key, dict[str, Mapping[int, float]]] = {}
        self._scores: defaultdict[Key, dict[str, float]] = defaultdict(dict)
        self._means: dict[Key, float] = {}
        self._heap: list[tuple[bool, float, str, int, Key]] = []
        self._last: frozenset[Key] = frozenset()

    def __bool__(self) -> bool:
        return bool(self._numbers)

    def add(self, key: Key, trial: str, numbers: Mapping[int, float]) -> None:
        """A trial of that setting is complete; ``numbers``: its metric by seed."""
        self._numbers.setdefault(key, {})[trial] = numbers
        self._scores[key][trial] = mean(list(numbers.values()))
        if not (values := self.values(key)):
            return
        self._means[key] = mean(values)
        self._push(key)

    def _push(self, key: Key) -> None:
        # What an entry that was pushed before says of this setting is outdated: ``best`` skips it.
        if math.isfinite(self._means[key]):
            heapq.heappush(self._heap, (*self._order(key), len(self._heap), key))

    def put_last(self, keys: Collection[Key]) -> None:
        """These settings rank behind the others: they have left the race, with fewer seeds."""
        moved, self._last = self._last ^ {*keys}, frozenset(keys)
        for key in moved & self._means.keys():
            self._push(key)

    def values(self, key: Key) -> list[float]:
        """The metric of each seed of a setting, as the last trial with that seed had it, without
        those that are no number.
        """
        numbers = by_seed(self._numbers[key]).values()
        return [value for value in numbers if not math.isnan(value)]

    def best(self) -> Key | None:
        """None before any setting has a mean."""
        return next(iter(self.first(1)), None)

    def first(self, most: int) -> list[Key]:
        """The best settings, no more than that, the best first."""
        found: dict[Key, tuple[bool, float, str, int, Key]] = {}
        while self._heap and len(found) < most:
            entry = heapq.heappop(self._heap)
            if entry[:3] == self._order(entry[4]):
                found[entry[4]] = entry
        for entry in found.values():
            heapq.heappush(self._heap, entry)
        return [*found]

    def best_trials(self, most: int) -> list[str]:
        """Of each of the best settings, no more than that, the best trial by its mean over seeds;
        of equals the first is the better one, whichever ends first.
        """
        ranked = (best_first(self._scores[key], self._mode) for key in self.first(most))
        return [trials[0] for trials in ranked if trials]

    def ranked(self) -> list[Key]:
        """All settings that have a mean, the best first."""
        tried = {key: min(self._numbers[key]) for key in self._means}
        return best_first(self._means, self._mode, tried, self._last)

    def _order(self, key: Key) -> tuple[bool, float, str]:
        return key in self._last, -self._mode.sign * self._means[key], min(self._numbers[key])


@once
def ranked_settings(part: Run) -> list[int]:
    """The settings of a phase that have a result, by their mean over seeds, the best first, those
    that have left a race behind the others; of equals the one that completed a trial of a lower
    number. Numbers are those of ``tables.settings_table``.
    """
    samples = samples_by_setting(seed_table(part), part.metric)
    means = {number: mean(values.tolist()) for number, values in samples.items()}
    completed = part.trials.loc[part.trials["status"] == Status.COMPLETED, "trial"]
    tried: dict[int, str] = {}
    for trial, number in trial_settings(part)[completed].items():
        tried.setdefault(int(number), str(trial))
    return best_first(means, part.mode, tried, left_race(part))
