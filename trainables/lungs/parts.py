"""Chest X-rays with their lung masks, as they are used: in one size, in parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainables.lungs.masks import Found
from trainables.lungs.pictures import means, shrink, to_bytes, top_of

SPLIT = ("train", "val", "test")
SHOWN = 10
"""So many problems are listed; the others are counted."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Images uint8 (n, size, size), 0 to 255; masks uint8 (n, size, size), 1 = lung, 0 = rest; one
    name per image.
    """

    images: Tensor
    masks: Tensor
    names: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """One file or folder: its name, its parts (training, validation and test, or one that is still
    to be split), and what was found.
    """

    name: str
    parts: Sequence[Part]
    labels: Sequence[Found]
    """Of each mask."""
    tops: Sequence[float]
    """The largest value of each image that is not stored in 8 bits."""
    named: bool
    """Whether all images have names of their own."""


@dataclass(frozen=True)
class Pair:
    """An image, ``top_of`` it, and its mask, in the size in which they are used."""

    name: str
    image: Tensor
    top: float | None
    mask: Tensor
    labels: Sequence[Found]


def refuse(problems: Sequence[str]) -> None:
    """Raise ValueError with one line per problem, if there is one: the first ten, and how many more
    there are.
    """
    if problems:
        more = [f"... and {len(problems) - SHOWN} more."] if len(problems) > SHOWN else []
        raise ValueError("\n".join([*problems[:SHOWN], *more]))


def source(name: str, groups: Sequence[Sequence[Pair]], *, named: bool) -> Source:
    pairs = [pair for group in groups for pair in group]
    images = iter(to_bytes([(pair.image, pair.top) for pair in pairs]))
    parts = [
        Part(
            images=torch.stack([next(images) for _ in group]),
            masks=torch.stack([pair.mask for pair in group]),
            names=tuple(pair.name for pair in group),
        )
        for group in groups
    ]
    labels = [found for pair in pairs for found in pair.labels]
    return Source(name, parts, labels, [pair.top for pair in pairs if pair.top is not None], named)


def pair(
    name: str, values: np.ndarray, lungs: Sequence[tuple[np.ndarray, Found]], size: int
) -> Pair:
    """``values``: an image (height, width); ``lungs``: what ``marked`` gave of its masks. Lung is
    where one of them marks it.
    """
    top, lung = top_of(values), np.any([each for each, _ in lungs], 0)
    image = shrink(values[None], size)[0] if top is None else means(values, size)
    return Pair(name, image, top, shrink(lung[None], size)[0], [labels for _, labels in lungs])


def size_problem(shape: tuple[int, ...], size: int) -> str | None:
    too_small = min(shape) < size
    return (
        f"is {shape} pixels; images are only made smaller: image_size={size} must be at most"
        f" {min(shape)}."
        if too_small
        else None
    )
