"""SMAC3 (``pip install smac``): its facade for several fidelities, as in its example for epochs.

That trains each time from the first epoch, and so it is counted.
"""

import logging
import math
import tempfile
from typing import Any

from benchmarks.searchers.problems import Problem
from benchmarks.searchers.spaces import config_space
from benchmarks.searchers.to_epoch import Asked, ToEpoch

MOST = 10_000
"""Evaluations, more than any budget holds."""


def smac3(problem: Problem, seed: int) -> ToEpoch:
    from smac import MultiFidelityFacade, Scenario
    from smac.intensifier.hyperband import Hyperband
    from smac.runhistory.dataclasses import TrialInfo, TrialValue

    scenario = Scenario(
        config_space(problem.space, seed),
        n_trials=MOST,
        min_budget=1,
        max_budget=problem.epochs,
        seed=seed,
        output_directory=tempfile.mkdtemp(),
    )
    smac = MultiFidelityFacade(
        scenario,
        _never,
        initial_design=MultiFidelityFacade.get_initial_design(scenario, n_configs=5),
        intensifier=Hyperband(scenario, incumbent_selection="highest_budget"),
        logging_level=logging.ERROR,
        overwrite=True,
    )

    def ask() -> Asked:
        info = smac.ask()
        return Asked(dict(info.config), math.ceil(info.budget), info)

    def tell(info: TrialInfo, value: float) -> None:
        smac.tell(info, TrialValue(cost=problem.cost(value)), save=False)

    return ToEpoch(ask, tell)


def _never(config: Any, seed: int = 0, budget: float = 0.0) -> float:
    raise NotImplementedError("The settings are asked for.")
