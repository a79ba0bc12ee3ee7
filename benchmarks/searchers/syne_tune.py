"""Schedulers of Syne Tune (``pip install syne-tune``), told what its ``Tuner`` tells them.

They stop trials; none of them pauses.
"""

import logging
from datetime import datetime
from typing import Any

import numpy as np

from benchmarks.searchers.problems import Problem
from benchmarks.searchers.race import Job
from tuning.spec.space import describe


class SyneTune:
    """``scheduler``: one of its baselines."""

    def __init__(self, problem: Problem, seed: int, scheduler: str) -> None:
        from syne_tune.backend.trial_status import Trial
        from syne_tune.optimizer import baselines

        logging.getLogger("syne_tune").setLevel(logging.ERROR)
        np.random.seed(seed)  # its BOHB draws from there, whatever it is given
        stops = {} if scheduler == "CQR" else {"time_attr": "epoch", "max_t": problem.epochs}
        self._scheduler = getattr(baselines, scheduler)(
            {key: domain(values) for key, values in problem.space.items()},
            metric="score",
            do_minimize=False,
            random_seed=seed,
            **stops,
        )
        self._trial = Trial
        self._epochs, self._asked = problem.epochs, 0

    def next(self) -> Job:
        config = self._scheduler.suggest().config
        trial = self._trial(self._asked, config, datetime.now())
        self._scheduler.on_trial_add(trial)
        self._asked += 1
        return Job(str(trial.trial_id), config, trial)

    def report(self, job: Job, epoch: int, value: float) -> bool:
        result = {"epoch": epoch, "score": value}
        stopped = self._scheduler.on_trial_result(job.trial, result) == "STOP"
        if stopped:
            self._scheduler.on_trial_remove(job.trial)
        elif epoch == self._epochs:
            self._scheduler.on_trial_complete(job.trial, result)
            return False
        return not stopped


def domain(values: Any) -> Any:
    """A list or a range as Syne Tune has it; the ends are included."""
    from syne_tune import config_space as syne

    facts = describe(values)
    if "values" in facts:
        return syne.choice(facts["values"])
    kinds = {
        ("float", False): syne.uniform,
        ("float", True): syne.loguniform,
        ("int", False): syne.randint,
        ("int", True): syne.lograndint,
    }
    return kinds[facts["kind"], facts["log"]](facts["low"], facts["high"])
