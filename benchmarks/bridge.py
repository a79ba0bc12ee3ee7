"""What it costs to hand an epoch over from a thread: trainables that call ``report``, of one seed
and of five, and a function of Ray Tune, against a generator that yields the same. Prints
microseconds per epoch and what the bridge adds to a plain loop.

``python -m benchmarks.bridge [--epochs 2000] [--repeats 5]``
"""

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

from ray import tune

from benchmarks.machine import machine_line
from tuning import Study
from tuning.engine.trial import iterate
from tuning.spec.study import Trial


def yields(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for epoch in range(1, config["epochs"] + 1):
        yield {"epoch": epoch, "score": [epoch / 2 for _ in seeds]}, None


def pushes(config: Any, seed: int, report: Callable[..., None]) -> None:
    for epoch in range(1, config["epochs"] + 1):
        report(epoch=epoch, score=epoch / 2)


def reports(config: dict[str, Any]) -> None:
    for epoch in range(1, config["epochs"] + 1):
        tune.report({"score": epoch / 2})


def microseconds(trainable: Any, seeds: int, epochs: int) -> float:
    """Per epoch, with everything that a trial does but recording."""
    study = Study(
        name="bridge",
        question="What does it cost?",
        trainable=trainable,
        space={"x": [1]},
        metric="score",
        epochs=epochs,
        seeds=seeds,
    )
    trial = Trial(id="0001", params={"x": 1}, seeds=study.seed_list)
    began = time.perf_counter()
    assert sum(1 for _ in iterate(study, trial, {})) == epochs
    return (time.perf_counter() - began) / epochs * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(machine_line())
    ways = {
        "generator": (yields, 1),
        "report, 1 seed": (pushes, 1),
        "tune.report, 1 seed": (reports, 1),
        "generator, 5 seeds": (yields, 5),
        "report, 5 seeds in turn": (pushes, 5),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.repeats):
        for name, (trainable, seeds) in ways.items():
            times[name].append(microseconds(trainable, seeds, options.epochs))
    # The least of all: what else runs on the machine only adds.
    plain = {1: min(times["generator"]), 5: min(times["generator, 5 seeds"])}
    for name, (_, seeds) in ways.items():
        took = min(times[name])
        added = took - plain[seeds]
        print(f"{name:26} {took:8.1f} us an epoch, {added:7.1f} us more than a plain loop")


if __name__ == "__main__":
    main()
