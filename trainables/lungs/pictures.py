"""Grey pictures from image files of any usual kind, and the same in fewer pixels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif")
DEPTHS = (8, 10, 12, 14, 16, 32)
"""In how many bits grey levels are stored; the values of a detector of 12 bits often lie in files
of 16.
"""
CRUSHED = 4
"""Bits fewer than the rest: an image so much darker was stored in a depth of its own, and would
keep 16 grey levels of 256.
"""


def files_in(folder: Path) -> list[Path]:
    """The image files of a folder, by name; hidden ones are none."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in ENDINGS and not file.name.startswith(".")
    )


def opened(file: Path) -> Image.Image:
    """One picture, decoded.

    Raises:
        ValueError: it is no picture, more than one, or of 16 bits per colour.
    """
    try:
        with Image.open(file) as image:
            stored = [str(tile.args) for tile in image.tile]  # gone once the picture is decoded
            image.load()
            count = getattr(image, "n_frames", 1)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{file} cannot be read as an image ({error}).") from error
    if count > 1:
        raise ValueError(f"{file} holds {count} pictures; it must hold one.")
    # Pillow keeps the upper 8 of them, which may hold next to nothing.
    if image.mode[:1] not in "IF" and any(";16" in each for each in stored):
        raise ValueError(
            f"{file} has 16 bits per colour; save it in grey, or with 8 bits per colour."
        )
    return image


def read_values(file: Path) -> np.ndarray:
    """The grey values of an image file as they are stored: (height, width), uint8, or another type
    where they have more than 8 bits.

    Raises:
        ValueError: as ``opened``; or the values are no grey levels.
    """
    image = opened(file)
    deep = image.mode[:1] in "IF"
    try:
        values = np.asarray(image if deep else image.convert("L"))
    except ValueError as error:
        raise ValueError(f"{file} cannot be read in grey ({error}).") from error
    if problem := values_problem(values):
        raise ValueError(f"{file} {problem}")
    return unit_to_bytes(values)


def read_gray(file: Path) -> np.ndarray:
    """(height, width), uint8.

    Raises:
        ValueError: as ``read_values``.
    """
    values = read_values(file)
    return (
        to_bytes([(torch.from_numpy(values.astype(np.float32)), top_of(values))])[0]
        .numpy()
        .astype(np.uint8)
    )


def values_problem(values: np.ndarray) -> str | None:
    """What is wrong with grey values, in words that follow what they are called; None if nothing
    is.
    """
    if values.dtype.kind not in "uif":
        return f"is {values.dtype}; it must be {_ALLOWED}"
    # A NaN passes through min and max.
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high < 2 ** DEPTHS[-1] and (values.dtype.kind != "f" or not 1 < high < 16):
        return None
    return f"is {values.dtype}, {low:g} to {high:g}; it must be {_ALLOWED}"


_ALLOWED = (
    "whole numbers from 0 up, floats from 0 to 1, or floats of grey levels (the largest 16 or"
    " more), all finite."
)


def unit_to_bytes(values: np.ndarray) -> np.ndarray:
    """Floats from 0 to 1 as uint8; other values as they are."""
    return (
        (values * 255).round().astype(np.uint8)
        if values.dtype.kind == "f" and values.max() <= 1
        else values
    )


def top_of(values: np.ndarray) -> float | None:
    """The largest of values that are stored in more than 8 bits; None of uint8, which need no
    scaling.
    """
    return None if values.dtype == np.uint8 else float(values.max())


def bits_of(top: float) -> int:
    """The smallest usual depth that holds the value."""
    return next(bits for bits in DEPTHS if top < 2**bits)


def to_bytes(pictures: Sequence[tuple[Tensor, float | None]]) -> list[Tensor]:
    """Pictures of one data set, each with its ``top_of``, as uint8.

    Values of more than 8 bits are divided by what makes 256 levels of the smallest usual depth that
    holds all of them, so that the pictures of one detector keep their contrast; one that would keep
    16 of these levels or fewer goes by its own depth.
    """
    most = bits_of(max((top for _, top in pictures if top is not None), default=0))
    return [_scaled(picture, top, most) for picture, top in pictures]


def _scaled(picture: Tensor, top: float | None, most: int) -> Tensor:
    if top is None:
        return picture
    bits = bits_of(top) if top < 2 ** (most - CRUSHED) else most
    # A level of 256 stands for the middle of the values that share its upper 8 bits.
    return ((picture + 0.5) * 2.0 ** (8 - bits) - 0.5).round().clamp(0, 255).to(torch.uint8)


def means(image: np.ndarray, size: int) -> Tensor:
    """(height, width) -> float32 (size, size), each pixel the mean over its area."""
    return F.adaptive_avg_pool2d(torch.from_numpy(image.astype(np.float32))[None], size)[0]


def shrink(images: np.ndarray, size: int) -> Tensor:
    """(n, height, width) -> uint8 (n, size, size), each pixel the mean over its area: of a bool
    mask, where the majority is.
    """
    # One after the other, for images of hospitals are large.
    shrunk = (means(image, size) for image in images)
    return torch.stack(
        [mean >= 0.5 if images.dtype == bool else mean.round() for mean in shrunk]
    ).to(torch.uint8)
