"""Handwritten digits in memory: MNIST from its four original files, or the small set that comes
with scikit-learn.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainables.digits.mnist import SIZE, find_mnist, read_mnist

CLASSES = 10
SOURCES = ("mnist", "optdigits")
LICENCES = {
    "mnist": "CC BY-SA 3.0, as Keras and others who pass the files on state",
    "optdigits": "CC BY 4.0, as the UCI Machine Learning Repository states; of E. Alpaydin and C."
    " Kaynak, doi 10.24432/C50P49",
}
MNIST_VALIDATION = 5000
OPTDIGITS_VALIDATION, OPTDIGITS_TEST = 180, 360


@dataclass(frozen=True, kw_only=True)
class Digits:
    """One data set, split. Images are uint8 (n, 28, 28), 0 = background; labels are uint8 (n,), 0
    to 9.

    Raises:
        ValueError: a part has another image size, other classes, or not one label per image.
    """

    name: str
    sha256: str
    """Of all images and labels in the order of their source: the same for every split."""
    training: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]

    def __post_init__(self) -> None:
        parts = {"training": self.training, "validation": self.validation, "test": self.test}
        found = [
            f"{part}: {problem}"
            for part, (images, labels) in parts.items()
            for problem in _part_problems(images, labels)
        ]
        if found:
            raise ValueError(
                f"{self.name} does not fit networks for {SIZE} x {SIZE} images of {CLASSES} digits."
                f" {'; '.join(found)}."
            )


def _part_problems(images: Tensor, labels: Tensor) -> list[str]:
    problems = []
    if images.dtype != torch.uint8 or images.shape[1:] != (SIZE, SIZE):
        problems.append(
            f"images are {images.dtype} {tuple(images.shape)}, must be torch.uint8 (n, {SIZE},"
            f" {SIZE})"
        )
    if len(labels) != len(images):
        problems.append(f"{len(images)} images have {len(labels)} labels")
    if labels.unique().tolist() != list(range(CLASSES)):
        problems.append(
            f"classes are {labels.unique().tolist()}, must be 0 to {CLASSES - 1}, each at least"
            " once"
        )
    return problems


def load(config: Mapping[str, Any]) -> Digits:
    """The data that ``config["data"]`` names, split by ``config["data_seed"]``; read once per
    process.

    ``config["data_root"]`` is the folder that holds ``MNIST/raw/*.gz``, or "": then the environment
    variable STUDY_DATA says which, and without it the user's cache folder is used, to which MNIST
    is downloaded once. Nothing is ever written into a named folder.

    Raises:
        ValueError: files are missing or damaged, or the download failed; the text names both ways
        out.
    """
    named = (
        config["data"] == "mnist" and not config["data_root"] and os.environ.get("STUDY_DATA", "")
    )
    root = "" if config["data"] == "optdigits" else config["data_root"] or named or ""
    try:
        return _load(config["data"], root, config["data_seed"])
    except ValueError as error:
        raise (ValueError(f"STUDY_DATA={named}: {error}") if named else error) from None


@lru_cache(maxsize=2)
def _load(data: str, root: str, data_seed: int) -> Digits:
    return (
        _load_optdigits(data_seed)
        if data == "optdigits"
        else _load_mnist(find_mnist(root), data_seed)
    )


def describe(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the data are, for the record: name, number of images of each part, classes, image size
    in pixels, SHA-256 (see ``Digits``), licence.

    Raises:
        ValueError: as ``load``.
    """
    digits = load(config)
    counts = {
        "training": len(digits.training[0]),
        "validation": len(digits.validation[0]),
        "test": len(digits.test[0]),
    }
    return {
        "name": digits.name,
        **counts,
        "classes": CLASSES,
        "image_size": [SIZE, SIZE],
        "sha256": digits.sha256,
        "licence": LICENCES[config["data"]],
    }


def _load_mnist(root: Path, data_seed: int) -> Digits:
    images, labels, test_images, test_labels = read_mnist(root)
    rest, validation = _split_off(labels, MNIST_VALIDATION, data_seed)
    return Digits(
        name="MNIST",
        sha256=_sha256(images, labels, test_images, test_labels),
        training=(images[rest], labels[rest]),
        validation=(images[validation], labels[validation]),
        test=(test_images, test_labels),
    )


def _load_optdigits(data_seed: int) -> Digits:
    # Takes a second to import, and only these digits need it.
    from sklearn.datasets import load_digits

    source = load_digits()
    images, labels = (
        _enlarge(torch.from_numpy(source.images)),
        torch.from_numpy(source.target.astype(np.uint8)),
    )
    rest, test = _split_off(labels, OPTDIGITS_TEST, data_seed)
    training, validation = (
        rest[part] for part in _split_off(labels[rest], OPTDIGITS_VALIDATION, data_seed)
    )
    return Digits(
        name=(
            f"optdigits (scikit-learn's handwritten digits, 8 x 8 enlarged to {SIZE} x {SIZE}),"
            f" split by data seed {data_seed}"
        ),
        sha256=_sha256(images, labels),
        training=(images[training], labels[training]),
        validation=(images[validation], labels[validation]),
        test=(images[test], labels[test]),
    )


def _enlarge(images: Tensor) -> Tensor:
    """(n, 8, 8) of 0 to 16 -> uint8 (n, 28, 28) of 0 to 255."""
    large = torch.nn.functional.interpolate(
        images.unsqueeze(1), size=(SIZE, SIZE), mode="bilinear", align_corners=False
    )
    return (large.squeeze(1) * (255 / 16)).round().to(torch.uint8)


def _split_off(labels: Tensor, count: int, data_seed: int) -> tuple[Tensor, Tensor]:
    """Positions of the rest and of ``count`` images drawn by ``data_seed``, each digit in
    proportion to within one image.
    """
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(data_seed))
    by_digit = shuffled[labels[shuffled].argsort(stable=True)]
    drawn = torch.zeros(len(labels), dtype=torch.bool)
    # Every n/count-th image of the shuffled images sorted by digit takes each digit in proportion.
    drawn[by_digit[(torch.arange(count) * len(labels)) // count]] = True
    return (~drawn).nonzero().squeeze(1), drawn.nonzero().squeeze(1)


def _sha256(*parts: Tensor) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.numpy().data)
    return digest.hexdigest()
