"""The trials of a search one by one, by epoch."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import altair as alt
import pandas as pd

from analysis.charts.ends import (
    completed_last,
    drawn_words,
    setting_labels,
    shown_trials,
    tips_of_trial,
    up,
    value_limits,
    with_ends,
)
from analysis.charts.picture import Picture
from analysis.charts.spec import spec_of
from analysis.charts.style import FACTS, Spec
from analysis.records.load import Run
from analysis.stats.findings import Findings
from analysis.stats.search_trials import trial_ends, trial_epochs
from analysis.text.rounding import rounded

EPOCHS = 100
TRAINING, VALIDATION = "loss", "validation_loss"


def draw(findings: Findings) -> Iterator[Picture]:
    """A line per trial."""
    if not findings.one_by_one:
        return
    run = findings.run
    shown = shown_trials(run)
    facts = trial_curves(run, shown)
    if facts["epoch"].nunique() > 1:
        note = (
            f"{run.metric} by epoch, one line per trial of the search (mean over its seeds), its"
            f" end marked by how it ended.{drawn_words(run, shown)}"
        )
        spec = chart(facts, metric=run.metric, limits=value_limits(run))
        yield Picture(name="trials", title="How the trials went", note=note, spec=spec)


def draw_by_loss(findings: Findings) -> Iterator[Picture]:
    """The trials of a search as their validation loss went, where the study compares them by
    another metric and records it.
    """
    run = findings.run
    if findings.search is None or VALIDATION not in run.epochs or run.metric == VALIDATION:
        return
    by_loss = replace(run, spec={**run.spec, "metric": VALIDATION, "mode": "min"})
    facts = trial_curves(by_loss, shown_trials(run))
    if facts["epoch"].nunique() > 1:
        apart = (
            " The space varies the loss itself: only trials of one loss can be compared here."
            if TRAINING in run.parameters
            else ""
        )
        note = (
            f"The same trials as above by their {VALIDATION}; they were compared by"
            f" {run.metric}.{apart}"
        )
        spec = chart(facts, metric=VALIDATION, limits=value_limits(by_loss))
        yield Picture(name="trials_by_loss", title="The trials by loss", note=note, spec=spec)


def trial_curves(run: Run, shown: Iterable[str]) -> pd.DataFrame:
    """One row per trial and epoch (at most about 100 of each): ``trial, label`` (its setting),
    ``status, epoch, value`` (mean of the metric over its seeds), ``last`` (whether it is the
    trial's last epoch).
    """
    search = run.phase("search")
    ends, epochs = trial_ends(search), trial_epochs(search)
    step = -(-ends["epoch"].max() // EPOCHS) if ends["epoch"].any() else 1
    frame = epochs[epochs["trial"].isin(list(shown))].dropna(subset="value")
    final = frame.groupby("trial")["epoch"].transform("max")
    frame = frame.assign(
        last=frame["epoch"] == final,
        label=frame["trial"].map(setting_labels(search)),
        status=frame["trial"].map(ends["status"]),
    )
    columns = ["trial", "epoch", "value", "last", "label", "status"]
    return frame.loc[frame["last"] | (frame["epoch"] % step == 0), columns]


def chart(facts: pd.DataFrame, *, metric: str, limits: tuple[float, float]) -> Spec:
    """A thin line per trial, its end marked. ``facts`` as ``trial_curves`` gives them;
    ``limits``: of the metric's axis.
    """
    frame = completed_last(facts.assign(text=rounded(facts["value"])))
    base = alt.Chart(FACTS).encode(
        x=alt.X(
            "epoch:Q",
            title="epoch",
            scale=alt.Scale(nice=False, zero=False, padding=10),
            axis=alt.Axis(tickMinStep=1, format="d"),
        ),
        y=up("value:Q", metric, frame["value"], limits),
        tooltip=tips_of_trial("text", metric),
    )
    lines = base.mark_line(strokeWidth=1.2, strokeOpacity=0.75).encode(detail="trial:N")
    ends = base.transform_filter(alt.datum["last"]).mark_point(filled=True, size=32, opacity=1)
    layers = with_ends(lines, ends, frame)
    return spec_of(layers.properties(width=620, height=340), facts=frame)
