"""How single networks divide the plane."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from analysis.charts.picture import Picture
from analysis.charts.spec import spec_of
from analysis.charts.style import Layer, Spec
from analysis.records.load import Run
from analysis.stats.findings import Findings
from analysis.stats.labels import descriptions
from analysis.stats.summary import is_solved
from analysis.stats.tables import settings_table
from analysis.text.rounding import number

LEVELS = 10
POINTS = 200
NEEDED = {"surface", "surface_seeds", "points", "extent"}
CLASSES = ["class 0", "class 1"]


def draw(findings: Findings) -> Iterator[Picture]:
    """A network that solved the task beside one that did not, where surfaces were recorded."""
    if not findings.has_results:
        return
    planes = boundaries(findings.searched, findings.seeds)
    if planes:
        note = (
            "What single networks learned: colour is the probability they give to class 1, the"
            " boundary runs where blue meets orange."
        )
        yield Picture(name="boundaries", title="Decision boundaries", note=note, spec=chart(planes))


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """How one network divides the plane. ``raster``: ``x0, x1, y0, y1, probability`` of class 1 in
    ten steps, neighbours of a row merged; ``points``: ``x, y, label`` of at most 200 evaluation
    points; ``title`` names setting, seed and metric.
    """

    title: str
    raster: pd.DataFrame
    points: pd.DataFrame


def boundaries(run: Run, seeds: pd.DataFrame) -> list[Boundary]:
    """A solved and an unsolved network, of the same setting where possible, among those whose
    surface was recorded; the best and the worst where the study does not say what solved means.
    Empty where none was recorded.
    """
    recorded = _recorded_surfaces(run, seeds)
    if recorded.empty:
        return []
    is_good = recorded["solved"] == 1
    solved, unsolved = recorded[is_good], recorded[~is_good]
    mixed = solved[solved["setting"].isin(unsolved["setting"])]
    good = next(rows for rows in (mixed, solved, recorded) if len(rows)).iloc[0]
    same = unsolved[unsolved["setting"] == good["setting"]]
    bad = next((rows.iloc[-1] for rows in (same, unsolved) if len(rows)), good)
    # Rows are numbered: one network alone is shown once.
    return [_boundary(run, recorded.loc[row]) for row in dict.fromkeys([good.name, bad.name])]


def raster_runs(surface: np.ndarray, low: float, high: float) -> pd.DataFrame:
    """A surface of probabilities, shape ``(m, m)`` (second coordinate, first coordinate), as
    rectangles over the square ``[low, high]^2``.

    Columns ``x0, x1, y0, y1, probability`` (middle of one of ten steps); neighbours in a row that
    share a step are one rectangle.
    """
    size = surface.shape[0]
    steps = np.clip((surface.astype(float) * LEVELS).astype(int), 0, LEVELS - 1)
    begins = np.ones(steps.shape, dtype=bool)
    begins[:, 1:] = steps[:, 1:] != steps[:, :-1]
    starts = np.flatnonzero(begins)
    lengths = np.diff(np.append(starts, steps.size))
    rows, columns = np.divmod(starts, size)
    side = (high - low) / size
    corners = {"x0": columns, "x1": columns + lengths, "y0": rows, "y1": rows + 1}
    placed = {name: low + corner * side for name, corner in corners.items()}
    return pd.DataFrame({**placed, "probability": (steps.ravel()[starts] + 0.5) / LEVELS})


def _recorded_surfaces(run: Run, seeds: pd.DataFrame) -> pd.DataFrame:
    """One row per recorded surface, best first: ``trial, seed, place`` (in the trial's arrays),
    ``setting, value, solved, label``.
    """
    rows = [
        (trial, int(seed), place)
        for trial in seeds["trial"].unique()
        if (arrays := run.arrays(trial)).keys() >= NEEDED
        for place, seed in enumerate(arrays["surface_seeds"])
    ]
    known = seeds.reset_index()[["setting", "trial", "seed", run.metric]]
    frame = pd.DataFrame(rows, columns=["trial", "seed", "place"]).merge(
        known.set_axis(["setting", "trial", "seed", "value"], axis=1), on=["trial", "seed"]
    )
    frame = frame.dropna(subset="value")
    higher = run.higher_is_better
    if run.spec.get("target") is None:
        frame["solved"] = (frame["value"].rank(pct=True, ascending=higher) > 0.5).astype(float)
    else:
        frame["solved"] = is_solved(run.spec, frame["value"])
    frame["label"] = frame["setting"].map(descriptions(run, settings_table(run)))
    return frame.sort_values("value", ascending=not higher, kind="stable", ignore_index=True)


def _boundary(run: Run, row: pd.Series) -> Boundary:
    arrays = run.arrays(row["trial"])
    points = arrays["points"][:: max(1, math.ceil(len(arrays["points"]) / POINTS))]
    state = " (solved)" if row["solved"] == 1 else " (not solved)"
    state = "" if run.spec.get("target") is None else state
    frame = pd.DataFrame(points[:, :2], columns=["x", "y"])
    low, high = map(float, arrays["extent"][:2])
    return Boundary(
        title=f"{row['label']}, seed {row['seed']}: {run.metric} {number(row['value'])}{state}",
        raster=raster_runs(arrays["surface"][row["place"]], low, high),
        points=frame.assign(label=[f"class {int(label)}" for label in points[:, 2]]),
    )


def chart(planes: Sequence[Boundary]) -> Spec:
    """The plane as each network divides it, side by side, with the evaluation points on it."""
    panels = [_plane(boundary, place) for place, boundary in enumerate(planes)]
    rasters = {f"raster{place}": boundary.raster for place, boundary in enumerate(planes)}
    points = {f"points{place}": boundary.points for place, boundary in enumerate(planes)}
    return spec_of(alt.concat(*panels, columns=2, spacing=30), **rasters, **points)


def _plane(boundary: Boundary, place: int) -> Layer:
    low, high = float(boundary.raster["x0"].min()), float(boundary.raster["x1"].max())
    ends = alt.Scale(domain=[low, high], nice=False, zero=False)
    shade = alt.Color(
        "probability:Q",
        scale=alt.Scale(scheme="blueorange", domain=[0, 1]),
        legend=alt.Legend(title="probability of class 1", orient="bottom", gradientLength=200),
    )
    # The hairline in the colour of the rectangle closes the gaps that anti-aliasing leaves between
    # neighbours.
    plane = alt.Chart(alt.NamedData(name=f"raster{place}")).mark_rect(strokeWidth=1.2)
    plane = plane.encode(
        x=alt.X("x0:Q", title="first coordinate", scale=ends),
        x2="x1:Q",
        y=alt.Y("y0:Q", title="second coordinate", scale=ends),
        y2="y1:Q",
        color=shade,
        stroke=shade,
    )
    legend = alt.Legend(title=None, orient="bottom")
    shapes = alt.Scale(domain=CLASSES, range=["circle", "triangle-up"])
    fills = alt.Scale(domain=CLASSES, range=["#08306b", "#7f2704"])
    points = alt.Chart(alt.NamedData(name=f"points{place}")).mark_point(
        filled=True, size=28, opacity=1, stroke="white", strokeWidth=0.6
    )
    points = points.encode(
        x="x:Q",
        y="y:Q",
        shape=alt.Shape("label:N", scale=shapes, legend=legend),
        fill=alt.Fill("label:N", scale=fills, legend=legend),
    )
    layers = alt.layer(plane, points).resolve_scale(color="shared")
    return layers.properties(width=340, height=340, title=boundary.title)
