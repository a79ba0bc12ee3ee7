"""Two networks on handwritten digits, trained over paired seeds by one recipe: the fully connected FFN and the convolutional CNN."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from trainables import Config, Metrics
from trainables.classifiers import CNN, FFN, NETWORKS, PRECISIONS, layer_table, pick_precision
from trainables.digits import CLASSES, SOURCES, describe, load
from trainables.limits import Limit, OneOf, Real, Whole
from trainables.loop import batch_orders, batches, derive_seed, device_text, on_cpu, pick_device
from trainables.stacked import Stack

__all__ = ["LIMITS", "describe", "layer_table", "load", "train"]

WARM_UP = 0.2
"""The share of all steps in which a one-cycle learning rate rises."""
EVALUATION_BATCH = 500
GALLERY = 200
"""At most so many misread test images are kept."""


class Folder:
    """A folder that is there, or "" for the default."""

    def problem(self, value: Any) -> str | None:
        if isinstance(value, str) and (not value or Path(value).is_dir()):
            return None
        return "must be a folder that exists, or '' for STUDY_DATA or a download"


LIMITS: Mapping[str, Limit] = {
    "architecture": OneOf(tuple(NETWORKS)),
    "learning_rate": Real(0, above=True),
    "schedule": OneOf(("one_cycle", "constant")),
    "batch_size": Whole(1),
    "shift": Whole(0, 4),
    "precision": OneOf(PRECISIONS),
    "data": OneOf(SOURCES),
    "data_root": Folder(),
    "data_seed": Whole(0),
}


def train(config: Config, seeds: Sequence[int], resume: Mapping[str, Any] | None = None) -> Iterator[tuple[Metrics, Any]]:
    """Train one network per seed, all at once, with Adam on the negative log-likelihood.

    ``schedule`` "one_cycle" raises the learning rate in a line to ``learning_rate`` and lowers it to 0 as a cosine; "constant" holds it.

    Yields after each epoch ``loss``, ``validation_loss`` and ``validation_accuracy`` (one per seed; the first is the mean over the
    epoch's training images as they were trained on, the second over the validation images), ``parameters``, ``train_seconds`` (of this
    epoch, all seeds together), ``images_per_second`` (training images times seeds) and ``device``. At the last epoch, where
    ``config["test"]`` allows it, the test images are looked at for the only time: ``test_accuracy`` and, per digit, ``test_accuracy_0``
    to ``_9``, one per seed, and the arrays that ``_misread`` names.

    Raises:
        ValueError: the data are missing or damaged; or as ``pick_device``.
    """
    device = pick_device(config)
    precision = pick_precision(device, config.get("precision", "auto"))
    on = device_text(device, precision)
    digits = config.get("loaded") or load(config)
    training, validation = (
        _windows(*_place(digits.training, device, precision), config["shift"]),
        _place(digits.validation, device, precision),
    )
    stack = Stack(NETWORKS[config["architecture"]], seeds, device)
    optimizer = torch.optim.Adam(list(stack.weights.values()), fused=device.type != "mps")
    if resume:
        stack.load(resume["weights"])
        optimizer.load_state_dict(on_cpu(resume["optimizer"]))  # a copy, for it trains on what it is given
    first = resume["epoch"] + 1 if resume else 1
    for epoch in range(first, config["epochs"] + 1):
        metrics = {"epoch": epoch, **_train_epoch(stack, optimizer, training, seeds, epoch, config), "parameters": stack.parameters}
        metrics |= _validate(stack, *validation) | {"device": on}
        if epoch == config["epochs"] and config.get("test", True):
            metrics |= _test(stack, digits.test, device, precision)
        yield metrics, {"epoch": epoch, "weights": stack.state(), "optimizer": on_cpu(optimizer.state_dict())}


def _place(part: tuple[Tensor, Tensor], device: torch.device, precision: torch.dtype) -> tuple[Tensor, Tensor]:
    """Images scaled from 0..255 to -1..1, (n, 1, 28, 28), in that precision, and labels (n,), int64, on the device."""
    images, labels = (tensor.to(device) for tensor in part)
    return images.float().div_(255).sub_(0.5).div_(0.5).unsqueeze(1).to(precision), labels.long()


def _windows(images: Tensor, labels: Tensor, shift: int) -> tuple[Tensor, Tensor]:
    """Every image in every place up to ``shift`` pixels away, as a view: (n, 1, 28, 28) -> (n, places, places, 1, 28, 28)."""
    margin = F.pad(images, (shift,) * 4, value=-1.0)
    return margin.unfold(2, images.shape[2], 1).unfold(3, images.shape[3], 1).movedim(1, 3), labels


def learning_rate_at(progress: float, config: Config) -> float:
    """The learning rate when that share of all steps, 0 to 1, is done."""
    if config["schedule"] == "constant":
        return config["learning_rate"]
    if progress < WARM_UP:
        return config["learning_rate"] * progress / WARM_UP
    return config["learning_rate"] * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP))) / 2


def _train_epoch(
    stack: Stack, optimizer: torch.optim.Optimizer, training: tuple[Tensor, Tensor], seeds: Sequence[int], epoch: int, config: Config
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
    return {"loss": losses, "train_seconds": seconds, "images_per_second": samples * len(seeds) / seconds}


def _batches(windows: Tensor, labels: Tensor, seeds: Sequence[int], epoch: int, batch_size: int) -> Iterator[tuple[float, Tensor, Tensor]]:
    """What each seed sees in its own order in this epoch: images (seeds, batch, 1, 28, 28) and labels (seeds, batch).

    Before them the share of the epoch that is done in the middle of the batch, always above 0 and below 1.
    """
    samples, places = windows.shape[:2]
    orders = batch_orders(seeds, epoch, samples).long().to(windows.device)
    shifts = _places(seeds, epoch, samples, places).to(windows.device)
    for batch in batches(samples, batch_size):
        chosen = orders[:, batch]
        # Without a shift there is one place, and whole images are read twice as fast.
        x = windows[chosen, *shifts[:, :, batch]] if places > 1 else windows[:, 0, 0].index_select(0, chosen.flatten())
        yield (batch.start + batch.stop) / 2 / samples, x.view(*chosen.shape, *windows.shape[3:]), labels[chosen]


def _places(seeds: Sequence[int], epoch: int, samples: int, places: int) -> Tensor:
    """How far down and right each seed sees each image of its order in this epoch: (2, seeds, samples), 0 to places - 1."""
    drawn = [torch.Generator().manual_seed(derive_seed(seed, "shift", epoch)) for seed in seeds]
    return torch.stack([torch.randint(places, (2, samples), generator=generator) for generator in drawn], 1)


def _step(stack: Stack, optimizer: torch.optim.Optimizer, x: Tensor, labels: Tensor) -> Tensor:
    """One step of every network on its own images x (seeds, batch, 1, 28, 28), labels (seeds, batch); their summed losses (seeds,)."""
    losses = F.nll_loss(_forward(stack, x).flatten(0, 1), labels.flatten(), reduction="none").view(x.shape[:2]).sum(1)
    optimizer.zero_grad()
    (losses.sum() / x.shape[1]).backward()
    optimizer.step()
    return losses.detach()


def _forward(stack: Stack, x: Tensor) -> Tensor:
    """(seeds, batch, 1, 28, 28) -> (seeds, batch, 10), log-probabilities."""
    assert isinstance(stack.network, FFN | CNN)
    return stack.network.forward_seeds(stack.weights, x)


@torch.no_grad()
def _evaluate(stack: Stack, images: Tensor) -> Tensor:
    """What each network says of each image: (n, 1, 28, 28) -> (seeds, n, 10), log-probabilities."""
    seeds = len(next(iter(stack.weights.values())))
    parts = images.split(EVALUATION_BATCH)
    return torch.cat([_forward(stack, part.expand(seeds, *part.shape)) for part in parts], 1)


def _validate(stack: Stack, images: Tensor, labels: Tensor) -> dict[str, Any]:
    said = _evaluate(stack, images)
    losses = F.nll_loss(said.flatten(0, 1), labels.repeat(len(said)), reduction="none").view(said.shape[:2]).mean(1)
    return {"validation_loss": losses.tolist(), "validation_accuracy": _accuracy(said.argmax(2).cpu(), labels.cpu())}


def _accuracy(predictions: Tensor, labels: Tensor) -> list[float]:
    """(seeds, n) and (n,), on the CPU -> the share of right predictions of each seed."""
    return ((predictions == labels).sum(1).double() / len(labels)).tolist()


def _test(stack: Stack, test: tuple[Tensor, Tensor], device: torch.device, precision: torch.dtype) -> dict[str, Any]:
    predictions, labels = _evaluate(stack, _place(test, device, precision)[0]).argmax(2).cpu(), test[1]
    metrics: dict[str, Any] = {"test_accuracy": _accuracy(predictions, labels)}
    for digit in range(CLASSES):
        of_digit = labels == digit
        metrics[f"test_accuracy_{digit}"] = _accuracy(predictions[:, of_digit], labels[of_digit])
    return metrics | {"arrays": _misread(predictions, *test)}


def _misread(predictions: Tensor, images: Tensor, labels: Tensor) -> dict[str, np.ndarray]:
    """Facts to draw confusion matrices and misread digits with.

    ``predictions``: uint8 (seeds, n); ``labels``: uint8 (n,); ``gallery_index`` (k,): the test images that a seed misreads, those that most
    seeds misread first, at most GALLERY; ``gallery_images``: uint8 (k, 28, 28), these images.
    """
    misreading_seeds = (predictions != labels).sum(0)
    worst = misreading_seeds.argsort(descending=True, stable=True)[:GALLERY]
    gallery = worst[misreading_seeds[worst] > 0]
    return {
        "predictions": predictions.to(torch.uint8).numpy(),
        "labels": labels.numpy(),
        "gallery_index": gallery.numpy(),
        "gallery_images": images[gallery].numpy(),
    }
