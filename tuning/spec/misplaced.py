"""Searchers, samplers, schedulers and pruners of other libraries, given where ours belong: what
they are called here.
"""

from typing import Any

SCHEDULERS = {
    "ASHAScheduler": "Asha(grace_period=..., reduction_factor=...)",
    "AsyncHyperBandScheduler": "Asha(grace_period=..., reduction_factor=...)",
    "SuccessiveHalvingPruner": "Asha(grace_period=..., reduction_factor=...)",
    "HyperBandScheduler": "Hyperband(grace_period=..., reduction_factor=...)",
    "HyperBandForBOHB": "Hyperband(grace_period=..., reduction_factor=...)",
    "HyperbandPruner": "Hyperband(grace_period=..., reduction_factor=...)",
    "MedianStoppingRule": "Median(grace_period=..., min_trials=...)",
    "MedianPruner": "Median(grace_period=..., min_trials=...)",
    "PatientPruner": "Patience(patience=...)",
    "FIFOScheduler": "None",
}
POPULATIONS = ("PopulationBasedTraining", "PopulationBasedTrainingReplay", "PB2")


def misplaced(field: str, value: Any) -> str:
    """What to give instead of ``value``, as the end of a sentence; empty where nothing is known."""
    kind = value if isinstance(value, type) else type(value)
    if field == "scheduler" and (
        kind.__name__ in POPULATIONS or (isinstance(value, str) and value == "pbt")
    ):
        return (
            "is population-based training, which changes the settings of trials as they run: it is"
            " not part of this. Give a search and Asha() instead"
        )
    if field == "scheduler" and kind.__name__ in SCHEDULERS:
        return f"is not of this package: give {SCHEDULERS[kind.__name__]}"
    if field == "search" and kind.__module__.startswith("ray.tune."):
        return (
            f"is a searcher of Ray Tune: give RayTune(lambda seed: {kind.__name__}(...),"
            " trials=...), without space, metric and mode"
        )
    if field == "search" and kind.__module__.startswith("optuna."):
        return (
            f"is a sampler of Optuna: give Optuna(trials=..., sampler=lambda seed:"
            f" {kind.__name__}(seed=seed))"
        )
    return ""
