"""How arms are told apart in pictures."""

import altair as alt
import pandas as pd

from analysis.charts.spec import spec_of
from analysis.charts.style import COLOURS, Layer, Spec, cycle, distinct, with_texts
from analysis.stats.compared import Compared

SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]


def axis_title(what: Compared, metric: str = "") -> str:
    """A metric, the first one unless given, with its unit."""
    return f"{metric or what.metrics[0]}{' (%)' if what.percent else ''}"


def cut_words(what: Compared, facts: pd.DataFrame) -> str:
    """A sentence where an interval of percentages reaches past what there is."""
    past = (facts["low"] < 0).any() or (facts["high"] > 100).any()
    return " Intervals are cut off at 0 and 100 %." if what.percent and past else ""


def named_arms(facts: pd.DataFrame, what: Compared) -> pd.DataFrame:
    """The facts with the names of the arms, the mean and its limits as texts. ``low, high`` of
    percentages end at 0 and 100, their texts do not.
    """
    named = facts.assign(arm=facts["arm"].map(what.name))
    named = with_texts(named, "mean", ("low", "high"))
    return named.assign(**named[["low", "high"]].clip(0, 100)) if what.percent else named


def by_arm(frame: pd.DataFrame) -> tuple[alt.Color, alt.Shape]:
    arms = distinct(frame["arm"])
    legend = alt.Legend(title=None, orient="top", symbolOpacity=1, symbolFillColor=None)
    colour, shape = (
        channel("arm:N", scale=cycle(arms, looks), sort=arms, legend=legend)
        for channel, looks in ((alt.Color, COLOURS), (alt.Shape, SHAPES))
    )
    return colour, shape


def in_panels(chart: Layer, frame: pd.DataFrame) -> Spec:
    """One panel per combination of the other parameters, where the study has any."""
    places = distinct(frame["at"])
    if len(places) > 1:
        header = alt.Header(title=None, labelLimit=400)
        facet = alt.Facet("at:N", sort=places, title=None, header=header)
        chart = chart.facet(facet=facet, columns=1)
    return spec_of(chart, facts=frame)
