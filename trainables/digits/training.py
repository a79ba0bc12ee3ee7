"""Two networks on handwritten digits, trained over paired seeds by one recipe: the fully connected
FFN and the convolutional CNN.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from trainables import Config, Metrics, Task
from trainables.digits.data import SOURCES, describe, load
from trainables.digits.evaluation import forward, on_device, test_scores, validate
from trainables.digits.networks import NETWORKS, layer_table
from trainables.limits import Limit, OneOf, Real, Whole
from trainables.loop import batch_orders, batches, derive_seed, device_text, on_cpu, pick_device
from trainables.precision import PRECISIONS, pick_precision
from trainables.schedule import SCHEDULES, learning_rate_at
from trainables.stacked import Stack, unstacked
from trainables.timing import timed

__all__ = ["LIMITS", "TASK", "describe", "layer_table", "load", "train"]


class Folder:
    """A folder that is there, or "" for the default."""

    def problem(self, value: Any) -> str | None:
        if isinstance(value, str) and (not value or Path(value).is_dir()):
            return None
        return "must be a folder that exists, or '' for STUDY_DATA or a download"


LIMITS: Mapping[str, Limit] = {
    "architecture": OneOf(tuple(NETWORKS)),
    "learning_rate": Real(0, above=True),
    "schedule": OneOf(SCHEDULES),
    "batch_size": Whole(1),
    "shift": Whole(0, 4),
    "precision": OneOf(PRECISIONS),
    "data": OneOf(SOURCES),
    "data_root": Folder(),
    "data_seed": Whole(0),
}


def train(
    config: Config, seeds: Sequence[int], resume: Mapping[str, Any] | None = None
) -> Iterator[tuple[Metrics, Any]]:
    """Train one network per seed, all at once, with Adam on the negative log-likelihood.

    ``schedule``: see ``learning_rate_at``.

    Yields after each epoch ``loss``, ``validation_loss`` and ``validation_accuracy`` (one per seed;
    the first is the mean over the epoch's training images as they were trained on, the second over
    the validation images), ``parameters``, ``train_seconds`` (of this epoch, all seeds together),
    ``images_per_second`` (training images times seeds) and ``device``. At the last epoch, where
    ``config["test"]`` allows it, the test images are looked at for the only time: ``test_accuracy``
    and, per digit, ``test_accuracy_0`` to ``_9``, one per seed, and the arrays that ``_misread``
    names.

    Raises:
        ValueError: the data are missing or damaged; or as ``pick_device``.
    """
    device = pick_device(config)
    precision = pick_precision(device, config.get("precision", "auto"))
    on = device_text(device, precision)
    digits = config.get("loaded") or load(config)
    training, validation = (
        _windows(*on_device(digits.training, device, precision), config["shift"]),
        on_device(digits.validation, device, precision),
    )
    stack = Stack(NETWORKS[config["architecture"]], seeds, device)
    optimizer = torch.optim.Adam(list(stack.weights.values()), fused=device.type != "mps")
    if resume:
        stack.load(resume["weights"])
        optimizer.load_state_dict(
            on_cpu(resume["optimizer"])
        )  # a copy, for it trains on what it is given
    first = resume["epoch"] + 1 if resume else 1
    for epoch in range(first, config["epochs"] + 1):
        metrics = {
            "epoch": epoch,
            **_train_epoch(stack, optimizer, training, seeds, epoch, config),
            "parameters": stack.parameters,
        }
        with timed("evaluation"):
            metrics |= validate(stack, *validation) | {"device": on}
            if epoch == config["epochs"] and config.get("test", True):
                metrics |= test_scores(stack, digits.test, device, precision)
        yield (
            metrics,
            {"epoch": epoch, "weights": stack.state(), "optimizer": on_cpu(optimizer.state_dict())},
        )


def _windows(images: Tensor, labels: Tensor, shift: int) -> tuple[Tensor, Tensor]:
    """Every image in every place up to ``shift`` pixels away, as a view: (n, 1, 28, 28) -> (n,
    places, places, 1, 28, 28).
    """
    margin = F.pad(images, (shift,) * 4, value=-1.0)
    return margin.unfold(2, images.shape[2], 1).unfold(3, images.shape[3], 1).movedim(1, 3), labels


def _train_epoch(
    stack: Stack,
    optimizer: torch.optim.Optimizer,
    training: tuple[Tensor, Tensor],
    seeds: Sequence[int],
    epoch: int,
    config: Config,
) -> dict[str, Any]:
    started = time.perf_counter()
    images, labels = training
    samples = len(labels)
    total = torch.zeros(len(seeds), device=labels.device)
    for done, x, y in _batches(images, labels, seeds, epoch, config["batch_size"]):
        progress = (epoch - 1 + done) / config["epochs"]
        optimizer.param_groups[0]["lr"] = learning_rate_at(progress, config)
        total += _step(stack, optimizer, x, y)
    losses = (total / samples).tolist()
    seconds = time.perf_counter() - started
    return {
        "loss": losses,
        "train_seconds": seconds,
        "images_per_second": samples * len(seeds) / seconds,
    }


def _batches(
    windows: Tensor, labels: Tensor, seeds: Sequence[int], epoch: int, batch_size: int
) -> Iterator[tuple[float, Tensor, Tensor]]:
    """What each seed sees in its own order in this epoch: images (seeds, batch, 1, 28, 28) and
    labels (seeds, batch).

    Before them the share of the epoch that is done in the middle of the batch, always above 0 and
    below 1.
    """
    samples, places = windows.shape[:2]
    orders = batch_orders(seeds, epoch, samples).long().to(windows.device)
    shifts = _places(seeds, epoch, samples, places).to(windows.device)
    for batch in batches(samples, batch_size):
        chosen = orders[:, batch]
        # Without a shift there is one place, and whole images are read twice as fast.
        x = (
            windows[chosen, *shifts[:, :, batch]]
            if places > 1
            else windows[:, 0, 0].index_select(0, chosen.flatten())
        )
        yield (
            (batch.start + batch.stop) / 2 / samples,
            x.view(*chosen.shape, *windows.shape[3:]),
            labels[chosen],
        )


def _places(seeds: Sequence[int], epoch: int, samples: int, places: int) -> Tensor:
    """How far down and right each seed sees each image of its order in this epoch: (2, seeds,
    samples), 0 to places - 1.
    """
    drawn = [torch.Generator().manual_seed(derive_seed(seed, "shift", epoch)) for seed in seeds]
    return torch.stack(
        [torch.randint(places, (2, samples), generator=generator) for generator in drawn], 1
    )


def _step(stack: Stack, optimizer: torch.optim.Optimizer, x: Tensor, labels: Tensor) -> Tensor:
    """One step of every network on its own images x (seeds, batch, 1, 28, 28), labels (seeds,
    batch); their summed losses (seeds,).
    """
    losses = (
        F.nll_loss(forward(stack, x).flatten(0, 1), labels.flatten(), reduction="none")
        .view(x.shape[:2])
        .sum(1)
    )
    optimizer.zero_grad()
    (losses.sum() / x.shape[1]).backward()
    optimizer.step()
    return losses.detach()


@torch.no_grad()
def network(config: Config, state: Mapping[str, Any]) -> tuple[torch.nn.Module, Tensor]:
    """The network of the seed with the best accuracy on the validation images (the first of
    equals), and some of these, (images, 1, 28, 28) from -1 to 1, float32.
    """
    digits, weights = config.get("loaded") or load(config), state["weights"]
    images, labels = on_device(digits.validation, torch.device("cpu"), torch.float32)
    stack = Stack(NETWORKS[config["architecture"]], range(len(next(iter(weights.values())))))
    stack.load(weights)
    best = int(np.argmax(validate(stack, images, labels)["validation_accuracy"]))
    return unstacked(weights, best, NETWORKS[config["architecture"]]()), images[:16]


TASK = Task(train=train, describe=describe, load=load, limits=LIMITS, network=network)
