"""Searches of this package, by the controller that every run has."""

from collections.abc import Sequence

from benchmarks.driver import train
from benchmarks.searchers.problems import Problem
from benchmarks.searchers.race import Job
from tuning.engine.untrained import Untrained
from tuning.runs.earlier import EarlierRun
from tuning.spec.study import Asha, Search, Study

VERSION = "rungs 1"
"""To be raised where settings are chosen or trials stopped in another way than before."""


class Ours:
    """A study that nobody trains; an epoch is said to take a minute, so that trials are worth any
    suggestion.
    """

    def __init__(
        self,
        problem: Problem,
        workers: int,
        search: Search,
        scheduler: Asha | None,
        earlier: Sequence[EarlierRun] = (),
    ) -> None:
        self._untrained = Untrained(study_of(problem, search, scheduler), workers, earlier)

    def next(self) -> Job | None:
        trial = self._untrained.next()
        return Job(trial.id, trial.params, trial) if trial else None

    def report(self, job: Job, epoch: int, value: float) -> bool:
        return self._untrained.report(job.trial, epoch, value)


def study_of(problem: Problem, search: Search, scheduler: Asha | None) -> Study:
    return Study(
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
