"""Chest X-rays with lung masks in memory: from one file, from a folder, or generated phantoms."""

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from trainables.phantoms import draw_phantoms

PARTS = ("train", "val", "test")
EMPTY = "Leave the image out, or mark its lungs."
HELD_OUT = 0.15
"""The share of the patients in the validation part, and in the test part, of what has no split of its own."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Images uint8 (n, size, size), 0 to 255; masks uint8 (n, size, size), 1 = lung, 0 = rest; one name per image."""

    images: Tensor
    masks: Tensor
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class XRays:
    """One data set, split."""

    name: str
    sha256: str
    """Of all images and masks, training, validation and test, in the size in which they are used."""
    train: Part
    validation: Part
    test: Part
    extra_test: Part | None = None
    """Images of another source, to be looked at after the test images and reported apart."""


def load(config: Mapping[str, Any]) -> XRays:
    """The data that ``config["data"]`` names, as squares of ``config["image_size"]`` pixels a side; read once per process.

    ``data`` is one of

    - "": ``config["phantoms"]`` generated chest phantoms, see ``draw_phantoms``;
    - an .npz file with x_train, y_train, x_val, y_val, x_test, y_test: images (n, height, width), uint8 or floats from 0 to 1, masks of
      the same shape, lung where they are above 0; if there, ids_train, ids_val, ids_test are taken as names;
    - a folder as the Montgomery set: CXR_png/ID.png, ManualMask/leftMask/ID.png, ManualMask/rightMask/ID.png;
    - a folder as the Shenzhen set: CXR_png/ID.png or ID.png, mask/ID_mask.png or ID_mask.png beside it; images without a mask are left out,
      and the name says how many.

    Folders and phantoms are split by ``config["data_seed"]`` so that all images of a patient are in one part; the patient is the ID up to
    and with its first number. ``config["extra_test"]`` names another file or folder, of which all images are read, or is "".

    Images are only made smaller, never larger: a new pixel is the mean of the area that it covers, in a mask the majority. They become
    squares; the aspect ratio is not kept.

    Raises:
        ValueError: a file is missing or unreadable, image and mask do not match, a mask is empty, an image is too small: a line each.
    """
    return _load(*(config[key] for key in ("data", "extra_test", "image_size", "phantoms", "data_seed")))


@lru_cache(maxsize=2)
def _load(data: str, extra_test: str, image_size: int, phantoms: int, data_seed: int) -> XRays:
    if extra_test and data and Path(extra_test).resolve() == Path(data).resolve():
        raise ValueError(f"extra_test={extra_test!r} is the data themselves: name images of another source, or ''.")
    name, *parts = _read(data, image_size) if data else _draw(phantoms, image_size, data_seed)
    train, validation, test = parts if len(parts) == len(PARTS) else _split(name, parts[0], data_seed)
    extra = _join(_read(extra_test, image_size)[1:]) if extra_test else None
    return XRays(name=name, sha256=_sha256(train, validation, test), train=train, validation=validation, test=test, extra_test=extra)


def describe(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the data are, for the record: name, number of images of each part, image size in pixels, SHA-256 (see ``XRays``).

    Raises:
        ValueError: as ``load``.
    """
    xrays = load(config)
    counts = {"training": len(xrays.train.names), "validation": len(xrays.validation.names), "test": len(xrays.test.names)}
    facts = {"name": xrays.name, **counts, "image_size": [config["image_size"]] * 2, "sha256": xrays.sha256}
    if extra := xrays.extra_test:
        facts |= {"extra_test_name": Path(config["extra_test"]).name, "extra_test": len(extra.names), "extra_test_sha256": _sha256(extra)}
    return facts


def _draw(count: int, size: int, data_seed: int) -> tuple[str, Part]:
    images, masks = (torch.from_numpy(array) for array in draw_phantoms(count, size, data_seed))
    names = tuple(f"phantom {i}" for i in range(count))
    return f"generated chest phantoms ({count} images, data seed {data_seed})", Part(images=images, masks=masks, names=names)


def _split(source: str, part: Part, data_seed: int) -> list[Part]:
    """Training, validation and test part, all images of a patient in one of them."""
    patients = [re.match(r".*?\d+|.*", name)[0] for name in part.names]  # type: ignore[index]
    known = sorted(set(patients))
    if len(known) < len(PARTS):
        raise ValueError(f"{source}: {len(known)} patients ({', '.join(known)}) cannot be split into {len(PARTS)} parts.")
    order = torch.randperm(len(known), generator=torch.Generator().manual_seed(data_seed)).tolist()
    count = max(1, round(HELD_OUT * len(known)))
    groups = [{known[i] for i in drawn} for drawn in (order[2 * count :], order[:count], order[count : 2 * count])]
    places = [[i for i, patient in enumerate(patients) if patient in group] for group in groups]
    return [Part(images=part.images[at], masks=part.masks[at], names=tuple(part.names[i] for i in at)) for at in places]


def _join(parts: Sequence[Part]) -> Part:
    names = tuple(name for part in parts for name in part.names)
    return Part(images=torch.cat([part.images for part in parts]), masks=torch.cat([part.masks for part in parts]), names=names)


def _sha256(*parts: Part) -> str:
    digest = hashlib.sha256()
    for tensor in (tensor for part in parts for tensor in (part.images, part.masks)):
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def _read(path: str, size: int) -> tuple[Any, ...]:
    """What the data are called, and their parts: three, or one that is still to be split."""
    return _read_folder(Path(path), size) if Path(path).is_dir() else _read_npz(Path(path), size)


def _read_folder(folder: Path, size: int) -> tuple[str, Part]:
    pairs, unmarked = _pairs(folder)
    problems, read = [], []
    for file, mask_files in pairs.items():
        try:
            read.append([shrink(array, size) for array in _read_pair(file, mask_files, size)])
        except ValueError as error:
            problems.append(str(error))
    _refuse(problems)
    images, masks = (torch.cat(tensors) for tensors in zip(*read, strict=True))
    note = f" ({unmarked} images without a mask are left out)" if unmarked else ""
    return f"chest X-rays of {folder.name}{note}", Part(images=images, masks=masks, names=tuple(file.stem for file in pairs))


def _pairs(folder: Path) -> tuple[dict[Path, list[Path]], int]:
    """Each image of a folder with its masks, and how many images without one are left out."""
    place = folder / "CXR_png" if (folder / "CXR_png").is_dir() else folder
    files = sorted(file for file in place.glob("*.png") if not file.stem.endswith("_mask"))
    if (folder / "ManualMask").is_dir():
        pairs = {file: [folder / "ManualMask" / side / file.name for side in ("leftMask", "rightMask")] for file in files}
        _refuse([f"{mask} is missing." for masks in pairs.values() for mask in masks if not mask.is_file()])
    else:
        masks = folder / "mask" if (folder / "mask").is_dir() else place
        pairs = {file: [mask] for file in files if (mask := masks / f"{file.stem}_mask.png").is_file()}
    if not pairs:
        raise ValueError(f"{folder} holds no image with a mask: give it CXR_png/ID.png with mask/ID_mask.png, or with ManualMask/*/ID.png.")
    return pairs, len(files) - len(pairs)


def _read_pair(file: Path, mask_files: list[Path], size: int) -> tuple[np.ndarray, np.ndarray]:
    """An image, uint8 (1, height, width), and where its masks mark lung, bool (1, height, width)."""
    image, *masks = (read_gray(each) for each in (file, *mask_files))
    if wrong := [mask.shape for mask in masks if mask.shape != image.shape]:
        raise ValueError(f"{file} is {image.shape} and its mask {wrong[0]} (height, width): they must be of one size.")
    if problem := _size_problem(image.shape, size):
        raise ValueError(f"{file} {problem}")
    if empty := [name for name, mask in zip(mask_files, masks, strict=True) if not mask.any()]:
        raise ValueError(f"{' and '.join(map(str, empty))} is empty. {EMPTY}")
    # Some masks are 0 and 1, some 0 and 255, some with gray borders.
    return image[None], np.any([mask > mask.max() / 2 for mask in masks], 0)[None]


def read_gray(file: Path) -> np.ndarray:
    """(height, width), uint8."""
    try:
        with Image.open(file) as image:
            # Pillow clips 16 bits to 255 instead of scaling them.
            return (np.asarray(image) >> 8).astype(np.uint8) if image.mode.startswith("I") else np.array(image.convert("L"))
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{file} cannot be read as an image ({error}).") from error


def _read_npz(file: Path, size: int) -> tuple[Any, ...]:
    try:
        with np.load(file) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{file} cannot be read as an .npz file without pickled objects ({error}).") from error
    wanted = [f"{kind}_{part}" for part in PARTS for kind in "xy"]
    if missing := [key for key in wanted if key not in arrays]:
        raise ValueError(
            f"{file} has no {', '.join(missing)}. It must hold {', '.join(wanted)}; it holds {', '.join(arrays) or 'nothing'}."
        )
    _refuse([f"{file}: {problem}" for part in PARTS for problem in _array_problems(part, arrays, size)])
    return f"chest X-rays of {file.name}", *(_npz_part(part, arrays, size) for part in PARTS)


def _refuse(problems: Sequence[str]) -> None:
    """Raise ValueError with one line per problem, if there is one."""
    if problems:
        raise ValueError("\n".join(problems))


def _plane(array: np.ndarray) -> np.ndarray:
    """The same without an axis of one channel, wherever it stands."""
    if array.ndim == 4 and 1 in (array.shape[1], array.shape[3]):
        return array.squeeze(3 if array.shape[3] == 1 else 1)
    return array


def _array_problems(part: str, arrays: Mapping[str, np.ndarray], size: int) -> Iterator[str]:
    images, masks = _plane(arrays[f"x_{part}"]), _plane(arrays[f"y_{part}"])
    if images.ndim != 3 or not len(images) or images.shape != masks.shape:
        yield f"x_{part} is {images.shape} and y_{part} is {masks.shape}; both must be (n, height, width), one mask per image, n above 0."
        return
    if len(names := arrays.get(f"ids_{part}", images)) != len(images):
        yield f"ids_{part} holds {len(names)} names for {len(images)} images."
    if problem := _size_problem(images.shape[1:], size):
        yield f"x_{part} {problem}"
    if images.dtype != np.uint8 and not (images.dtype.kind == "f" and images.min() >= 0 and images.max() <= 1):
        yield f"x_{part} is {images.dtype}; it must be uint8, or floats from 0 to 1, all finite."
    if masks.dtype.kind not in "buif":
        yield f"y_{part} is {masks.dtype}; it must be numbers, above 0 where there is lung."
        return
    for position in np.flatnonzero(~(masks > 0).any((1, 2))):
        yield f"y_{part}[{position}] is empty. {EMPTY}"


def _size_problem(shape: tuple[int, ...], size: int) -> str | None:
    too_small = min(shape) < size
    return f"is {shape} pixels; images are only made smaller: image_size={size} must be at most {min(shape)}." if too_small else None


def _npz_part(part: str, arrays: Mapping[str, np.ndarray], size: int) -> Part:
    images, masks = _plane(arrays[f"x_{part}"]), _plane(arrays[f"y_{part}"]) > 0
    gray = images if images.dtype == np.uint8 else (images * 255).round().astype(np.uint8)
    names = arrays.get(f"ids_{part}", [f"{part} {i}" for i in range(len(images))])
    return Part(images=shrink(gray, size), masks=shrink(masks, size), names=tuple(map(str, names)))


def shrink(images: np.ndarray, size: int) -> Tensor:
    """(n, height, width) -> uint8 (n, size, size), each pixel the mean over its area: of a bool mask, where the majority is."""
    # One after the other, for images of hospitals are large.
    means = [F.adaptive_avg_pool2d(torch.from_numpy(np.ascontiguousarray(image)).float().unsqueeze(0), size) for image in images]
    return torch.cat([mean >= 0.5 if images.dtype == bool else mean.round() for mean in means]).to(torch.uint8)
