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
    """``scheduler``: one of its baselines that know epochs."""

    def __init__(self, problem: Problem, seed: int, scheduler: str) -> None:
        from syne_tune.backend.trial_status import Trial
        from syne_tune.optimizer import baselines

        logging.getLogger("syne_tune").setLevel(logging.ERROR)
        np.random.seed(seed)  # it draws at random from there, whatever it is given
        self._scheduler = getattr(baselines, scheduler)(
            {key: domain(values) for key, values in problem.space.items()},
            metric="score",
            do_minimize=False,
            random_seed=seed,
            time_attr="epoch",
            max_t=problem.epochs,
        )
        self._trial = Trial
        self._asked = 0

    def next(self) -> Job:
        config = self._scheduler.suggest().config
        trial = self._trial(self._asked, config, datetime.now())
        self._scheduler.on_trial_add(trial)
        self._asked += 1
        return Job(str(trial.trial_id), config, trial)

    def report(self, job: Job, epoch: int, value: float) -> bool:
        result = {"epoch": epoch, "score": value}
        if self._scheduler.on_trial_result(job.trial, result) != "STOP":
            return True
        self._scheduler.on_trial_remove(job.trial)
        return False


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
