"""Trials end once they do not improve any more."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from analysis.records.schema import Mode
from tuning.runs.trial_record import TrialRecord
from tuning.search.own_scheduler import HistoryScheduler
from tuning.spec.components import spec
from tuning.spec.numbers import is_number
from tuning.spec.scheduling import Scheduling, grace_problems
from tuning.spec.study import Study
from tuning.spec.values import shown


@spec
class Patience(Scheduling):
    """End a trial that has not improved for some epochs, however the others stand. It is complete
    then, and its score is that of its last epoch.
    """

    completes = True
    share: ClassVar[float] = 0.9  # type: ignore[misc]
    counts: ClassVar[Mapping[str, int]] = {"patience": 1}
    patience: int = 5
    """So many epochs without an improvement end a trial."""
    min_delta: float = 0.0
    """By how much a value must be better than the best before it to count as an improvement."""
    grace_period: int = 1
    """No trial ends before this epoch."""

    def judges(self, before: int, epoch: int, epochs: int) -> bool:
        return self.grace_period <= epoch < epochs

    def text(self, study: Study) -> str:
        return f"a trial is complete after {self.patience} epochs without an improvement"

    def problems(self, epochs: Any) -> list[str]:
        found = super().problems(epochs) + grace_problems(self.grace_period, epochs)
        if not is_number(self.min_delta) or self.min_delta < 0:
            found.append(f"min_delta={shown(self.min_delta)} must be a number, 0 or more.")
        return found

    def scheduler(self, study: Study, past: Iterable[TrialRecord] = ()) -> HistoryScheduler:
        from analysis.text.format import count  # brings pandas

        sign = Mode(study.mode).sign
        reason = f"no improvement for {count(self.patience, 'epoch')}"
        end = {"status": "completed", "reason": reason}

        def goes_on(
            trial: TrialRecord, epoch: int, value: float, history: Sequence[TrialRecord]
        ) -> bool:
            values = {each: sign * score for each, score in sorted(trial.scores.items())}
            return epoch - self._improved(values) < self.patience

        return HistoryScheduler(study, self, past, goes_on, lambda epoch: end)

    def _improved(self, values: Mapping[int, float]) -> int:
        """The last epoch that was better than all before it."""
        best, at = float("-inf"), 0
        for epoch, value in values.items():
            if value > best + self.min_delta:
                best, at = value, epoch
        return at
