"""Searches of this package, by the controller that every run has."""

from typing import Any, cast

from benchmarks.driver import NoRecords, train
from benchmarks.searchers.problems import Problem
from benchmarks.searchers.race import Job
from tuning.engine.controller import Controller
from tuning.engine.recorder import Recorder
from tuning.engine.reporter import TrialReport
from tuning.runs.history import History
from tuning.runs.records import Records
from tuning.spec.study import Asha, Search, Study

VERSION = "rungs 1"
"""To be raised where settings are chosen or trials stopped in another way than before."""

SECONDS = 60.0
"""What an epoch is said to take: trials are worth any suggestion."""


class Ours:
    """A study that nobody trains."""

    def __init__(
        self, problem: Problem, workers: int, search: Search, scheduler: Asha | None
    ) -> None:
        self._study = Study(
            name="searchers",
            question="Which setting is the best?",
            trainable=train,
            space=problem.space,
            search=search,
            scheduler=scheduler,
            metric="score",
            epochs=problem.epochs,
            seeds=1,
        )
        recorder = Recorder(History(self._study), cast(Records, NoRecords()), [])
        self._controller = Controller(self._study, recorder, capacity=lambda: workers)

    def next(self) -> Job | None:
        trial = self._controller.next_trial()
        if trial is None:
            return None
        self._controller.on_start(trial)
        return Job(trial.id, trial.params, trial)

    def report(self, job: Job, epoch: int, value: float) -> bool:
        last = epoch == self._study.epochs
        end: dict[str, Any] | None = {"status": "completed"} if last else None
        row = {"trial": job.key, "epoch": epoch, "metrics": {"score": [value]}}
        facts = {"arrays": {}, "diverged": [], "seconds": SECONDS, "at": 0.0}
        goes_on = self._controller.on_report(job.trial, TrialReport(rows=[row | facts], end=end))
        if last or not goes_on:
            self._controller.on_end(job.trial)
        return goes_on and not last
