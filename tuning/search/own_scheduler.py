"""Schedulers of the user's own: objects that say whether a trial goes on."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tuning.runs.trial_record import TrialRecord
from tuning.search.base import NeverPauses
from tuning.search.calling import answer
from tuning.spec.callables import name_of
from tuning.spec.components import spec
from tuning.spec.errors import StudyError
from tuning.spec.scheduling import Scheduling
from tuning.spec.study import Study
from tuning.spec.trial import Trial
from tuning.spec.values import shown

GoesOn = Callable[[TrialRecord, int, float, Sequence[TrialRecord]], Any]


@spec
class OwnScheduling(Scheduling):
    """An object of the user's with ``goes_on(trial, epoch, value, history) -> bool``, as
    ``Study(scheduler=...)`` takes it.

    It is asked after every epoch but the last, once the epoch is recorded. ``value``: the study's
    metric, mean over the seeds; ``trial`` and those of ``history``: ``TrialRecord``, with their
    ``scores`` so far, one that is complete with its last value at later epochs. The answer should
    depend on these alone: a session that goes on works with a new copy of the object, and does not
    ask again about epochs at which a trial went on.
    """

    driver_only = ("own",)
    own: Any

    def text(self, study: Study) -> str:
        return f"trials are stopped by {name_of(self.own)}"

    def record(self, epochs: int) -> dict[str, Any]:
        return super().record(epochs) | {"own": name_of(self.own)}

    def scheduler(self, study: Study, past: Iterable[TrialRecord] = ()) -> "HistoryScheduler":
        name = f"scheduler: {type(self.own).__name__}"
        own = answer(f"{name}: to copy it", copy.deepcopy, self.own)

        def goes_on(*given: Any) -> bool:
            said = answer(f"{name}.goes_on", own.goes_on, *given)
            if not isinstance(said, bool) and type(said).__name__ not in ("bool_", "bool"):
                raise StudyError(
                    f"{name}.goes_on returned {shown(said)}; it must say True or False."
                )
            return bool(said)

        return HistoryScheduler(
            study, self, past, goes_on, lambda epoch: {"status": "pruned", "rung": epoch}
        )


class HistoryScheduler(NeverPauses):
    """Judges trials by what is known of them and of the others. It is built from the records: a
    trial that has a later epoch went on at the earlier ones.

    ``end``: how a trial ends that does not go on after an epoch, as ``Scheduler.judge`` says.
    """

    def __init__(
        self,
        study: Study,
        rule: Scheduling,
        past: Iterable[TrialRecord],
        goes_on: GoesOn,
        end: Callable[[int], Mapping[str, Any]],
    ) -> None:
        self._study, self._rule, self._goes_on, self._end = study, rule, goes_on, end
        self._records = {each.id: each.copied() for each in past}
        self._went_on = {each.id: each.last_epoch - 1 for each in self._records.values()}
        for record in self._records.values():
            if record.status == "completed":
                self.completed(record.id)

    def judge(
        self, trial: Trial, epoch: int, score: float | None, can_pause: bool = True
    ) -> Mapping[str, Any] | None:
        if trial.id not in self._records:
            self._records[trial.id] = TrialRecord(trial=trial).copied()
        record = self._records[trial.id]
        before, went_on = record.last_epoch, self._went_on.get(trial.id, 0)
        if score is None or epoch <= went_on:
            return None
        # An attempt before may have left later epochs.
        record.scores = {each: kept for each, kept in record.scores.items() if each < epoch}
        record.take(epoch, score)
        if not self._rule.judges(before, epoch, self._study.epochs):
            return None
        if self._goes_on(record, epoch, score, list(self._records.values())):
            return None
        return self._end(epoch)

    def completed(self, trial: str) -> None:
        """The trial has ended complete. If it ended itself before the last epoch, it would have
        stayed as it is: it has its last value at every later epoch.
        """
        if (record := self._records.get(trial)) and record.score is not None:
            later = range(record.last_epoch + 1, self._study.epochs + 1)
            record.scores |= dict.fromkeys(later, record.score)
