"""The arms overall and at every part, or by each metric, with published means."""

from collections.abc import Iterator

import altair as alt
import pandas as pd

from analysis.charts.arm_marks import axis_title, by_arm, cut_words, in_panels, named_arms
from analysis.charts.axes import measured
from analysis.charts.picture import Picture
from analysis.charts.style import FACTS, Spec, distinct, present, tips
from analysis.stats.compared import Compared
from analysis.stats.findings import Findings
from analysis.text.rounding import rounded

COLUMNS = ["arm", "at", "metric", "part", "mean", "low", "high", "n", "published"]
LABELS = alt.Axis(labelLimit=400)


def draw(findings: Findings) -> Iterator[Picture]:
    """A dot per arm and part; where the study declares no parts, a picture per metric, which has
    an axis of its own, with a dot per arm and combination of the other parameters.
    """
    if findings.arms is None or not findings.arms.has_results:
        return
    what, means = findings.arms.what, findings.arms.means
    facts = named_arms(means[COLUMNS], what)
    if what.has_parts:
        note = _note(what, means, f", overall and for each {what.part}")
        spec = chart(facts, part=what.part, title=axis_title(what))
        yield Picture(name="parts", title=f"Arms at every {what.part}", note=note, spec=spec)
        return
    for place, metric in enumerate(what.metrics, 1):
        chosen = facts["metric"] == metric
        rows = facts[chosen].assign(part=facts["at"].where(facts["at"] != "", metric), at="")
        spec = chart(rows, part="", title=axis_title(what, metric))
        note, name = _note(what, means[chosen]), f"parts{place if place > 1 else ''}"
        yield Picture(name=name, title=f"Arms by {metric}", note=note, spec=spec)


def _note(what: Compared, means: pd.DataFrame, of: str = "") -> str:
    note = f"Mean over the seeds of each arm with its 95 % t interval{of}; the axis may begin above"
    known = " Hollow marks are published values." if means["published"].notna().any() else ""
    return f"{note} 0.{cut_words(what, means)}{known}"


def chart(facts: pd.DataFrame, *, part: str, title: str) -> Spec:
    """A dot per arm and part with its interval, published means as hollow marks. ``facts``: rows
    of ``arm_means.arm_means`` as ``named_arms`` gives them; ``part``: what a part is called, empty
    where rows are combinations of parameters; ``title``: the metric and its unit.
    """
    frame = facts.assign(known=rounded(facts["published"]))
    arms = distinct(frame["arm"])
    colour, shape = by_arm(frame)
    base = alt.Chart().encode(
        y=alt.Y("part:N", sort=distinct(frame["part"]), title=part or None, axis=LABELS),
        yOffset=alt.YOffset("arm:N", sort=arms),
        color=colour,
        tooltip=tips(arm="arm", part=part or "at", text=title, limits="95 % interval", n="seeds"),
    )
    drawn = [frame[name] for name in ("mean", "low", "high", "published")]
    lines = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title), x2="high:Q")
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(
        x=alt.X("mean:Q", **measured(title, *drawn, ticks=8)), shape=shape
    )
    layers = [lines, dots] if frame["low"].notna().any() else [dots]
    if frame["published"].notna().any():
        marks = base.transform_filter(present("published")).mark_point(
            filled=False, size=60, strokeWidth=1.5, opacity=1
        )
        known = tips(arm="arm", part=part or "at", known="published")
        across = alt.X("published:Q", title=title)
        layers.insert(0, marks.encode(x=across, shape=shape, tooltip=known))
    height = {"step": max(26, 15 * len(arms)), "for": "position"}
    return in_panels(alt.layer(*layers, data=FACTS).properties(width=620, height=height), frame)
