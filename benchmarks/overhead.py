"""What searching, stopping and recording add to a trial: ``python -m benchmarks.overhead``. Takes
about four minutes.

A search of trials of ten seconds, ten epochs of one second each with a state of 8 MB that is kept
after every epoch, one trial at a time. The epochs only wait, so that a busy machine does not blur
what is ours. Added is all between the start of the first epoch and the end of the last trial that
is not an epoch; the start of Ray, once per study, is shown apart. The same trials called one after
the other in this process, in the same run, are the baseline.

Then what sampling the cost of trials adds: epochs that calculate for a second, in blocks that are
sampled and blocks that are not, in turn.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from ray import tune

from analysis import load_run
from benchmarks.machine import machine_line
from cluster.connect import prepare_environment
from tuning import Asha, Optuna, Resources, Study
from tuning.engine.meter import meter_of
from tuning.spec.study import Trial

TRIALS = 10
EPOCHS = 10
EPOCH_SECONDS = 1.0
STATE = 2_000_000
BLOCKS = 30
STEPS = 40
"""Multiplications of matrices in a block."""


def wait(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """Epochs that take a second and learn nothing; their score is ``x``."""
    for epoch in range(resume["epoch"] + 1 if resume else 1, config["epochs"] + 1):
        time.sleep(EPOCH_SECONDS)
        yield (
            {"epoch": epoch, "score": config["x"]},
            {"epoch": epoch, "weights": torch.zeros(STATE)},
        )


study = Study(
    name="overhead",
    question="What do searching, stopping and recording add to a trial?",
    trainable=wait,
    space={"x": tune.uniform(0, 1)},  # no setting is drawn twice, and answered from the records
    search=Optuna(trials=TRIALS),
    # The only rung is the epoch before the last, so that trials are judged and yet run for about as
    # long as they can.
    scheduler=Asha(grace_period=EPOCHS - 1, reduction_factor=2),
    metric="score",
    epochs=EPOCHS,
    seeds=1,
    resources=Resources(cpus=os.cpu_count() or 1),
)


class Clock:
    """A listener that notes when the first epoch began and the last trial ended."""

    def __init__(self) -> None:
        self.began = self.ended = 0.0
        self.epochs = 0

    def epoch(self, trial: Trial, row: Any) -> None:
        self.began = self.began or time.monotonic() - row["seconds"]
        self.epochs += 1

    def pause(self, trial: Trial) -> None: ...

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        self.ended = time.monotonic()


def sampling() -> float:
    """By how much the processor time of this process grows with samples: the middle of the ratios
    of blocks beside each other.
    """
    ratios = []
    for _ in range(BLOCKS):
        plain = _block()
        meter = meter_of(0)
        with meter.sampled():
            sampled = _block()
        ratios.append(sampled / plain)
    return statistics.median(ratios)


def _block() -> float:
    matrix, began = torch.ones(600, 600), time.process_time()
    for _ in range(STEPS):
        matrix = (matrix @ matrix).clamp(0, 1)
    return time.process_time() - began


def main() -> None:
    prepare_environment(None)
    from tuning.engine.launch import run_study
    from tuning.runs.prepare import prepare_run

    print(
        f"n = {TRIALS} trials of {EPOCHS} epochs of {EPOCH_SECONDS:g} s, a state of"
        f" {4 * STATE / 1e6:.0f} MB; {machine_line()}"
    )
    with tempfile.TemporaryDirectory() as folder:
        started, clock = time.monotonic(), Clock()
        paths = prepare_run(study, Path(folder), overrides={}, command=["benchmark"])
        run_study(study, paths, clock)
        trials = load_run(paths.root).trials
    began = time.monotonic()
    for x in (0.1, 0.9):
        list(wait({"x": x, "epochs": EPOCHS}, [0]))
    plain = (time.monotonic() - began) / 2 / EPOCHS
    took = (clock.ended - clock.began) / clock.epochs
    print(f"trials: {trials['status'].value_counts().to_dict()}; {clock.epochs} epochs")
    print(
        f"an epoch as part of the study takes {took / plain:.4f} times what it takes alone:"
        f" {took / plain - 1:.2%} added (aim: below 5 %)"
    )
    print(f"before the first epoch, once per study: {clock.began - started:.1f} s")
    ratio = sampling()
    print(
        f"calculating takes {ratio:.4f} times the processor time with samples: {ratio - 1:.2%}"
        " added (aim: 1 % or less)"
    )


if __name__ == "__main__":
    main()
