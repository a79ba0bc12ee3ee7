"""Chest X-rays with lung masks in memory: from one file, from a folder, or generated phantoms."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from trainables import GENERATED
from trainables.lungs.folders import read_folder
from trainables.lungs.notes import label_problems, mask_problems, notes
from trainables.lungs.npz import read_npz
from trainables.lungs.parts import SPLIT, Part, Source, refuse
from trainables.lungs.phantoms import draw_phantoms
from trainables.lungs.split import leaks, set_aside, split
from trainables.lungs.terms import licence


@dataclass(frozen=True, kw_only=True)
class XRays:
    """One data set, split."""

    name: str
    sha256: str
    """Of all images and masks, training (with what is set aside), validation and test, in the size
    in which they are used.
    """
    train: Part
    validation: Part
    test: Part
    set_aside: Part | None = None
    """Images taken out of the training part before anything else, to be looked at with the test
    images and reported apart.
    """
    extra_test: Part | None = None
    """Images of another source, to be looked at after the test images and reported apart."""
    notes: tuple[str, ...] = ()
    """What a reader must know of images and masks: what was taken for lung where that is not plain,
    what looks odd.
    """


def load(config: Mapping[str, Any]) -> XRays:
    """The data that ``config["data"]`` names, as squares of ``config["image_size"]`` pixels a side;
    read once per process.

    ``data`` is one of

    - "": ``config["phantoms"]`` generated chest phantoms, see ``draw_phantoms``;
    - an .npz file with images x and masks y, both (n, height, width), or with a split of its own:
      x_train, y_train, x_val, y_val, x_test, y_test; if there, ids (or ids_train, ids_val,
      ids_test) are taken as names;
    - a folder as the Montgomery set: CXR_png/ID.png, ManualMask/leftMask/ID.png,
    ManualMask/rightMask/ID.png;
    - a folder as the Shenzhen set: CXR_png/ID.png or ID.png, mask/ID_mask.png or ID_mask.png beside
      it. Images without a mask are left out, and the name says how many.

    In folders, .jpg, .bmp, .tif and .gif will do as well as .png. Images may have more than 8 bits
    (see ``pictures.to_bytes``). In a mask, every label but the background is lung, or those that
    ``config["lung_labels"]`` names (see ``masks.marked``); soft edges are cut where they are half
    black (see ``soft_edges.without_soft_edges``).

    What has no split of its own is split by ``config["data_seed"]`` so that all images of a patient
    are in one part; the patient is the ID up to and with its first number. ``config["set_aside"]``
    is the share of the patients of the training part whose images are set aside, again by
    ``data_seed``: where the test images were looked at before, these still judge what is chosen
    now. ``config["extra_test"]`` names another file or folder, of which all images are read, or is
    "".

    Images are only made smaller, never larger: a new pixel is the mean of the area that it covers,
    in a mask the majority. They become squares; the aspect ratio is not kept.

    Raises:
        ValueError: a file is missing or unreadable, image and mask do not match, a mask is empty or
            cannot be understood, masks look inverted, an image is too small, an image or an ID is
            in two parts: a line each, ten at most.
    """
    facts = (config[key] for key in ("data", "extra_test", "image_size", "phantoms", "data_seed"))
    return _load(*facts, config.get("set_aside", 0.0), tuple(config.get("lung_labels", ())))


@lru_cache(maxsize=2)
def _load(
    data: str,
    extra_test: str,
    size: int,
    phantoms: int,
    data_seed: int,
    share: float,
    lung_labels: tuple[int | str, ...],
) -> XRays:
    if extra_test and data and Path(extra_test).resolve() == Path(data).resolve():
        raise ValueError(
            f"extra_test={extra_test!r} is the data themselves: name images of another source,"
            " or ''."
        )
    source = _read(data, size, lung_labels) if data else _draw(phantoms, size, data_seed)
    extra = _read(extra_test, size, lung_labels) if extra_test else None
    sources = {"": source} if data else {}
    sources |= {"extra_test: ": extra} if extra else {}
    wrong = (problem for each in sources.values() for problem in mask_problems(each, lung_labels))
    refuse([*label_problems([*sources.values()], lung_labels), *wrong])
    parts = (
        source.parts
        if len(source.parts) == len(SPLIT)
        else split(source.name, source.parts[0], data_seed)
    )
    other = _join(extra.parts) if extra else None
    named = dict(zip(("training", "validation", "test"), parts, strict=True)) | (
        {"extra_test": other} if other else {}
    )
    refuse([*leaks(named, by_name=source.named and (not extra or extra.named))])
    train, validation, test = parts
    left, aside = set_aside(source.name, train, share, data_seed) if share else (train, None)
    return XRays(
        name=source.name,
        sha256=_sha256(*parts),
        train=left,
        validation=validation,
        test=test,
        set_aside=aside,
        extra_test=other,
        notes=tuple(f"{start}{note}" for start, each in sources.items() for note in notes(each)),
    )


def describe(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the data are, for the record: name, number of images of each part, image size in pixels,
    SHA-256, licence of what is trained on, and if there is any a ``note`` (see ``XRays``).

    Raises:
        ValueError: as ``load``.
    """
    xrays = load(config)
    counts = {
        "training": len(xrays.train.names),
        "validation": len(xrays.validation.names),
        "test": len(xrays.test.names),
    }
    facts = {
        "name": xrays.name,
        **counts,
        "image_size": [config["image_size"]] * 2,
        "sha256": xrays.sha256,
        "licence": licence(xrays.train.names) if config["data"] else GENERATED,
    }
    if xrays.set_aside:
        facts |= {"set_aside": len(xrays.set_aside.names)}
    if extra := xrays.extra_test:
        facts |= {
            "extra_test_name": Path(config["extra_test"]).name,
            "extra_test": len(extra.names),
            "extra_test_sha256": _sha256(extra),
        }
    return facts | ({"note": "; ".join(xrays.notes)} if xrays.notes else {})


def _read(path: str, size: int, lung_labels: Sequence[int | str]) -> Source:
    """The X-rays of a folder or an .npz file as squares of ``size`` pixels a side."""
    return (read_folder if Path(path).is_dir() else read_npz)(Path(path), size, lung_labels)


def _draw(count: int, size: int, data_seed: int) -> Source:
    images, masks = (torch.from_numpy(array) for array in draw_phantoms(count, size, data_seed))
    names = tuple(f"phantom {i}" for i in range(count))
    part = Part(images=images, masks=masks, names=names)
    return Source(
        f"generated chest phantoms ({count} images, data seed {data_seed})",
        [part],
        [],
        [],
        named=False,
    )


def _join(parts: Sequence[Part]) -> Part:
    names = tuple(name for part in parts for name in part.names)
    return Part(
        images=torch.cat([part.images for part in parts]),
        masks=torch.cat([part.masks for part in parts]),
        names=names,
    )


def _sha256(*parts: Part) -> str:
    digest = hashlib.sha256()
    for tensor in (tensor for part in parts for tensor in (part.images, part.masks)):
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()
