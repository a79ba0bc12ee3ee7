"""Who takes part."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import optuna

from benchmarks.searchers import ours, rivals
from benchmarks.searchers.problems import Problem
from benchmarks.searchers.race import Tuner
from tuning.spec.study import Asha, Optuna, Random, Search

TRIALS = 10_000
"""More than any budget holds."""
RANDOM_ASHA = "random + ASHA"


@dataclass(frozen=True)
class Method:
    """``tuner(problem, workers, seed)``: the search, ready to be asked."""

    tuner: Callable[[Problem, int, int], Tuner]
    version: Callable[[], str]
    seeds: int = 10
    """How many repetitions: fewer where a suggestion takes seconds."""


def _ours(search: Callable[[int], Search], scheduler: Asha | None, seeds: int = 10) -> Method:
    return Method(
        lambda problem, workers, seed: ours.Ours(
            problem, workers, search(seed), scheduler if problem.epochs > 1 else None
        ),
        lambda: ours.VERSION,
        seeds,
    )


def _optuna(sampler: str, hyperband: bool = False, seeds: int = 10) -> Method:
    def tuner(problem: Problem, workers: int, seed: int) -> Tuner:
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        return rivals.OptunaAlone(
            problem,
            getattr(optuna.samplers, sampler)(seed=seed),
            rivals.hyperband(problem) if hyperband else None,
        )

    return Method(tuner, rivals.optuna_version, seeds)


METHODS = {
    "random": _ours(lambda seed: Random(trials=TRIALS, seed=seed), None),
    RANDOM_ASHA: _ours(
        lambda seed: Random(trials=TRIALS, seed=seed), Asha(grace_period=1, pauses=False)
    ),
    "ours, defaults": _ours(lambda seed: Optuna(trials=TRIALS, seed=seed), Asha()),
    "ours, TPE": _ours(lambda seed: Optuna(trials=TRIALS, seed=seed, sampler="tpe"), Asha()),
    "Optuna TPE": _optuna("TPESampler"),
    "Optuna TPE + Hyperband": _optuna("TPESampler", hyperband=True, seeds=3),
    "Optuna GP": _optuna("GPSampler", seeds=3),
    "Optuna GP + Hyperband": _optuna("GPSampler", hyperband=True, seeds=3),
    "Optuna CMA-ES": _optuna("CmaEsSampler"),
}
