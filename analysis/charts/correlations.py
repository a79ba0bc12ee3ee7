"""How each parameter goes with the metric, epoch by epoch."""

from collections.abc import Iterator

import altair as alt
import pandas as pd

from analysis.charts.picture import Picture
from analysis.charts.related import ROW, SECTION, differs, naive_words, over_bars, rows_of, worded
from analysis.charts.spec import spec_of
from analysis.charts.style import COLOURS, FACTS, Layer, Spec, distinct, tips
from analysis.numerics.association import ETA, PEARSON
from analysis.stats.correlation import EXTRAPOLATED, has_coefficients
from analysis.stats.findings import Findings

SIDES = {"Spearman, -1 to 1": COLOURS[0], "eta, 0 to 1": COLOURS[2]}
PANEL = 210


def draw(findings: Findings) -> Iterator[Picture]:
    """A bar per parameter in a panel per epoch."""
    if not has_coefficients(findings.correlations):
        return
    facts = bars(findings.correlations)
    note = (
        "Each panel compares the trials that reached that epoch, by their values there. Lines: 95"
        f" % interval.{naive_words(facts)}"
    )
    title = "How the parameters go with the metric"
    yield Picture(name="correlations", title=title, note=note, spec=chart(facts), section=SECTION)


def bars(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``correlation.correlations`` to draw: ``panel, label, method, coefficient, low,
    high, n, naive``.

    One panel per rung and one for the full length: the extrapolated evidence where there is such.
    ``naive`` is missing but in the last panel, and there where it lies within 0.05 of the
    coefficient.
    """
    full, extrapolated = table["epoch"].max(), table["evidence"] == EXTRAPOLATED
    quotable = extrapolated | (table["epoch"] < full) | ~extrapolated.any()
    drawn = table[(table["method"] != PEARSON) & quotable]
    # A parameter that some trials lack has fewer.
    trials = drawn.groupby(["epoch", "evidence"])["n"].transform("max")
    panels = zip(drawn["epoch"], drawn["evidence"], trials, strict=True)
    apart = (drawn["epoch"] == full) & differs(drawn["coefficient"], drawn["naive"])
    facts = drawn.assign(
        panel=[_panel(*panel) for panel in panels],
        label=drawn["parameter"],
        naive=drawn["naive"].where(apart),
    ).sort_values("epoch", kind="stable", ignore_index=True)
    return facts[["panel", "label", "method", "coefficient", "low", "high", "n", "naive"]]


def _panel(epoch: int, evidence: str, trials: int) -> str:
    how = ", extrapolated" if evidence == EXTRAPOLATED else ""
    return f"epoch {epoch}{how} (n = {trials:,})"


def chart(facts: pd.DataFrame) -> Spec:
    """A bar per parameter from 0 to its coefficient with its interval, one panel per epoch, naive
    coefficients as hollow circles. ``facts`` as ``bars`` gives them.
    """
    signed, unsigned = SIDES
    frame, title = worded(facts, "coefficient"), "coefficient"
    is_eta = facts["method"] == ETA
    frame["side"] = is_eta.map({True: unsigned, False: signed})
    rows = rows_of(frame)
    base = rows.encode(
        tooltip=tips(
            label="parameter",
            side="coefficient",
            text="value",
            limits="95 % interval",
            n="trials",
            known="from last values",
        )
    )
    across = alt.X(
        "coefficient:Q",
        title=title,
        scale=alt.Scale(domain=[0 if is_eta.all() else -1, 1], nice=False),
        axis=alt.Axis(values=[-1, -0.5, 0, 0.5, 1], format="~g"),
    )
    colour = alt.Color(
        "side:N",
        scale=alt.Scale(domain=list(SIDES), range=list(SIDES.values())),
        legend=alt.Legend(title=None, orient="top"),
    )
    drawn = base.mark_bar(opacity=0.55, size=14).encode(x=across, color=colour)
    zero = rows.mark_rule(strokeWidth=1, opacity=0.6).encode(x=alt.datum(0))
    layers = alt.layer(drawn, zero, *over_bars(base, frame, title), data=FACTS)
    return spec_of(
        _panels(layers.properties(width=PANEL, height={"step": ROW}), frame), facts=frame
    )


def _panels(layers: Layer, frame: pd.DataFrame) -> Layer:
    panels = distinct(frame["panel"])
    header = alt.Header(
        title=None, labelLimit=PANEL + 20, labelAnchor="start", labelFontWeight="bold"
    )
    facet = alt.Facet("panel:N", sort=panels, title=None, header=header)
    return layers.facet(facet=facet, columns=3, spacing=18)
