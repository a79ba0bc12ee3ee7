"""PriorBand of NePS (``pip install neural-pipeline-search``), asked and told as its example shows.

It samples around what a person holds for good, which nobody here knows: it is given the middle of
each range, with low confidence. Its examples go on from the checkpoint of the rung before, so an
epoch is counted once.
"""

import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.searchers.problems import Problem
from benchmarks.searchers.to_epoch import Asked, ToEpoch
from tuning.spec.space import describe

EPOCH = "epoch"
"""No parameter of a problem has this name."""


def priorband(problem: Problem, seed: int) -> ToEpoch:
    import neps
    import torch
    from neps.optimizers.ask_and_tell import AskAndTell

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    parameters = {name: _parameter(describe(values)) for name, values in problem.space.items()}
    parameters[EPOCH] = neps.IntegerFidelity(1, problem.epochs)
    space = type("Space", (neps.PipelineSpace,), parameters)()
    search = AskAndTell(neps.algorithms.priorband(space))

    def ask() -> Asked:
        trial = search.ask()
        params = {key: value for key, value in trial.config.items() if key != EPOCH}
        return Asked(params, trial.config[EPOCH], trial, key=trial.id.split("_")[0])

    def tell(trial: Any, value: float) -> None:
        search.tell(trial, {"objective_to_minimize": problem.cost(value)})

    return ToEpoch(ask, tell)


def _parameter(facts: Mapping[str, Any]) -> Any:
    import neps

    if "values" in facts:
        return neps.Categorical(tuple(facts["values"]))
    low, high, log = facts["low"], facts["high"], facts["log"]
    middle = math.sqrt(low * high) if log else (low + high) / 2
    whole = facts["kind"] == "int"
    return (neps.Integer if whole else neps.Float)(
        low, high, log=log, prior=round(middle) if whole else middle, prior_confidence="low"
    )
