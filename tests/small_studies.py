"""Trainables and studies of a few milliseconds, each with one thing to see."""

import os
import signal
from collections.abc import Iterator
from typing import Any

from tuning.study import Study


def scores(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """score = slope * epoch + seed / 100."""
    for epoch in range(1, config["epochs"] + 1):
        yield {"epoch": epoch, "score": [config["slope"] * epoch + seed / 100 for seed in seeds], "parameters": 3}, None


def raises_at_two(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for metrics, state in scores(config, seeds):
        if config["slope"] == 2 and metrics["epoch"] == 2:
            raise RuntimeError("slope two is too steep")
        yield metrics, state


def diverges_at_two(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for metrics, state in scores(config, seeds):
        if config["slope"] == 2 and metrics["epoch"] == 2:
            metrics["score"][0] = float("nan")
        yield metrics, state


def reports_none_at_two(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for metrics, state in scores(config, seeds):
        if config["slope"] == 2 and metrics["epoch"] == 2:
            metrics["score"] = None
        yield metrics, state


def dies_at_two(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for metrics, state in scores(config, seeds):
        if config["slope"] == 2 and metrics["epoch"] == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield metrics, state


def small_study(trainable: Any = scores, **changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "small",
        "question": "Does the slope matter?",
        "trainable": trainable,
        "space": {"slope": [1, 2, 3]},
        "metric": "score",
        "epochs": 3,
        "seeds": 2,
        "seeds_per_trial": 2,
    }
    return Study(**values | changes)
