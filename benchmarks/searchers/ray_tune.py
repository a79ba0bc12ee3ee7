"""Ray Tune's ``OptunaSearch`` with its ``ASHAScheduler``, told what a run of Ray tells them."""

from types import SimpleNamespace
from typing import Any

import optuna
from ray.tune.schedulers import ASHAScheduler
from ray.tune.schedulers.trial_scheduler import TrialScheduler
from ray.tune.search.optuna import OptunaSearch

from benchmarks.searchers.problems import Problem
from benchmarks.searchers.race import Job
from tuning.spec.space import ray_domains


class RayTune:
    """Trials that are stopped count as complete for the search, with their last value."""

    def __init__(self, problem: Problem, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        space = OptunaSearch.convert_search_space(ray_domains(problem.space))
        self._search = OptunaSearch(space, metric="score", mode="max", seed=seed)
        self._scheduler = ASHAScheduler(metric="score", mode="max", max_t=problem.epochs)
        self._asked = 0

    def next(self) -> Job:
        self._asked += 1
        trial: Any = SimpleNamespace(trial_id=str(self._asked))
        params = self._search.suggest(trial.trial_id)
        assert params is not None
        self._scheduler.on_trial_add(None, trial)
        return Job(trial.trial_id, params, trial)

    def report(self, job: Job, epoch: int, value: float) -> bool:
        result = {"training_iteration": epoch, "score": value}
        if self._scheduler.on_trial_result(None, job.trial, result) == TrialScheduler.STOP:
            self._scheduler.on_trial_complete(None, job.trial, result)
            self._search.on_trial_complete(job.key, result)
            return False
        self._search.on_trial_result(job.key, result)
        return True
