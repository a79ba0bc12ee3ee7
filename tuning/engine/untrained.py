"""A study that nobody trains: every decision of a run, on numbers that are known beforehand."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from tuning.engine.controller import Controller
from tuning.engine.recorder import Recorder
from tuning.engine.reporter import TrialReport
from tuning.runs.earlier import EarlierRun
from tuning.runs.history import History
from tuning.runs.records import Records
from tuning.spec.study import Study, Trial

COMPLETED: Mapping[str, Any] = {"status": "completed"}


class NoRecords:
    """Takes the place of the files of a run."""

    def append(self, name: str, row: Mapping[str, Any]) -> None: ...

    def write_log(self, trial: str, text: str) -> None: ...

    def kept_error(self, trial: str, error: str) -> str:
        return error


class Untrained:
    """The controller of ``study`` for so many ``slots``, told what its trials would report."""

    def __init__(self, study: Study, slots: int = 1, earlier: Sequence[EarlierRun] = ()) -> None:
        self._study, history = study, History(study)
        history.earlier = earlier
        recorder = Recorder(history, cast(Records, NoRecords()), [])
        self._controller = Controller(study, recorder, capacity=lambda: slots)

    def next(self) -> Trial | None:
        """What a free slot is to train; None where there is nothing now."""
        trial = self._controller.next_trial()
        if trial:
            self._controller.on_start(trial)
        return trial

    def report(
        self,
        trial: Trial,
        epoch: int,
        value: float,
        *,
        seconds: float = 60.0,
        end: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether the trial goes on; ``value``: of the metric; ``end``: how it ended there by
        itself. After the last epoch it is complete.
        """
        end = end or (COMPLETED if epoch == self._study.epochs else None)
        row = {"trial": trial.id, "epoch": epoch, "metrics": {self._study.metric: [value]}}
        diverged = [self._study.metric] if end and end["status"] == "diverged" else []
        facts = {"arrays": {}, "diverged": diverged, "seconds": seconds, "at": 0.0}
        report = TrialReport(rows=[row | facts], end=dict(end) if end else None)
        goes_on = self._controller.on_report(trial, report) and not end
        if not goes_on:
            self._controller.on_end(trial)
        return goes_on
