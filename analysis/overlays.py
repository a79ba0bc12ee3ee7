"""Outlines of what was to be found and of what a network found, drawn into the images themselves."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.predictions import data_uri, png
from analysis.rounding import fixed
from analysis.runs import Run
from analysis.search_trials import trial_ends

NEEDED = {"overlay_images", "overlay_truth", "overlay_prediction"}
PLACES = ("best", "median", "worst")
SIDE = 480  # pixels that the longer side gets at least, for outlines finer than the pixels of a small image
GREYS = 254  # the two colours left of a palette are those of the outlines


def overlay_facts(run: Run, trials: pd.DataFrame, colours: Sequence[str]) -> tuple[str, pd.DataFrame, float]:
    """The images that the best of ``trials`` recorded: ``trial``, rows of ``title, image`` (a PNG as data URI), height by width.

    ``trials``: the rows of ``run.trials`` that may be shown; the best by the metric at its last epoch is, of those that recorded images.
    ``colours``: of the outlines of truth and of prediction, as ``#rrggbb``. Without images: "" and no rows.
    """
    for trial in _best_first(run, trials):
        arrays = run.arrays(trial)
        if set(arrays) >= NEEDED and len(arrays["overlay_images"]):
            facts = [{"title": _title(arrays, place), "image": _outlined(arrays, place, colours)} for place in range(_amount(arrays))]
            height, width = arrays["overlay_images"].shape[1:]
            return trial, pd.DataFrame(facts), height / width
    return "", pd.DataFrame(columns=["title", "image"]), 1.0


def outlined(image: np.ndarray, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """An image, uint8 (height, width), enlarged by a whole number, its greys 0 to 253; 254 outlines the truth, 255 the prediction.

    The outline of the truth lies just outside of it, that of the prediction just inside: where the two agree, both are seen.
    """
    factor = max(1, math.ceil(SIDE / max(image.shape)))
    large, there, found = (np.kron(part, np.ones((factor, factor), part.dtype)) for part in (image, truth > 0, prediction > 0))
    picture = (large.astype(float) * (GREYS - 1) / 255).round().astype(np.uint8)
    thick = max(1, round(max(picture.shape) / 160))
    picture[_grown(there, thick) & ~there] = GREYS
    picture[found & _grown(~found, thick)] = GREYS + 1
    return picture


def palette(colours: Sequence[str]) -> np.ndarray:
    """254 greys and the colours of the outlines of truth and prediction, uint8 (256, 3)."""
    greys = np.repeat(np.linspace(0, 255, GREYS).round().astype(np.uint8)[:, None], 3, axis=1)
    return np.vstack([greys, [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in colours]]).astype(np.uint8)


def _outlined(arrays: Mapping[str, np.ndarray], place: int, colours: Sequence[str]) -> str:
    image, truth, prediction = (arrays[name][place] for name in ("overlay_images", "overlay_truth", "overlay_prediction"))
    return data_uri(png(outlined(image, truth, prediction), palette(colours)))


def _amount(arrays: Mapping[str, np.ndarray]) -> int:
    return min(len(arrays[name]) for name in NEEDED)


def _title(arrays: Mapping[str, np.ndarray], place: int) -> str:
    names, scores = arrays.get("overlay_names"), arrays.get("overlay_dice")
    parts = [f"{PLACES[place]} image" if _amount(arrays) == len(PLACES) else f"image {place + 1}"]
    parts += [f"Dice {fixed(scores[place], 3)}"] if scores is not None else []
    parts += [str(names[place])] if names is not None else []
    return ", ".join(parts)


def _best_first(run: Run, trials: pd.DataFrame) -> list[str]:
    ends = trial_ends(run).loc[trials["trial"]]
    values = ends.loc[ends["status"] == "completed", "value"].dropna()
    return list(values.sort_values(ascending=run.spec["mode"] == "min", kind="stable").index)


def _grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    """The mask and all within so many steps of it, sideways or up and down; beyond the edge of the image there is nothing."""
    for _ in range(pixels):
        padded = np.pad(mask, 1)
        mask = padded[1:-1, 1:-1] | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return mask
