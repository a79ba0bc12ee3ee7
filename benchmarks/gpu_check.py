"""Whether every built-in trainable trains on the GPU of this machine: ``python -m
benchmarks.gpu_check``. Takes about three minutes.

Each trains one seed and three at once, goes on from a state as a trial goes on from its checkpoint,
and trains the three seeds one by one; its numbers stand beside those of the CPU. Then a study runs
whole, four trials to a card. Printed are speeds as ratios (median over the epochs after the first)
and the largest relative difference of any number, all epochs; ends with 1 if something fails or
differs by more than ``MOST``. ``--cpu`` checks the CPU in place of the card, for a machine without
one.
"""

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from analysis import load_run
from benchmarks.machine import machine_line
from trainables.loop import best_gpu
from tuning import Study
from tuning.engine import checkpoints
from tuning.runs.store import Folder
from tuning.spec.data import read_data
from tuning.spec.loading import find_study
from tuning.studies.lungs_unet import DEFAULT

EPOCHS = 4
SEEDS = (0, 1, 2)
MOST = 0.1
"""Rounding grows while networks train, and more in bfloat16; more than this is no rounding."""
CLOCKS = ("seconds", "_per_second")
LUNGS = {"phantoms": 40, "image_size": 128}
# Name, study, other fixed values, setting.
CASES: tuple[tuple[str, str, Mapping[str, Any], Mapping[str, Any]], ...] = (
    (
        "ffn",
        "mnist_ffn_vs_cnn",
        {"data": "optdigits", "precision": "float32"},
        {"architecture": "ffn"},
    ),
    (
        "cnn",
        "mnist_ffn_vs_cnn",
        {"data": "optdigits", "precision": "float32"},
        {"architecture": "cnn"},
    ),
    (
        "lungs, float32",
        "lungs_unet",
        {**LUNGS, "precision": "float32"},
        {**DEFAULT, "augment": True},
    ),
    ("lungs, auto", "lungs_unet", {**LUNGS, "precision": "auto"}, {**DEFAULT, "augment": True}),
    ("xor, narrow", "xor_width_depth", {}, {"width": 2, "depth": 1}),
    ("xor, wide", "xor_width_depth", {}, {"width": 12, "depth": 1}),
)


@dataclass(frozen=True)
class Trained:
    """What some epochs gave: their metrics, the state after the first, and the median seconds of
    the others.
    """

    metrics: list[dict[str, Any]]
    state: Any
    seconds: float


def trained(
    study: Study, setting: Mapping[str, Any], seeds: Sequence[int], gpus: float, resume: Any = None
) -> Trained:
    config = study.config(setting, "confirm") | {"epochs": EPOCHS, "gpus": gpus} | read_data(study)
    metrics, states, seconds, began = [], [], [], time.perf_counter()
    for yielded, state in study.task.train(config, seeds, resume):
        seconds.append(time.perf_counter() - began)
        metrics.append(dict(yielded))
        states.append(state)
        began = time.perf_counter()
    return Trained(metrics, states[0], median(seconds[1:]))


def kept(state: Any) -> Any:
    """A state as it comes back from a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.save(Folder.at(folder), 1, state, [])
        found = checkpoints.newest(Folder.at(folder))
    assert found is not None
    return found.state


def gap(ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> float:
    """The largest relative difference of any number of these epochs; infinite where one is not
    finite or missing.
    """
    largest = 0.0
    for mine, other in zip(ours, theirs, strict=True):
        for name in (mine.keys() | other.keys()) - {"arrays", "device"}:
            if not name.endswith(CLOCKS):
                a, b = (
                    np.asarray(metrics.get(name, math.nan), dtype=float)
                    for metrics in (mine, other)
                )
                apart = float((np.abs(a - b) / np.maximum(np.abs(b), 1e-3)).max())
                largest = max(largest, apart if math.isfinite(apart) else math.inf)
    return largest


def of_seed(metrics: Sequence[Mapping[str, Any]], place: int) -> list[dict[str, Any]]:
    """The metrics that have one number per seed, of one seed."""
    return [
        {name: [values[place]] for name, values in each.items() if isinstance(values, list)}
        for each in metrics
    ]


def check(name: str, study: Study, setting: Mapping[str, Any], gpus: float) -> tuple[str, bool]:
    """One line of what a trainable did, and whether it is as it should be."""
    cpu, one, three = (
        trained(study, setting, seeds, on)
        for seeds, on in ((SEEDS[:1], 0), (SEEDS[:1], gpus), (SEEDS, gpus))
    )
    alone = [one, *(trained(study, setting, [seed], gpus) for seed in SEEDS[1:])]
    again = trained(study, setting, SEEDS, gpus, kept(three.state))
    gaps = {
        "of the CPU": gap(one.metrics[:1], cpu.metrics[:1]),
        "resumed": gap(again.metrics, three.metrics[1:]),
        "one by one": max(
            gap(of_seed(three.metrics, i), of_seed(each.metrics, 0)) for i, each in enumerate(alone)
        ),
    }
    together = sum(each.seconds for each in alone) / three.seconds
    right = max(gaps.values()) <= MOST
    differences = ", ".join(f"{what} {size:.2g}" for what, size in gaps.items())
    line = (
        f"{name:15} {one.metrics[-1]['device']}: {cpu.seconds / one.seconds:.2f} times the speed of"
        f" the CPU; three seeds at once {together:.2f} times one by one; differences: {differences}"
    )
    return f"{line}{'' if right else f'  FAILS (more than {MOST:g})'}", right


def checks(gpus: float) -> Iterator[tuple[str, bool]]:
    """What each check found, in one line, and whether that is as it should be."""
    for name, reference, fixed, setting in CASES:
        try:
            yield check(name, find_study(reference).override(fixed), setting, gpus)
        except Exception as error:  # the next trainable may do better
            yield (
                (
                    f"{name:15} FAILS: {type(error).__name__}:"
                    f" {str(error).splitlines()[0] if str(error) else ''}"
                ),
                False,
            )
    yield whole_run(gpus)


def whole_run(gpus: float) -> tuple[str, bool]:
    """A study through Ray, four trials to a card, and what its records say of the device."""
    with tempfile.TemporaryDirectory() as results:
        command = [
            sys.executable,
            "-m",
            "tuning.cli.app",
            "run",
            "mnist_ffn_vs_cnn",
            "--smoke",
            "--set",
            f"gpus={gpus / 4:g}",
        ]
        began = time.perf_counter()
        ran = subprocess.run(
            [*command, "--results", results], capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - began
        if ran.returncode:
            said = ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"]
            return f"a whole run FAILS: {said[-1]}", False
        devices = sorted(set(load_run(Path(ran.stdout.splitlines()[-1])).devices.values()))
    wanted = best_gpu() if gpus else None
    right = all(device.startswith(wanted.type if wanted else "cpu") for device in devices)
    return (
        (
            f"a whole run: {', '.join(devices)}; {seconds:.0f}"
            f" s{'' if right else '  FAILS: not the device asked for'}"
        ),
        right,
    )


def main() -> None:
    card = best_gpu()
    if not card and "--cpu" not in sys.argv:
        raise SystemExit(
            "benchmarks.gpu_check: torch finds no GPU here. --cpu checks the CPU in its place."
        )
    gpus = 0.0 if "--cpu" in sys.argv else 1.0
    torch.set_num_threads(1)
    print(f"{EPOCHS} epochs each, one thread; {machine_line()}", flush=True)
    rights = []
    for line, right in checks(gpus):
        print(line, flush=True)
        rights.append(right)
    raise SystemExit(0 if all(rights) else 1)


if __name__ == "__main__":
    main()
