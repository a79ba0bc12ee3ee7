"""The pictures of correlation and importance: facts in, a Vega-Lite specification out, as in ``charts``."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.axes import axis, scale
from analysis.charts import COLOURS, FACTS, Layer, Spec, spec_of, tips
from analysis.rounding import MISSING, fixed, rounded

SIGNED, UNSIGNED = COLOURS[0], COLOURS[2]
NAIVE = COLOURS[1]
ROW = 26  # pixels from one parameter to the next
PANEL = 210
AXIS = 105  # pixels from one parallel axis to the next
NOTHING = "#8a8f98"  # lines without a score


def correlation_bars(facts: pd.DataFrame) -> Spec:
    """A bar per parameter from 0 to its coefficient with its interval, one panel per epoch, naive coefficients as hollow circles.

    ``facts`` as ``correlation_facts.bars`` gives them: ``panel, label, method, coefficient, low, high, n, naive`` (missing where it is not
    to be drawn).
    """
    frame = facts.assign(text=_twos(facts["coefficient"]), limits=_limits(facts), known=_twos(facts["naive"]))
    frame["side"] = ["eta, 0 to 1" if method == "eta" else "Spearman, -1 to 1" for method in facts["method"]]
    base = _rows(frame)
    scale = alt.Scale(domain=[-1 if (facts["method"] != "eta").any() else 0, 1], nice=False)
    across = alt.X("coefficient:Q", title="coefficient", scale=scale, axis=alt.Axis(values=[-1, -0.5, 0, 0.5, 1], format="~g"))
    shown = tips(label="parameter", side="coefficient", text="value", limits="95 % interval", n="trials", known="from last values")
    sides = alt.Scale(domain=["Spearman, -1 to 1", "eta, 0 to 1"], range=[SIGNED, UNSIGNED])
    colour = alt.Color("side:N", scale=sides, legend=alt.Legend(title=None, orient="top"))
    bars = base.mark_bar(opacity=0.55, size=14).encode(x=across, color=colour, tooltip=shown)
    zero = base.mark_rule(strokeWidth=1, opacity=0.6).encode(x=alt.datum(0))
    layers = alt.layer(bars, zero, *_intervals(base, "coefficient", shown), *_hollow(base, frame, "coefficient", shown), data=FACTS)
    return spec_of(_panels(layers.properties(width=PANEL, height={"step": ROW}), frame), facts=frame)


def importance_bars(facts: pd.DataFrame) -> Spec:
    """A bar per parameter, most important first, with its range, naive importances as hollow circles. ``facts`` as
    ``correlation_facts.importance_bars`` gives them: ``label, importance, low, high, n, naive`` (missing where it is not to be drawn)."""
    frame = facts.assign(text=_twos(facts["importance"]), limits=_limits(facts), known=_twos(facts["naive"]))
    base = _rows(frame)
    scale = alt.Scale(domain=[0, 1], nice=False)
    across = alt.X("importance:Q", title="share of the importance", scale=scale, axis=alt.Axis(tickCount=5, format="~g"))
    shown = tips(label="parameter", text="importance", limits="middle 80 %", n="trials", known="from last values")
    bars = base.mark_bar(color=SIGNED, opacity=0.55, size=14).encode(x=across, tooltip=shown)
    layers = alt.layer(
        bars, *_intervals(base, "share of the importance", shown), *_hollow(base, frame, "share of the importance", shown), data=FACTS
    )
    return spec_of(layers.properties(width=420, height={"step": ROW}), facts=frame)


def parallel_coordinates(lines: pd.DataFrame, labels: pd.DataFrame, *, metric: str, better: str) -> Spec:
    """A line per trial over one axis per parameter and one for the metric, coloured by the metric.

    Pointing at a line brings it out; dragging over an axis keeps the trials within that range of it. ``lines``: ``trial, index`` (of the
    axis, from 0), ``place`` (0 to 1 along it), ``name, text`` (of the axis, of the value), ``score`` (may be missing), ``state``, one row
    per trial and axis; ``labels``: ``index, place, text``, what stands along the axes, and the names of the axes at place 1.15. ``better``:
    "max" or "min".
    """
    axes = int(labels["index"].max()) + 1
    hover = alt.selection_point(name="hover", fields=["trial"], on="pointerover", clear="pointerout", nearest=True, empty=False)
    brush = alt.selection_interval(name="brush", encodings=["x", "y"])
    across = alt.X("index:Q", axis=None, scale=alt.Scale(domain=[-0.35, axes - 0.65], nice=False))
    up = alt.Y("place:Q", axis=None, scale=alt.Scale(domain=[-0.1, 1.24], nice=False))
    base = alt.Chart(alt.NamedData(name="lines")).transform_calculate(kept=_KEPT)
    base = base.transform_joinaggregate(shown="min(kept)", groupby=["trial"]).encode(x=across, y=up, detail="trial:N")
    colour = alt.Color(
        "score:Q",
        scale=scale(lines["score"], scheme="viridis", reverse=better == "min"),
        legend=alt.Legend(title=metric, format=axis(lines["score"]).format, gradientLength=150),
    )
    completed = alt.datum["state"] == "completed"
    pointed = {"param": "hover", "empty": False}
    faint = {"condition": [{**pointed, "value": 1}, {"test": "datum.shown < 1", "value": 0.03}], "value": 0.35}
    clear = {"condition": [{**pointed, "value": 1}, {"test": "datum.shown < 1", "value": 0.05}], "value": 0.95}
    width = {"condition": {**pointed, "value": 4}, "value": 1.4}
    tip = tips(trial="trial", name="parameter", text="value", known=metric, state="state")
    lost = _line(base.transform_filter(alt.datum.score == None), faint, width).encode(color=alt.value(NOTHING))  # noqa: E711
    young = _line(base.transform_filter((alt.datum.score != None) & ~completed), faint, width).encode(color=colour)  # noqa: E711
    whole = _line(base.transform_filter((alt.datum.score != None) & completed), clear, width).encode(color=colour)  # noqa: E711
    points = base.mark_circle(size=60, opacity=1, fillOpacity=0).encode(tooltip=tip).add_params(hover, brush)
    scored, ended = lines["score"].notna(), lines["state"] == "completed"
    # A layer without data would have no extent to colour by.
    there = [layer for layer, rows in ((lost, ~scored), (young, scored & ~ended), (whole, scored & ended)) if rows.any()]
    rules, *texts = _axes(labels, across, up)
    layers = alt.layer(rules, *there, *texts, points)
    frame = lines.assign(known=rounded(lines["score"]))
    return spec_of(layers.properties(width=AXIS * axes, height=320), lines=frame, labels=labels)


# A point is kept unless the brush covers its axis and not its place; a trial is shown while all its points are kept.
_KEPT = "!brush.index || datum.index < brush.index[0] || datum.index > brush.index[1] || inrange(datum.place, brush.place) ? 1 : 0"


def _line(base: Layer, opacity: dict[str, Any], width: dict[str, Any]) -> Layer:
    line = base.mark_line(interpolate="linear", opacity=1).encode(order="index:Q")
    line.encoding.strokeOpacity = opacity
    line.encoding.strokeWidth = width
    return line


def _axes(labels: pd.DataFrame, across: alt.X, up: alt.Y) -> list[Layer]:
    """Vertical lines, the values along them and the names above them."""
    texts = alt.Chart(alt.NamedData(name="labels")).encode(x=across, y=up, text="text:N")
    rules = alt.Chart(alt.NamedData(name="labels")).transform_aggregate(groupby=["index"]).transform_calculate(bottom="0", top="1")
    rules = rules.mark_rule(strokeWidth=1.5, opacity=0.7).encode(x=across, y=alt.Y("bottom:Q", axis=None), y2="top:Q")
    names = texts.transform_filter(alt.datum.place > 1.05).mark_text(fontSize=12, fontWeight="bold", baseline="middle", limit=AXIS)
    values = texts.transform_filter(alt.datum.place <= 1.05).mark_text(
        fontSize=11, align="right", dx=-6, baseline="middle", limit=AXIS - 12
    )
    return [rules, names, values]


def _rows(frame: pd.DataFrame) -> Layer:
    order = list(dict.fromkeys(frame["label"]))
    return alt.Chart().encode(y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=260)))


def _intervals(base: Layer, title: str, shown: list[alt.Tooltip]) -> list[Layer]:
    known = base.transform_filter(alt.datum.low != None)  # noqa: E711
    return [known.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title), x2="high:Q", tooltip=shown)]


def _hollow(base: Layer, frame: pd.DataFrame, title: str, shown: list[alt.Tooltip]) -> list[Layer]:
    """Naive figures, hollow and struck through."""
    if not frame["naive"].notna().any():
        return []
    known = base.transform_filter(alt.datum.naive != None).encode(x=alt.X("naive:Q", title=title), tooltip=shown)  # noqa: E711
    circles = known.mark_point(filled=False, size=90, strokeWidth=1.8, opacity=1, color=NAIVE)
    strokes = known.mark_tick(thickness=1.8, size=18, opacity=1, color=NAIVE)
    return [circles, strokes]


def _panels(layers: Layer, frame: pd.DataFrame) -> Layer:
    panels = list(dict.fromkeys(frame["panel"]))
    header = alt.Header(title=None, labelLimit=PANEL + 20, labelAnchor="start", labelFontWeight="bold")
    return layers.facet(column=alt.Column("panel:N", sort=panels, title=None, header=header), spacing=18)


def _twos(values: pd.Series) -> list[str]:
    return [fixed(value, 2) for value in values]


def _limits(facts: pd.DataFrame) -> list[str]:
    return [
        MISSING if pd.isna(low) else f"{fixed(low, 2)} to {fixed(high, 2)}" for low, high in zip(facts["low"], facts["high"], strict=True)
    ]
