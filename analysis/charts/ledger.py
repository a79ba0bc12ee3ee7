"""Where the time of the slots went, as one bar."""

from collections.abc import Iterator

import altair as alt
import pandas as pd

from analysis.charts.picture import Picture
from analysis.charts.spec import spec_of
from analysis.charts.style import COLOURS, FACTS, Spec, tips
from analysis.stats.findings import Findings
from analysis.stats.spending import slot_ledger
from analysis.text.format import amount_words
from analysis.text.rounding import percent

COLOUR = {
    "start-up": COLOURS[3],
    "data": COLOURS[4],
    "training": COLOURS[0],
    "evaluation": COLOURS[2],
    "checkpoints": COLOURS[5],
    "reporting": COLOURS[1],
    "failed attempts": "#8b5a2b",
    "idle slots": "#999999",
}
"""Of each part, in words, in the order of the bar."""


def draw(findings: Findings) -> Iterator[Picture]:
    """The bar of a run that recorded it."""
    ledger = slot_ledger(findings.run)
    if ledger.empty:
        return
    note = (
        "The time of all slots, from the start of each session to the last word of its trials: what"
        " the process in a slot did, and how long it had no trial."
    )
    facts = ledger.assign(name=list(COLOUR))
    yield Picture(
        name="ledger", title="Where the time went", note=note, spec=chart(facts), section="machine"
    )


def chart(facts: pd.DataFrame) -> Spec:
    """A bar of parts. ``facts``: rows of ``slot_ledger``, with ``name``, a key of ``COLOUR``."""
    frame = facts[facts["seconds"] > 0]
    frame = frame.assign(
        text=[percent(share, 0) for share in frame["share"]],
        span=[amount_words("seconds", seconds) for seconds in frame["seconds"]],
        place=range(len(frame)),
    )
    names = list(frame["name"])
    colour = alt.Color(
        "name:N",
        scale=alt.Scale(domain=names, range=[COLOUR[name] for name in names]),
        legend=alt.Legend(title=None, orient="top", symbolOpacity=1),
    )
    bar = (
        alt.Chart(FACTS)
        .mark_bar()
        .encode(
            x=alt.X("share:Q", stack=True, title="share of the time", axis=alt.Axis(format="%")),
            color=colour,
            order=alt.Order("place:Q"),
            tooltip=tips(name="part", text="share", span="time of slots"),
        )
    )
    return spec_of(bar.properties(width=620, height=44), facts=frame)
