"""A grid whose seeds stop themselves, in milliseconds."""

from typing import Any

import numpy as np

from tuning import Study, UntilSettled

MEANS = {"a": 0.5, "b": 0.9, "c": 0.5}


def noisy(config: Any, seeds: Any, resume: Any = None) -> Any:
    """b is better than a, c is a's equal, d is never done."""
    if config["kind"] == "d":
        raise RuntimeError("no")
    for epoch in range(resume + 1 if resume else 1, config["epochs"] + 1):
        draws = [np.random.default_rng([seed, ord(config["kind"])]).normal() for seed in seeds]
        score = [MEANS[config["kind"]] + config["noise"] * draw for draw in draws]
        yield {"epoch": epoch, "score": score}, epoch


def settling(**changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "settling",
        "question": "Which kind?",
        "trainable": noisy,
        "space": {"kind": ["a", "b", "c"]},
        "fixed": {"noise": 0.1},
        "metric": "score",
        "epochs": 1,
        "seeds": UntilSettled(smallest=0.15, at_least=4, at_most=24),
    }
    return Study(**values | changes)
