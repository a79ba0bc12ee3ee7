"""What all pictures share: colours, configuration, tooltips, rounded texts."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from analysis.text.format import joined
from analysis.text.rounding import rounded_rows, spread_of

COLOURS = [
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
]  # Okabe and Ito, readable on white and on black
BLUE = "#2b83ba"
FONT_SIZE = 12
HALO = "halo"
"""The style of letters that lie below others, so that lines do not run through those."""
FACTS = alt.NamedData(name="facts")
Spec = dict[str, Any]
Layer = Any  # Altair's single, layered and joined charts share no public base class


def style(ink: str, paper: str, behind: str | None = None) -> dict[str, Any]:
    """The Vega-Lite configuration of all charts: ``ink`` colours text and lines, ``paper`` the
    background, ``behind`` what is seen there, for letters over lines (None: ``paper``).
    """
    text = {
        "labelColor": ink,
        "titleColor": ink,
        "labelFontSize": FONT_SIZE,
        "titleFontSize": FONT_SIZE,
        "titleFontWeight": "normal",
    }
    return {
        "background": paper,
        "font": "Helvetica, Arial, sans-serif",
        "aria": False,
        "title": {
            "color": ink,
            "subtitleColor": ink,
            "anchor": "start",
            "fontSize": 13,
            "subtitleFontSize": FONT_SIZE,
            "fontWeight": "bold",
        },
        "axis": {
            **text,
            "domainColor": ink,
            "tickColor": ink,
            "gridColor": ink,
            "gridOpacity": 0.12,
            "labelPadding": 4,
            "labelSeparation": 6,
            "titlePadding": 6,
        },
        "header": text,
        "legend": {**text, "symbolSize": 80, "labelLimit": 240},
        "text": {"color": ink},
        "style": {HALO: {"stroke": behind or paper, "strokeWidth": 4, "strokeJoin": "round"}},
        "view": {"stroke": ink, "strokeOpacity": 0.25},
    }


def distinct(column: pd.Series) -> list[Any]:
    """Its values in the order in which they come."""
    return list(dict.fromkeys(column))


def cycle(names: Sequence[str], values: Sequence[Any]) -> alt.Scale:
    """A scale that gives each name one of ``values``, over again where there are more names."""
    return alt.Scale(domain=list(names), range=(list(values) * len(names))[: len(names)])


def present(field: str) -> Any:
    """The rows that have a value of ``field``, as a condition of a filter."""
    return getattr(alt.datum, field) != None  # noqa: E711


def absent(field: str) -> Any:
    """The rows that have none."""
    return getattr(alt.datum, field) == None  # noqa: E711


def tips(**titles: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in titles.items()]


def with_texts(facts: pd.DataFrame, value: str, limits: tuple[str, str]) -> pd.DataFrame:
    """The facts with ``value`` as ``text`` and its ``limits``, each to the digits that its interval
    supports.
    """
    text = rounded_rows(facts, [value, *limits], spread_of(facts, limits=[limits]))
    return facts.assign(text=text[value], limits=joined(text[limits[0]], text[limits[1]], " to "))
