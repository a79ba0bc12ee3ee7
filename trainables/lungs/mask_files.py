"""The labels in a mask as it is stored: grey, in a palette, in colour or transparent."""

from pathlib import Path

import numpy as np
from PIL import Image

from trainables.lungs.masks import Labels, border_of, most_common
from trainables.lungs.pictures import opened
from trainables.lungs.soft_edges import MANY, undecided, without_soft_edges

FAINT = 64
"""JPEG moves grey values by up to a dozen or so: nearer values cannot be told apart."""


def read_labels(file: Path) -> Labels:
    """The mask in an image file.

    A grey mask has its grey values as labels, also if its colours are all grey; a mask in a palette
    of colours the numbers of the colours; any other its colours. Pixels that are transparent count
    as black.

    Raises:
        ValueError: as ``opened``, or as ``without_soft_edges``.
    """
    image = opened(file)
    try:
        return _labels(image)
    except ValueError as error:
        raise ValueError(f"{file} {error}") from error


def _labels(image: Image.Image) -> Labels:
    if image.format == "JPEG" and 0 < (span := int(np.ptp(np.asarray(image.convert("L"))))) < FAINT:
        raise ValueError(
            undecided(
                f"grey values within {span + 1} of each other in a JPEG file, which blurs them"
            )
        )
    if image.mode[:1] in "IF":
        return numbered(np.asarray(image))
    if image.mode in ("1", "L") and not image.has_transparency_data:
        return numbered(np.asarray(image))
    if image.mode == "P" and not image.has_transparency_data:
        return _in_palette(np.asarray(image), np.asarray(image.convert("RGB")))
    return _in_colour(_over_black(image))


def numbered(values: np.ndarray) -> Labels:
    """A mask of numbers (height, width), truth values among them, as labels.

    Raises:
        ValueError: as ``without_soft_edges``.
    """
    return Labels(without_soft_edges(values.astype(np.uint8) if values.dtype == bool else values))


def _over_black(image: Image.Image) -> np.ndarray:
    """uint8 (height, width, 3); of a mask that is all black, how opaque it is."""
    if not image.has_transparency_data:
        return np.asarray(image.convert("RGB"))
    pixels = np.asarray(image.convert("RGBA").convert("RGBa"))  # colours times their opacity
    return pixels[..., :3] if pixels[..., :3].any() else np.repeat(pixels[..., 3:], 3, 2)


def _in_palette(numbers: np.ndarray, colours: np.ndarray) -> Labels:
    used, first = np.unique(numbers, return_index=True)
    shown = _packed(colours).ravel()[first]
    if len(set(shown.tolist())) < len(used):  # its colours tell less than its numbers
        return Labels(numbers)
    labels = _in_colour(colours)
    if not labels.in_colour:
        return labels
    return Labels(numbers, int(used[shown == labels.background][0]), labels.black)


def _in_colour(colours: np.ndarray) -> Labels:
    """uint8 (height, width, 3) as labels: in grey where all colours are grey or edges are soft."""
    if (colours == colours[..., :1]).all():
        return numbered(colours[..., 0])
    packed = _packed(colours)
    background = 0 if (packed == 0).any() else most_common(border_of(packed))
    apart = (
        np.abs(
            colours.astype(np.int16) - [background >> 16, background >> 8 & 255, background & 255]
        )
        .max(2)
        .astype(np.uint8)
    )
    sharp = without_soft_edges(apart)
    if sharp is not apart:
        return Labels(sharp)
    if (count := len(np.unique(packed))) > MANY:
        raise ValueError(undecided(f"{count} colours"))
    return Labels(packed, background, background == 0, in_colour=True)


def _packed(colours: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(colours.astype(np.int64), 2, 0)
    return red << 16 | green << 8 | blue
