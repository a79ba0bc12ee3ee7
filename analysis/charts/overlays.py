"""Outlines of the truth and of what a network predicted, drawn into test images."""

import math
from collections.abc import Iterator, Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from analysis.charts.picture import Picture
from analysis.charts.spec import spec_of
from analysis.charts.style import Layer, Spec
from analysis.records.load import Run
from analysis.stats.findings import Findings
from analysis.stats.predictions import data_uri, png
from analysis.stats.ranking import best_first
from analysis.stats.search_trials import trial_ends
from analysis.text.rounding import fixed

ABREAST = 3
OUTLINES = {"truth": "#56B4E9", "prediction": "#E69F00"}  # readable on black, grey and white
IMAGE_WIDTH = 300
NEEDED = ("overlay_images", "overlay_truth", "overlay_prediction")
PLACES = ("best", "median", "worst")
# Pixels that the longer side gets at least, for outlines finer than the pixels of a small image
SIDE = 480
GREYS = 254  # the two colours left of a palette are those of the outlines


def draw(findings: Findings) -> Iterator[Picture]:
    """Images of the best setting of a search, where its trials recorded some."""
    if findings.search is None:
        return
    run = findings.run
    trials, name_of_best = findings.search.best_trials()
    trial, facts, shape = overlay_facts(run, trials, list(OUTLINES.values()))
    if facts.empty:
        return
    note = (
        f"Test images of {name_of_best} (trial {trial}), outlines drawn into the pixels: blue is"
        " where the truth ends, just outside of it; orange where the prediction ends, just inside."
        " Where both run side by side they agree."
    )
    spec = chart(facts, height=round(IMAGE_WIDTH * shape))
    title = "Prediction and truth on test images"
    yield Picture(name="overlays", title=title, note=note, spec=spec)


def overlay_facts(
    run: Run, trials: pd.DataFrame, colours: Sequence[str]
) -> tuple[str, pd.DataFrame, float]:
    """The images that the best of ``trials`` recorded: ``trial``, rows of ``title, image`` (a PNG
    as data URI), height by width.

    ``trials``: the rows of ``run.trials`` that may be shown; the best by the metric at its last
    epoch is, of those that recorded images. ``colours``: of the outlines of truth and of
    prediction, as ``#rrggbb``. Without images: "" and no rows.
    """
    for trial in _best_first(run, trials):
        arrays = run.arrays(trial)
        if arrays.keys() >= set(NEEDED) and len(arrays[NEEDED[0]]):
            layers = [arrays[name] for name in NEEDED]
            images = [
                data_uri(png(outlined(*each), palette(colours)))
                for each in zip(*layers, strict=False)
            ]
            titles = [_title(arrays, place, len(images)) for place in range(len(images))]
            height, width = layers[0].shape[1:]
            return trial, pd.DataFrame({"title": titles, "image": images}), height / width
    return "", pd.DataFrame(columns=["title", "image"]), 1.0


def outlined(image: np.ndarray, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """An image, uint8 (height, width), enlarged by a whole number, its greys 0 to 253; 254 outlines
    the truth, 255 the prediction.

    The outline of the truth lies just outside of it, that of the prediction just inside: where the
    two agree, both are seen.
    """
    from scipy.ndimage import binary_dilation

    factor = max(1, math.ceil(SIDE / max(image.shape)))
    large, truth, prediction = (
        np.kron(part, np.ones((factor, factor), part.dtype))
        for part in (image, truth > 0, prediction > 0)
    )
    picture = (large.astype(float) * (GREYS - 1) / 255).round().astype(np.uint8)
    thick = max(1, round(max(picture.shape) / 160))
    picture[binary_dilation(truth, iterations=thick) & ~truth] = GREYS
    picture[prediction & binary_dilation(~prediction, iterations=thick)] = GREYS + 1
    return picture


def palette(colours: Sequence[str]) -> np.ndarray:
    """254 greys and the colours of the outlines of truth and prediction, uint8 (256, 3)."""
    greys = np.linspace(0, 255, GREYS).round()
    outlines = [list(bytes.fromhex(colour.removeprefix("#"))) for colour in colours]
    return np.vstack([np.repeat(greys[:, None], 3, axis=1), outlines]).astype(np.uint8)


def _title(arrays: Mapping[str, np.ndarray], place: int, amount: int) -> str:
    names, scores = arrays.get("overlay_names"), arrays.get("overlay_dice")
    parts = [f"{PLACES[place]} image" if amount == len(PLACES) else f"image {place + 1}"]
    parts += [f"Dice {fixed(scores[place], 3)}"] if scores is not None else []
    parts += [str(names[place])] if names is not None else []
    return ", ".join(parts)


def _best_first(run: Run, trials: pd.DataFrame) -> list[str]:
    ends = trial_ends(run).loc[trials["trial"]]
    values = ends.loc[ends["status"] == "completed", "value"].dropna()
    return best_first(dict(values), run.mode)


def chart(facts: pd.DataFrame, *, height: int) -> Spec:
    """Images beside each other with the outlines drawn into them, and what the colours mean.
    ``facts``: ``title, image`` (a data URI) each; ``height``: of an image that is ``IMAGE_WIDTH``
    wide.
    """
    images = [_image(f"image{place}", title, height) for place, title in enumerate(facts["title"])]
    frames = {f"image{place}": facts.iloc[[place]] for place in range(len(facts))}
    return spec_of(alt.concat(*images, columns=ABREAST, spacing=14), **frames)


def _image(name: str, title: str, height: int) -> Layer:
    base = alt.Chart(alt.NamedData(name=name))
    size = {"width": IMAGE_WIDTH, "height": height}
    image = base.mark_image(**size, align="center", baseline="middle").encode(
        x=alt.value(IMAGE_WIDTH / 2), y=alt.value(height / 2), url="image:N"
    )
    colour = alt.Color(
        "outline:N",
        scale=alt.Scale(domain=list(OUTLINES), range=list(OUTLINES.values())),
        legend=alt.Legend(
            title=None, orient="bottom", symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1
        ),
    )
    key = base.transform_calculate(outline="'truth'").mark_line(opacity=0)
    key = key.encode(x=alt.value(0), y=alt.value(0), stroke=colour)
    return alt.layer(image, key).properties(**size, title=alt.Title(title, limit=IMAGE_WIDTH))
