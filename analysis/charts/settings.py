"""Mean of the metric and share of solved seeds of each setting: cells over two parameters, else a
line per setting.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import altair as alt
import pandas as pd

from analysis.charts.axes import axis, measured, scale
from analysis.charts.layout import (
    is_gridded,
    shown_settings,
    shown_words,
    texts_of,
)
from analysis.charts.picture import Picture
from analysis.charts.spec import spec_of
from analysis.charts.style import BLUE, FACTS, Spec, distinct, tips, with_texts
from analysis.records.load import Run
from analysis.stats.findings import Findings
from analysis.stats.labels import descriptions
from analysis.text.rounding import number

LINES = 60  # so many settings fit below each other on a page


def draw(findings: Findings) -> Iterator[Picture]:
    """The mean and, where the study says what solved means, the share of solved seeds."""
    if not findings.tells_settings:
        return
    run, summary = findings.searched, findings.summary
    shown = shown_settings(run, summary, LINES)
    facts = heat_facts(run, summary.loc[shown])
    cut = shown_words(shown, summary)
    yield _mean(run, facts, cut)
    if "solved" in facts:
        yield _solved(run, facts, cut)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What is drawn of each setting: the columns ``value`` and ``limits`` of ``heat_facts``, their
    titles, the lowest and the highest value of the colours, and which end of them is light: that of
    the ``better`` values, "max" or "min".
    """

    value: str
    limits: tuple[str, str]
    title: str
    limits_title: str
    domain: list[float]
    better: str

    def tips(self) -> list[alt.Tooltip]:
        texts = tips(label="setting", text=self.title, limits=self.limits_title)
        return [*texts, alt.Tooltip("n:Q", title="seeds")]


def _mean(run: Run, facts: pd.DataFrame, cut: str) -> Picture:
    light = "; light is better" if is_gridded(run) else ", with its 95 % interval"
    note = f"Mean of the {run.metric} over the seeds of each setting at the last epoch{light}.{cut}"
    figure = Figure(
        value="mean",
        limits=("low", "high"),
        title=f"mean {run.metric}",
        limits_title="95 % interval",
        domain=[float(facts["mean"].min()), float(facts["mean"].max())],
        better=run.mode,
    )
    spec = _chart(run, facts, figure)
    return Picture(name="mean", title=f"Mean {run.metric}", note=note, spec=spec)


def _solved(run: Run, facts: pd.DataFrame, cut: str) -> Picture:
    sign = "at least" if run.higher_is_better else "at most"
    note = (
        f"Share of the seeds whose {run.metric} is {sign} {number(run.spec['target'], 6)} at the"
        f" last epoch.{cut}"
    )
    figure = Figure(
        value="solved",
        limits=("solved_low", "solved_high"),
        title="share solved",
        limits_title="95 % interval (Wilson)",
        domain=[0, 1],
        better="max",
    )
    spec = _chart(run, facts, figure)
    return Picture(name="solved", title="Share of seeds solved", note=note, spec=spec)


def heat_facts(run: Run, summary: pd.DataFrame) -> pd.DataFrame:
    """One row per setting that has results: ``x, y`` (values of the first two parameters, as text),
    ``label, mean, low, high, std, n`` and, where the study says what solved means, ``solved,
    solved_low, solved_high`` (95 % Wilson interval, ``scipy.stats.binomtest``).
    """
    known = summary[summary["n"] > 0]
    first, second = (run.parameters * 2)[:2]
    texts = {
        "x": texts_of(run, known, first),
        "y": texts_of(run, known, second),
        "label": descriptions(run, known),
    }
    columns = {
        f"{run.metric}_mean": "mean",
        "ci_low": "low",
        "ci_high": "high",
        f"{run.metric}_std": "std",
        "n": "n",
    } | {name: name for name in ("solved", "solved_low", "solved_high") if name in known}
    numbers = known[list(columns)].rename(columns=columns)
    return pd.DataFrame(texts, index=known.index, dtype=object).join(numbers)


def _chart(run: Run, facts: pd.DataFrame, figure: Figure) -> Spec:
    frame = with_texts(facts, figure.value, figure.limits)
    return heat_map(frame, figure, run.parameters) if is_gridded(run) else dots(frame, figure)


def heat_map(facts: pd.DataFrame, figure: Figure, parameters: list[str]) -> Spec:
    """Cells over two parameters. ``facts``: those of ``heat_facts`` ``with_texts``."""
    values, (low, high) = facts[figure.value], figure.domain
    middle = low + 0.6 * (high - low)
    dark = values < middle if figure.better == "max" else values > (low + high) - middle
    frame = facts.assign(dark=dark)
    x, y = (
        channel(
            f"{field}:N",
            sort=distinct(frame[field]),
            title=title,
            axis=alt.Axis(labelAngle=0, grid=False),
        )
        for field, channel, title in zip(("x", "y"), (alt.X, alt.Y), parameters, strict=True)
    )
    base = alt.Chart(FACTS).encode(x=x, y=y, tooltip=figure.tips())
    colours = scale(values, scheme="viridis", domain=[low, high], reverse=figure.better == "min")
    legend = alt.Legend(title=figure.title, format=axis(values).format, gradientLength=150)
    cells = base.mark_rect().encode(
        color=alt.Color(f"{figure.value}:Q", scale=colours, legend=legend)
    )
    ink = alt.condition(alt.datum.dark, alt.value("white"), alt.value("black"))
    text = base.mark_text(fontSize=13).encode(text="text:N", color=ink)
    size = {"width": 84 * frame["x"].nunique(), "height": 44 * frame["y"].nunique()}
    return spec_of((cells + text).properties(**size), facts=frame)


def dots(facts: pd.DataFrame, figure: Figure) -> Spec:
    """One line per setting: a dot for its value, a line for the limits. ``facts``: those of
    ``heat_facts`` ``with_texts``.
    """
    low, high = figure.limits
    drawn = [facts[name] for name in (figure.value, low, high)]
    place = alt.Y("label:N", sort=list(facts["label"]), title=None, axis=alt.Axis(labelLimit=400))
    base = alt.Chart(FACTS).encode(y=place, tooltip=figure.tips())
    lines = base.mark_rule(color=BLUE, strokeWidth=2).encode(
        x=alt.X(f"{low}:Q", title=figure.title), x2=f"{high}:Q"
    )
    marks = base.mark_circle(color=BLUE, size=70, opacity=1).encode(
        x=alt.X(f"{figure.value}:Q", **measured(figure.title, *drawn, ticks=6))
    )
    layers = alt.layer(lines, marks) if facts[low].notna().any() else marks
    return spec_of(layers.properties(width=480, height={"step": 20}), facts=facts)
