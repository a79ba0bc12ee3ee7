"""Searchers of the user's own: objects that are asked and told."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from tuning.runs.trial_record import TrialRecord
from tuning.search.calling import answer, checked_params
from tuning.search.redrawn import events
from tuning.spec.components import spec
from tuning.spec.searches import Search
from tuning.spec.study import Study
from tuning.spec.trial import Trial, trial_id


@spec
class OwnSearch(Search):
    """An object of the user's with ``ask(history) -> params | None`` and ``tell(trial)``, as
    ``Study(search=...)`` takes it.

    ``history``: the trials so far as ``TrialRecord``, in the order in which they were drawn, those
    that still run too, and after them those that a person added. ``tell`` is given each trial once
    it has ended. A session works with a copy of the object, which is first told what ended in
    earlier sessions, in the order in which it did: what it gives should depend on that and on
    ``history`` alone, or else a search that goes on after a crash draws other settings than one
    that was not cut off.
    """

    driver_only = ("own",)
    learns = True
    own: Any
    trials: int
    """How many settings it may give; None from ``ask`` ends the search before."""

    @property
    def how(self) -> str:
        return f"chosen by {type(self.own).__name__}"

    def searcher(
        self, study: Study, past: Iterable[TrialRecord] = (), *journal: Any
    ) -> "OwnSearcher":
        return OwnSearcher(study, self, list(past))


class OwnSearcher:
    """Asks and tells a copy of the user's object."""

    def __init__(self, study: Study, search: OwnSearch, past: Sequence[TrialRecord]) -> None:
        self._study, self._trials = study, search.trials
        self._name = f"search: {type(search.own).__name__}"
        self._own = answer(f"{self._name}: to copy it", copy.deepcopy, search.own)
        self._history = {each.id: each for each in past}
        self._added: list[TrialRecord] = []
        self._cut_off = [each.trial for each in past if each.cut_off]
        for is_asked, record in events(past):
            if not is_asked:
                answer(f"{self._name}.tell", self._own.tell, record.copied())

    def ask(self) -> Trial | None:
        if self._cut_off:
            return self._cut_off.pop(0)
        number = len(self._history) + 1
        if number > self._trials:
            return None
        history = [each.copied() for each in [*self._history.values(), *self._added]]
        given = answer(f"{self._name}.ask", self._own.ask, history)
        if given is None:
            return None
        trial = Trial(
            id=trial_id(number, self._trials),
            params=checked_params(f"{self._name}.ask", given, self._study),
            seeds=self._study.seed_list,
        )
        self._history[trial.id] = TrialRecord(trial=trial)
        return trial

    def report(self, trial: Trial, epoch: int, score: float) -> None:
        self._history[trial.id].take(epoch, score)

    def tell(self, trial: Trial, status: str) -> None:
        record = self._history[trial.id]
        record.status = status
        answer(f"{self._name}.tell", self._own.tell, record.copied())

    def learn(self, record: TrialRecord) -> None:
        self._added.append(record)
        answer(f"{self._name}.tell", self._own.tell, record.copied())
