"""Every seed of each setting as a dot."""

from collections.abc import Iterator

import altair as alt
import numpy as np
import pandas as pd

from analysis.charts.axes import is_wide, measured
from analysis.charts.layout import header, panels, shown_settings, shown_words
from analysis.charts.picture import Picture
from analysis.charts.spec import spec_of
from analysis.charts.style import BLUE, FACTS, Spec
from analysis.records.load import Run
from analysis.stats.findings import Findings
from analysis.text.rounding import number

BINS = 24
DOTS_ABREAST = 3
DOTS_AS_CIRCLES = 3_000  # above, dots are squares: the same picture in half the file


def draw(findings: Findings) -> Iterator[Picture]:
    """A dot histogram per setting."""
    if not findings.tells_settings:
        return
    run, seeds = findings.searched, findings.seeds
    shown = shown_settings(run, findings.summary)
    step = dot_step(seeds.loc[seeds.index.isin(shown), run.metric])
    note = (
        f"Every seed is one dot. By its {run.metric} at the last epoch it falls into one of {BINS}"
        f" steps, each {step} wide; within a step dots stand three abreast, whatever their value:"
        f" height is how many.{shown_words(shown, findings.summary)}"
    )
    spec = chart(seed_dots(run, seeds, shown), metric=run.metric)
    yield Picture(name="seeds", title="The seeds of each setting", note=note, spec=spec)


def seed_dots(run: Run, seeds: pd.DataFrame, shown: list[int]) -> pd.DataFrame:
    """One row per seed: ``column, row, label, seed, value`` and its place in a dot histogram, ``x``
    (in the metric) and ``y`` (in dots).

    The values between the lowest and the highest of all fall into 24 steps; within a step of a
    setting dots stand three abreast, in the order of their values. No jitter: the same seeds give
    the same picture.
    """
    known = seeds[seeds.index.isin(shown)].dropna(subset=run.metric)
    values = known[run.metric].to_numpy(dtype=float)
    places, step, logarithmic = _steps(values)
    low = places.min() if len(values) else 0.0
    frame = pd.DataFrame(
        {"setting": known.index, "seed": known["seed"].to_numpy(), "value": values}
    )
    frame["bin"] = np.minimum((places - low) // step, BINS - 1)
    frame = frame.sort_values(["setting", "bin", "value", "seed"], ignore_index=True)
    place = frame.groupby(["setting", "bin"]).cumcount()
    frame["x"] = low + (frame["bin"] + (place % DOTS_ABREAST + 0.5) / DOTS_ABREAST) * step
    frame["x"] = 10 ** frame["x"] if logarithmic else frame["x"]
    frame["y"] = place // DOTS_ABREAST
    return (
        panels(run)[["column", "row", "label"]]
        .join(frame.drop(columns="bin").set_index("setting"), how="inner")
        .reset_index(drop=True)
    )


def dot_step(values: pd.Series) -> str:
    """How wide one of the steps is into which ``seed_dots`` sorts the values of all that it shows,
    in words.
    """
    _, step, logarithmic = _steps(values.dropna().to_numpy(dtype=float))
    return f"a factor of {number(10**step)}" if logarithmic else number(step)


def _steps(values: np.ndarray) -> tuple[np.ndarray, float, bool]:
    """Where values lie along the axis of the dots, how wide a step is there, and whether that is in
    powers of ten.
    """
    logarithmic = is_wide(values) and values.min() > 0
    places = np.log10(values) if logarithmic else values
    low, high = (places.min(), places.max()) if len(places) else (0.0, 1.0)
    return places, float((high - low) / BINS or max(abs(low), 1.0) / 100), logarithmic


def chart(facts: pd.DataFrame, *, metric: str) -> Spec:
    """Every seed a dot, stacked where values are alike, one panel per setting. ``facts`` as
    ``seed_dots`` gives them.
    """
    rows = max(12.0, 1.05 * (facts["y"].max() + 1) if len(facts) else 0.0)
    few = rows <= 16
    mark = "circle" if len(facts) <= DOTS_AS_CIRCLES else "square"
    dots = (
        alt.Chart(FACTS, mark=alt.MarkDef(type=mark, color=BLUE, opacity=1, size=18 if few else 7))
        .encode(
            x=alt.X("x:Q", **measured(metric, facts["x"], ticks=5, nice=True, padding=6)),
            y=alt.Y("y:Q", title=None, axis=None, scale=alt.Scale(domain=[-0.8, rows])),
            tooltip=[alt.Tooltip("value:Q", title=metric), alt.Tooltip("seed:Q")],
        )
        .properties(width=270, height=60 if few else 95)
    )
    column = header("column", facts)
    if (facts["row"] != "").any():
        drawn = dots.facet(column=column, row=header("row", facts, side="row"), spacing=8)
    else:
        drawn = dots.facet(facet=column, columns=3)
    return spec_of(drawn, facts=facts.drop(columns="label"))
