"""The pictures of compared arms: facts in, a Vega-Lite specification out, as in ``charts``."""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from analysis import axes
from analysis.charts import COLOURS, FACTS, Layer, Spec, spec_of, tips
from analysis.rounding import percent, rounded, rounded_rows, spread_of
from analysis.wording import joined

SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
TILE = 52  # pixels of a test image in the gallery
FEW = 6  # so many different numbers of weights are marked on their axis
LOG_FROM = 5  # numbers of weights that differ by this factor are drawn on a logarithmic axis


def part_dots(facts: pd.DataFrame, *, part: str, axis: str) -> Spec:
    """A dot per arm and part with its interval, published means as hollow marks. ``facts`` as ``arms.arm_means`` gives them; ``part``: what
    a part is called; ``axis``: the metric and its unit."""
    frame = _named(facts[["arm", "at", "part", "mean", "low", "high", "n", "published"]])
    arms = list(dict.fromkeys(frame["arm"]))
    dodge: dict[str, Any] = {"yOffset": alt.YOffset("arm:N", sort=arms)}
    base = alt.Chart().encode(y=alt.Y("part:N", sort=list(dict.fromkeys(frame["part"])), title=part), **dodge)
    drawn = [frame[name] for name in ("mean", "low", "high", "published")]
    across = alt.X("mean:Q", title=axis, scale=axes.scale(*drawn), axis=axes.axis(*drawn, tickCount=8))
    colour, shape = _by_arm(arms)
    shown = tips(arm="arm", part=part, text=axis, limits="95 % interval", n="seeds")
    lines = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=axis), x2="high:Q", color=colour, tooltip=shown)
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(x=across, color=colour, shape=shape, tooltip=shown)
    layers = [lines, dots] if frame["low"].notna().any() else [dots]
    if frame["published"].notna().any():
        told = tips(arm="arm", part=part, known="published")
        marks = base.transform_filter(alt.datum.published != None).mark_point(filled=False, size=60, strokeWidth=1.5, opacity=1)  # noqa: E711
        layers.insert(0, marks.encode(x=alt.X("published:Q", title=axis), color=colour, shape=shape, tooltip=told))
    step = max(26, 15 * len(arms))
    return _by_place(alt.layer(*layers, data=FACTS).properties(width=620, height={"step": step, "for": "position"}), frame)


def cost_dots(facts: pd.DataFrame, *, axis: str) -> Spec:
    """The metric over the number of weights, a dot per arm with its interval. ``facts`` as ``costs.costs_table`` gives them."""
    frame = _named(facts[["arm", "at", "mean", "low", "high", "n", "parameters"]].dropna(subset=["mean", "parameters"]))
    frame["parameters"] = frame["parameters"].astype(float)
    arms = list(dict.fromkeys(frame["arm"]))
    ratio = frame["parameters"].max() / max(1.0, frame["parameters"].min())
    wide = ratio >= LOG_FROM and frame["parameters"].min() > 0
    scale = alt.Scale(type="log", nice=False, padding=60) if wide else alt.Scale(zero=False, padding=60)
    counts = sorted(frame["parameters"].unique().tolist())
    ticks = {"values": counts} if len(counts) <= FEW else {"tickCount": 5}
    across = alt.X("parameters:Q", title="parameters", scale=scale, axis=alt.Axis(format=",d", grid=len(counts) > FEW, **ticks))
    base = alt.Chart().encode(x=across)
    drawn = [frame[name] for name in ("mean", "low", "high")]
    up = alt.Y("mean:Q", title=axis, scale=axes.scale(*drawn, padding=20), axis=axes.axis(*drawn))
    colour, shape = _by_arm(arms)
    shown = [*tips(arm="arm", text=axis, limits="95 % interval", n="seeds"), alt.Tooltip("parameters:Q", format=",d")]
    lines = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=axis), y2="high:Q", color=colour, tooltip=shown)
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(y=up, color=colour, shape=shape, tooltip=shown)
    layers = [lines, dots] if frame["low"].notna().any() else [dots]
    return _by_place(alt.layer(*layers, data=FACTS).properties(width=420, height=240), frame)


def confusion_matrices(facts: pd.DataFrame, *, part: str) -> Spec:
    """Who is taken for whom, one matrix per arm. ``facts`` as ``predictions.confusion`` gives them, one arm after the other: ``arm, true,
    predicted, count, share``. Right answers are left out of the colours, or nothing else would be seen."""
    wrong = facts["true"] != facts["predicted"]
    top = float(facts.loc[wrong, "share"].max()) or 1.0
    frame = facts.assign(
        wrong=wrong & (facts["count"] > 0),
        dark=wrong & (facts["share"] > 0.55 * top),
        text=[f"{n:,}" if n else "" for n in facts["count"]],
        told=[percent(share) for share in facts["share"]],
    )
    side = 46 if facts["true"].nunique() <= 10 else 34
    matrices = [_matrix(frame, arm, part, top, side) for arm in dict.fromkeys(facts["arm"])]
    return spec_of(alt.concat(*matrices, columns=2, spacing=40, data=FACTS).resolve_scale(color="shared"), facts=frame)


def image_gallery(facts: pd.DataFrame, *, titles: Sequence[str], part: str) -> Spec:
    """Rows of small test images, what they are and what was read below each. ``facts`` as ``predictions.gallery`` gives them; ``titles``:
    one text per group, in the order of the groups."""
    groups = list(dict.fromkeys(facts["group"]))
    blocks = [
        _block(facts[facts["group"] == group], title, place, part) for place, (group, title) in enumerate(zip(groups, titles, strict=True))
    ]
    frames = {f"tiles{place}": _tiles(facts[facts["group"] == group]) for place, group in enumerate(groups)}
    return spec_of(alt.vconcat(*blocks, spacing=18), **frames)


def _named(facts: pd.DataFrame) -> pd.DataFrame:
    """The facts with the arm, the mean, its limits and the published mean as texts."""
    text = rounded_rows(facts, ["mean", "low", "high"], spread_of(facts, limits=[("low", "high")]))
    known = {"known": rounded(facts["published"])} if "published" in facts else {}
    limits = joined(text["low"], text["high"], " to ")
    return facts.assign(text=text["mean"], limits=limits, **known)


def _by_arm(arms: list[str]) -> tuple[alt.Color, alt.Shape]:
    def cycle(values: list[str]) -> alt.Scale:
        return alt.Scale(domain=arms, range=(values * len(arms))[: len(arms)])

    legend = alt.Legend(title=None, orient="top", symbolOpacity=1, symbolFillColor=None)
    return alt.Color("arm:N", scale=cycle(COLOURS), sort=arms, legend=legend), alt.Shape(
        "arm:N", scale=cycle(SHAPES), sort=arms, legend=legend
    )


def _by_place(chart: Layer, frame: pd.DataFrame) -> Spec:
    """One panel per combination of the other parameters, where the study has any."""
    places = list(dict.fromkeys(frame["at"]))
    if len(places) < 2:
        return spec_of(chart, facts=frame)
    header = alt.Header(title=None, labelLimit=400)
    return spec_of(chart.facet(facet=alt.Facet("at:N", sort=places, title=None, header=header), columns=1), facts=frame)


def _matrix(frame: pd.DataFrame, arm: str, part: str, top: float, side: int) -> Layer:
    classes = sorted(frame["true"].unique().tolist())
    across = alt.X("predicted:O", title=f"read as {part}", scale=alt.Scale(domain=classes), axis=alt.Axis(labelAngle=0, orient="top"))
    base = alt.Chart().encode(x=across, y=alt.Y("true:O", title=f"true {part}", scale=alt.Scale(domain=classes)))
    base = base.transform_filter(alt.FieldEqualPredicate(field="arm", equal=arm))  # no expression: names may hold anything
    shown = tips(arm="arm", true="true", predicted="read as", count="count", told="share")
    legend = alt.Legend(
        title=f"share of the true {part}, misread",
        format=f".{max(0, -math.floor(math.log10(100 * top / axes.TICKS)))}~%",
        orient="bottom",
        gradientLength=200,
    )
    colour = alt.Color("share:Q", scale=alt.Scale(scheme="blues", domain=[0, top]), legend=legend)
    cells = base.transform_filter(alt.datum.wrong).mark_rect().encode(color=colour, tooltip=shown)
    few = base.transform_filter(alt.datum.wrong).mark_text(fontSize=11)
    few = few.encode(text="text:N", color=alt.condition(alt.datum.dark, alt.value("white"), alt.value("black")), tooltip=shown)
    right = base.transform_filter(alt.datum.true == alt.datum.predicted).mark_text(fontSize=11, fontWeight="bold")
    right = right.encode(text="text:N", tooltip=shown)
    return alt.layer(cells, few, right).properties(width={"step": side}, height={"step": 0.66 * side}, title=arm)


def _tiles(facts: pd.DataFrame) -> pd.DataFrame:
    words = [f"{true} \u2192 {read}" for true, read in zip(facts["true"], facts["read"], strict=True)]
    return facts.drop(columns="group").assign(text=words)


def _block(facts: pd.DataFrame, title: str, place: int, part: str) -> Layer:
    columns, rows = int(facts["column"].max()) + 1, int(facts["row"].max()) + 1
    base = alt.Chart(alt.NamedData(name=f"tiles{place}")).encode(
        x=alt.X("column:O", axis=None, scale=alt.Scale(paddingInner=0.15)), y=alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0.05))
    )
    shown = tips(index="test image", true=f"true {part}", read="read as")
    images = base.mark_image(width=TILE, height=TILE, align="center", baseline="middle", yOffset=-8).encode(url="image:N", tooltip=shown)
    words = base.mark_text(dy=TILE / 2 + 2, fontSize=12, baseline="middle").encode(text="text:N", tooltip=shown)
    size = {"width": columns * (TILE + 12), "height": rows * (TILE + 26)}
    return alt.layer(images, words).properties(**size, title=title, view=alt.ViewConfig(stroke=None))
