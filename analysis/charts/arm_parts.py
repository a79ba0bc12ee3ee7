"""The arms overall and at every part, with published means."""

from collections.abc import Iterator

import altair as alt
import pandas as pd

from analysis.charts.arm_marks import axis_title, by_arm, cut_words, in_panels, named_arms
from analysis.charts.axes import measured
from analysis.charts.picture import Picture
from analysis.charts.style import FACTS, Spec, distinct, present, tips
from analysis.stats.findings import Findings
from analysis.text.rounding import rounded


def draw(findings: Findings) -> Iterator[Picture]:
    """A dot per arm and part."""
    if findings.arms is None or not findings.arms.has_results:
        return
    what, means = findings.arms.what, findings.arms.means
    note = (
        "Mean over the seeds of each arm with its 95 % t interval, overall and for each"
        f" {what.part}; the axis may begin above 0.{cut_words(what, means)}"
    )
    note += " Hollow marks are published values." if means["published"].notna().any() else ""
    columns = ["arm", "at", "part", "mean", "low", "high", "n", "published"]
    spec = chart(named_arms(means[columns], what), part=what.part, title=axis_title(what))
    yield Picture(name="parts", title=f"Arms at every {what.part}", note=note, spec=spec)


def chart(facts: pd.DataFrame, *, part: str, title: str) -> Spec:
    """A dot per arm and part with its interval, published means as hollow marks. ``facts``: rows
    of ``arm_means.arm_means`` as ``named_arms`` gives them; ``part``: what a part is called;
    ``title``: the metric and its unit.
    """
    frame = facts.assign(known=rounded(facts["published"]))
    arms = distinct(frame["arm"])
    colour, shape = by_arm(frame)
    base = alt.Chart().encode(
        y=alt.Y("part:N", sort=distinct(frame["part"]), title=part),
        yOffset=alt.YOffset("arm:N", sort=arms),
        color=colour,
        tooltip=tips(arm="arm", part=part, text=title, limits="95 % interval", n="seeds"),
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
        known = tips(arm="arm", part=part, known="published")
        across = alt.X("published:Q", title=title)
        layers.insert(0, marks.encode(x=across, shape=shape, tooltip=known))
    height = {"step": max(26, 15 * len(arms)), "for": "position"}
    return in_panels(alt.layer(*layers, data=FACTS).properties(width=620, height=height), frame)
