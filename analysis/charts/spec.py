"""An Altair chart as the dictionary that the page and the files draw, Vega-Lite without
configuration. ``alt.Chart.from_dict`` makes a chart of it again; the configuration is that of
``style.style``.
"""

import math
from typing import Any

import pandas as pd

from analysis.charts.style import Layer, Spec
from analysis.text.rounding import BOUNDS, distinct_digits


def spec_of(chart: Layer, **frames: pd.DataFrame) -> Spec:
    """The dictionary of a chart and its named data. The rows join only here: Altair would check and
    copy each of them, for seconds.
    """
    spec: Spec = _safe(chart.to_dict(validate=False))
    for name in ("$schema", "config"):  # an address on the network, and a style that is not ours
        spec.pop(name, None)
    return {**spec, "datasets": {name: _records(frame) for name, frame in frames.items()}}


def _safe(part: Any) -> Any:
    """The specification with its texts as ``_text`` has them, and titles of tooltips on one line,
    each of its own: Vega-Lite writes them into an expression as they are, but for quotation marks,
    and of two that are alike it shows one.
    """
    if isinstance(part, list):
        return [_safe(each) for each in part]
    if not isinstance(part, dict):
        return _text(part) if isinstance(part, str) else part
    return {
        key: _safe_tips(value) if key == "tooltip" and isinstance(value, list) else _safe(value)
        for key, value in part.items()
    }


def _safe_tips(tips: list[dict[str, Any]]) -> list[dict[str, Any]]:
    titled: dict[str, dict[str, Any]] = {}
    for tip in tips:
        title = " ".join(str(tip.get("title") or tip["field"]).split()).replace("\\", "\\\\")
        while title in titled:
            title += " "
        titled[title] = {**tip, "title": title}
    return list(titled.values())


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame, numbers with as many digits as a picture shows, missing and infinite
    ones as null.
    """
    columns = {name: _short(frame[name].tolist()) for name in frame}
    return pd.DataFrame(columns, dtype=object).to_dict("records")


def _short(values: list[Any]) -> list[Any]:
    digits = distinct_digits(values) if any(isinstance(value, float) for value in values) else 0
    return [_cell(value, digits) for value in values]


def _cell(value: Any, digits: int) -> Any:
    if isinstance(value, str):
        return _text(value)
    if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    short = float(f"{value:.{digits}g}") if isinstance(value, float) else value
    return value if short in BOUNDS else short


# What any object of JavaScript has as a property.
_PROPERTIES = (
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
    "__proto__",
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
)


def _text(value: str) -> str:
    """Vega takes text that is such a property for that property: a character that nobody sees
    makes it another.
    """
    return f"{value}\u200b" if value in _PROPERTIES else value
