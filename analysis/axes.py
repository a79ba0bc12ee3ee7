"""Axes on which settings can be told apart: their scale and the digits along them follow what they show."""

import math
from collections.abc import Iterable
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.rounding import LARGE, SMALL

FLAT = 1_000
"""So many times the median, the largest value would press all others into a line."""
TICKS = 6


def scale(*values: Iterable[float], **options: Any) -> alt.Scale:
    """A scale for all that is drawn along an axis: logarithmic where one large value would flatten the others (with a linear part around
    0 where not all are positive), else linear. ``options``: of a linear one too."""
    known = _finite(values)
    if not is_wide(known):
        return alt.Scale(**{"zero": False, **options})
    kept = {key: option for key, option in options.items() if key != "zero"}
    return alt.Scale(type="log", **kept) if known.min() > 0 else alt.Scale(type="symlog", constant=_middle(known), **kept)


def axis(*values: Iterable[float], **options: Any) -> alt.Axis:
    """An axis for the same values, with digits enough to tell its ticks apart."""
    known = _finite(values)
    if is_wide(known):
        return alt.Axis(**{**options, "format": ",~g", "labelOverlap": True, "values": _powers(known)})
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
    columns = [pd.to_numeric(pd.Series(list(column), dtype=object), errors="coerce").to_numpy(dtype=float) for column in values]
    found = np.concatenate(columns) if columns else np.array([])
    return found[np.isfinite(found)]


def _middle(values: np.ndarray) -> float:
    return float(np.median(np.abs(values)))


def _powers(values: np.ndarray) -> list[float]:
    """Ticks of a scale that is not linear: powers of ten, where not all values are positive on either side of 0."""
    positive = values.min() > 0
    first = math.floor(math.log10(values.min() if positive else _middle(values)))
    last = math.ceil(math.log10(np.abs(values).max()))
    powers = [float(f"1e{power}") for power in range(first, last + 1, max(1, (last - first) // TICKS)) if power < 308]
    if positive:
        return powers
    return [*(-power for power in reversed(powers) if values.min() <= -power), 0.0, *(power for power in powers if power <= values.max())]
