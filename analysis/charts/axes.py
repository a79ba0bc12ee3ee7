"""Axes on which settings can be told apart: their scale and the digits along them follow what they
show.
"""

import math
from collections.abc import Iterable
from itertools import chain
from typing import Any

import altair as alt
import numpy as np

from analysis.text.rounding import LARGE, SMALL, floats

FLAT = 1_000
"""So many times the median, the largest value would press all others into a line."""
TICKS = 6


def measured(
    title: str | None, *values: Iterable[float], ticks: int | None = None, **options: Any
) -> dict[str, Any]:
    """Title, scale and axis of a channel on which ``values`` are drawn. ``ticks``: about how many
    of them; ``options``: of the scale.
    """
    counted = {"tickCount": ticks} if ticks else {}
    return {
        "title": title,
        "scale": scale(*values, **options),
        "axis": axis(*values, **counted),
    }


def scale(*values: Iterable[float], **options: Any) -> alt.Scale:
    """A scale for all that is drawn along an axis: logarithmic where one large value would flatten
    the others (with a linear part around 0 where not all are positive), else linear. ``options``:
    of a linear one too.
    """
    known = _finite(values)
    if not is_wide(known):
        return alt.Scale(**{"zero": False, **options})
    options.pop("zero", None)
    if known.min() > 0:
        return alt.Scale(type="log", **options)
    return alt.Scale(type="symlog", constant=_middle(known), **options)


def axis(*values: Iterable[float], **options: Any) -> alt.Axis:
    """An axis for the same values, with digits enough to tell its ticks apart."""
    known = _finite(values)
    if is_wide(known):
        return alt.Axis(**options, format=",~g", labelOverlap=True, values=_powers(known))
    return alt.Axis(**options, format=tick_format(known))


def tick_format(*values: Iterable[float]) -> str:
    """How numbers along a linear axis are written, as a format of d3."""
    known = _finite(values)
    largest = float(np.abs(known).max()) if len(known) else 0.0
    reach = (float(known.max()) / 2 - float(known.min()) / 2) / TICKS * 2 if len(known) else 0.0
    step = reach or largest / 100
    if not step:
        return "~g"
    last = math.floor(math.log10(step))
    if not SMALL <= largest < LARGE:
        return f".{max(0, min(15, math.floor(math.log10(largest)) - last))}~e"
    return f",.{max(0, min(15, -last))}~f"


def is_wide(values: np.ndarray) -> bool:
    """Whether a single scale of equal steps would show nothing but the largest value."""
    return bool(len(values)) and bool(np.abs(values).max() > FLAT * _middle(values) > 0)


def _finite(values: Iterable[Iterable[float]]) -> np.ndarray:
    numbers = floats(chain.from_iterable(values))
    return numbers[np.isfinite(numbers)]


def _middle(values: np.ndarray) -> float:
    return 2 * float(np.median(np.abs(values) / 2))  # by halves: the sum of two may be too large


def _powers(values: np.ndarray) -> list[float]:
    """Ticks of a scale that is not linear: powers of ten, where not all values are positive on
    either side of 0.
    """
    positive = values.min() > 0
    first = math.floor(math.log10(values.min() if positive else _middle(values)))
    last = math.ceil(math.log10(np.abs(values).max()))
    powers = [
        float(f"1e{power}")
        for power in range(first, last + 1, max(1, (last - first) // TICKS))
        if power < 308
    ]
    if positive:
        return powers
    return [
        *(-power for power in reversed(powers) if values.min() <= -power),
        0.0,
        *(power for power in powers if power <= values.max()),
    ]
