"""``python -m benchmarks.xor``: what stacking and launching give for the width x depth study, as
ratios.

Every ratio has both sides measured in this run, in turns, so that a slow moment of the machine hits
both:

(a) the plain way: one network after the other, DataLoader, optimiser, as in a notebook;
(b) Ray Tune with one trial per (cell, seed), each training the plain way in a process of its own;
(c) ``study run xor_width_depth``, from the start of the process to the written report.

(a) and (b) are measured on a subset and scaled by the number of trainings; (b)'s start-up is
counted once.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.cost import memory_of
from benchmarks.machine import machine_line
from benchmarks.plain_xor import STUDY, plain, plain_grid, ray_tune, seconds_of
from trainables.xor import training as xor


def stacked(config: Mapping[str, Any], seeds: int, together: int) -> None:
    for start in range(0, seeds, together):
        list(xor.train(config, range(start, min(start + together, seeds))))


def compare_one_cell(rounds: int) -> float:
    """Ratios of seeds per second of one 3 x 3 cell, one thread each side; returns the plain seconds
    of a training.
    """
    torch.set_num_threads(1)
    config = STUDY.config({"width": 3, "depth": 3})
    plain_seconds: list[float] = []
    for seeds in (100, 1000):
        ratios = []
        for i in range(rounds):
            before = seconds_of(plain, config, 2 * i)
            took = seconds_of(stacked, config, seeds, STUDY.seeds_per_trial)
            after = seconds_of(plain, config, 2 * i + 1)
            plain_seconds += [before, after]
            ratios.append((before + after) / 2 * seeds / took)
        print(
            f"one 3 x 3 cell, {seeds} seeds stacked: {median(ratios):.0f} times the seeds per"
            f" second of (a) {each(ratios)}",
            flush=True,
        )
    return median(plain_seconds)


def each(ratios: list[float]) -> str:
    return f"(median of {len(ratios)}: " + ", ".join(f"{ratio:.0f}" for ratio in ratios) + ")"


def study_run(seeds: int, folder: str) -> tuple[float, int, Path]:
    """Seconds of ``study run``, the largest resident memory of its process tree in bytes, and the
    run folder.
    """
    command = [sys.executable, "-c", "from study_command import main; main()", "run", STUDY.name]
    command += ["--seeds", str(seeds), "--results", folder]
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.2)
    took = time.perf_counter() - started
    assert process.returncode == 0
    assert process.stdout is not None
    return took, peak, Path(process.stdout.read().splitlines()[-1])


def resident(session: int) -> int:
    """Memory of all processes of a session in bytes; pages shared by several are counted once
    (proportional set size).
    """
    listing = subprocess.run(
        ["ps", "-o", "pid=", "-s", str(session)], capture_output=True, text=True, check=False
    )
    return sum(memory_of(int(pid)) for pid in listing.stdout.split())


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def compare_means(run: Path, accuracies: list[float]) -> str:
    """Whether single plain trainings look like draws from the study's seeds: how many of them lie
    within its 1 % and 99 % quantiles.
    """
    seeds = pd.read_csv(run / "report" / "tables" / "seeds.csv")
    inside = 0
    for setting, accuracy in zip(STUDY.settings(), accuracies, strict=True):
        own = seeds[(seeds["width"] == setting["width"]) & (seeds["depth"] == setting["depth"])][
            "accuracy"
        ]
        low, high = np.quantile(own, [0.01, 0.99])
        inside += int(low - 0.01 <= accuracy <= high + 0.01)
    return (
        f"{inside} of {len(accuracies)} plain trainings (one per cell) lie within the study's 1 %"
        " to 99 % quantiles"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often each comparison is repeated"
    )
    parser.add_argument(
        "--large",
        action="store_true",
        help="also the study with 1,000 seeds a cell: memory and size of the run folder",
    )
    rounds, large = parser.parse_args().rounds, parser.parse_args().large
    print(machine_line())
    plain_seconds = compare_one_cell(rounds)
    print(f"(a) one plain 3 x 3 training: {plain_seconds:.2f} s")
    trainings = len(STUDY.settings()) * len(STUDY.seed_list)
    with tempfile.TemporaryDirectory() as folder:
        ratios_a, ratios_b = [], []
        for _ in range(rounds):
            per_plain, accuracies = plain_grid()
            start, per_trial = ray_tune(seeds=2)
            took, peak, run = study_run(len(STUDY.seed_list), folder)
            ratios_a.append(per_plain * trainings / took)
            ratios_b.append((start + per_trial * trainings) / took)
            print(
                f"    (a) {per_plain:.2f} s a training; (b) {per_trial:.2f} s a trial; (c)"
                f" {took:.1f} s, {peak / 2**30:.2f} GiB",
                flush=True,
            )
        print(
            f"the whole study, {trainings} trainings: {median(ratios_a):.0f} times as fast as (a)"
            f" {each(ratios_a)}"
        )
        print(
            f"the whole study, {trainings} trainings: {median(ratios_b):.0f} times as fast as (b)"
            f" {each(ratios_b)}"
        )
        print(compare_means(run, accuracies))
        print(f"run folder, {len(STUDY.seed_list)} seeds a cell: {size_of(run) / 1e6:.1f} MB")
        if large:
            took, peak, run = study_run(1000, folder)
            print(
                f"1,000 seeds a cell: {took:.0f} s, {peak / 2**30:.2f} GiB, run folder"
                f" {size_of(run) / 1e6:.1f} MB"
            )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
