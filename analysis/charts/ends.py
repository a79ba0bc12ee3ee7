"""Trials in pictures: how each end state looks, which are drawn, within which limits."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charts.axes import measured
from analysis.charts.style import Layer, tips
from analysis.records.load import Run
from analysis.records.schema import Status
from analysis.stats.labels import descriptions
from analysis.stats.search_trials import trial_ends, trial_epochs
from analysis.text.format import count

LOOKS: dict[str, tuple[str, str, list[int]]] = {  # colour (Okabe and Ito), mark, dashes
    Status.COMPLETED: ("#0072B2", "circle", [1, 0]),
    Status.PRUNED: ("#E69F00", "square", [6, 2]),
    Status.DIVERGED: ("#CC79A7", "triangle-up", [2, 2]),
    Status.STOPPED: ("#777777", "square", [1, 2]),
    Status.FAILED: ("#D55E00", "cross", [8, 2, 2, 2]),
    Status.PAUSED: ("#56B4E9", "triangle-right", [4, 2]),
    Status.UNFINISHED: ("#009E73", "diamond", [1, 3]),
}
LEGEND = alt.Legend(title=None, orient="top", symbolOpacity=1, symbolSize=90, offset=22)
MOST_LINES = 60  # so many trials can be drawn one by one
GOLDEN = 0.618034  # multiples of the golden section modulo 1 never crowd


def shown_trials(run: Run, most: int = MOST_LINES) -> list[str]:
    """The search trials that have an epoch; where there are more than ``most``, so many at even
    distances in the order of their last values, the best and the worst among them: a picture of the
    best alone would hide how trials end.
    """
    ends = trial_ends(run.phase("search"))
    known = ends[ends["epoch"] > 0].sort_values(
        "value", ascending=not run.higher_is_better, kind="stable"
    )
    places = np.unique(np.linspace(0, len(known) - 1, min(most, len(known))).round().astype(int))
    return sorted(known.index[places]) if len(known) else []


def drawn_words(run: Run, shown: Sequence[str]) -> str:
    """How many of the trials are drawn, where that is not all of them."""
    begun = int((trial_ends(run.phase("search"))["epoch"] > 0).sum())
    if len(shown) == begun:
        return ""
    return (
        f" {len(shown)} of {count(begun, 'trial')} are drawn, at even distances from the best last"
        " value to the worst."
    )


def value_limits(run: Run) -> tuple[float, float]:
    """The lowest and the highest value that search trials recorded, without those that diverged
    unless all did: one runaway value would flatten every picture. (0, 1) where there is none; never
    equal.
    """
    search = run.phase("search")
    epochs = trial_epochs(search).dropna(subset="value")
    calm = epochs["trial"].map(trial_ends(search)["status"]) != Status.DIVERGED
    values = epochs.loc[calm if calm.any() else slice(None), "value"]
    if values.empty:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    apart = 0.0 if high > low else 0.5
    return low - apart * (abs(low) or 1.0), high + apart * (abs(high) or 1.0)


def setting_labels(search: Run) -> dict[str, str]:
    return descriptions(search, search.trials.set_index("trial")).to_dict()


def tips_of_trial(text: str, metric: str) -> list[alt.Tooltip]:
    return [
        *tips(trial="trial", label="setting", status="ended"),
        alt.Tooltip("epoch:Q"),
        *tips(**{text: metric}),
    ]


def _present(frame: pd.DataFrame, look: int) -> alt.Scale:
    """The end states that occur, each with its colour, mark or dashes."""
    states = [state for state in LOOKS if (frame["status"] == state).any()]
    return alt.Scale(domain=states, range=[LOOKS[state][look] for state in states])


def colour(frame: pd.DataFrame, legend: Any = LEGEND) -> alt.Color:
    return alt.Color("status:N", scale=_present(frame, 0), legend=legend)


def mark(frame: pd.DataFrame) -> alt.Shape:
    return alt.Shape("status:N", scale=_present(frame, 1), legend=LEGEND)


def with_ends(lines: Layer, ends: Layer, frame: pd.DataFrame, under: Sequence[Layer] = ()) -> Layer:
    """Lines of trials and marks at their ends, by how they ended; ``under``: what lies below."""
    dashes = alt.StrokeDash("status:N", scale=_present(frame, 2), legend=None)
    lines = lines.encode(color=colour(frame, None), strokeDash=dashes)
    ends = ends.encode(color=colour(frame), shape=mark(frame))
    # The marks alone make the legend.
    apart = dict.fromkeys(["color", "shape", "strokeDash"], "independent")
    return alt.layer(*under, lines, ends).resolve_scale(**apart)


def up(field: str, metric: str | None, values: pd.Series, limits: tuple[float, float]) -> alt.Y:
    """A value beyond the limits stands at the edge: clipping lines one by one would take most of
    the time of a picture.
    """
    shown = measured(
        metric, values.clip(*limits), domain=list(limits), nice=True, zero=False, clamp=True
    )
    return alt.Y(field, **shown)


def completed_last(frame: pd.DataFrame) -> pd.DataFrame:
    """What is drawn last lies on top."""
    return frame.sort_values("status", key=lambda ended: ended == Status.COMPLETED, kind="stable")
