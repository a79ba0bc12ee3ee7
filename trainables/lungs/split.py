"""Which X-rays train, choose and judge: parts that share no patient and no image."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence

import torch

from trainables.lungs.parts import SPLIT, Part

HELD_OUT = 0.15
"""The share of the patients in the validation part, and in the test part, of what has no split of
its own.
"""


def split(source: str, part: Part, data_seed: int) -> list[Part]:
    """Training, validation and test part, all images of a patient in one of them.

    Raises:
        ValueError: fewer patients than parts.
    """
    known = sorted(set(_patients(part)))
    if len(known) < len(SPLIT):
        raise ValueError(
            f"{source}: {len(known)} patients ({', '.join(known)}) cannot be split into"
            f" {len(SPLIT)} parts."
        )
    order = _shuffled(known, data_seed)
    count = max(1, round(HELD_OUT * len(known)))
    return [
        _of(part, patients)
        for patients in (order[2 * count :], order[:count], order[count : 2 * count])
    ]


def set_aside(source: str, part: Part, share: float, data_seed: int) -> tuple[Part, Part]:
    """What is left of the training part, and the images of that share of its patients, one patient
    at least on either side.

    Raises:
        ValueError: a single patient.
    """
    known = sorted(set(_patients(part)))
    if len(known) < 2:
        raise ValueError(
            f"{source}: set_aside={share:g} would leave no image to train: there is one patient"
            f" ({known[0]})."
        )
    order = _shuffled(known, data_seed)
    count = min(max(1, round(share * len(known))), len(known) - 1)
    return _of(part, order[count:]), _of(part, order[:count])


def leaks(parts: Mapping[str, Part], *, by_name: bool) -> Iterator[str]:
    """Which images lie in two parts: identical ones, and where ``by_name`` those of one name
    too.
    """
    places: dict[bytes, tuple[str, str]] = {}
    for part, images in parts.items():
        for name, pixels in zip(images.names, images.images, strict=True):
            keys = [
                hashlib.sha256(pixels.contiguous().numpy().data).digest(),
                *([name.encode()] if by_name else []),
            ]
            found = {places[key]: None for key in keys if key in places and places[key][0] != part}
            for other, known in found:
                what = "the same name" if name == known and by_name else "the same image"
                yield (
                    f"{known} of the {other} images and {name} of the {part} images: {what}. Take"
                    " one of them away."
                )
            places.update({key: (part, name) for key in keys if key not in places})


def _patients(part: Part) -> list[str]:
    """The patient of each image: its name up to and with its first number."""
    return [re.match(r".*?\d+|.*", name)[0] for name in part.names]  # type: ignore[index]


def _shuffled(patients: Sequence[str], data_seed: int) -> list[str]:
    return [
        patients[i]
        for i in torch.randperm(
            len(patients), generator=torch.Generator().manual_seed(data_seed)
        ).tolist()
    ]


def _of(part: Part, patients: Sequence[str]) -> Part:
    """The images of these patients."""
    chosen = set(patients)
    at = [i for i, patient in enumerate(_patients(part)) if patient in chosen]
    return Part(
        images=part.images[at], masks=part.masks[at], names=tuple(part.names[i] for i in at)
    )
