"""Where a mask marks lung, by one rule for label maps, masks with soft edges and masks in colour."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from trainables.pictures import opened

MANY = 32
"""A label map has no more labels than this."""
CLOSE = 16
"""Whole numbers within fewer than this are labels: soft edges have grey levels from black to white."""
FAINT = 64
"""JPEG moves grey values by up to a dozen or so: nearer values cannot be told apart."""
AREA, STEP, GREY = 0.02, 0.25, 0.25
"""What tells labels from soft edges, see ``without_soft_edges``."""
EMPTY = "Leave the image out, or mark its lungs."


@dataclass(frozen=True)
class Labels:
    """One mask: a label for each pixel, (height, width). A label in colour is its red, green and blue as one number."""

    values: np.ndarray
    background: int | None = None
    """The label of the background where colours tell it, and whether it is black."""
    black: bool = True
    in_colour: bool = False

    def text(self, label: Any) -> str:
        """A label as the user writes it."""
        if self.in_colour:
            return f"#{int(label):06x}"
        return str(int(label)) if label == int(label) else f"{label:g}"


@dataclass(frozen=True)
class Found:
    """The labels of one mask: those counted as lung, and the background if it is not black but only most common along the border;
    ``all`` of them, by number."""

    lung: tuple[str, ...]
    border: str | None
    all: Mapping[Any, str]


class LabelList:
    """Labels that mark lung: whole numbers or colours such as "#ff0000"; an empty list means all but the background."""

    def problem(self, value: Any) -> str | None:
        if isinstance(value, (list, tuple)) and all(_is_label(each) for each in value):
            return None
        return "must be a list of the labels that mark lung: whole numbers, or colours such as '#ff0000'; [] for all but the background"


def _is_label(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch("#[0-9a-fA-F]{6}", value) is not None
    return isinstance(value, int) and not isinstance(value, bool)


def as_number(label: int | str) -> int:
    """A label of a ``LabelList`` as it stands in ``Labels``."""
    return int(label[1:], 16) if isinstance(label, str) else label


def marked(mask: Labels, lung_labels: Sequence[int | str] = ()) -> tuple[np.ndarray, Found]:
    """Where a mask marks lung, bool (height, width): at ``lung_labels``, or without any at every label that is not background.

    Background is black, the label 0, or where there is none of it the most common label along the border.

    Raises:
        ValueError: nothing is marked, or nothing tells which label is background. The text follows what the mask is called.
    """
    found = {label: mask.text(label) for label in distinct(mask.values).tolist()}
    wanted = [as_number(label) for label in lung_labels]
    background = None if wanted else _background(mask, found)
    lung = [label for label in found if (label in wanted if wanted else label != background)]
    if not lung:
        holds = f"holds {', '.join(found.values())} alone"
        if wanted:
            raise ValueError(f"{holds}, none of lung_labels={list(lung_labels)!r}. Name its labels of lung, or leave the image out.")
        raise ValueError(f"{'is empty' if set(found) == {0} else f'{holds}, and no background'}. {EMPTY}")
    is_black = mask.black if mask.background is not None else background == 0
    border = None if wanted or is_black else found[background]
    return np.isin(mask.values, lung), Found(tuple(found[label] for label in lung), border, found)


def _background(mask: Labels, found: Mapping[Any, str]) -> Any:
    if mask.background is not None:
        return mask.background
    if 0 in found and min(found) < 0:
        raise ValueError(f"holds {', '.join(found.values())}: below 0, anything may be meant. Name the labels of lung in lung_labels.")
    return 0 if 0 in found else _most_common(_border(mask.values))


def _border(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def _most_common(values: np.ndarray) -> Any:
    found, counts = np.unique(values, return_counts=True)
    return found[counts.argmax()].item()


def read_labels(file: Path) -> Labels:
    """The mask in an image file.

    A grey mask has its grey values as labels, also if its colours are all grey; a mask in a palette of colours the numbers of the
    colours; any other its colours. Pixels that are transparent count as black.

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
        raise ValueError(_undecided(f"grey values within {span + 1} of each other in a JPEG file, which blurs them"))
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
    pixels = np.asarray(image.convert("RGBA")).astype(np.float32)
    colours = (pixels[..., :3] * pixels[..., 3:] / 255).round().astype(np.uint8)
    return colours if colours.any() else np.repeat(pixels[..., 3:], 3, 2).astype(np.uint8)


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
    background = 0 if (packed == 0).any() else _most_common(_border(packed))
    apart = np.abs(colours.astype(np.int16) - [background >> 16, background >> 8 & 255, background & 255]).max(2).astype(np.uint8)
    sharp = without_soft_edges(apart)
    if sharp is not apart:
        return Labels(sharp)
    if (count := len(np.unique(packed))) > MANY:
        raise ValueError(_undecided(f"{count} colours"))
    return Labels(packed, background, background == 0, in_colour=True)


def _packed(colours: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(colours.astype(np.int64), 2, 0)
    return red << 16 | green << 8 | blue


def without_soft_edges(values: np.ndarray) -> np.ndarray:
    """The labels of a mask (height, width): its values as they are, or if its edges are soft, as after resizing or in a JPEG file, each
    pixel 0 or the largest value, whichever is nearer.

    Few values, and whole numbers that lie close together, are labels. Of others, what counts are the pixels that are neither the
    smallest nor the largest value. Labels fill areas: a pixel is like its eight neighbours. At soft edges, most pixels have a darker and
    a brighter neighbour and none in the middle of the range fills an area, of which there are few, for lungs are larger than their edges.

    Raises:
        ValueError: it is neither, or not finite.
    """
    found = distinct(values)
    low, high = float(found[0]), float(found[-1])
    if not np.isfinite([low, high]).all():
        raise ValueError("holds values that are not finite.")
    if len(found) <= 2 or (high - low < CLOSE and (found == np.floor(found)).all()):
        return values
    least, most = _around(values)
    between, margin = (values > low) & (values < high), (high - low) / 20
    middle = (values > low + margin) & (values < high - margin)
    flat = least == most
    steps = _share(between & (least < values) & (values < most), between & ~flat)
    few = middle.mean() < GREY
    if few and (steps >= STEP if middle.any() else _share(between & flat, between) < AREA) and _share(middle & flat, between) < AREA:
        return np.where(values >= (low + high) / 2, high, 0 if low < high / 10 else low)
    if steps < STEP and len(found) <= MANY:
        return values
    raise ValueError(_undecided(f"{len(found)} values from {low:g} to {high:g}"))


def distinct(values: np.ndarray) -> np.ndarray:
    """The values of an array, each once, ascending."""
    # Counting is several times as fast as sorting the millions of pixels of a hospital's masks.
    return np.flatnonzero(np.bincount(values.ravel(), minlength=256)) if values.dtype == np.uint8 else np.unique(values)


def _undecided(holds: str) -> str:
    return (
        f"holds {holds}: neither a few labels nor black and white with soft edges. Save it in black and white, or its labels "
        "as PNG, resized without smoothing (nearest neighbour)."
    )


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(part.sum() / max(1, whole.sum()))


def _around(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest value of each pixel and its eight neighbours."""
    found = []
    for pick in (np.minimum, np.maximum):
        wide = np.pad(values, 1, mode="edge")
        rows = pick(pick(wide[:-2], wide[1:-1]), wide[2:])
        found.append(pick(pick(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:]))
    return found[0], found[1]
