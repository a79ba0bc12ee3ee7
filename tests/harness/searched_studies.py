"""Searches of milliseconds whose every number is known: for tests of searching, stopping, resuming
and confirming.
"""

import json
import math
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ray import tune
from small_studies import with_parts

from tuning import Asha, Confirm, Optuna, Study


def learn(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """A score that rises with the epochs towards 1 - (x - 0.3)^2, with noise from (seed, epoch) and
    a state that remembers every epoch.
    """
    total = resume["total"] if resume else [0.0] * len(seeds)
    if resume:
        print(f"goes on after epoch {resume['epoch']}")
    for epoch in range(resume["epoch"] + 1 if resume else 1, config["epochs"] + 1):
        _misbehave(config, epoch)
        total = [
            value + random.Random(f"{seed}/{epoch}").random()
            for value, seed in zip(total, seeds, strict=True)
        ]
        top = 1 - (config["x"] - 0.3) ** 2
        score = [top * (1 - math.exp(-epoch / 3)) + 0.001 * value for value in total]
        metrics: dict[str, Any] = {"epoch": epoch, "score": score}
        if epoch == config["epochs"] and config["test"]:
            metrics["test_score"] = score
        time.sleep(config.get("pause", 0))
        yield metrics, {"epoch": epoch, "total": total}


def _misbehave(config: Any, epoch: int) -> None:
    """Once, if ``once`` names a file that is not there yet: what ``fault`` says, at epoch 4 of a
    setting with x above 0.5.
    """
    if epoch != 4 or config["x"] <= 0.5 or not config.get("once"):
        return
    mark = Path(f"{config['once']}-{config['fault']}-{config.get('pause', 0)}")
    if config["fault"] in ("raise_always", "nan_always"):
        pass
    elif mark.exists():
        return
    mark.write_text("here")
    if config["fault"].startswith("raise"):
        raise RuntimeError("too far to the right: it is unavailable")  # as Ray says of a process
    if config["fault"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if config["fault"] == "hang":
        signal.pause()


def diverge(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for metrics, state in learn(config, seeds, resume):
        if config["x"] > 0.5 and metrics["epoch"] == 2:
            metrics["score"] = [float("nan")] * len(seeds)
        yield metrics, state


class OutOfMemoryError(RuntimeError):
    """Called as PyTorch's."""


def runs_out_of_memory(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for metrics, state in learn(config, seeds, resume):
        if config["x"] > 0.5 and metrics["epoch"] == 2:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        yield metrics, state


def keeps_what_cannot_be_read(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for metrics, _ in learn(config, seeds, resume):
        yield metrics, {"net": OutOfMemoryError("not a tensor")}


def write_weights(config: Any, state: Any, folder: Path) -> None:
    (folder / "weights.json").write_text(json.dumps(state["total"]))


def searched_study(trainable: Any = learn, **changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "searched",
        "question": "Where is the top?",
        "trainable": trainable,
        "space": {"x": tune.uniform(0.0, 1.0), "kind": ["a", "b"]},
        "search": Optuna(trials=12, n_startup_trials=4, sampler="tpe"),
        "scheduler": Asha(grace_period=2, reduction_factor=2, pauses=False),
        "confirm": Confirm(top=2, seeds=3, baselines={"published": {"x": 0.9, "kind": "a"}}),
        "metric": "score",
        "epochs": 8,
        "seeds": 1,
        "seeds_per_trial": 3,
        "export": write_weights,
    }
    return Study(**with_parts(values | changes))


study = searched_study()
