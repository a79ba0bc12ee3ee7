"""Trainables and studies of a few milliseconds, each with one thing to see."""

import os
import signal
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from tuning import Mirrors, Recovery, Report, Resources, Study, Task


def scores(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """score = slope * epoch + seed / 100."""
    for epoch in range(1, config["epochs"] + 1):
        yield (
            {
                "epoch": epoch,
                "score": [config["slope"] * epoch + seed / 100 for seed in seeds],
                "parameters": 3,
            },
            None,
        )


def goes_wrong(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """``scores`` with a ``fault`` at epoch 2."""
    for metrics, state in scores(config | {"slope": 1}, seeds):
        if metrics["epoch"] == 2:
            match config["fault"]:
                case "raises":
                    raise RuntimeError("two is too much")
                case "names no text":
                    raise ValueError(f"{os.fsdecode(b'caf' + bytes([0xE9]))} is no picture")
                case "diverges":
                    metrics["score"][0] = float("nan")
                case "reports none":
                    metrics["score"] = None
                case "ends":
                    return
                case "dies":
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
    return Study(**with_parts(values | changes))


PARTS = {"resources": Resources, "recovery": Recovery, "report": Report, "mirrors": Mirrors}


def with_parts(values: dict[str, Any]) -> dict[str, Any]:
    """The fields of a study, with those that belong to its parts in these, and those of a task in
    the task of its trainable.
    """
    parts = {
        part: replace(values.get(part, kind()), **own)
        for part, kind in PARTS.items()
        if (own := _of(kind, values))
    }
    if of_task := _of(Task, values):
        parts["trainable"] = Task(train=values["trainable"], **of_task)
    within = {name for kind in (*PARTS.values(), Task) for name in _of(kind, values)}
    return {name: value for name, value in values.items() if name not in within} | parts


def _of(kind: Any, values: dict[str, Any]) -> dict[str, Any]:
    return {each.name: values[each.name] for each in fields(kind) if each.name in values}
