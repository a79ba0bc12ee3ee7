"""The best score so far against what was spent: of a search, and of several runs."""

from collections.abc import Iterator

import altair as alt
import pandas as pd

from analysis.charts.axes import measured
from analysis.charts.ends import LOOKS
from analysis.charts.picture import Picture
from analysis.charts.spec import spec_of
from analysis.charts.style import BLUE, COLOURS, FACTS, Layer, Spec, cycle, distinct, present, tips
from analysis.stats.cost import search_progress
from analysis.stats.findings import Findings
from analysis.stats.runs import Comparison
from analysis.text.rounding import rounded

DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]]


def draw(findings: Findings) -> Iterator[Picture]:
    """The progress of a search."""
    if findings.search is None:
        return
    facts = search_progress(findings.run)
    if len(facts) > 1:
        note = (
            "The best search score so far against the epochs that all trials had spent until then,"
            " those of stopped trials counted, in the order in which the trials ended. Circles are"
            " the scores of completed trials."
        )
        spec = progress_steps(facts, metric=findings.run.metric)
        yield Picture(name="progress", title="Progress of the search", note=note, spec=spec)


def draw_runs(comparison: Comparison) -> Iterator[Picture]:
    """What several runs reached for what they spent."""
    if not comparison.progress["best"].notna().any():
        return
    metric = comparison.metric
    note = (
        f"The best {metric} of completed trials so far, against the epochs that all trials had"
        " spent by then, each counted once per seed. Dots are the scores of single trials. Among"
        " more trials the best one is better by chance alone."
    )
    title = f"Best {metric} against epochs spent"
    spec = best_so_far(comparison.progress, metric=metric)
    yield Picture(name="progress", title=title, note=note, spec=spec, section="progress")


def progress_steps(facts: pd.DataFrame, *, metric: str) -> Spec:
    """The best score so far over the epochs spent, each score a dot. ``facts`` as
    ``cost.search_progress`` gives them.
    """
    frame, best, scores = _steps(facts, metric, "epochs_spent:Q", "epochs spent by all trials")
    line = best.mark_line(interpolate="step-after", color=BLUE, strokeWidth=2)
    dots = scores.mark_point(filled=False, size=40, opacity=1, color=LOOKS["completed"][0])
    shown = [
        *tips(trial="trial", text=metric, top="best so far"),
        alt.Tooltip("epochs_spent:Q", title="epochs spent", format=",d"),
    ]
    layers = alt.layer(line, dots.encode(tooltip=shown))
    return spec_of(layers.properties(width=620, height=240), facts=frame)


def best_so_far(facts: pd.DataFrame, *, metric: str) -> Spec:
    """A step line per run. ``facts``: ``run, network_epochs, best`` (missing before the first
    score), ``score`` (missing for a trial that did not complete), ``trial``.
    """
    frame, best, scores = _steps(facts, metric, "network_epochs:Q", "epochs spent, times seeds")
    runs = distinct(frame["run"])
    legend = alt.Legend(
        title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3, labelLimit=300
    )
    colour = alt.Color("run:N", scale=cycle(runs, COLOURS), legend=legend)
    dash = alt.StrokeDash("run:N", scale=cycle(runs, DASHES), legend=legend)
    lines = best.mark_line(interpolate="step-after", strokeWidth=2.5)
    shown = [
        *tips(run="run", trial="trial", text=metric, top="best so far"),
        alt.Tooltip("network_epochs:Q", title="epochs", format=",d"),
    ]
    dots = scores.mark_circle(size=26, opacity=0.55).encode(color=colour, tooltip=shown)
    layers = alt.layer(dots, lines.encode(color=colour, strokeDash=dash))
    return spec_of(layers.properties(width=680, height=300), facts=frame)


def _steps(
    facts: pd.DataFrame, metric: str, spent: str, title: str
) -> tuple[pd.DataFrame, Layer, Layer]:
    """The facts with their numbers as texts, and the best so far and the scores over what was
    ``spent``.
    """
    frame = facts.assign(text=rounded(facts["score"]), top=rounded(facts["best"]))
    along = measured(metric, frame["score"], frame["best"], padding=8)
    axis = alt.Axis(format=",d", tickCount=8)
    across = alt.X(spent, title=title, axis=axis, scale=alt.Scale(padding=8))
    base = alt.Chart(FACTS).encode(x=across)
    best, scores = (
        base.transform_filter(present(field)).encode(y=alt.Y(f"{field}:Q", **along))
        for field in ("best", "score")
    )
    return frame, best, scores
