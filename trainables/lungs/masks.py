"""Where a mask marks lung, by one rule for label maps, masks with soft edges and masks in
colour.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainables.lungs.soft_edges import distinct

EMPTY = "Leave the image out, or mark its lungs."


@dataclass(frozen=True)
class Labels:
    """One mask: a label for each pixel, (height, width). A label in colour is its red, green and
    blue as one number.
    """

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
    """The labels of one mask: those counted as lung, and the background if it is not black but only
    most common along the border; ``all`` of them, by number.
    """

    lung: tuple[str, ...]
    border: str | None
    all: Mapping[Any, str]


class LabelList:
    """Labels that mark lung: whole numbers or colours such as "#ff0000"; an empty list means all
    but the background.
    """

    def problem(self, value: Any) -> str | None:
        if isinstance(value, (list, tuple)) and all(_is_label(each) for each in value):
            return None
        return (
            "must be a list of the labels that mark lung: whole numbers, or colours such as"
            " '#ff0000'; [] for all but the background"
        )


def _is_label(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch("#[0-9a-fA-F]{6}", value) is not None
    return isinstance(value, int) and not isinstance(value, bool)


def as_number(label: int | str) -> int:
    """A label of a ``LabelList`` as it stands in ``Labels``."""
    return int(label[1:], 16) if isinstance(label, str) else label


def marked(mask: Labels, lung_labels: Sequence[int | str] = ()) -> tuple[np.ndarray, Found]:
    """Where a mask marks lung, bool (height, width): at ``lung_labels``, or without any at every
    label that is not background.

    Background is black, the label 0, or where there is none of it the most common label along the
    border.

    Raises:
        ValueError: nothing is marked, or nothing tells which label is background. The text follows
        what the mask is called.
    """
    found = {label: mask.text(label) for label in distinct(mask.values).tolist()}
    wanted = [as_number(label) for label in lung_labels]
    background = None if wanted else _background(mask, found)
    lung = [label for label in found if (label in wanted if wanted else label != background)]
    if not lung:
        holds = f"holds {', '.join(found.values())} alone"
        if wanted:
            raise ValueError(
                f"{holds}, none of lung_labels={list(lung_labels)!r}. Name its labels of lung, or"
                " leave the image out."
            )
        raise ValueError(
            f"{'is empty' if set(found) == {0} else f'{holds}, and no background'}. {EMPTY}"
        )
    is_black = mask.black if mask.background is not None else background == 0
    border = None if wanted or is_black else found[background]
    return np.isin(mask.values, lung), Found(tuple(found[label] for label in lung), border, found)


def _background(mask: Labels, found: Mapping[Any, str]) -> Any:
    if mask.background is not None:
        return mask.background
    if 0 in found and min(found) < 0:
        raise ValueError(
            f"holds {', '.join(found.values())}: below 0, anything may be meant. Name the labels of"
            " lung in lung_labels."
        )
    return 0 if 0 in found else most_common(border_of(mask.values))


def border_of(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])


def most_common(values: np.ndarray) -> Any:
    found, counts = np.unique(values, return_counts=True)
    return found[counts.argmax()].item()
