"""Chest X-rays and their lung masks as they lie on disk: in a folder, or in one .npz file."""

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trainables.masks import Found, marked, numbered, read_labels
from trainables.pictures import files_in, means, read_values, shrink, to_bytes, top_of, unit_to_bytes, values_problem

SPLIT = ("train", "val", "test")
SHOWN = 10
"""So many problems are listed; the others are counted."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Images uint8 (n, size, size), 0 to 255; masks uint8 (n, size, size), 1 = lung, 0 = rest; one name per image."""

    images: Tensor
    masks: Tensor
    names: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """One file or folder: its name, its parts (training, validation and test, or one that is still to be split), and what was found."""

    name: str
    parts: Sequence[Part]
    labels: Sequence[Found]
    """Of each mask."""
    tops: Sequence[float]
    """The largest value of each image that is not stored in 8 bits."""
    named: bool
    """Whether all images have names of their own."""


@dataclass(frozen=True)
class _Pair:
    """An image, ``top_of`` it, and its mask, in the size in which they are used."""

    name: str
    image: Tensor
    top: float | None
    mask: Tensor
    labels: Sequence[Found]


def read(path: str, size: int, lung_labels: Sequence[int | str]) -> Source:
    """The X-rays of a folder or an .npz file as squares of ``size`` pixels a side, see ``xrays.load``.

    Raises:
        ValueError: as ``xrays.load``.
    """
    return (_read_folder if Path(path).is_dir() else _read_npz)(Path(path), size, lung_labels)


def refuse(problems: Sequence[str]) -> None:
    """Raise ValueError with one line per problem, if there is one: the first ten, and how many more there are."""
    if problems:
        more = [f"... and {len(problems) - SHOWN} more."] if len(problems) > SHOWN else []
        raise ValueError("\n".join([*problems[:SHOWN], *more]))


def _source(name: str, groups: Sequence[Sequence[_Pair]], *, named: bool) -> Source:
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


def _pair(name: str, values: np.ndarray, lungs: Sequence[tuple[np.ndarray, Found]], size: int) -> _Pair:
    """``values``: an image (height, width); ``lungs``: what ``marked`` gave of its masks. Lung is where one of them marks it."""
    top, lung = top_of(values), np.any([each for each, _ in lungs], 0)
    image = shrink(values[None], size)[0] if top is None else means(values, size)
    return _Pair(name, image, top, shrink(lung[None], size)[0], [labels for _, labels in lungs])


def _read_folder(folder: Path, size: int, lung_labels: Sequence[int | str]) -> Source:
    files, unmarked = _files(folder)
    problems, pairs = [], []
    for file, mask_files in files.items():
        try:
            pairs.append(_read_pair(file, mask_files, size, lung_labels))
        except ValueError as error:
            problems += str(error).splitlines()
    refuse(problems)
    note = f" ({unmarked} images without a mask are left out)" if unmarked else ""
    return _source(f"chest X-rays of {folder.name}{note}", [pairs], named=True)


def _files(folder: Path) -> tuple[dict[Path, list[Path]], int]:
    """Each image of a folder with its masks, and how many images without one are left out."""
    place = folder / "CXR_png" if (folder / "CXR_png").is_dir() else folder
    files = [file for file in by_stem(place).values() if not file.stem.endswith("_mask")]
    if (folder / "ManualMask").is_dir():
        sides = [folder / "ManualMask" / side for side in ("leftMask", "rightMask")]
        known = {side: by_stem(side) for side in sides}
        pairs = {file: [known[side].get(file.stem, side / file.name) for side in sides] for file in files}
        refuse([f"{mask} is missing." for masks in pairs.values() for mask in masks if not mask.is_file()])
    else:
        masks = by_stem(folder / "mask" if (folder / "mask").is_dir() else place)
        pairs = {file: [masks[f"{file.stem}_mask"]] for file in files if f"{file.stem}_mask" in masks}
    if not pairs:
        raise ValueError(f"{folder} holds no image with a mask: give it CXR_png/ID.png with mask/ID_mask.png, or with ManualMask/*/ID.png.")
    return pairs, len(files) - len(pairs)


def by_stem(folder: Path) -> dict[str, Path]:
    """The image files of a folder by their names without endings; none where there is no such folder.

    Raises:
        ValueError: two have one name.
    """
    files = files_in(folder) if folder.is_dir() else []
    found = {file.stem: file for file in files}
    refuse([f"{file} and {found[file.stem].name} have one name: take one of them away." for file in files if found[file.stem] != file])
    return found


def _read_pair(file: Path, mask_files: Sequence[Path], size: int, lung_labels: Sequence[int | str]) -> _Pair:
    values, masks = read_values(file), {each: read_labels(each) for each in mask_files}
    if wrong := [mask.values.shape for mask in masks.values() if mask.values.shape != values.shape]:
        raise ValueError(f"{file} is {values.shape} and its mask {wrong[0]} (height, width): they must be of one size.")
    if problem := _size_problem(values.shape, size):
        raise ValueError(f"{file} {problem}")
    problems, lungs = [], []
    for each, mask in masks.items():
        try:
            lungs.append(marked(mask, lung_labels))
        except ValueError as error:
            problems.append(f"{each} {error}")
    refuse(problems)
    return _pair(file.stem, values, lungs, size)


def _size_problem(shape: tuple[int, ...], size: int) -> str | None:
    too_small = min(shape) < size
    return f"is {shape} pixels; images are only made smaller: image_size={size} must be at most {min(shape)}." if too_small else None


def _read_npz(file: Path, size: int, lung_labels: Sequence[int | str]) -> Source:
    try:
        with np.load(file) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{file} cannot be read as an .npz file without pickled objects ({error}).") from error
    problems: list[str] = []
    parts = _parts(file, arrays)
    groups = [_read_arrays(part, arrays, size, lung_labels, problems) for part in parts]
    refuse([f"{file}: {problem}" for problem in problems])
    return _source(f"chest X-rays of {file.name}", groups, named=all(f"ids{part}" in arrays for part in parts))


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
    part: str, arrays: Mapping[str, np.ndarray], size: int, lung_labels: Sequence[int | str], problems: list[str]
) -> list[_Pair]:
    """The pairs of one part; what is wrong with it is added to ``problems``."""
    images, masks = _plane(arrays[f"x{part}"]), _plane(arrays[f"y{part}"])
    if images.ndim != 3 or not images.size or images.shape != masks.shape:
        shapes = f"x{part} is {images.shape} and y{part} is {masks.shape}"
        problems.append(f"{shapes}; both must be (n, height, width), one mask per image, n above 0.")
        return []
    names = np.ravel(arrays.get(f"ids{part}", [f"{part[1:] or 'image'} {i}" for i in range(len(images))]))
    problems += _array_problems(part, images, masks, names, size)
    lungs = []
    for i, mask in enumerate(masks if masks.dtype.kind in "buif" else ()):
        try:
            lungs.append(marked(numbered(mask), lung_labels))
        except ValueError as error:
            problems.append(f"y{part}[{i}] {error}")
    if problems:
        return []
    return [_pair(str(name), image, [lung], size) for name, image, lung in zip(names, unit_to_bytes(images), lungs, strict=True)]


def _plane(array: np.ndarray) -> np.ndarray:
    """The same without an axis of one channel, wherever it stands."""
    if array.ndim == 4 and 1 in (array.shape[1], array.shape[3]):
        return array.squeeze(3 if array.shape[3] == 1 else 1)
    return array


def _array_problems(part: str, images: np.ndarray, masks: np.ndarray, names: np.ndarray, size: int) -> Iterator[str]:
    if len(names) != len(images):
        yield f"ids{part} holds {len(names)} names for {len(images)} images."
    if problem := _size_problem(images.shape[1:], size):
        yield f"x{part} {problem}"
    if problem := values_problem(images):
        yield f"x{part} {problem}"
    if masks.dtype.kind not in "buif":
        yield f"y{part} is {masks.dtype}; it must be numbers or truth values, a label for each pixel."
