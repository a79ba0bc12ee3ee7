"""One function per picture: facts in, a Vega-Lite specification out. Nothing is computed here, and colours are safe for the colour-blind.

A specification is the dictionary of an Altair chart without configuration (``alt.Chart.from_dict`` makes a chart of it again): the page
and the files bring their own, see ``style``.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from analysis.axes import axis, scale
from analysis.facts import Boundary
from analysis.rounding import BOUNDS, distinct_digits, rounded_rows, spread_of
from analysis.wording import joined

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"]  # Okabe and Ito, readable on white and on black
BLUE = "#2b83ba"
FACTS = alt.NamedData(name="facts")
DOTS_AS_CIRCLES = 3_000  # above, dots are squares: the same picture in half the file
Spec = dict[str, Any]
Layer = Any  # Altair's single, layered and joined charts share no public base class


def style(ink: str, paper: str | None) -> dict[str, Any]:
    """The Vega-Lite configuration of all charts: ``ink`` colours text and lines, ``paper`` the background (None: transparent)."""
    text = {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    return {
        "background": paper,
        "font": "Helvetica, Arial, sans-serif",
        "aria": False,
        "title": {"color": ink, "subtitleColor": ink, "anchor": "start", "fontSize": 13, "subtitleFontSize": 12, "fontWeight": "bold"},
        "axis": {**text, "domainColor": ink, "tickColor": ink, "gridColor": ink, "gridOpacity": 0.12},
        "header": {**text, "titleFontSize": 12},
        "legend": {**text, "symbolSize": 80},
        "text": {"color": ink},
        "view": {"stroke": ink, "strokeOpacity": 0.25},
    }


def heat_map(
    facts: pd.DataFrame, *, value: str, limits: tuple[str, str], titles: Mapping[str, str], domain: Sequence[float], better: str
) -> Spec:
    """Cells over two parameters. ``facts``: ``x, y, label, n`` and the columns ``value`` and ``limits``; ``titles``: texts for ``x, y``,
    ``value`` and ``limits``; ``domain``: lowest and highest value of the colours; ``better``: "max" or "min", the light end."""
    middle = domain[0] + 0.6 * (domain[1] - domain[0])
    dark = facts[value] < middle if better == "max" else facts[value] > (domain[0] + domain[1]) - middle
    frame = with_texts(facts, value, limits).assign(dark=dark)
    base = alt.Chart(FACTS).encode(x=_category("x", titles["x"], frame), y=_category("y", titles["y"], frame))
    colours = scale(facts[value], scheme="viridis", domain=list(domain), reverse=better == "min")
    legend = alt.Legend(title=titles["value"], format=axis(facts[value]).format, gradientLength=150)
    shown = [*tips(label="setting", text=titles["value"], limits=titles["limits"]), alt.Tooltip("n:Q", title="seeds")]
    cells = base.mark_rect().encode(color=alt.Color(f"{value}:Q", scale=colours, legend=legend), tooltip=shown)
    ink = alt.condition(alt.datum.dark, alt.value("white"), alt.value("black"))
    text = base.mark_text(fontSize=13).encode(text="text:N", color=ink, tooltip=shown)
    return spec_of((cells + text).properties(width=84 * frame["x"].nunique(), height=44 * frame["y"].nunique()), facts=frame)


def interval_dots(facts: pd.DataFrame, *, value: str, limits: tuple[str, str], titles: Mapping[str, str]) -> Spec:
    """One line per setting: a dot for ``value``, a line for ``limits``. Arguments as for ``heat_map``."""
    frame, along = with_texts(facts, value, limits), [facts[name] for name in (value, *limits)]
    place = alt.Y("label:N", sort=list(frame["label"]), title=None, axis=alt.Axis(labelLimit=400))
    base = alt.Chart(FACTS).encode(y=place)
    across = alt.X(f"{value}:Q", title=titles["value"], scale=scale(*along), axis=axis(*along, tickCount=6))
    shown = [*tips(label="setting", text=titles["value"], limits=titles["limits"]), alt.Tooltip("n:Q", title="seeds")]
    lines = base.mark_rule(color=BLUE, strokeWidth=2).encode(
        x=alt.X(f"{limits[0]}:Q", title=titles["value"]), x2=f"{limits[1]}:Q", tooltip=shown
    )
    dots = base.mark_circle(color=BLUE, size=70, opacity=1).encode(x=across, tooltip=shown)
    layers = alt.layer(lines, dots) if frame[limits[0]].notna().any() else dots
    return spec_of(layers.properties(width=480, height={"step": 20}), facts=frame)


def seed_distribution(facts: pd.DataFrame, *, metric: str) -> Spec:
    """Every seed a dot, stacked where values are alike, one panel per setting. ``facts`` as ``facts.seed_dots`` gives them."""
    frame = facts.drop(columns="label")
    grid = bool((facts["row"] != "").any())
    rows = max(12.0, 1.05 * (facts["y"].max() + 1) if len(facts) else 0.0)
    few = rows <= 16
    mark: dict[str, Any] = {"color": BLUE, "opacity": 1, "size": 18 if few else 7}
    chart = alt.Chart(FACTS)
    chart = chart.mark_circle(**mark) if len(facts) <= DOTS_AS_CIRCLES else chart.mark_square(**mark)
    across = alt.X("x:Q", title=metric, scale=scale(facts["x"], nice=True), axis=axis(facts["x"], tickCount=5))
    up = alt.Y("y:Q", title=None, axis=None, scale=alt.Scale(domain=[-rows / 30, rows]))
    chart = chart.encode(x=across, y=up, tooltip=[alt.Tooltip("value:Q", title=metric), alt.Tooltip("seed:Q")]).properties(
        width=270, height=60 if few else 95
    )
    if not grid:
        return spec_of(chart.facet(facet=_header("column", facts), columns=3), facts=frame)
    return spec_of(chart.facet(column=_header("column", facts), row=_header("row", facts, side="row"), spacing=8), facts=frame)


def learning_curves(facts: pd.DataFrame, *, metric: str) -> Spec:
    """Mean over the seeds by epoch, with a band. ``facts`` as ``facts.learning_curves`` gives them."""
    colours = list(dict.fromkeys(facts["colour"]))
    hues = alt.Scale(domain=colours, range=(COLOURS * len(colours))[: len(colours)])
    legend = alt.Legend(title=None, orient="top", symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=3) if len(colours) > 1 else None
    base = alt.Chart().encode(
        x=alt.X("epoch:Q", title="epoch", scale=alt.Scale(nice=False), axis=alt.Axis(values=_whole_ticks(facts["epoch"]), format="d")),
        color=alt.Color("colour:N", scale=hues, legend=legend, sort=colours),
    )
    drawn, name = [facts["mean"], facts["low"], facts["high"]], f"mean {metric}"
    up = alt.Y("mean:Q", title=name, scale=scale(*drawn), axis=axis(*drawn))
    band = base.mark_area(opacity=0.2).encode(y=alt.Y("low:Q", title=name, scale=scale(*drawn)), y2="high:Q")
    shown = [*tips(label="setting"), *(alt.Tooltip(f"{name}:Q") for name in ("epoch", "mean", "low", "high", "n"))]
    line = base.mark_line(strokeWidth=2, point=False).encode(y=up, tooltip=shown)
    several = facts["panel"].nunique() > 1
    size = {"width": 260, "height": 220} if facts["panel"].nunique() <= 3 else {"width": 260, "height": 120}
    drawn_layers = [band, line] if facts["low"].notna().any() else [line]  # Vega warns of a band without an end
    layers = alt.layer(*drawn_layers, data=FACTS).properties(**(size if several else {"width": 560, "height": 300}))
    return spec_of(layers.facet(facet=_header("panel", facts), columns=3) if several else layers, facts=facts)


def decision_boundaries(found: Sequence[Boundary]) -> Spec:
    """The plane as each network divides it, side by side, with the evaluation points on it."""
    planes = alt.hconcat(*(_plane(boundary, place) for place, boundary in enumerate(found)), spacing=30)
    rasters = {f"raster{place}": boundary.raster for place, boundary in enumerate(found)}
    return spec_of(planes, **rasters, **{f"points{place}": boundary.points for place, boundary in enumerate(found)})


def _whole_ticks(values: pd.Series, most: int = 6) -> list[int]:
    """Whole numbers between the ends of ``values``, at most so many, a round step apart."""
    low, high = int(values.min()), int(values.max())
    steps = (base * 10**power for power in range(9) for base in (1, 2, 5))
    step = next(step for step in steps if high // step - (low - 1) // step <= most)
    return list(range(-(-low // step) * step, high + 1, step))


def _plane(boundary: Boundary, place: int) -> Layer:
    raster = boundary.raster
    ends = alt.Scale(domain=[float(raster["x0"].min()), float(raster["x1"].max())], nice=False, zero=False)
    shade = alt.Color(
        "probability:Q",
        scale=alt.Scale(scheme="blueorange", domain=[0, 1]),
        legend=alt.Legend(title="probability of class 1", orient="bottom", gradientLength=200),
    )
    first, second = alt.X("x0:Q", title="first coordinate", scale=ends), alt.Y("y0:Q", title="second coordinate", scale=ends)
    # the hairline in the colour of the rectangle closes the gaps that anti-aliasing leaves between neighbours
    plane = (
        alt.Chart(alt.NamedData(name=f"raster{place}"))
        .mark_rect(strokeWidth=1.2)
        .encode(x=first, x2="x1:Q", y=second, y2="y1:Q", color=shade, stroke=shade)
    )
    shapes = alt.Scale(domain=["class 0", "class 1"], range=["circle", "triangle-up"])
    fills = alt.Scale(domain=["class 0", "class 1"], range=["#08306b", "#7f2704"])
    points = alt.Chart(alt.NamedData(name=f"points{place}")).mark_point(filled=True, size=28, opacity=1, stroke="white", strokeWidth=0.6)
    points = points.encode(
        x="x:Q",
        y="y:Q",
        shape=alt.Shape("label:N", scale=shapes, legend=alt.Legend(title=None, orient="bottom")),
        fill=alt.Fill("label:N", scale=fills, legend=alt.Legend(title=None, orient="bottom")),
    )
    return alt.layer(plane, points).properties(width=340, height=340, title=boundary.title).resolve_scale(color="shared")


def spec_of(chart: Layer, **frames: pd.DataFrame) -> Spec:
    """The dictionary of a chart and its named data. The rows join only here: Altair would check and copy each of them, for seconds."""
    spec: Spec = _safe(chart.to_dict(validate=False))
    for name in ("$schema", "config"):  # an address on the network, and a style that is not ours
        spec.pop(name, None)
    return {**spec, "datasets": {name: _records(frame) for name, frame in frames.items()}}


def _safe(part: Any) -> Any:
    """The specification with its texts as ``_text`` has them, and titles of tooltips on one line, each of its own: Vega-Lite writes them
    into an expression as they are, but for quotation marks, and of two that are alike it shows one."""
    if isinstance(part, list):
        return [_safe(each) for each in part]
    if not isinstance(part, dict):
        return _text(part) if isinstance(part, str) else part
    return {key: _safe_tips(value) if key == "tooltip" and isinstance(value, list) else _safe(value) for key, value in part.items()}


def _safe_tips(tips: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for tip in tips:
        title = " ".join(str(tip.get("title") or tip["field"]).split()).replace("\\", "\\\\")
        while title in found:
            title += " "
        found[title] = {**tip, "title": title}
    return list(found.values())


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame, numbers with as many digits as a picture shows, missing and infinite ones as null."""
    columns = [_short(frame[name]) for name in frame]
    return [dict(zip(frame, row, strict=True)) for row in zip(*columns, strict=True)]


def _short(column: pd.Series) -> list[Any]:
    values = column.tolist()
    digits = distinct_digits(values) if any(isinstance(value, float) for value in values) else 0
    return [_rounded(value, digits) if isinstance(value, float) else _told(value) for value in values]


def _rounded(value: float, digits: int) -> float | None:
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}")
    return value if short in BOUNDS else short


def _told(value: Any) -> Any:
    return None if value is pd.NA else _text(value) if isinstance(value, str) else value


_OF_OBJECTS = (
    *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf", "__proto__"),
    *("__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"),
)


def _text(value: str) -> str:
    """Vega takes text that any object of JavaScript has as a property for that property: a character that nobody sees makes it another."""
    return f"{value}\u200b" if value in _OF_OBJECTS else value


def _category(field: str, title: str, frame: pd.DataFrame) -> Any:
    channel = alt.X if field == "x" else alt.Y
    order = list(dict.fromkeys(frame[field]))
    return channel(f"{field}:N", sort=order, title=title, axis=alt.Axis(labelAngle=0, grid=False))


def _header(field: str, facts: pd.DataFrame, side: str = "facet") -> Any:
    channel: Any = {"facet": alt.Facet, "row": alt.Row}[side]
    options = {"labelAngle": 0, "labelAlign": "left"} if side == "row" else {}
    return channel(
        f"{field}:N", sort=list(dict.fromkeys(facts[field])), title=None, header=alt.Header(title=None, labelLimit=290, **options)
    )


def tips(**titles: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in titles.items()]


def with_texts(facts: pd.DataFrame, value: str, limits: tuple[str, str]) -> pd.DataFrame:
    """The facts with ``value`` as ``text`` and its ``limits``, each to the digits that its interval supports."""
    told = rounded_rows(facts, [value, *limits], spread_of(facts, limits=[limits]))
    return facts.assign(text=told[value], limits=joined(told[limits[0]], told[limits[1]], " to "))
