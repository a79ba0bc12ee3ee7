"""What the arms reach against their numbers of weights."""

from collections.abc import Iterator

import altair as alt
import pandas as pd

from analysis.charts.arm_marks import axis_title, by_arm, cut_words, in_panels, named_arms
from analysis.charts.axes import measured
from analysis.charts.picture import Picture
from analysis.charts.style import FACTS, Spec, tips
from analysis.stats.findings import Findings

FEW = 6  # so many different numbers of weights are marked on their axis
LOG_FROM = 5  # numbers of weights that differ by this factor are drawn on a logarithmic axis


def draw(findings: Findings) -> Iterator[Picture]:
    """A dot per arm over its number of weights, where these differ."""
    arms = findings.arms
    if arms is None or not arms.has_results or "parameters" not in arms.costs:
        return
    what, costs = arms.what, arms.costs.dropna(subset=["mean", "parameters"])
    if costs["parameters"].nunique() < 2:
        return
    metric = what.metrics[0]
    note = (
        f"Mean {metric} over the seeds of each arm with its 95 % t interval; either axis may begin"
        f" above 0.{cut_words(what, arms.costs)}"
    )
    columns = ["arm", "at", "mean", "low", "high", "n", "parameters"]
    spec = chart(named_arms(costs[columns], what), title=axis_title(what))
    yield Picture(name="costs", title=f"{metric} against parameters", note=note, spec=spec)


def chart(facts: pd.DataFrame, *, title: str) -> Spec:
    """The metric over the number of weights, a dot per arm with its interval. ``facts``: rows of
    ``cost.arm_costs`` as ``named_arms`` gives them.
    """
    frame = facts.astype({"parameters": float})
    drawn = [frame[name] for name in ("mean", "low", "high")]
    colour, shape = by_arm(frame)
    shown = [
        *tips(arm="arm", text=title, limits="95 % interval", n="seeds"),
        alt.Tooltip("parameters:Q", format=",d"),
    ]
    base = alt.Chart().encode(x=_weights(frame["parameters"]), color=colour, tooltip=shown)
    lines = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=title), y2="high:Q")
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(
        y=alt.Y("mean:Q", **measured(title, *drawn, padding=20)), shape=shape
    )
    layers = [lines, dots] if frame["low"].notna().any() else [dots]
    return in_panels(alt.layer(*layers, data=FACTS).properties(width=420, height=240), frame)


def _weights(weights: pd.Series) -> alt.X:
    least, most = weights.min(), weights.max()
    wide = least > 0 and most >= LOG_FROM * max(1.0, least)
    kind = {"type": "log", "nice": False} if wide else {"zero": False}
    counts = sorted(weights.unique().tolist())
    few = len(counts) <= FEW
    ticks = {"values": counts} if few else {"tickCount": 5}
    return alt.X(
        "parameters:Q",
        title="parameters",
        scale=alt.Scale(**kind, padding=60),
        axis=alt.Axis(format=",d", grid=not few, **ticks),
    )
