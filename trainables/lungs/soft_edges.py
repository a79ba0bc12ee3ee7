"""What tells a label map from a mask with soft edges."""

import numpy as np

MANY = 32
"""A label map has no more labels than this."""
CLOSE = 16
"""Whole numbers within fewer than this are labels: soft edges have grey levels from black to white.
"""
AREA, STEP, GREY = 0.02, 0.25, 0.25
"""What tells labels from soft edges, see ``without_soft_edges``."""


def without_soft_edges(values: np.ndarray) -> np.ndarray:
    """The labels of a mask (height, width): its values as they are, or if its edges are soft, as
    after resizing or in a JPEG file, each pixel 0 or the largest value, whichever is nearer.

    Few values, and whole numbers that lie close together, are labels. Of others, what counts are
    the pixels that are neither the smallest nor the largest value. Labels fill areas: a pixel is
    like its eight neighbours. At soft edges, most pixels have a darker and a brighter neighbour and
    none in the middle of the range fills an area, of which there are few, for lungs are larger than
    their edges.

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
    if (
        few
        and (steps >= STEP if middle.any() else _share(between & flat, between) < AREA)
        and _share(middle & flat, between) < AREA
    ):
        return np.where(values >= (low + high) / 2, high, 0 if low < high / 10 else low)
    if steps < STEP and len(found) <= MANY:
        return values
    raise ValueError(undecided(f"{len(found)} values from {low:g} to {high:g}"))


def distinct(values: np.ndarray) -> np.ndarray:
    """The values of an array, each once, ascending."""
    # Counting is several times as fast as sorting the millions of pixels of a hospital's masks.
    return (
        np.flatnonzero(np.bincount(values.ravel(), minlength=256))
        if values.dtype == np.uint8
        else np.unique(values)
    )


def undecided(holds: str) -> str:
    return (
        f"holds {holds}: neither a few labels nor black and white with soft edges. Save it in black"
        " and white, or its labels as PNG, resized without smoothing (nearest neighbour)."
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
