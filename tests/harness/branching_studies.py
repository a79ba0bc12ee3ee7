"""Studies whose space has branches, of milliseconds each, with one thing to see."""

import math
from collections.abc import Iterator
from typing import Any

from ray import tune

from tuning import Optuna, Study

BRANCHES = {
    "rate": [0.1, 0.2],
    "model": {
        "svm": {"C": tune.loguniform(1e-3, 1e3)},
        "forest": {
            "max_depth": [2, 4, 8],
            "bootstrap": {True: {"share": tune.uniform(0.1, 1)}, False: {}},
        },
    },
}
LISTS = {
    "rate": [0.1, 0.2],
    "model": {"svm": {"C": [1, 10]}, "forest": {"max_depth": [2, 4, 8]}, "mean": {}},
}
OF_MODEL = {"svm": {"C"}, "forest": {"max_depth"}, "mean": set()}


def models(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """A score that depends on the active parameters alone; it raises where another one is given."""
    names = {"C", "max_depth"} & set(config)
    assert names == OF_MODEL[config["model"]], config
    assert ("share" in config) == bool(config.get("bootstrap")), config
    if config["model"] == "svm":
        level = 0.8 - math.log10(config["C"]) ** 2 / 20
    else:
        level = 0.5 + config.get("max_depth", 0) / 20 + config.get("share", 0) / 10
    level += config["rate"] / 100
    for epoch in range(resume["epoch"] + 1 if resume else 1, config["epochs"] + 1):
        score = [level * (1 - 2.0**-epoch) + seed / 1000 for seed in seeds]
        yield {"epoch": epoch, "score": score}, {"epoch": epoch}


def branching_study(**changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "branching",
        "question": "Which model?",
        "trainable": models,
        "space": BRANCHES,
        "metric": "score",
        "epochs": 4,
        "seeds": 2,
        "seeds_per_trial": 2,
        "search": Optuna(trials=24, n_startup_trials=6),
    }
    return Study(**values | changes)
