"""How well lungs are outlined, image by image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainables.lungs.data import XRays
from trainables.lungs.parts import Part
from trainables.lungs.unet import Average, evaluate, losses_of, predict, standardised


def on_device(part: Part, device: torch.device) -> tuple[Tensor, Tensor]:
    """Images, standardised, and masks, float32 (n, 1, size, size), on the device."""
    return standardised(part.images.to(device)), part.masks.to(device).float().unsqueeze(1)


def validate(
    averages: Sequence[Average], images: Tensor, masks: Tensor, loss: str
) -> dict[str, Any]:
    outlined, logits = zip(*(evaluate(average, images) for average in averages), strict=True)
    losses = [losses_of(each, masks, loss).mean().item() for each in logits]
    measured = scores(torch.stack(outlined), masks.cpu().squeeze(1) > 0)
    return {"validation_loss": losses} | {
        f"validation_{name}": values.mean(1).tolist() for name, values in measured.items()
    }


def scores(predictions: Tensor, masks: Tensor) -> dict[str, Tensor]:
    """How well lungs are outlined, image by image: bool (..., height, width) twice, on the CPU ->
    three times float64 (...).

    ``dice`` is 2 |P and T| / (|P| + |T|) of the pixels P predicted and T truly lung, ``iou`` is |P
    and T| / |P or T|, and ``f1`` is the macro F1: the mean of the F1 of lung, which is the Dice,
    and that of background. Where there is nothing to find and nothing found, it is 1.
    """
    found, there = (_pixels(part) for part in (predictions, masks))
    both, neither = _pixels(predictions & masks), _pixels(~predictions & ~masks)
    dice, background = (
        _ratio(2 * both, found + there),
        _ratio(2 * neither, _pixels(~predictions) + _pixels(~masks)),
    )
    return {"f1": (dice + background) / 2, "dice": dice, "iou": _ratio(both, found + there - both)}


def _pixels(part: Tensor) -> Tensor:
    return part.sum((-2, -1)).double()


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    return torch.where(below > 0, above / below.clamp(min=1), 1.0)


def test_scores(averages: Sequence[Average], xrays: XRays, device: torch.device) -> dict[str, Any]:
    predictions, metrics = _test_part(averages, xrays.test, device, "test")
    for prefix in ("set_aside", "extra_test"):
        if part := getattr(xrays, prefix):
            metrics |= _test_part(averages, part, device, prefix)[1]
    return metrics | {"arrays": _pictures(predictions, xrays.test)}


def _test_part(
    averages: Sequence[Average], part: Part, device: torch.device, prefix: str
) -> tuple[Tensor, dict[str, Any]]:
    images, _ = on_device(part, device)
    predictions = torch.stack([predict(average, images) for average in averages])
    measured = scores(predictions, part.masks > 0)
    facts = {name: values.mean(1) for name, values in measured.items()}
    facts |= {
        "f1_std": measured["f1"].std(1, correction=0),
        "f1_min": measured["f1"].amin(1),
        "dice_min": measured["dice"].amin(1),
    }
    return predictions, {f"{prefix}_{name}": values.tolist() for name, values in facts.items()}


def _pictures(predictions: Tensor, test: Part) -> dict[str, np.ndarray]:
    """Facts to draw outlines with, of the best, the median and the worst test image of the first
    seed by Dice.

    ``overlay_images``, ``overlay_truth``, ``overlay_prediction``: uint8 (3, size, size), 0 to 255,
    then 1 = lung; ``overlay_dice`` (3,); ``overlay_names`` (3,). Also ``test_dice_per_image``
    (seeds, n) and ``test_names`` (n,).
    """
    dice = scores(predictions, test.masks > 0)["dice"]
    by_dice = dice[0].argsort(descending=True, stable=True)
    chosen = by_dice[[0, len(by_dice) // 2, -1]]
    names = np.array(test.names)
    return {
        "overlay_images": test.images[chosen].numpy(),
        "overlay_truth": test.masks[chosen].numpy(),
        "overlay_prediction": predictions[0, chosen].to(torch.uint8).numpy(),
        "overlay_dice": dice[0, chosen].numpy(),
        "overlay_names": names[chosen.numpy()],
        "test_dice_per_image": dice.numpy(),
        "test_names": names,
    }
