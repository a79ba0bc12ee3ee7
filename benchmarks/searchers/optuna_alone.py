"""Optuna as its documentation shows it."""

from typing import Any

import optuna

from benchmarks.searchers.problems import Problem
from benchmarks.searchers.race import Job
from tuning.spec.space import distribution


class OptunaAlone:
    """A study of Optuna's, asked and told; a pruner may stop its trials."""

    def __init__(self, problem: Problem, sampler: Any, pruner: Any = None) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._epochs = problem.epochs
        self._space = {key: distribution(values) for key, values in problem.space.items()}
        self._study = optuna.create_study(
            direction="maximize", sampler=sampler, pruner=pruner or optuna.pruners.NopPruner()
        )

    def next(self) -> Job:
        trial = self._study.ask(self._space)
        return Job(str(trial.number), trial.params, trial)

    def report(self, job: Job, epoch: int, value: float) -> bool:
        if epoch == self._epochs:
            self._study.tell(job.trial, value)
            return False
        job.trial.report(value, epoch)
        if job.trial.should_prune():
            self._study.tell(job.trial, state=optuna.trial.TrialState.PRUNED)
            return False
        return True


def hyperband(problem: Problem) -> Any:
    """With the range of epochs that its documentation gives it."""
    return optuna.pruners.HyperbandPruner(
        min_resource=1, max_resource=problem.epochs, reduction_factor=3
    )
