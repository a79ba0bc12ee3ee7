"""Means over the seeds by epoch, with their bands."""

import math
from collections.abc import Iterator
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charts.axes import measured
from analysis.charts.layout import header, panels, shown_settings, shown_words
from analysis.charts.picture import Picture
from analysis.charts.spec import spec_of
from analysis.charts.style import COLOURS, FACTS, Spec, cycle, distinct, tips
from analysis.records.load import Run
from analysis.stats.findings import Findings
from analysis.stats.tables import completed_epochs

EPOCHS = 100


def draw(findings: Findings) -> Iterator[Picture]:
    """The learning curve of each setting."""
    if not findings.tells_settings:
        return
    run = findings.searched
    shown = shown_settings(run, findings.summary)
    facts = learning_curves(run, shown)
    note = (
        "Mean over the seeds of the completed trials; one that ended early stays at its last"
        " value. The band is the 95 % t interval of that mean, not the spread of the"
        f" seeds.{shown_words(shown, findings.summary)}"
    )
    if facts["epoch"].nunique() > 1:
        spec = chart(facts, metric=run.metric)
        yield Picture(name="curves", title="Learning curves", note=note, spec=spec)


def learning_curves(run: Run, shown: list[int]) -> pd.DataFrame:
    """One row per setting and epoch (at most about 100 epochs of each): ``panel, colour, label,
    epoch, mean, low, high, n``.

    Mean over the seeds of completed trials, which stay as they were once they have ended;
    ``low, high``: 95 % t interval of the mean (``scipy.stats.t``), missing for one seed.
    """
    epochs = carried_on(completed_epochs(run))
    last = int(epochs["epoch"].max()) if len(epochs) else 0
    drawn = epochs[
        epochs["setting"].isin(shown)
        & ((last - epochs["epoch"]) % math.ceil(max(last, 1) / EPOCHS) == 0)
    ]
    facts = means_by_epoch(drawn.groupby(["setting", "epoch"])[run.metric], run.folds)
    facts = facts.reset_index("epoch")
    return panels(run)[["panel", "colour", "label"]].join(facts, how="inner").reset_index(drop=True)


def carried_on(epochs: pd.DataFrame) -> pd.DataFrame:
    """Rows as ``Run.epochs`` has them, of completed trials: those of a trial that ended itself
    early with its last values at every later epoch, so that means by epoch are of the same trials.
    """
    last = epochs.groupby("trial")["epoch"].max()
    early = last[last < last.max()]
    if early.empty:
        return epochs
    ends = epochs[epochs["epoch"] == epochs["trial"].map(early)]
    later = ends.drop(columns="epoch").merge(epochs[["epoch"]].drop_duplicates(), how="cross")
    later = later[later["epoch"] > later["trial"].map(early)]
    return pd.concat([epochs, later], ignore_index=True)


def means_by_epoch(values: Any, folds: int = 1) -> pd.DataFrame:
    """``mean, low, high, n`` of each group of a grouped column that holds a number; ``low, high``:
    as ``learning_curves``; ``folds``: as for ``intervals.error_of_mean``.
    """
    from scipy import stats

    facts = values.agg(["mean", "sem", "count"])
    facts = facts[facts["count"] > 0]  # a metric may be there at some epochs only
    shared = np.sqrt(1 + facts["count"] / (folds - 1)) if folds > 1 else 1.0
    reach = facts["sem"] * shared * stats.t.ppf(0.975, np.maximum(facts["count"] - 1, 1))
    facts = facts.assign(low=facts["mean"] - reach, high=facts["mean"] + reach, n=facts["count"])
    return facts[["mean", "low", "high", "n"]]


def chart(facts: pd.DataFrame, *, metric: str) -> Spec:
    """Mean over the seeds by epoch, with a band. ``facts`` as ``learning_curves`` gives
    them.
    """
    colours, count = distinct(facts["colour"]), facts["panel"].nunique()
    legend = alt.Legend(
        title=None,
        orient="top",
        symbolType="stroke",
        symbolOpacity=1,
        symbolStrokeWidth=3,
        labelLimit=300,
    )
    base = alt.Chart().encode(
        x=alt.X(
            "epoch:Q",
            title="epoch",
            scale=alt.Scale(nice=False),
            axis=alt.Axis(values=whole_ticks(facts["epoch"]), format="d"),
        ),
        color=alt.Color(
            "colour:N",
            scale=cycle(colours, COLOURS),
            legend=legend if len(colours) > 1 else None,
            sort=colours,
        ),
    )
    name = f"mean {metric}"
    along = measured(name, facts["mean"], facts["low"], facts["high"])
    shown = [
        *tips(label="setting"),
        *(alt.Tooltip(f"{field}:Q") for field in ("epoch", "mean", "low", "high", "n")),
    ]
    layers = [
        base.mark_line(strokeWidth=2, point=False).encode(y=alt.Y("mean:Q", **along), tooltip=shown)
    ]
    if facts["low"].notna().any():  # Vega warns of a band without an end
        low = alt.Y("low:Q", title=name, scale=along["scale"])
        layers.insert(0, base.mark_area(opacity=0.2).encode(y=low, y2="high:Q"))
    width, height = (560, 300) if count == 1 else (260, 220 if count <= 3 else 120)
    drawn = alt.layer(*layers, data=FACTS).properties(width=width, height=height)
    if count > 1:
        drawn = drawn.facet(facet=header("panel", facts), columns=3)
    return spec_of(drawn, facts=facts)


def whole_ticks(values: pd.Series, most: int = 6) -> list[int]:
    """Whole numbers between the ends of ``values``, at most so many, a round step apart."""
    low, high = int(values.min()), int(values.max())
    steps = (base * 10**power for power in range(9) for base in (1, 2, 5))
    step = next(step for step in steps if high // step - (low - 1) // step <= most)
    return list(range(-(-low // step) * step, high + 1, step))
