"""What each picture shows, as frames: computed here, drawn in ``charts``. No names of a study become column names: they stay text."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.axes import is_wide
from analysis.labels import describe, label
from analysis.rounding import number
from analysis.runs import Run
from analysis.samples import is_solved
from analysis.tables import completed_epochs, settings_table

COLOURS = 6  # so many curves of different colour in one panel can still be told apart
PANELS = 24
CELLS = 12  # so many values of a parameter fit along one side of a grid
EPOCHS = 100
BINS = 24
DOTS_ABREAST = 3
LEVELS = 10
POINTS = 200


def heat_facts(run: Run, summary: pd.DataFrame) -> pd.DataFrame:
    """One row per setting that has results: ``x, y`` (values of the first two parameters, as text), ``label, mean, low, high, std, n`` and,
    where the study says what solved means, ``solved, solved_low, solved_high`` (95 % Wilson interval, ``scipy.stats.binomtest``)."""
    known = summary[summary["n"] > 0]
    first, second = (run.parameters * 2)[:2]
    shown = {"x": _told(run, known, first), "y": _told(run, known, second), "label": _labels(run, known)}
    facts = pd.DataFrame(shown, index=known.index, dtype=object)
    metric = run.metric
    facts = facts.assign(mean=known[f"{metric}_mean"], low=known["ci_low"], high=known["ci_high"], std=known[f"{metric}_std"], n=known["n"])
    return facts.join(known[["solved", "solved_low", "solved_high"]]) if "solved" in known else facts


def panels(run: Run) -> pd.DataFrame:
    """Where each setting is drawn, index ``setting``: ``column, row`` (of two parameters; else the whole setting and nothing), ``panel``,
    ``colour`` and ``label``.

    ``panel`` and ``colour`` serve curves: the last of at most two parameters is the colour where it has few values.
    """
    settings = settings_table(run)
    labels = _labels(run, settings)
    titled = {key: f"{key} " + _told(run, settings, key) for key in run.parameters}
    pair = is_gridded(run)
    column, row = (titled[key] for key in run.parameters) if pair else (labels, "")
    few = _told(run, settings, run.parameters[-1]).nunique() <= COLOURS
    colour = titled[run.parameters[-1]] if few and (pair or len(titled) == 1) else ""
    panel = labels if isinstance(colour, str) else titled[run.parameters[0]] if pair else ""
    return pd.DataFrame(
        {"column": column, "row": row, "panel": panel, "colour": colour, "label": labels}, index=settings.index, dtype=object
    )


def is_gridded(run: Run) -> bool:
    """Whether the settings can stand in rows and columns: two parameters with a list of at most 12 values each."""
    space = run.spec["space"]
    return len(space) == 2 and all(0 < len(domain.get("values", [])) <= CELLS for domain in space.values())


def shown_settings(run: Run, summary: pd.DataFrame, most: int = PANELS) -> list[int]:
    """The settings that fit into a picture: all of a grid of rows and columns, else the best ``most``, in the order of the space."""
    means = summary.loc[summary["n"] > 0, f"{run.metric}_mean"]
    if is_gridded(run):
        return [int(number) for number in means.index]
    best = means.nlargest(most) if run.spec["mode"] == "max" else means.nsmallest(most)
    return sorted(int(number) for number in best.index)


def seed_dots(run: Run, seeds: pd.DataFrame, shown: list[int]) -> pd.DataFrame:
    """One row per seed: ``column, row, label, seed, value`` and its place in a dot histogram, ``x`` (in the metric) and ``y`` (in dots).

    The values between the lowest and the highest of all fall into 24 steps; within a step of a setting dots stand three abreast, in the
    order of their values. No jitter: the same seeds give the same picture.
    """
    known = seeds[seeds.index.isin(shown)].dropna(subset=run.metric)
    values = known[run.metric].to_numpy(dtype=float)
    places, step, logarithmic = _steps(values)
    low = places.min() if len(values) else 0.0
    frame = pd.DataFrame({"setting": known.index, "seed": known["seed"].to_numpy(), "value": values})
    frame["bin"] = np.minimum((places - low) // step, BINS - 1)
    frame = frame.sort_values(["setting", "bin", "value", "seed"], ignore_index=True)
    place = frame.groupby(["setting", "bin"]).cumcount()
    frame["x"] = low + (frame["bin"] + (place % DOTS_ABREAST + 0.5) / DOTS_ABREAST) * step
    frame["x"] = 10 ** frame["x"] if logarithmic else frame["x"]
    frame["y"] = place // DOTS_ABREAST
    return panels(run)[["column", "row", "label"]].join(frame.drop(columns="bin").set_index("setting"), how="inner").reset_index(drop=True)


def dot_step(values: pd.Series) -> str:
    """How wide one of the steps is into which ``seed_dots`` sorts the values of all that it shows, in words."""
    _, step, logarithmic = _steps(values.dropna().to_numpy(dtype=float))
    return f"a factor of {number(10**step)}" if logarithmic else number(step)


def _steps(values: np.ndarray) -> tuple[np.ndarray, float, bool]:
    """Where values lie along the axis of the dots, how wide a step is there, and whether that is in powers of ten."""
    logarithmic = is_wide(values) and values.min() > 0
    places = np.log10(values) if logarithmic else values
    low, high = (places.min(), places.max()) if len(places) else (0.0, 1.0)
    return places, float((high - low) / BINS or max(abs(low), 1.0) / 100), logarithmic


def learning_curves(run: Run, shown: list[int]) -> pd.DataFrame:
    """One row per setting and epoch (at most about 100 epochs of each): ``panel, colour, label, epoch, mean, low, high, n``.

    Mean over the seeds of completed trials; ``low, high``: 95 % t interval of the mean (``scipy.stats.t``), missing for one seed.
    """
    epochs = completed_epochs(run)
    last = int(epochs["epoch"].max()) if len(epochs) else 0
    drawn = epochs[epochs["setting"].isin(shown) & ((last - epochs["epoch"]) % math.ceil(max(last, 1) / EPOCHS) == 0)]
    facts = means_by_epoch(drawn.groupby(["setting", "epoch"])[run.metric]).reset_index("epoch")
    return panels(run)[["panel", "colour", "label"]].join(facts, how="inner").reset_index(drop=True)


def means_by_epoch(values: Any) -> pd.DataFrame:
    """``mean, low, high, n`` of each group of a grouped column that holds a number; ``low, high``: as ``learning_curves``."""
    from scipy import stats

    facts = values.agg(["mean", "sem", "count"])
    facts = facts[facts["count"] > 0]  # a metric may be there at some epochs only
    reach = facts["sem"] * stats.t.ppf(0.975, np.maximum(facts["count"] - 1, 1))
    facts = facts.assign(low=facts["mean"] - reach, high=facts["mean"] + reach, n=facts["count"])
    return facts[["mean", "low", "high", "n"]]


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """How one network divides the plane. ``raster``: ``x0, x1, y0, y1, probability`` of class 1 in ten steps, neighbours of a row merged;
    ``points``: ``x, y, label`` of at most 200 evaluation points; ``title`` names setting, seed and metric."""

    title: str
    raster: pd.DataFrame
    points: pd.DataFrame


def boundaries(run: Run, seeds: pd.DataFrame) -> list[Boundary]:
    """A solved and an unsolved network, of the same setting where possible, among those whose surface was recorded; the best and the worst
    where the study does not say what solved means. Empty where none was recorded."""
    recorded = _recorded_surfaces(run, seeds)
    if recorded.empty:
        return []
    solved = recorded[recorded["solved"] == 1]
    unsolved = recorded[recorded["solved"] != 1]
    mixed = solved[solved["setting"].isin(unsolved["setting"])]
    good = next(frame for frame in (mixed, solved, recorded) if len(frame)).iloc[0]
    rest = [unsolved[unsolved["setting"] == good["setting"]], unsolved]
    bad = next((frame.iloc[-1] for frame in rest if len(frame)), good)
    chosen = [good] if (good["trial"], good["seed"]) == (bad["trial"], bad["seed"]) else [good, bad]
    return [_boundary(run, row) for row in chosen]


def raster_runs(surface: np.ndarray, low: float, high: float) -> pd.DataFrame:
    """A surface of probabilities, shape ``(m, m)`` (second coordinate, first coordinate), as rectangles over the square ``[low, high]^2``.

    Columns ``x0, x1, y0, y1, probability`` (middle of one of ten steps); neighbours in a row that share a step are one rectangle.
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


def _labels(run: Run, settings: pd.DataFrame) -> pd.Series:
    return pd.Series([describe(run, row) for row in settings.to_dict("records")], index=settings.index, dtype=object)


def _told(run: Run, settings: pd.DataFrame, key: str) -> pd.Series:
    return pd.Series([label(run, key, value) for value in settings[key]], index=settings.index, dtype=object)


def _recorded_surfaces(run: Run, seeds: pd.DataFrame) -> pd.DataFrame:
    """One row per recorded surface, best first: ``setting, trial, seed, place`` (in the trial's arrays), ``value, solved, label``."""
    rows = []
    for trial in seeds["trial"].unique():
        found = run.arrays(trial)
        if {"surface", "surface_seeds", "points", "extent"} <= set(found):
            rows += [{"trial": trial, "seed": int(seed), "place": place} for place, seed in enumerate(found["surface_seeds"])]
    frame = pd.DataFrame(rows, columns=["trial", "seed", "place"])
    known = seeds.reset_index()[["setting", "trial", "seed", run.metric]].rename(columns={run.metric: "value"})
    frame = frame.merge(known, on=["trial", "seed"]).dropna(subset="value")
    ranks = frame["value"].rank(pct=True, ascending=run.spec["mode"] == "max")
    frame["solved"] = is_solved(run.spec, frame["value"]) if run.spec.get("solved") is not None else (ranks > 0.5).astype(float)
    frame["label"] = frame["setting"].map(_labels(run, settings_table(run)))
    return frame.sort_values("value", ascending=run.spec["mode"] == "min", kind="stable", ignore_index=True)


def _boundary(run: Run, row: pd.Series) -> Boundary:
    arrays = run.arrays(row["trial"])
    points = arrays["points"][:: max(1, math.ceil(len(arrays["points"]) / POINTS))]
    state = "" if run.spec.get("solved") is None else " (solved)" if row["solved"] == 1 else " (not solved)"
    return Boundary(
        title=f"{row['label']}, seed {row['seed']}: {run.metric} {number(row['value'])}{state}",
        raster=raster_runs(arrays["surface"][row["place"]], float(arrays["extent"][0]), float(arrays["extent"][1])),
        points=pd.DataFrame({"x": points[:, 0], "y": points[:, 1], "label": [f"class {int(label)}" for label in points[:, 2]]}),
    )
