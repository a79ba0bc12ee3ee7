"""A search that ends once it is settled: what its last trials have gained is less than the noise
of a seed.

The gain is that of the best setting at full length, as a Gaussian process over params and epochs
expects it: noise alone, of which the best of ever more trials looks ever better, is no gain. It is
the part of the gap of H. Ishibashi, M. Karasuyama, I. Takeuchi and H. Hino, "A Stopping Criterion
for Bayesian Optimization by the Gap of Expected Minimum Simple Regrets", AISTATS 2023, that has
been seen; to compare it with the noise of an evaluation is A. Makarova et al., "Automatic
Termination for Hyperparameter Optimization", AutoML 2022.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

import numpy as np

from analysis.records.schema import Phase
from tuning.runs.history import History
from tuning.runs.trial_record import TrialRecord, params_key
from tuning.spec.optuna_search import RECENT
from tuning.spec.study import Study, Trial

EVERY = 5
"""So many trials are drawn between two looks."""
DEGREES = 10
"""So many degrees of freedom tell the noise of a seed."""
Facts = Mapping[str, Any]


class SettledSearcher:
    """Asks ``searcher``, an ``OptunaSearcher``, until its search is settled, which ``settle`` is
    told then.

    It is looked at after every ``EVERY`` trials. A search that was settled and then given N more
    trials draws so many at the least.
    """

    def __init__(
        self,
        searcher: Any,
        study: Study,
        history: History,
        settle: Callable[[Facts], None],
    ) -> None:
        self._searcher, self._study, self._history, self._settle = searcher, study, history, settle
        self._cut_off = sum(each.cut_off for each in history.drawn())
        self.report, self.tell, self.learn = searcher.report, searcher.tell, searcher.learn

    def ask(self) -> Trial | None:
        if self._cut_off:
            self._cut_off -= 1
        elif self._is_settled():
            return None
        return self._searcher.ask()

    def _is_settled(self) -> bool:
        drawn = len(self._history.drawn())
        if not self._history.settled and self._least() <= drawn < self._study.planned:
            facts = None if drawn % EVERY else self._facts(drawn)
            if facts and facts["gain"] < facts["noise"]:
                self._settle(facts)
        return self._history.settled

    def _least(self) -> int:
        more = [
            each["trials"] + self._study.planned - each["planned"]
            for each in self._history.settlements
        ]
        return max([self._study.search.fewest, *more])

    def _facts(self, drawn: int) -> Facts | None:
        """As ``analysis.records.settled.settled_facts``."""
        found = self._searcher.gained(RECENT)
        if found is None:
            return None
        noise, by = noise_of(self._study, self._history) or (found[1], "model")
        planned = self._study.planned
        facts = {"trials": drawn, "planned": planned, "recent": RECENT, "by": by}
        return facts | {"gain": found[0], "noise": noise}


def noise_of(study: Study, history: History) -> tuple[float, str] | None:
    """The standard deviation of what a trial gives, the mean of its seeds, from seeds to seeds, and
    where it is known from, a key of ``analysis.records.settled.NOISES``; None where the model alone
    can tell.
    """
    if study.search.until_settled is not True:
        return float(study.search.until_settled), "given"
    for phase, by in ((Phase.SEARCH, "seeds"), (Phase.CONFIRM, "confirmation")):
        deviation = None if study.folds > 1 else _deviation(history.phase(phase))
        if deviation is not None:
            return deviation / math.sqrt(len(study.seed_list)), by
    return None


def _deviation(records: Iterable[TrialRecord]) -> float | None:
    """Of a seed from the mean of its setting, over the complete trials."""
    done = [(params_key(each.params), each) for each in records if each.status == "completed"]
    of_settings = [
        np.array([value for _, each in group for value in each.ends.values()])
        for _, group in groupby(sorted(done, key=lambda pair: pair[0]), key=lambda pair: pair[0])
    ]
    finite = [values[np.isfinite(values)] for values in of_settings]
    degrees = sum(max(0, len(values) - 1) for values in finite)
    squares = sum(((values - values.mean()) ** 2).sum() for values in finite if len(values))
    return math.sqrt(squares / degrees) if degrees >= DEGREES else None
