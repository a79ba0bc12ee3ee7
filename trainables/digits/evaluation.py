"""How well networks read digits, and which they misread."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from trainables.digits.data import CLASSES
from trainables.digits.networks import CNN, FFN
from trainables.stacked import Stack

EVALUATION_BATCH = 500
GALLERY = 200
"""At most so many misread test images are kept."""


def on_device(
    part: tuple[Tensor, Tensor], device: torch.device, precision: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Images scaled from 0..255 to -1..1, (n, 1, 28, 28), in that precision, and labels (n,),
    int64, on the device.
    """
    images, labels = (tensor.to(device) for tensor in part)
    return images.float().div_(255).sub_(0.5).div_(0.5).unsqueeze(1).to(precision), labels.long()


def forward(stack: Stack, x: Tensor) -> Tensor:
    """(seeds, batch, 1, 28, 28) -> (seeds, batch, 10), log-probabilities."""
    assert isinstance(stack.network, FFN | CNN)
    return stack.network.forward_seeds(stack.weights, x)


@torch.no_grad()
def _evaluate(stack: Stack, images: Tensor) -> Tensor:
    """What each network says of each image: (n, 1, 28, 28) -> (seeds, n, 10), log-probabilities."""
    seeds = len(next(iter(stack.weights.values())))
    parts = images.split(EVALUATION_BATCH)
    return torch.cat([forward(stack, part.expand(seeds, *part.shape)) for part in parts], 1)


def validate(stack: Stack, images: Tensor, labels: Tensor) -> dict[str, Any]:
    said = _evaluate(stack, images)
    losses = (
        F.nll_loss(said.flatten(0, 1), labels.repeat(len(said)), reduction="none")
        .view(said.shape[:2])
        .mean(1)
    )
    return {
        "validation_loss": losses.tolist(),
        "validation_accuracy": _accuracy(said.argmax(2).cpu(), labels.cpu()),
    }


def _accuracy(predictions: Tensor, labels: Tensor) -> list[float]:
    """(seeds, n) and (n,), on the CPU -> the share of right predictions of each seed."""
    return ((predictions == labels).sum(1).double() / len(labels)).tolist()


def test_scores(
    stack: Stack, test: tuple[Tensor, Tensor], device: torch.device, precision: torch.dtype
) -> dict[str, Any]:
    predictions, labels = (
        _evaluate(stack, on_device(test, device, precision)[0]).argmax(2).cpu(),
        test[1],
    )
    metrics: dict[str, Any] = {"test_accuracy": _accuracy(predictions, labels)}
    for digit in range(CLASSES):
        of_digit = labels == digit
        metrics[f"test_accuracy_{digit}"] = _accuracy(predictions[:, of_digit], labels[of_digit])
    return metrics | {"arrays": _misread(predictions, *test)}


def _misread(predictions: Tensor, images: Tensor, labels: Tensor) -> dict[str, np.ndarray]:
    """Facts to draw confusion matrices and misread digits with.

    ``predictions``: uint8 (seeds, n); ``labels``: uint8 (n,); ``gallery_index`` (k,): the test
    images that a seed misreads, those that most seeds misread first, at most GALLERY;
    ``gallery_images``: uint8 (k, 28, 28), these images.
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
