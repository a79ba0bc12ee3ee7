"""The share of each parameter in the metric."""

from collections.abc import Iterator

import altair as alt
import pandas as pd

from analysis.charts.picture import Picture
from analysis.charts.related import ROW, SECTION, differs, naive_words, over_bars, rows_of, worded
from analysis.charts.spec import spec_of
from analysis.charts.style import COLOURS, FACTS, Spec, tips
from analysis.stats.correlation import has_coefficients
from analysis.stats.findings import Findings


def draw(findings: Findings) -> Iterator[Picture]:
    """A bar per parameter, the most important first."""
    table = findings.importances
    if not has_coefficients(findings.correlations) or table.empty:
        return
    facts, first = importance_bars(table), table.iloc[0]
    what = (
        "being among the best tenth"
        if first["method"] == "ped-anova"
        else "the variance of the metric"
    )
    branches = (
        " Of a parameter that some trials do not have: its share among those that have it."
        if table["n"].nunique() > 1
        else ""
    )
    note = (
        f"Share of each parameter in {what} at epoch {first['epoch']}, n = {table['n'].max():,}."
        f"{branches} Lines: middle 80 % over resampled trials.{naive_words(facts)}"
    )
    title = "Which parameters matter"
    yield Picture(name="importances", title=title, note=note, spec=chart(facts), section=SECTION)


def importance_bars(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``importance.importances`` to draw: ``label, importance, low, high, n, naive``
    (missing within 0.05 of ours).
    """
    apart = differs(table["importance"], table["naive"])
    facts = table.assign(label=table["parameter"], naive=table["naive"].where(apart))
    return facts[["label", "importance", "low", "high", "n", "naive"]]


def chart(facts: pd.DataFrame) -> Spec:
    """A bar per parameter, most important first, with its range, naive importances as hollow
    circles. ``facts`` as ``importance_bars`` gives them.
    """
    frame, title = worded(facts, "importance"), "share of the importance"
    shown = tips(
        label="parameter",
        text="importance",
        limits="middle 80 %",
        n="trials",
        known="from last values",
    )
    base = rows_of(frame).encode(tooltip=shown)
    across = alt.X(
        "importance:Q",
        title=title,
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=alt.Axis(tickCount=5, format="~g"),
    )
    bars = base.mark_bar(color=COLOURS[0], opacity=0.55, size=14).encode(x=across)
    layers = alt.layer(bars, *over_bars(base, frame, title), data=FACTS)
    return spec_of(layers.properties(width=420, height={"step": ROW}), facts=frame)
