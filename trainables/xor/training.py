"""Continuous XOR: points near the corners of the unit square, labelled by whether exactly one
coordinate is 1.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from trainables import GENERATED, Config, Metrics, Task
from trainables.limits import Limit, Real, Whole
from trainables.loop import batch_orders, batches, derive_seed, device_text
from trainables.narrow import WIDEST, NarrowStack, with_ones
from trainables.narrow import unstacked as unstacked_narrow
from trainables.networks import MLP
from trainables.stacked import Stack, unstacked

LIMITS: Mapping[str, Limit] = {
    "width": Whole(1),
    "depth": Whole(0),
    "points": Whole(4),
    "evaluation_points": Whole(4),
    "noise": Real(0),
    "learning_rate": Real(0, above=True),
    "batch_size": Whole(1),
    "data_seed": Whole(0),
}
CPU = torch.device("cpu")
RASTER = 41
EXTENT = (-0.5, 1.5)


def draw_points(count: int, noise: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Points (count, 2) around the corners of {0, 1}^2 with Gaussian noise of that standard
    deviation, and labels (count,) 0. or 1.
    """
    corners = torch.randint(0, 2, (count, 2), generator=generator)
    points = corners + noise * torch.randn(count, 2, generator=generator)
    return points, (corners.sum(1) == 1).float()


def load(config: Config) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The training and the evaluation points with their labels; ``data_seed`` fixes both."""
    sets = (("training", config["points"]), ("evaluation", config["evaluation_points"]))
    seed = config["data_seed"]
    training, evaluation = (
        draw_points(
            count, config["noise"], torch.Generator().manual_seed(derive_seed(seed, purpose))
        )
        for purpose, count in sets
    )
    return training, evaluation


def describe(config: Config) -> dict[str, Any]:
    """What the data are, for the record: name, counts, the SHA-256 over all points and labels,
    and licence.
    """
    (x, y), (x_eval, y_eval) = load(config)
    digest = hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in (x, y, x_eval, y_eval)))
    return {
        "name": (
            f"continuous XOR, generated (noise {config['noise']:g}, data seed"
            f" {config['data_seed']})"
        ),
        "training": len(x),
        "evaluation": len(x_eval),
        "sha256": digest.hexdigest(),
        "licence": GENERATED,
    }


def train(
    config: Config, seeds: Sequence[int], resume: Mapping[str, Any] | None = None
) -> Iterator[tuple[Metrics, Any]]:
    """Train one MLP per seed, all at once, with SGD on the binary cross-entropy of the logits.

    Yields ``accuracy`` (one per seed, on the evaluation points), ``loss`` (one number: the mean
    over seeds of the cross-entropy there), ``parameters`` and ``device`` after each epoch; at the
    last one also the arrays that ``_pictures`` names. Runs on the CPU, also where a trial has a
    GPU: the networks are too small for anything else.
    """
    training, (points, labels) = load(config)
    stack = (NarrowStack if config["width"] <= WIDEST else Stack)(
        lambda: MLP(2, config["width"], config["depth"]), seeds
    )
    if resume:
        stack.load(resume["weights"])
    shuffled = _Shuffled(*training, seeds, config["batch_size"])
    first = resume["epoch"] + 1 if resume else 1
    for epoch in range(first, config["epochs"] + 1):
        _train_epoch(stack, shuffled, epoch, config)
        logits = _evaluate(stack, points, len(seeds))
        metrics = {
            "epoch": epoch,
            **_score(logits, labels),
            "parameters": stack.parameters,
            "device": device_text(CPU),
        }
        if epoch == config["epochs"]:
            metrics["arrays"] = _pictures(stack, seeds, metrics["accuracy"], points, labels)
        yield metrics, {"epoch": epoch, "weights": stack.state()}


def _train_epoch(
    stack: Stack | NarrowStack, shuffled: "_Shuffled", epoch: int, config: Config
) -> None:
    descend = NarrowStack.descend if isinstance(stack, NarrowStack) else _descend
    for x, y in shuffled.batches(epoch):
        descend(stack, x, y, config["learning_rate"])  # type: ignore[arg-type]


def _descend(stack: Stack, x: Tensor, labels: Tensor, learning_rate: float) -> None:
    """``NarrowStack.descend`` for a stack of any width."""
    weights = list(stack.weights.values())
    losses = binary_cross_entropy_with_logits(stack(x[:, :-1].mT), labels, reduction="none")
    gradients = torch.autograd.grad(losses.mean(1).sum(), weights)
    with torch.no_grad():
        torch._foreach_add_(weights, gradients, alpha=-learning_rate)


class _Shuffled:
    """The training points in batches, for each seed in its own order."""

    def __init__(self, x: Tensor, y: Tensor, seeds: Sequence[int], batch_size: int) -> None:
        self._columns = torch.cat([y.unsqueeze(0), x.T])
        self._seeds = seeds
        self._slices = list(batches(len(y), batch_size))
        # Batches of one size go to the same memory, which stays in the cache.
        self._memory = {
            size: torch.ones(4, len(seeds), size)
            for size in {len(y[batch]) for batch in self._slices}
        }

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs (seeds, 2 + 1, batch), as ``with_ones`` makes them, and labels (seeds, batch),
        until the next batch is asked for.
        """
        orders = batch_orders(self._seeds, epoch, self._columns.shape[1])
        for batch in self._slices:
            order = orders[:, batch]
            memory = self._memory[order.shape[1]]
            torch.index_select(self._columns, 1, order.flatten(), out=memory[:3].flatten(1))
            yield memory[1:].transpose(0, 1), memory[0]


@torch.no_grad()
def _evaluate(stack: Stack | NarrowStack, points: Tensor, seeds: int) -> Tensor:
    """The logits of every network at the same points: (points, 2) -> (seeds, points)."""
    if isinstance(stack, NarrowStack):
        return stack(with_ones(points).expand(seeds, -1, -1))
    return stack(points.expand(seeds, -1, -1))


def _score(logits: Tensor, labels: Tensor) -> dict[str, Any]:
    correct = ((logits > 0) == (labels > 0)).sum(1)
    loss = binary_cross_entropy_with_logits(logits, labels.expand_as(logits))
    return {"accuracy": (correct.double() / len(labels)).tolist(), "loss": loss.item()}


def _pictures(
    stack: Stack | NarrowStack,
    seeds: Sequence[int],
    accuracy: Sequence[float],
    points: Tensor,
    labels: Tensor,
) -> dict[str, np.ndarray]:
    """Facts to draw the best and the worst network of the trial with.

    ``surface``: (2, RASTER, RASTER) probabilities over the square ``extent`` (axis 1: second
    coordinate, axis 2: first, both rising), of the seeds ``surface_seeds``; ``points``: (n, 3), the
    evaluation points and their labels.
    """
    chosen = [int(np.argmax(accuracy)), int(np.argmin(accuracy))]
    ticks = torch.linspace(*EXTENT, RASTER)
    raster = torch.cartesian_prod(ticks, ticks).flip(1)
    probabilities = torch.sigmoid(_evaluate(stack, raster, len(seeds))[chosen])
    return {
        "surface": probabilities.view(2, RASTER, RASTER).numpy().astype(np.float16),
        "surface_seeds": np.array([seeds[i] for i in chosen]),
        "extent": np.array(EXTENT, dtype=np.float32),
        "points": torch.cat([points, labels.unsqueeze(1)], 1).numpy(),
    }


@torch.no_grad()
def network(config: Config, state: Mapping[str, Any]) -> tuple[MLP, Tensor]:
    """The network of the seed with the best accuracy on the evaluation points (the first of
    equals), and these, (points, 2).
    """
    _, (points, labels) = load(config)
    weights = state["weights"]
    of_seed = unstacked_narrow if config["width"] <= WIDEST else unstacked
    networks = [
        of_seed(weights, index, MLP(2, config["width"], config["depth"]))
        for index in range(len(weights[next(iter(weights))]))
    ]
    accuracy = _score(torch.stack([each(points) for each in networks]), labels)["accuracy"]
    return networks[int(np.argmax(accuracy))], points


TASK = Task(train=train, describe=describe, limits=LIMITS, network=network)
