"""Speed of training the U-Net, and what it leads to, against the plain loop: ``python -m
benchmarks.unet``. Takes seven minutes.

The plain loop trains the same network in float32 and in PyTorch's usual memory format, on items
that a DataLoader scales and puts into batches one by one. Ours is the trainable itself, without and
with ``augment``. All use one thread, Adam, the same phantoms and the same loss, and every round
times them one after the other, so that a busy machine slows them alike. A ratio is the median over
the rounds.

Faster must not be worse: both ways train the same first weights, seed by seed, for the same epochs,
and outline the same test phantoms by the same function. What counts is the interval of the mean
paired difference of their macro F1.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from statistics import fmean, median
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.numerics.intervals import t_intervals
from benchmarks.machine import machine_line
from trainables.loop import build_seeded, pick_device
from trainables.lungs import training as lungs
from trainables.lungs.scores import scores
from trainables.lungs.unet import UNet, pick_precision, predict, standardised
from trainables.schedule import learning_rate_at

ROUNDS = 5
# Image size in pixels -> phantoms, of which 70 percent are trained on.
PHANTOMS = {128: 46, 256: 24}
CONFIG: dict[str, Any] = {
    "data": "",
    "extra_test": "",
    "data_seed": 0,
    "base_channels": 16,
    "levels": 4,
    "dropout": 0.0,
    "networks": 1,
    "learning_rate": 0.001,
    "optimizer": "adam",
    "weight_decay": 0.0,
    "batch_size": 8,
    "loss": "cross_entropy",
    "schedule": "constant",
    # One to warm up; the last, which looks at the test images too, is never reached.
    "epochs": ROUNDS + 2,
}
SEEDS = range(10)
TRAINED: dict[str, Any] = CONFIG | {
    "learning_rate": 0.005,
    "schedule": "one_cycle",
    "batch_size": 4,
    "epochs": 12,
    "augment": False,
    "image_size": 128,
    "phantoms": 60,
}
"""What both ways train to the end."""


class Items(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Training images and masks, float32 (1, size, size), scaled when they are asked for."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.part = lungs.load(config).train

    def __len__(self) -> int:
        return len(self.part.names)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        image = self.part.images[i].float()
        return ((image - image.mean()) / image.std()).unsqueeze(0), self.part.masks[
            i
        ].float().unsqueeze(0)


def plain_way(config: dict[str, Any], seed: int = 0) -> tuple[UNet, Callable[[], float]]:
    """A network, and a function that trains it for one epoch the plain way and returns images per
    second.
    """
    device = pick_device()
    shuffled = torch.Generator().manual_seed(seed)
    loader = torch.utils.data.DataLoader(
        Items(config), batch_size=config["batch_size"], shuffle=True, generator=shuffled
    )
    network = build_seeded(
        lambda: UNet(config["base_channels"], config["levels"], config["dropout"]), [seed]
    )[0].to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=config["learning_rate"])

    epochs = itertools.count()

    def run() -> float:
        started, epoch = time.perf_counter(), next(epochs)
        loss = torch.zeros(())
        network.train()
        for step, (x, y) in enumerate(loader):
            optimizer.param_groups[0]["lr"] = learning_rate_at(
                (epoch + (step + 0.5) / len(loader)) / config["epochs"], config
            )
            optimizer.zero_grad()
            loss = F.binary_cross_entropy_with_logits(network(x.to(device)), y.to(device))
            loss.backward()
            optimizer.step()
        loss.item()  # A GPU is done only when its result is there.
        return len(loader.dataset) / (time.perf_counter() - started)  # type: ignore[arg-type]

    return network, run


def ours(config: dict[str, Any]) -> Callable[[], float]:
    """A function that trains one epoch of the trainable and returns images per second."""
    epochs = lungs.train(config, [0])
    return lambda: next(epochs)[0]["images_per_second"]


def measure(size: int) -> dict[str, list[float]]:
    """Images per second of the three ways, one value per round."""
    config = CONFIG | {"image_size": size, "phantoms": PHANTOMS[size]}
    runs = {
        "plain loop": plain_way(config)[1],
        "ours": ours(config | {"augment": False}),
        "ours, augment": ours(config | {"augment": True}),
    }
    for run in runs.values():
        run()
    rounds = [{name: run() for name, run in runs.items()} for _ in range(ROUNDS)]
    return {name: [speeds[name] for speeds in rounds] for name in runs}


def trained_plainly(seed: int) -> float:
    """Mean macro F1 on the test phantoms after the plain loop."""
    network, run = plain_way(TRAINED, seed)
    for _ in range(TRAINED["epochs"]):
        run()
    test = lungs.load(TRAINED).test
    found = predict(network, standardised(test.images.to(pick_device()))).cpu()
    return scores(found, test.masks > 0)["f1"].mean().item()


def trained_by_us(seed: int) -> float:
    """Mean macro F1 on the test phantoms after the trainable."""
    return list(lungs.train(TRAINED, [seed]))[-1][0]["test_f1"][0]


def quality_line() -> str:
    plain, mine = ([way(seed) for seed in SEEDS] for way in (trained_plainly, trained_by_us))
    differences = np.subtract(mine, plain)
    ((low, high),) = t_intervals([differences])
    return (
        f"macro F1 on test phantoms after {TRAINED['epochs']} epochs: plain loop"
        f" {fmean(plain):.4f}, ours {fmean(mine):.4f}, difference {fmean(differences):+.4f}"
        f" [{low:+.4f}, {high:+.4f}], n = {len(SEEDS)} paired seeds (aim: the interval holds 0)"
    )


def aim() -> float:
    """The ratio aimed at on this machine: more with a GPU, and most on a processor with matrix
    units for bfloat16 (AMX).
    """
    device = pick_device()
    if device.type == "cuda":
        return 2.0
    return 2.5 if torch.cpu.get_capabilities().get("amx_bf16") else 1.3


def lines(size: int, speeds: dict[str, list[float]]) -> Iterator[str]:
    """The result for people: one line per way."""
    for name, values in speeds.items():
        ratios = [mine / theirs for mine, theirs in zip(values, speeds["plain loop"], strict=True)]
        start = f"{size} pixels, {name:16} {median(values):7.1f} images/s"
        target = f", aim {aim():g}" if name == "ours" else ""
        yield (
            start
            if name == "plain loop"
            else (
                f"{start} = {median(ratios):.2f} times ({min(ratios):.2f} to"
                f" {max(ratios):.2f}{target})"
            )
        )


def main() -> None:
    torch.set_num_threads(1)
    device = pick_device()
    print(
        f"n = {ROUNDS} rounds, one thread, {device.type},"
        f" {str(pick_precision(device)).removeprefix('torch.')}; {machine_line()}"
    )
    for size in PHANTOMS:
        for line in lines(size, measure(size)):
            print(line, flush=True)
    print(quality_line())


if __name__ == "__main__":
    main()
