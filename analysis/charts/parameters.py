"""Each parameter of a search against the metric."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charts.axes import tick_format
from analysis.charts.ends import (
    GOLDEN,
    LOOKS,
    colour,
    completed_last,
    mark,
    shown_trials,
    up,
    value_limits,
)
from analysis.charts.picture import Picture
from analysis.charts.rungs import trial_lengths
from analysis.charts.spec import spec_of
from analysis.charts.style import Spec, distinct, tips
from analysis.records.load import Run
from analysis.records.schema import Status
from analysis.stats.fidelity import is_there
from analysis.stats.findings import Findings
from analysis.stats.identity import identity
from analysis.stats.labels import label
from analysis.text.format import listing
from analysis.text.rounding import floats, rounded

PANEL_WIDTH, PANEL_HEIGHT, ABREAST = 250, 170, 3
MOST_DOTS = 500


def draw(findings: Findings) -> Iterator[Picture]:
    """A panel per parameter, a mark per trial."""
    if findings.search is None:
        return
    run = findings.run
    facts = parameter_facts(run)
    if facts["trial"].nunique() < 2:
        return
    ended = set(facts["status"]) - {Status.COMPLETED}
    early = (
        f" Those that were {listing(state for state in LOOKS if state in ended)} stand at the value"
        " they ended with, which is no score."
        if ended
        else ""
    )
    edge = " Without a value they stand at the worse edge." if facts["value"].isna().any() else ""
    listed = facts["number"].isna().any()
    sideways = " Trials of one listed value are spread sideways, to be seen." if listed else ""
    note = (
        f"Each trial of the search by its value of the parameter and its {run.metric} at its last"
        f" epoch.{sideways}{early}{edge}"
    )
    spec = chart(facts, space=run.spec["space"], metric=run.metric, limits=value_limits(run))
    yield Picture(name="parameters", title=f"Parameters and {run.metric}", note=note, spec=spec)


def parameter_facts(run: Run, most: int = MOST_DOTS) -> pd.DataFrame:
    """One row per parameter and search trial that has an epoch (at most ``most`` trials):
    ``parameter, trial, status, epoch`` (its last one), ``value`` (mean of the metric there), ``y``
    (the same, kept within ``value_limits``: trials without a value stand at the worse edge), and of
    the parameter's value ``text``, ``number`` (missing for lists of values), ``place`` (in the
    list, from 0; missing for ranges), ``spread`` (0 to 1, to set trials of equal values apart).
    """
    ends = trial_lengths(run, shown_trials(run, most)).drop(columns="label")
    chosen = run.trials.set_index("trial").loc[ends["trial"], run.parameters]
    low, high = value_limits(run)
    edge = low if run.higher_is_better else high
    ends["y"] = ends["value"].clip(low, high).fillna(edge)
    parts = []
    for key in run.parameters:
        there = is_there(chosen[key])  # a parameter that a trial does not have has no row of it
        values = _of_values(run, key, chosen.loc[there, key])
        parts.append(ends[there].assign(parameter=key, **values))
    facts = pd.concat(parts, ignore_index=True)
    facts["spread"] = facts.groupby(["parameter", "text"]).cumcount() * GOLDEN % 1
    return facts


def _of_values(run: Run, key: str, values: pd.Series) -> dict[str, Any]:
    domain = run.spec["space"][key]
    listed = {identity(value): place for place, value in enumerate(domain.get("values", []))}
    places = [float(listed.get(identity(value), len(listed))) for value in values]
    return {
        "text": [label(run, key, value) for value in values],
        "number": floats(values) if "low" in domain else np.nan,
        "place": np.nan if "low" in domain else places,
    }


def chart(
    facts: pd.DataFrame, *, space: Mapping[str, Any], metric: str, limits: tuple[float, float]
) -> Spec:
    """A panel per parameter: its value in each trial against the metric. ``facts`` as
    ``parameter_facts`` gives them; ``space`` as in ``study.json``. Strips set trials
    of equal values apart.
    """
    frame = completed_last(facts.assign(said=rounded(facts["value"])))
    look = {"color": colour(frame), "shape": mark(frame)}
    panels, frames = [], {}
    for place, key in enumerate(distinct(facts["parameter"])):
        rows = frame[frame["parameter"] == key]
        name = f"facts{place}"
        shown = [
            *tips(trial="trial", text=key, said=metric, status="ended"),
            alt.Tooltip("epoch:Q", title="last epoch"),
        ]
        marks = alt.Chart(alt.NamedData(name=name)).mark_point(
            filled=True, size=42, opacity=1, fillOpacity=0.85
        )
        height = up("y:Q", metric, frame["y"], limits)
        panels.append(
            marks.encode(
                **_across(rows, key, space[key]), y=height, **look, tooltip=shown
            ).properties(width=PANEL_WIDTH, height=PANEL_HEIGHT)
        )
        across = "number" if "low" in space[key] else "spread"
        frames[name] = rows[[*_DRAWN, across]]
    joint = alt.concat(*panels, columns=ABREAST, spacing=28).resolve_scale(
        color="shared", shape="shared", xOffset="independent"
    )
    return spec_of(joint, **frames)


# Columns of each panel; the others would double the page.
_DRAWN = ["trial", "status", "epoch", "y", "said", "text"]


def _across(rows: pd.DataFrame, key: str, domain: Mapping[str, Any]) -> dict[str, Any]:
    if "low" in domain:
        ends = float(domain["low"]), float(domain["high"])
        return {"x": alt.X("number:Q", title=key, **_range(*ends, bool(domain.get("log"))))}
    order = distinct(rows.sort_values("place", kind="stable")["text"])
    step = PANEL_WIDTH / len(order)
    names = alt.Axis(labelAngle=0, labelLimit=PANEL_WIDTH / max(2, len(order)), grid=False)
    spread = alt.Scale(domain=[0, 1], range=[0.2 * step, 0.8 * step])
    return {
        "x": alt.X("text:N", sort=order, title=key, axis=names, scale=alt.Scale(padding=0)),
        "xOffset": alt.XOffset("spread:Q", scale=spread),
    }


def _range(low: float, high: float, log: bool) -> dict[str, Any]:
    """Scale and axis of a parameter drawn from a range; a logarithmic one is marked at powers of
    ten, if it holds two.
    """
    options = {"domain": [low, high], "nice": False, "padding": 6}
    powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1) if log else []
    ticks = {"values": [10.0**power for power in powers]} if len(powers) > 1 else {"tickCount": 4}
    form = "~g" if log else tick_format([low, high])
    kind = {"type": "log"} if log else {"zero": False}
    return {
        "scale": alt.Scale(**options, **kind),
        "axis": alt.Axis(format=form, labelOverlap=True, **ticks),
    }
