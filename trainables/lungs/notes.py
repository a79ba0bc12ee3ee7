"""What is to be said of masks and images as a whole: what was taken for lung, what cannot be right,
what looks odd.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from trainables.lungs.masks import as_number
from trainables.lungs.parts import Source
from trainables.lungs.pictures import bits_of

HALF = 0.01
"""Of what is lung: with less in the left or in the right half of an image, that half is not marked.
"""
NAMED = 5
"""So many images are named; the others are counted."""
DARK, BLACK = 16, 0.99
"""An image is nearly black with more than this share of its pixels below this grey level."""


def label_problems(sources: Sequence[Source], lung_labels: Sequence[int | str]) -> Iterator[str]:
    """Which of ``lung_labels`` no mask holds."""
    known = {
        number: text
        for source in sources
        for found in source.labels
        for number, text in found.all.items()
    }
    for label in lung_labels:
        if as_number(label) not in known:
            holds = ", ".join(known.values()) or "nothing, for there are none"
            yield f"lung_labels: {label!r} is in no mask; the masks hold {holds}."


def mask_problems(source: Source, lung_labels: Sequence[int | str]) -> Iterator[str]:
    """What cannot be right in the masks of one source, where ``lung_labels`` do not say that it
    is.
    """
    borders = {found.border for found in source.labels}
    if len(borders) > 1:
        named = " or ".join(sorted(label or "0" for label in borders))
        yield (
            f"{source.name}: the background is {named}, depending on the mask. Name the labels of"
            " lung in lung_labels."
        )
    swapped = torch.cat([_swapped(part.masks) for part in source.parts])
    if swapped.any() and not lung_labels:
        way = (
            "If what is black is lung, set lung_labels=[0]"
            if swapped.all()
            else "Mend these masks; the others look right"
        )
        said = "mark most of the image and of its border as lung: lung and background look swapped"
        yield f"{source.name}: the masks of {_which(source, swapped)} {said}. {way}."


def notes(source: Source) -> Iterator[str]:
    """What a reader must know of one source."""
    several = {text: None for found in source.labels if len(found.lung) > 1 for text in found.lung}
    if several:
        yield f"lung is what the masks label {', '.join(several)}"
    for border in {found.border for found in source.labels} - {None}:
        yield f"background is {border}, the most common label along the border of the masks"
    if source.tops and bits_of(max(source.tops)) > 8:
        yield (
            f"{len(source.tops)} images hold values up to {max(source.tops):g}, taken as"
            f" {bits_of(max(source.tops))} bits"
        )
    for found, what in _oddities(source):
        if found.any():
            yield f"{_which(source, found)} {what}"


def _oddities(source: Source) -> Iterator[tuple[Tensor, str]]:
    """Which images are odd, bool (n,), and how."""
    images, masks = (
        torch.cat([getattr(part, kind) for part in source.parts]) for kind in ("images", "masks")
    )
    yield _share(masks > 0) > 0.5, "are marked as lung in more than half of the image"
    middle = masks.shape[2] // 2
    left, right = _share(masks[:, :, :middle] > 0), _share(masks[:, :, middle:] > 0)
    yield (
        torch.minimum(left, right) < HALF * (left + right),
        "are marked in one half of the image alone",
    )
    yield _share(images < DARK) > BLACK, "are nearly black"


def _which(source: Source, found: Tensor) -> str:
    """The images that ``found``, bool (n,), marks: how many, and the names of the first few."""
    names = [name for part in source.parts for name in part.names]
    named = [name for name, is_one in zip(names, found.tolist(), strict=True) if is_one]
    if len(named) == len(names):
        return f"all {len(names)} images"
    return (
        f"{len(named)} of {len(names)} images"
        f" ({', '.join(named[:NAMED])}{', ...' if len(named) > NAMED else ''})"
    )


def _share(part: Tensor) -> Tensor:
    """bool (n, height, width) -> float (n,), the share of the pixels."""
    return part.float().mean((1, 2))


def _swapped(masks: Tensor) -> Tensor:
    border = torch.cat([masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1]], 1)
    return (_share(masks > 0) > 0.5) & (border.float().mean(1) > 0.5)
