"""Who takes part."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, metadata

import optuna

from benchmarks.searchers import optuna_alone, ours
from benchmarks.searchers.problems import Problem
from benchmarks.searchers.race import Tuner
from tuning.spec.study import Asha, Optuna, Random, Search

TRIALS = 10_000
"""More than any budget holds."""
RANDOM_ASHA = "random + ASHA"
DEFAULTS = "ours, defaults"


@dataclass(frozen=True)
class Method:
    """``tuner(problem, workers, seed)``: the search, ready to be asked."""

    tuner: Callable[[Problem, int, int], Tuner]
    version: Callable[[], str | None]
    """None where its packages are not installed."""
    seeds: int = 10
    """How many repetitions: fewer where a suggestion takes seconds."""
    by_epochs: bool = False
    """Of no use where there is but one epoch."""


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
        return optuna_alone.OptunaAlone(
            problem,
            getattr(optuna.samplers, sampler)(seed=seed),
            optuna_alone.hyperband(problem) if hyperband else None,
        )

    return Method(tuner, lambda: installed("optuna"), seeds)


def _rival(module: str, name: str, *packages: str, by_epochs: bool = False, **given: str) -> Method:
    """What ``name`` of a module of this folder gives; it is imported once it is asked for."""

    def tuner(problem: Problem, workers: int, seed: int) -> Tuner:
        made = getattr(import_module(f"benchmarks.searchers.{module}"), name)
        return made(problem, seed, **given)

    return Method(tuner, lambda: installed(*packages), by_epochs=by_epochs)


def installed(*packages: str) -> str | None:
    """The version of one package, or of several with their names."""
    try:
        versions = {package: metadata.version(package) for package in packages}
    except metadata.PackageNotFoundError:
        return None
    if len(versions) == 1:
        return versions[packages[0]]
    return ", ".join(f"{package} {version}" for package, version in versions.items())


METHODS = {
    "random": _ours(lambda seed: Random(trials=TRIALS, seed=seed), None),
    RANDOM_ASHA: _ours(
        lambda seed: Random(trials=TRIALS, seed=seed), Asha(grace_period=1, pauses=False)
    ),
    DEFAULTS: _ours(lambda seed: Optuna(trials=TRIALS, seed=seed), Asha()),
    "ours, TPE": _ours(lambda seed: Optuna(trials=TRIALS, seed=seed, sampler="tpe"), Asha()),
    "Optuna TPE": _optuna("TPESampler"),
    "Optuna TPE + Hyperband": _optuna("TPESampler", hyperband=True),
    "Optuna GP": _optuna("GPSampler"),
    "Optuna GP + Hyperband": _optuna("GPSampler", hyperband=True, seeds=3),
    "Optuna CMA-ES": _optuna("CmaEsSampler"),
    "Ray Tune, Optuna + ASHA": _rival("ray_tune", "RayTune", "ray", "optuna"),
    "Syne Tune ASHA": _rival("syne_tune", "SyneTune", "syne-tune", scheduler="ASHA"),
    "Syne Tune BOHB": _rival("syne_tune", "SyneTune", "syne-tune", scheduler="BOHB"),
    "Syne Tune ASHACQR": _rival("syne_tune", "SyneTune", "syne-tune", scheduler="ASHACQR"),
    "SMAC3": _rival("smac3", "smac3", "smac", by_epochs=True),
    "DEHB": _rival("dehb", "dehb", "dehb", by_epochs=True),
    "NePS PriorBand": _rival("priorband", "priorband", "neural-pipeline-search", by_epochs=True),
}
