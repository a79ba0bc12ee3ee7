"""Intervals of differences against the seeds, until their comparison closed."""

from collections.abc import Iterator

import altair as alt
import pandas as pd

from analysis.charts.picture import Picture
from analysis.charts.spec import spec_of
from analysis.charts.style import COLOURS, FACTS, Layer, Spec, distinct, present, tips, with_texts
from analysis.stats.findings import Findings
from analysis.stats.search_trials import claimed
from analysis.stats.settled_table import settled_paths
from analysis.stats.settling import CENSORED, EQUAL, FUTILE, LEFT, LOST, MOST, OPEN, SUPPORTED
from analysis.text.rounding import number

MOST_PANELS = 24
LOOKS = {
    SUPPORTED: ("supported", COLOURS[0]),
    EQUAL: ("smaller than what matters", COLOURS[2]),
    MOST: ("not settled", COLOURS[1]),
    FUTILE: ("not going to be settled", "#7F5FC0"),
    LOST: ("without a number", COLOURS[3]),
    OPEN: ("open", COLOURS[4]),
    CENSORED: ("given up: stopped by hand", COLOURS[5]),
    LEFT: ("left open: one has left the race", "#777777"),
}
"""How a comparison closed: in words, and in which colour."""


def draw(findings: Findings) -> Iterator[Picture]:
    """A panel per comparison, of a run whose seeds stop themselves."""
    table = findings.settled
    if not (len(table) and table["difference"].notna().any()):
        return
    by = claimed(findings.run)
    smallest = by.spec["until_settled"]["smallest"]
    more = f" The first {MOST_PANELS} of {len(table)}." if len(table) > MOST_PANELS else ""
    note = (
        "The difference of each comparison at every look, with the interval that holds at all of"
        f" them; it ends where the comparison closed. Grey: smaller than {number(smallest)} either"
        f" way. A dot without a line has too few seeds for an interval.{more}"
    )
    facts = settled_facts(table.head(MOST_PANELS), settled_paths(by))
    yield Picture(
        name="settled",
        title="How the comparisons were settled",
        note=note,
        spec=chart(facts, smallest=smallest, metric=findings.run.metric),
        section="settled",
    )


def settled_facts(table: pd.DataFrame, paths: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``settled_paths`` of the comparisons in ``table``, with ``comparison`` and
    ``closed``, both in words.
    """
    closed = table["closed"].map(lambda reason: LOOKS[reason][0])
    names = pd.DataFrame({"comparison": table["comparison"], "closed": closed})
    return paths.merge(names, left_on="place", right_index=True).drop(columns="place")


def chart(facts: pd.DataFrame, *, smallest: float, metric: str) -> Spec:
    """A panel per comparison: the difference against the seeds. ``facts``: of ``settled_facts``."""
    known = dict(LOOKS.values())
    ways = [words for words in known if (facts["closed"] == words).any()]
    colour = alt.Color(
        "closed:N",
        scale=alt.Scale(domain=ways, range=[known[words] for words in ways]),
        legend=alt.Legend(title=None, orient="top", symbolOpacity=1, labelLimit=400),
    )
    reach = alt.Scale(domain=[0, 1.04 * float(facts["seeds"].max())], nice=False)
    ticks = alt.Axis(tickMinStep=1)
    across = alt.X("seeds:Q", title="seeds of both settings", axis=ticks, scale=reach)
    title = f"difference of {metric}"
    base = alt.Chart(FACTS).encode(
        x=across,
        color=colour,
        tooltip=tips(comparison="comparison", seeds="seeds", text="difference", limits="interval"),
    )
    lines = base.transform_filter(present("low")).mark_rule(strokeWidth=1.8)
    lines = lines.encode(y=alt.Y("low:Q", title=title), y2="high:Q")
    dots = base.mark_point(filled=True, size=24, opacity=1).encode(
        y=alt.Y("difference:Q", title=title)
    )
    panel = alt.layer(*_grounds(smallest), lines, dots).properties(width=230, height=120)
    header = alt.Header(title=None, labelLimit=260)
    facet = alt.Facet("comparison:N", sort=distinct(facts["comparison"]), title=None, header=header)
    drawn = panel.facet(facet=facet, columns=3)
    return spec_of(drawn, facts=with_texts(facts, "difference", ("low", "high")))


def _grounds(smallest: float) -> tuple[Layer, Layer]:
    """What does not matter, and no difference at all; once in each panel."""
    once = alt.Chart(FACTS).transform_aggregate(rows="count()", groupby=["comparison"])
    band = once.mark_rect(color="#888888", opacity=0.18)
    band = band.encode(y=alt.datum(-smallest), y2=alt.datum(smallest))
    return band, once.mark_rule(color="#888888", strokeWidth=1).encode(y=alt.datum(0))
