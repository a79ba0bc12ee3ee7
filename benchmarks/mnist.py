"""Training images per second against the notebook way: ``python -m benchmarks.mnist``. Takes about
five minutes.

The notebook way reads each item as a PIL image, makes it a tensor and normalises it, in a
DataLoader, and trains one network at a time. It runs on the first images only, because its speed
does not depend on how many there are; ours runs whole epochs. Both use one thread, and every round
times all of them one after the other, so that a busy machine slows them alike. A ratio is the
median over the rounds.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
import torchvision
from torch.nn import functional as F
from torchvision import transforms

from trainables.digits import training as mnist
from trainables.digits.mnist import MNIST_FILES, find_mnist
from trainables.digits.networks import NETWORKS
from trainables.loop import pick_device
from trainables.precision import pick_precision
from tuning.runs.provenance import provenance
from tuning.spec.loading import find_study

ROUNDS = 5
NOTEBOOK_IMAGES = 3200
TRAINING_IMAGES = 55_000  # of MNIST, without the validation part
BATCH_SIZE = 64
PLAIN = {"schedule": "constant", "learning_rate": 0.001, "shift": 0}
STUDY = {"schedule": "one_cycle", "learning_rate": 0.005, "shift": 1}
# Name, architecture, number of stacked seeds, recipe, the ratio aimed at.
ARMS = (
    ("FFN, 1 seed, plain recipe", "ffn", 1, PLAIN, 8.0),
    ("FFN, 5 stacked seeds, plain recipe", "ffn", 5, PLAIN, 14.0),
    ("CNN, 1 seed, plain recipe", "cnn", 1, PLAIN, 1.8),
    ("FFN, 5 stacked seeds, study's recipe", "ffn", 5, STUDY, None),
    ("CNN, 1 seed, study's recipe", "cnn", 1, STUDY, None),
)


def notebook_way(architecture: str, root: str) -> Callable[[], float]:
    """A function that trains on ``NOTEBOOK_IMAGES`` images the notebook way and returns images per
    second.
    """
    normalise = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    images = torch.utils.data.Subset(
        torchvision.datasets.MNIST(root, transform=normalise), range(NOTEBOOK_IMAGES)
    )
    loader = torch.utils.data.DataLoader(images, batch_size=BATCH_SIZE, shuffle=True)
    network = NETWORKS[architecture]()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)

    def run() -> float:
        started = time.perf_counter()
        for x, y in loader:
            optimizer.zero_grad()
            F.nll_loss(network(x), y).backward()
            optimizer.step()
        return NOTEBOOK_IMAGES / (time.perf_counter() - started)

    return run


def ours(architecture: str, seeds: int, recipe: dict[str, Any], root: str) -> Callable[[], float]:
    """A function that trains one epoch of the study's trainable and returns images per second,
    counting each image once per seed.
    """
    config = {
        "architecture": architecture,
        "batch_size": BATCH_SIZE,
        "epochs": ROUNDS + 2,
        "data": "mnist",
        "data_root": root,
        "data_seed": 0,
    }
    epochs: Iterator[Any] = mnist.train(config | recipe, list(range(seeds)))
    return lambda: next(epochs)[0]["images_per_second"]


def measure(root: str) -> dict[str, list[float]]:
    """Images per second of every arm and of both networks the notebook way, one value per round."""
    runs = {
        f"notebook {architecture}": notebook_way(architecture, root) for architecture in NETWORKS
    }
    runs |= {
        name: ours(architecture, seeds, recipe, root)
        for name, architecture, seeds, recipe, _ in ARMS
    }
    for run in runs.values():
        run()
    rounds = [{name: run() for name, run in runs.items()} for _ in range(ROUNDS)]
    return {name: [speeds[name] for speeds in rounds] for name in runs}


def lines(speeds: dict[str, list[float]]) -> Iterator[str]:
    """The result for people: one line per arm."""
    for architecture in NETWORKS:
        name = f"notebook {architecture}"
        yield (
            f"{name:38} {median(speeds[name]):9,.0f} images/s (on {NOTEBOOK_IMAGES:,} of the 60,000"
            " images)"
        )
    for name, architecture, _, _, target in ARMS:
        ratios = [
            mine / theirs
            for mine, theirs in zip(speeds[name], speeds[f"notebook {architecture}"], strict=True)
        ]
        aim = f", aim {target:g}" if target else ""
        yield (
            f"{name:38} {median(speeds[name]):9,.0f} images/s = {median(ratios):5.1f} times"
            f" ({min(ratios):.1f} to {max(ratios):.1f}{aim})"
        )


def whole_study(root: str, results: str) -> Iterator[str]:
    """Wall time of ``study run mnist_ffn_vs_cnn``, from the start of the process to the written
    report, against the same trainings the notebook way, one after the other on all cores; the
    latter measured on a subset before and after, and scaled.
    """
    study = find_study("mnist_ffn_vs_cnn")
    torch.set_num_threads(os.cpu_count() or 1)
    runs = {architecture: notebook_way(architecture, root) for architecture in NETWORKS}
    speeds = {architecture: [run() for _ in range(2)][1:] for architecture, run in runs.items()}
    command = [
        sys.executable,
        "-c",
        "from study_command import main; main()",
        "run",
        study.name,
        "--set",
        f"data_root={root}",
        "--results",
        results,
    ]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took = time.perf_counter() - started
    for architecture, run in runs.items():
        speeds[architecture].append(run())
    images = len(study.seed_list) * study.epochs * TRAINING_IMAGES
    theirs = sum(images / fmean(values) for values in speeds.values())
    yield (
        f"the whole study: {took:.0f} s; its trainings the notebook way, {os.cpu_count()} threads:"
        f" {theirs:.0f} s (scaled)"
    )
    yield f"= {theirs / took:.1f} times (aim 2.5)"


def unpacked_mnist(folder: str) -> None:
    """MNIST as torchvision wants it, in a folder that may be written to; our own way reads the
    packed files there too.
    """
    source = find_mnist(os.environ.get("STUDY_DATA", "")) / "MNIST" / "raw"
    target = Path(folder, "MNIST", "raw")
    target.mkdir(parents=True)
    for name in MNIST_FILES:
        shutil.copy(source / name, target)
    torchvision.datasets.MNIST(folder, download=True)


def main() -> None:
    torch.set_num_threads(1)
    facts = provenance(Path(__file__), {})
    print(
        f"n = {ROUNDS} rounds, one thread, {facts['hardware']['processor']},"
        f" {facts['hardware']['cores']} cores;",
        end=" ",
    )
    print(
        f"torch {torch.__version__}, torchvision {torchvision.__version__}, Python"
        f" {facts['python']};",
        end=" ",
    )
    print(
        f"ours in {pick_precision(pick_device())} on {pick_device()}, the notebook way in float32"
        " on the processor"
    )
    with tempfile.TemporaryDirectory() as folder:
        unpacked_mnist(folder)
        for line in [*lines(measure(folder)), *whole_study(folder, str(Path(folder, "results")))]:
            print(line, flush=True)


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        raise SystemExit(f"benchmarks.mnist: {error}") from None
