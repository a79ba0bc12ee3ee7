"""The pictures of a search: facts in, a Vega-Lite specification out, as in ``charts``. Each end state has its colour, mark and dashes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from analysis.axes import axis, scale, tick_format
from analysis.charts import BLUE, FACTS, Layer, Spec, spec_of, tips, with_texts
from analysis.rounding import rounded

LOOKS: dict[str, tuple[str, str, list[int]]] = {  # colour (Okabe and Ito), mark, dashes
    "completed": ("#0072B2", "circle", [1, 0]),
    "pruned": ("#E69F00", "square", [6, 2]),
    "diverged": ("#CC79A7", "triangle-up", [2, 2]),
    "failed": ("#D55E00", "cross", [8, 2, 2, 2]),
    "unfinished": ("#009E73", "diamond", [1, 3]),
}
PANEL_WIDTH, PANEL_HEIGHT, ABREAST = 250, 170, 3
OUTLINES = {"truth": "#56B4E9", "prediction": "#E69F00"}  # readable on black, grey and white
IMAGE_WIDTH = 300
LEGEND = alt.Legend(title=None, orient="top", symbolOpacity=1, symbolSize=90, offset=22)
APART: dict[str, Any] = dict.fromkeys(["color", "shape", "strokeDash"], "independent")  # so that the marks alone make the legend


def trial_curves(facts: pd.DataFrame, *, metric: str, limits: tuple[float, float]) -> Spec:
    """A thin line per trial, its end marked. ``facts`` as ``search_facts.trial_curves`` gives them; ``limits``: of the metric's axis."""
    frame = _completed_last(facts.assign(text=rounded(facts["value"])))
    base = alt.Chart(FACTS).encode(
        x=alt.X("epoch:Q", title="epoch", scale=alt.Scale(nice=False, zero=False, padding=10), axis=alt.Axis(tickMinStep=1, format="d")),
        y=_up("value:Q", metric, frame["value"], limits),
        tooltip=_tips("text", metric),
    )
    lines = base.mark_line(strokeWidth=1.2, strokeOpacity=0.75).encode(
        detail="trial:N", color=_colour(frame, None), strokeDash=_dashes(frame)
    )
    ends = base.mark_point(filled=True, size=32, opacity=1).encode(color=_colour(frame), shape=_shape(frame))
    ends = ends.transform_filter(alt.datum["last"])
    return spec_of(alt.layer(lines, ends).resolve_scale(**APART).properties(width=620, height=340), facts=frame)


def rung_lines(facts: pd.DataFrame, *, rungs: Sequence[int], epochs: int, metric: str) -> Spec:
    """A line per trial up to its last epoch, rungs as vertical rules. ``facts`` as ``search_facts.trial_lengths`` gives them, in the order
    from top to bottom; ``epochs``: the full length."""
    frame = facts.assign(text=rounded(facts["value"]), start=0)
    across = alt.Scale(domain=[0, epochs], nice=False, padding=8)
    place = alt.Y("trial:N", sort=list(frame["trial"]), title="trial", axis=alt.Axis(labelFontSize=9, ticks=False))
    base = alt.Chart(FACTS).encode(y=place, tooltip=_tips("text", metric))
    lines = base.mark_rule(strokeWidth=1.5).encode(
        x=alt.X("start:Q", title="epoch", scale=across, axis=alt.Axis(grid=False, tickMinStep=1, format="d")),
        x2="epoch:Q",
        color=_colour(frame, None),
        strokeDash=_dashes(frame),
    )
    ends = base.mark_point(filled=True, size=45, opacity=1).encode(
        x=alt.X("epoch:Q", scale=across), color=_colour(frame), shape=_shape(frame)
    )
    posts = alt.Chart(alt.NamedData(name="rungs")).encode(x=alt.X("rung:Q", scale=across))
    marks = [posts.mark_rule(strokeDash=[3, 3], color="gray")]
    marks.append(posts.mark_text(dy=-6, baseline="bottom", fontSize=11).encode(y=alt.value(0), text="text:N"))
    shown = pd.DataFrame({"rung": list(rungs), "text": [f"rung {rung}" for rung in rungs]})
    chart = alt.layer(*marks, lines, ends) if rungs else alt.layer(lines, ends)
    chart = chart.resolve_scale(**APART)
    return spec_of(chart.properties(width=620, height={"step": 11}), facts=frame, rungs=shown)


def progress_steps(facts: pd.DataFrame, *, metric: str) -> Spec:
    """The best score so far over the epochs spent, each score a dot. ``facts`` as ``search_costs.search_progress`` gives them."""
    frame = facts.assign(text=rounded(facts["score"]), top=rounded(facts["best"]))
    base = alt.Chart(FACTS).encode(x=alt.X("epochs_spent:Q", title="epochs spent by all trials", axis=alt.Axis(format=",d", tickCount=8)))
    drawn = [frame["score"], frame["best"]]
    up: dict[str, Any] = {"title": metric, "scale": scale(*drawn), "axis": axis(*drawn)}
    line = base.transform_filter(alt.datum.best != None)  # noqa: E711
    line = line.mark_line(interpolate="step-after", color=BLUE, strokeWidth=2).encode(y=alt.Y("best:Q", **up))
    dots = base.transform_filter(alt.datum.score != None)  # noqa: E711
    shown = [*tips(trial="trial", text=metric, top="best so far"), alt.Tooltip("epochs_spent:Q", title="epochs spent", format=",d")]
    dots = dots.mark_point(filled=False, size=40, opacity=1, color=LOOKS["completed"][0]).encode(y=alt.Y("score:Q", **up), tooltip=shown)
    return spec_of(alt.layer(line, dots).properties(width=620, height=240), facts=frame)


def parameter_panels(facts: pd.DataFrame, *, space: Mapping[str, Any], metric: str, limits: tuple[float, float]) -> Spec:
    """A panel per parameter: its value in each trial against the metric. ``facts`` as ``search_facts.parameter_facts`` gives them;
    ``space`` as in ``study.json``. Strips set trials of equal values apart."""
    frame = _completed_last(facts.assign(said=rounded(facts["value"])))
    parts = [frame[frame["parameter"] == key] for key in dict.fromkeys(facts["parameter"])]
    panels = [_panel(part, space[part["parameter"].iloc[0]], place, metric, limits, frame) for place, part in enumerate(parts)]
    chart = alt.concat(*panels, columns=ABREAST, spacing=28).resolve_scale(color="shared", shape="shared", xOffset="independent")
    drawn = [part[[*_DRAWN, "spread" if part["number"].isna().all() else "number"]] for part in parts]
    return spec_of(chart, **{f"facts{place}": part for place, part in enumerate(drawn)})


_DRAWN = ["trial", "status", "epoch", "y", "said", "text"]  # columns of each panel; the others would double the page


def confirmed_dots(means: pd.DataFrame, seeds: pd.DataFrame, *, metric: str) -> Spec:
    """A line per confirmed setting: each fresh seed a small dot, their mean with its interval, the search score hollow. The frames are
    those of ``search_facts.confirmed_facts``."""
    frame = with_texts(means, "mean", ("low", "high")).rename(columns={"text": "said"})
    frame = frame.assign(searched=rounded(means["search"]), seeds=means["n"])
    drawn = [*(means[name] for name in ("mean", "low", "high", "search")), seeds["value"]]
    along: dict[str, Any] = {"title": metric, "scale": scale(*drawn), "axis": axis(*drawn)}
    place = alt.Y("place:N", sort=list(dict.fromkeys(frame["place"])), title=None, axis=alt.Axis(labelLimit=260))
    dots = alt.Chart(alt.NamedData(name="seeds")).mark_tick(thickness=1.5, size=13, color=LOOKS["pruned"][0], opacity=0.9)
    dots = dots.encode(x=alt.X("value:Q", **along), y=place, tooltip=tips(place="setting", seed="seed", value=metric))
    base = alt.Chart(FACTS).encode(y=place)
    shown = tips(place="setting", label="values", said="mean", limits="95 % interval", n="fresh seeds", searched="search score")
    across = alt.X("mean:Q", **along)
    lines = base.mark_rule(color=BLUE, strokeWidth=2).encode(x=alt.X("low:Q", **along), x2="high:Q")
    marks = base.mark_point(filled=True, shape="circle", size=80, color=BLUE, opacity=1).encode(x=across, tooltip=shown)
    before = base.transform_filter(alt.datum.search != None)  # noqa: E711
    before = before.mark_point(filled=False, shape="diamond", size=80, strokeWidth=1.5, color=LOOKS["failed"][0], opacity=1)
    before = before.encode(x=alt.X("search:Q", **along), tooltip=shown)
    return spec_of(alt.layer(lines, dots, before, marks).properties(width=520, height={"step": 34}), facts=frame, seeds=seeds)


def outlined_images(facts: pd.DataFrame, *, height: int) -> Spec:
    """Images beside each other with the outlines drawn into them, and what the colours mean. ``facts``: ``title, image`` (a data URI) each;
    ``height``: of an image that is ``IMAGE_WIDTH`` wide."""
    images = [_image(f"image{place}", row["title"], height) for place, row in enumerate(facts.to_dict("records"))]
    frames = {f"image{place}": facts.iloc[[place]] for place in range(len(facts))}
    return spec_of(alt.concat(*images, columns=ABREAST, spacing=14), **frames)


def _image(name: str, title: str, height: int) -> Layer:
    names, colours = list(OUTLINES), list(OUTLINES.values())
    base = alt.Chart(alt.NamedData(name=name))
    image = base.mark_image(width=IMAGE_WIDTH, height=height, align="center", baseline="middle")
    image = image.encode(x=alt.value(IMAGE_WIDTH / 2), y=alt.value(height / 2), url="image:N")
    legend = alt.Legend(title=None, orient="bottom", symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1)
    colour = alt.Color("outline:N", scale=alt.Scale(domain=names, range=colours), legend=legend)
    key = base.transform_calculate(outline="'truth'").mark_line(opacity=0).encode(x=alt.value(0), y=alt.value(0), stroke=colour)
    return alt.layer(image, key).properties(width=IMAGE_WIDTH, height=height, title=alt.Title(title, limit=IMAGE_WIDTH))


def _panel(
    part: pd.DataFrame, domain: Mapping[str, Any], place: int, metric: str, limits: tuple[float, float], every: pd.DataFrame
) -> Layer:
    key = part["parameter"].iloc[0]
    shown = [*tips(trial="trial", text=key, said=metric, status="ended"), alt.Tooltip("epoch:Q", title="last epoch")]
    base = alt.Chart(alt.NamedData(name=f"facts{place}")).mark_point(filled=True, size=42, opacity=1, fillOpacity=0.85)
    up = _up("y:Q", None if place % ABREAST else metric, every["y"], limits)
    base = base.encode(y=up, color=_colour(every), shape=_shape(every), tooltip=shown)
    if "low" in domain:
        chart = base.encode(x=alt.X("number:Q", title=key, **_range(float(domain["low"]), float(domain["high"]), bool(domain.get("log")))))
    else:
        order = list(dict.fromkeys(part.sort_values("place", kind="stable")["text"]))
        axis = alt.Axis(labelAngle=0, labelLimit=PANEL_WIDTH / max(2, len(order)), grid=False)
        step = PANEL_WIDTH / len(order)
        spread = alt.XOffset("spread:Q", scale=alt.Scale(domain=[0, 1], range=[0.2 * step, 0.8 * step]))
        chart = base.encode(x=alt.X("text:N", sort=order, title=key, axis=axis, scale=alt.Scale(padding=0)), xOffset=spread)
    return chart.properties(width=PANEL_WIDTH, height=PANEL_HEIGHT)


def _range(low: float, high: float, log: bool) -> dict[str, Any]:
    """Scale and axis of a parameter drawn from a range; a logarithmic one is marked at powers of ten, if it holds two."""
    tens = [10.0**power for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)] if log else []
    ticks = {"values": tens} if len(tens) > 1 else {"tickCount": 4}
    kind = {"type": "log"} if log else {"zero": False}
    return {
        "scale": alt.Scale(domain=[low, high], nice=False, padding=6, **kind),
        "axis": alt.Axis(format="~g" if log else tick_format([low, high]), labelOverlap=True, **ticks),
    }


def _tips(text: str, metric: str) -> list[alt.Tooltip]:
    return [*tips(trial="trial", label="setting", status="ended"), alt.Tooltip("epoch:Q"), *tips(**{text: metric})]


def _present(frame: pd.DataFrame, look: int) -> alt.Scale:
    """The end states that occur, each with its colour, mark or dashes."""
    states = [state for state in LOOKS if (frame["status"] == state).any()]
    return alt.Scale(domain=states, range=[LOOKS[state][look] for state in states])


def _colour(frame: pd.DataFrame, legend: Any = LEGEND) -> alt.Color:
    return alt.Color("status:N", scale=_present(frame, 0), legend=legend)


def _shape(frame: pd.DataFrame) -> alt.Shape:
    return alt.Shape("status:N", scale=_present(frame, 1), legend=LEGEND)


def _dashes(frame: pd.DataFrame) -> alt.StrokeDash:
    return alt.StrokeDash("status:N", scale=_present(frame, 2), legend=None)


def _up(field: str, metric: str | None, values: pd.Series, limits: tuple[float, float]) -> alt.Y:
    """A value beyond the limits stands at the edge: clipping lines one by one would take most of the time of a picture."""
    inside = values.clip(*limits)
    return alt.Y(field, title=metric, scale=scale(inside, domain=list(limits), nice=True, zero=False, clamp=True), axis=axis(inside))


def _completed_last(frame: pd.DataFrame) -> pd.DataFrame:
    """What is drawn last lies on top."""
    return frame.sort_values("status", key=lambda column: column == "completed", kind="stable")
