"""The search space trial by trial, on parallel axes."""

from collections.abc import Iterator
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charts.axes import axis, is_wide, scale
from analysis.charts.parallel_axes import AXIS, NAMES_AT, axes_of, top
from analysis.charts.picture import Picture
from analysis.charts.related import SECTION
from analysis.charts.spec import spec_of
from analysis.charts.style import Layer, Spec, absent, present, tips
from analysis.records.load import Run
from analysis.stats.correlation import has_coefficients
from analysis.stats.extrapolation import at_full_length, can_extrapolate
from analysis.stats.fidelity import Evidence, evidence, is_there, positions
from analysis.stats.findings import Findings
from analysis.stats.identity import identity
from analysis.stats.labels import label
from analysis.stats.search_trials import is_search
from analysis.text.rounding import MISSING, rounded

MOST_LINES, MOST_LABELS, BELOW = 300, 24, -0.15
# Values of a list are drawn this far apart at most, so that lines do not cover each other.
SPREAD = 0.12
GOLDEN = 0.6180339887
NOTHING = "#8a8f98"  # lines without a score


def draw(findings: Findings) -> Iterator[Picture]:
    """A line per trial; a grid over two parameters is drawn as cells instead."""
    run = findings.run
    fewest = 1 if is_search(run) else 2
    if not has_coefficients(findings.correlations) or len(run.parameters) <= fewest:
        return
    lines, labels = parallel(run)
    shown, trials = lines["trial"].nunique(), len(run.phase("search").trials)
    cut = "" if shown == trials else f" {shown:,} of {trials:,} trials are shown."
    branches = any("when" in domain for domain in run.spec["space"].values())
    below = " A line passes below the axis of a parameter that its trial does not have."
    note = (
        "A line per trial. Strong lines completed; faint ones were stopped, at their extrapolated"
        f" {run.metric}; grey ones have none. Point at a line to bring it out, drag over an axis to"
        f" keep the trials within that range.{below * branches}{cut}"
    )
    spec = chart(lines, labels, metric=run.metric, better=run.spec["mode"])
    title = "The search space, trial by trial"
    yield Picture(name="parallel", title=title, note=note, spec=spec, section=SECTION)


def parallel(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lines and labels of the parallel coordinates: ``trial, index, place, name, text, score,
    state`` with one row per search trial and axis, and ``index, place, text``.

    ``score``: the metric at full length, extrapolated for stopped trials where that can be done;
    missing for the others. At most 300 trials, every so many-th by score beyond.
    """
    found = evidence(run)
    score = _scores(found, run.spec["mode"] == "max")
    shown = _thinned(score, run.spec["mode"] == "max")
    places = {key: _places(run, found, key) for key in run.parameters}
    axes = [
        _axis(run, place, key, found.settings[key], *places[key])
        for place, key in enumerate(run.parameters)
    ]
    last = len(axes)
    line = pd.DataFrame(
        {"trial": score.index, "index": last, "place": _unit(score), "name": run.metric}
    )
    lines = pd.concat(
        [*(line for line, _ in axes), line.assign(text=rounded(score))], ignore_index=True
    )
    lines = lines[lines["trial"].isin(shown) & lines["place"].notna()]
    lines = lines.assign(score=lines["trial"].map(score), state=lines["trial"].map(found.ended))
    labels = pd.concat(
        [*(label for _, label in axes), _score_labels(score, last, run.metric)], ignore_index=True
    )
    return lines.sort_values(["trial", "index"], ignore_index=True), labels


def _scores(found: Evidence, higher: bool) -> pd.Series:
    values = found.values[found.full]
    if can_extrapolate(found, higher):
        values = values.fillna(at_full_length(found, higher)["value"])
    return values.rename("score")


def _thinned(score: pd.Series, higher: bool) -> list[str]:
    ordered = score.sort_values(ascending=not higher, kind="stable").index
    return list(ordered[:: max(1, -(-len(ordered) // MOST_LINES))])


def _places(run: Run, found: Evidence, key: str) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Where each trial lies along the axis, 0 to 1, and what stands along it. Below it are those
    that do not have the parameter.
    """
    places, marks = _along(run, found, key)
    there = is_there(found.settings[key])
    return np.where(there, places, BELOW), [*marks, *([] if there.all() else [(BELOW, MISSING)])]


def _along(run: Run, found: Evidence, key: str) -> tuple[np.ndarray, list[tuple[float, str]]]:
    domain, column = found.space[key], found.settings[key]
    if "values" in domain:
        order = {identity(value): place for place, value in enumerate(domain["values"])}
        steps = max(1, len(order) - 1)
        marks = [
            (place / steps, label(run, key, value)) for place, value in enumerate(domain["values"])
        ]
        places = (
            np.array([order.get(identity(value), np.nan) for value in column], dtype=float) / steps
        )
        apart = np.arange(len(column)) * GOLDEN % 1 - 0.5
        return places + apart * min(SPREAD, 0.5 / steps), marks[:MOST_LABELS]
    ends = positions(domain, pd.Series([domain["low"], domain["high"]]))
    marks = [(0.0, label(run, key, domain["low"])), (1.0, label(run, key, domain["high"]))]
    return (positions(domain, column) - ends[0]) / ((ends[1] - ends[0]) or 1.0), marks


def _axis(
    run: Run,
    number: int,
    key: str,
    column: pd.Series,
    places: np.ndarray,
    marks: list[tuple[float, str]],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    texts = [label(run, key, value) for value in column]
    lines = pd.DataFrame(
        {"trial": column.index, "index": number, "place": places, "name": key, "text": texts}
    )
    labels = pd.DataFrame(
        [(number, place, text) for place, text in [*marks, (NAMES_AT, key)]],
        columns=["index", "place", "text"],
    )
    return lines, labels


def _unit(score: pd.Series) -> np.ndarray:
    values = score.to_numpy(dtype=float)
    known = values[np.isfinite(values)]
    values = np.log10(values) if is_wide(known) and known.min() > 0 else values
    low, high = (np.nanmin(values), np.nanmax(values)) if len(known) else (0.0, 1.0)
    return (values - low) / ((high - low) or 1.0)


def _score_labels(score: pd.Series, number: int, metric: str) -> pd.DataFrame:
    ends = list(enumerate(rounded([score.min(), score.max()]))) if score.notna().any() else []
    return pd.DataFrame(
        [(number, float(place), text) for place, text in [*ends, (NAMES_AT, metric)]],
        columns=["index", "place", "text"],
    )


def chart(lines: pd.DataFrame, labels: pd.DataFrame, *, metric: str, better: str) -> Spec:
    """A line per trial over one axis per parameter and one for the metric, coloured by the metric.

    Pointing at a line brings it out; dragging over an axis keeps the trials within that range of
    it. ``lines``: ``trial, index`` (of the axis, from 0), ``place`` (0 to 1 along it), ``name,
    text`` (of the axis, of the value), ``score`` (may be missing), ``state``, one row per trial and
    axis; ``labels``: ``index, place, text``, what stands along the axes, and the names of the axes
    at place 1.15. ``better``: "max" or "min".
    """
    axes, lowest = int(labels["index"].max()) + 1, min(-0.1, labels["place"].min() - 0.05)
    at = {"on": "pointerover", "clear": "pointerout", "nearest": True}
    hover = alt.selection_point(name="hover", fields=["trial"], empty=False, **at)
    brush = alt.selection_interval(name="brush", encodings=["x", "y"])
    across = alt.X("index:Q", axis=None, scale=alt.Scale(domain=[-0.35, axes - 0.65], nice=False))
    up = alt.Y("place:Q", axis=None, scale=alt.Scale(domain=[lowest, top(labels)], nice=False))
    base = alt.Chart(alt.NamedData(name="lines")).transform_calculate(kept=_KEPT)
    base = base.transform_joinaggregate(shown="min(kept)", groupby=["trial"]).encode(
        x=across, y=up, detail="trial:N"
    )
    hues = scale(lines["score"], scheme="viridis", reverse=better == "min")
    form = axis(lines["score"]).format
    legend = alt.Legend(title=metric, format=form, gradientLength=200, orient="bottom")
    colour = alt.Color("score:Q", scale=hues, legend=legend)
    completed = alt.datum["state"] == "completed"
    pointed = {"param": "hover", "empty": False}
    faint, clear = (
        {
            "condition": [{**pointed, "value": 1}, {"test": "datum.shown < 1", "value": hidden}],
            "value": seen,
        }
        for hidden, seen in ((0.03, 0.35), (0.05, 0.95))
    )
    width = {"condition": {**pointed, "value": 4}, "value": 1.4}
    tip = tips(trial="trial", name="parameter", text="value", known=metric, state="state")
    lost = _line(base.transform_filter(absent("score")), faint, width).encode(
        color=alt.value(NOTHING)
    )
    young = _line(base.transform_filter((present("score")) & ~completed), faint, width).encode(
        color=colour
    )
    whole = _line(base.transform_filter((present("score")) & completed), clear, width).encode(
        color=colour
    )
    points = (
        base.mark_circle(size=60, opacity=1, fillOpacity=0)
        .encode(tooltip=tip)
        .add_params(hover, brush)
    )
    scored, ended = lines["score"].notna(), lines["state"] == "completed"
    # A layer without data would have no extent to colour by.
    there = [
        layer
        for layer, rows in ((lost, ~scored), (young, scored & ~ended), (whole, scored & ended))
        if rows.any()
    ]
    rules, *texts = axes_of(labels, across, up)
    layers = alt.layer(rules, *there, *texts, points)
    frame = lines.assign(known=rounded(lines["score"]))
    layers = layers.properties(width=AXIS * axes, height=320, view=alt.ViewConfig(stroke=None))
    return spec_of(layers, lines=frame, labels=labels)


# A point is kept unless the brush covers its axis and not its place; a trial is shown while all its
# points are kept.
_KEPT = (
    "!brush.index || datum.index < brush.index[0] || datum.index > brush.index[1] ||"
    " inrange(datum.place, brush.place) ? 1 : 0"
)


def _line(base: Layer, opacity: dict[str, Any], width: dict[str, Any]) -> Layer:
    line = base.mark_line(interpolate="linear", opacity=1).encode(order="index:Q")
    line.encoding.strokeOpacity = opacity
    line.encoding.strokeWidth = width
    return line
