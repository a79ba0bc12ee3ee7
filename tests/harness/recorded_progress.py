"""Progress without a recorder."""

from collections.abc import Mapping
from typing import Any

from tuning.callbacks.progress import StudyProgress
from tuning.spec.study import Trial


class RecordedProgress(StudyProgress):
    """Progress that keeps its history itself, as a recorder does before it calls."""

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        if trial.id not in self.history.trials:
            self.history.begin(trial)
        self.history.epoch(trial, row)
        super().epoch(trial, row)

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        self.history.end(trial, status)
        super().end(trial, status, error)
