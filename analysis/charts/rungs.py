"""Who was stopped at which rung."""

from collections.abc import Iterable, Iterator, Sequence

import altair as alt
import pandas as pd

from analysis.charts.ends import (
    drawn_words,
    setting_labels,
    shown_trials,
    tips_of_trial,
    with_ends,
)
from analysis.charts.picture import Picture
from analysis.charts.spec import spec_of
from analysis.charts.style import FACTS, Spec
from analysis.records.load import Run
from analysis.stats.findings import Findings
from analysis.stats.search_trials import trial_ends
from analysis.text.rounding import rounded

AT_RUNGS = "At a rung the worse trials are stopped."
AT_ANY_EPOCH = (
    "Trials are stopped at any epoch; they are compared with each other at those that are marked."
)


def draw(findings: Findings) -> Iterator[Picture]:
    """A line per trial up to its last epoch, of a study that stops trials."""
    if not findings.one_by_one:
        return
    run = findings.run
    shown, rungs = shown_trials(run), run.rungs
    if shown and rungs:
        note = (
            "One line per trial, in the order in which they began, up to its last epoch."
            f" {AT_ANY_EPOCH if run.judged_anywhere else AT_RUNGS}"
            f"{drawn_words(run, shown)}"
        )
        facts, epochs = trial_lengths(run, shown), int(run.spec["epochs"])
        spec = chart(facts, rungs=rungs, epochs=epochs, metric=run.metric)
        yield Picture(name="rungs", title="Who was stopped where", note=note, spec=spec)


def trial_lengths(run: Run, shown: Iterable[str]) -> pd.DataFrame:
    """One row per trial: ``trial, label, status, epoch`` (its last one), ``value`` (there)."""
    search = run.phase("search")
    ends = trial_ends(search).loc[list(shown)].reset_index()
    return ends[["trial", "status", "epoch", "value"]].assign(
        label=ends["trial"].map(setting_labels(search))
    )


def chart(facts: pd.DataFrame, *, rungs: Sequence[int], epochs: int, metric: str) -> Spec:
    """A line per trial up to its last epoch, rungs as vertical rules. ``facts`` as
    ``trial_lengths`` gives them, in the order from top to bottom; ``epochs``: the full
    length.
    """
    frame = facts.assign(text=rounded(facts["value"]), start=0)
    scale = alt.Scale(domain=[0, epochs], nice=False, padding=8)
    start = alt.X(
        "start:Q",
        title="epoch",
        scale=scale,
        axis=alt.Axis(grid=False, tickMinStep=1, format="d"),
    )
    place = alt.Y(
        "trial:N",
        sort=list(frame["trial"]),
        title="trial",
        axis=alt.Axis(labelFontSize=9, ticks=False),
    )
    base = alt.Chart(FACTS).encode(y=place, tooltip=tips_of_trial("text", metric))
    lines = base.mark_rule(strokeWidth=1.5).encode(x=start, x2="epoch:Q")
    ends = base.mark_point(filled=True, size=45, opacity=1).encode(x=alt.X("epoch:Q", scale=scale))
    posts = alt.Chart(alt.NamedData(name="rungs")).encode(x=alt.X("rung:Q", scale=scale))
    rules = posts.mark_rule(strokeDash=[3, 3], color="gray")
    names = posts.mark_text(dy=-6, baseline="bottom", fontSize=11).encode(
        y=alt.value(0), text="text:N"
    )
    shown = pd.DataFrame({"rung": rungs, "text": [f"rung {rung}" for rung in rungs]})
    layers = with_ends(lines, ends, frame, under=[rules, names])
    return spec_of(layers.properties(width=620, height={"step": 11}), facts=frame, rungs=shown)
