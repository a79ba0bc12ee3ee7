"""Which class is taken for which, one matrix per arm."""

import math
from collections.abc import Iterator

import altair as alt
import pandas as pd

from analysis.charts.axes import TICKS
from analysis.charts.picture import Picture
from analysis.charts.spec import spec_of
from analysis.charts.style import FACTS, Layer, Spec, tips
from analysis.stats.findings import Findings
from analysis.stats.predictions import confusion, recorded_predictions
from analysis.text.rounding import percent


def draw(findings: Findings) -> Iterator[Picture]:
    """Counts over all seeds of each arm, where predictions were recorded."""
    if findings.arms is None or not findings.arms.has_results:
        return
    what = findings.arms.what
    at, arms = recorded_predictions(findings.arms.run, what)
    if not arms:
        return
    seeds = ", ".join(f"{arm.name} {len(arm.predictions)}" for arm in arms)
    note = (
        f"Counts of test images, summed over the seeds of each arm ({seeds}). Colour is the share"
        f" of the true {what.class_name}; right answers, the diagonal, have"
        f" none.{f' At {at}.' if at else ''}"
    )
    spec = chart(pd.concat(map(confusion, arms), ignore_index=True), part=what.class_name)
    title = f"Which {what.class_name} is taken for which"
    yield Picture(name="confusions", title=title, note=note, spec=spec)


def chart(facts: pd.DataFrame, *, part: str) -> Spec:
    """Who is taken for whom, one matrix per arm. ``facts`` as ``predictions.confusion`` gives them,
    one arm after the other: ``arm, true, predicted, count, share``. Right answers are left out of
    the colours, or nothing else would be seen.
    """
    wrong = facts["true"] != facts["predicted"]
    top = float(facts.loc[wrong, "share"].max()) or 1.0
    frame = facts.assign(
        wrong=wrong & (facts["count"] > 0),
        dark=wrong & (facts["share"] > 0.55 * top),
        text=[f"{n:,}" if n else "" for n in facts["count"]],
        told=[percent(share) for share in facts["share"]],
    )
    classes = sorted(frame["true"].unique().tolist())
    matrices = [_matrix(arm, classes, part, top) for arm in dict.fromkeys(facts["arm"])]
    joint = alt.concat(*matrices, columns=2, spacing=40, data=FACTS).resolve_scale(color="shared")
    return spec_of(joint, facts=frame)


def _matrix(arm: str, classes: list[int], part: str, top: float) -> Layer:
    scale = alt.Scale(domain=classes)
    base = alt.Chart().encode(
        x=alt.X(
            "predicted:O",
            title=f"read as {part}",
            scale=scale,
            axis=alt.Axis(labelAngle=0, orient="top"),
        ),
        y=alt.Y("true:O", title=f"true {part}", scale=scale),
        tooltip=tips(arm="arm", true="true", predicted="read as", count="count", told="share"),
    )
    # No expression: names may hold anything.
    base = base.transform_filter(alt.FieldEqualPredicate(field="arm", equal=arm))
    legend = alt.Legend(
        title=f"share of the true {part}, misread",
        format=f".{max(0, -math.floor(math.log10(100 * top / TICKS)))}~%",
        orient="bottom",
        gradientLength=200,
    )
    colour = alt.Color("share:Q", scale=alt.Scale(scheme="blues", domain=[0, top]), legend=legend)
    ink = alt.condition(alt.datum.dark, alt.value("white"), alt.value("black"))
    wrong = base.transform_filter(alt.datum.wrong)
    right = base.transform_filter(alt.datum.true == alt.datum.predicted)
    side = 46 if len(classes) <= 10 else 34
    return alt.layer(
        wrong.mark_rect().encode(color=colour),
        wrong.mark_text(fontSize=11).encode(text="text:N", color=ink),
        right.mark_text(fontSize=11, fontWeight="bold").encode(text="text:N"),
    ).properties(width={"step": side}, height={"step": 0.66 * side}, title=arm)
