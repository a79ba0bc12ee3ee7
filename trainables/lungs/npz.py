"""Chest X-rays and their lung masks in one .npz file."""

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from trainables.lungs.mask_files import numbered
from trainables.lungs.masks import marked
from trainables.lungs.parts import SPLIT, Pair, Source, pair, refuse, size_problem, source
from trainables.lungs.pictures import unit_to_bytes, values_problem


def read_npz(file: Path, size: int, lung_labels: Sequence[int | str]) -> Source:
    try:
        with np.load(file) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        # numpy takes whatever it does not know for a pickle.
        unknown = isinstance(error, ValueError) and not zipfile.is_zipfile(file)
        why = "it is none" if unknown else error
        raise ValueError(
            f"{file} cannot be read as an .npz file without pickled objects ({why})."
        ) from error
    problems: list[str] = []
    parts = _parts(file, arrays)
    groups = [_read_arrays(part, arrays, size, lung_labels, problems) for part in parts]
    refuse([f"{file}: {problem}" for problem in problems])
    return source(
        f"chest X-rays of {file.name}", groups, named=all(f"ids{part}" in arrays for part in parts)
    )


def _parts(file: Path, arrays: Mapping[str, np.ndarray]) -> Sequence[str]:
    """What the names of the arrays of each part end in."""
    parts = [f"_{part}" for part in SPLIT]
    wanted = [f"{kind}{part}" for part in parts for kind in "xy"]
    if not (missing := [key for key in wanted if key not in arrays]):
        return parts
    if "x" in arrays and "y" in arrays and missing == wanted:
        return [""]
    ways = f"It must hold x and y, which data_seed splits, or {', '.join(wanted)}."
    raise ValueError(f"{file} holds {', '.join(arrays) or 'nothing'}. {ways}")


def _read_arrays(
    part: str,
    arrays: Mapping[str, np.ndarray],
    size: int,
    lung_labels: Sequence[int | str],
    problems: list[str],
) -> list[Pair]:
    """The pairs of one part; what is wrong with it is added to ``problems``."""
    images, masks = _plane(arrays[f"x{part}"]), _plane(arrays[f"y{part}"])
    if images.ndim != 3 or not images.size or images.shape != masks.shape:
        shapes = f"x{part} is {images.shape} and y{part} is {masks.shape}"
        problems.append(
            f"{shapes}; both must be (n, height, width), one mask per image, n above 0."
        )
        return []
    names = np.ravel(
        arrays.get(f"ids{part}", [f"{part[1:] or 'image'} {i}" for i in range(len(images))])
    )
    problems += _array_problems(part, images, masks, names, size)
    lungs = []
    for i, mask in enumerate(masks if masks.dtype.kind in "buif" else ()):
        try:
            lungs.append(marked(numbered(mask), lung_labels))
        except ValueError as error:
            problems.append(f"y{part}[{i}] {error}")
    if problems:
        return []
    return [
        pair(str(name), image, [lung], size)
        for name, image, lung in zip(names, unit_to_bytes(images), lungs, strict=True)
    ]


def _plane(array: np.ndarray) -> np.ndarray:
    """The same without an axis of one channel, wherever it stands."""
    if array.ndim == 4 and 1 in (array.shape[1], array.shape[3]):
        return array.squeeze(3 if array.shape[3] == 1 else 1)
    return array


def _array_problems(
    part: str, images: np.ndarray, masks: np.ndarray, names: np.ndarray, size: int
) -> Iterator[str]:
    if len(names) != len(images):
        yield f"ids{part} holds {len(names)} names for {len(images)} images."
    if problem := size_problem(images.shape[1:], size):
        yield f"x{part} {problem}"
    if problem := values_problem(images):
        yield f"x{part} {problem}"
    if masks.dtype.kind not in "buif":
        yield (
            f"y{part} is {masks.dtype}; it must be numbers or truth values, a label for each pixel."
        )
