"""What networks said about single test images: who is taken for whom, and which images only one arm misreads."""

import base64
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.arms import Compared, arm_pairs, arm_seeds
from analysis.runs import Run

NEEDED = {"predictions", "labels"}
MOST = 24  # so many images of a group are shown
ABREAST = 12


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What all seeds of a setting said about the same ``n`` test images.

    ``labels``: (n,), the true classes from 0; ``predictions``: (seeds, n); ``images``: index of an image -> uint8 (height, width), 255 is
    ink, of those that were recorded.
    """

    name: str
    labels: np.ndarray
    predictions: np.ndarray
    images: Mapping[int, np.ndarray]


def recorded_predictions(run: Run, what: Compared) -> tuple[str, list[Predictions]]:
    """The baseline and the arms that recorded predictions of the same images, at the first combination of the other parameters that has
    them, and that combination as text. Empty where none has."""
    pairs = arm_pairs(run, what)
    seeds = arm_seeds(run, what)
    for at, rows in pairs.groupby("at", sort=False):
        settings = {int(rows.iloc[0]["baseline_setting"]): what.name(what.baseline)}
        settings |= {int(row["arm_setting"]): what.name(row["arm"]) for row in rows.to_dict("records")}
        found = [_of_setting(run, name, seeds.loc[seeds.index == setting, ["trial", "seed"]]) for setting, name in settings.items()]
        known = [one for one in found if one is not None]
        if known:
            return str(at), [one for one in known if np.array_equal(one.labels, known[0].labels)]
    return "", []


def confusion(found: Predictions) -> pd.DataFrame:
    """One row per true and predicted class: ``arm, true, predicted, count`` (over all seeds) and ``share`` (of the true class)."""
    classes = int(max(found.labels.max(), found.predictions.max())) + 1
    cells = found.labels.astype(int) * classes + found.predictions.astype(int)
    counts = np.bincount(cells.ravel(), minlength=classes**2).reshape(classes, classes)
    totals = counts.sum(axis=1, keepdims=True)
    true, predicted = np.divmod(np.arange(classes**2), classes)
    shares = (counts / np.maximum(totals, 1)).ravel()
    return pd.DataFrame({"arm": found.name, "true": true, "predicted": predicted, "count": counts.ravel(), "share": shares})


def misread_by_most(found: Predictions) -> np.ndarray:
    """Whether more than half of the seeds misread an image, bool (n,)."""
    return (found.predictions != found.labels).mean(axis=0) > 0.5


def gallery(baseline: Predictions, arm: Predictions) -> tuple[pd.DataFrame, dict[str, int]]:
    """Images that most seeds of one or of both misread, and how many there are of each group, shown or not.

    Rows: ``group, index, true, read`` (what most of the misreading seeds took it for; two numbers where the two disagree), ``image`` (a PNG
    as data URI) and the place in the group, ``column`` and ``row``. Of each group at most 24 whose image was recorded, those that most
    seeds misread first.
    """
    first, last = misread_by_most(baseline), misread_by_most(arm)
    groups = {f"only {baseline.name}": first & ~last, f"only {arm.name}": last & ~first, "both": first & last}
    images = {**arm.images, **baseline.images}
    wrong = (baseline.predictions != baseline.labels).sum(axis=0) + (arm.predictions != arm.labels).sum(axis=0)
    rows = []
    for group, members in groups.items():
        ordered = np.flatnonzero(members)[np.argsort(-wrong[members], kind="stable")]
        chosen = [int(index) for index in ordered if int(index) in images][:MOST]
        readers = [one for one, reads in ((baseline, first), (arm, last)) if (reads & members).any()]
        rows += [_tile(group, place, index, readers, images[index]) for place, index in enumerate(chosen)]
    columns = ["group", "index", "true", "read", "image", "column", "row"]
    return pd.DataFrame(rows, columns=columns), {group: int(members.sum()) for group, members in groups.items()}


def png(image: np.ndarray, palette: np.ndarray | None = None) -> bytes:
    """A picture, uint8 (height, width), as PNG (W3C, "Portable Network Graphics", sections 5 and 11): grey, 0 is black, or each pixel the
    number of a colour in ``palette``, uint8 (colours, 3), red, green and blue."""
    height, width = image.shape
    lines = np.hstack([np.zeros((height, 1), np.uint8), image.astype(np.uint8)])  # before each line: not filtered
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if palette is None else 3, 0, 0, 0)
    colours = b"" if palette is None else _chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    content = _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + colours + content + _chunk(b"IEND", b"")


def data_uri(picture: bytes) -> str:
    """A PNG as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _tile(group: str, place: int, index: int, readers: list[Predictions], image: np.ndarray) -> dict[str, Any]:
    read = dict.fromkeys(str(_taken_for(reader, index)) for reader in readers)
    place_in_group = {"column": place % ABREAST, "row": place // ABREAST}
    return {
        "group": group,
        "index": index,
        "true": int(readers[0].labels[index]),
        "read": " / ".join(read),
        "image": data_uri(png(255 - image)),
        **place_in_group,
    }


def _taken_for(found: Predictions, index: int) -> int:
    """The wrong class that most seeds read in an image, the lowest of equals."""
    said = found.predictions[:, index]
    return int(np.bincount(said[said != found.labels[index]]).argmax())


def _of_setting(run: Run, name: str, seeds: pd.DataFrame) -> Predictions | None:
    """The seeds of one setting together; those of a trial whose images are others than the first trial's are left out."""
    labels: np.ndarray | None = None
    predictions: list[np.ndarray] = []
    images: dict[int, np.ndarray] = {}
    for trial, rows in seeds.groupby("trial", sort=False):
        arrays = run.arrays(str(trial))
        if not set(arrays) >= NEEDED or (labels is not None and not np.array_equal(labels, arrays["labels"])):
            continue
        labels = arrays["labels"]
        order = run.trials.set_index("trial").loc[trial, "seeds"]
        predictions.append(arrays["predictions"][[order.index(seed) for seed in rows["seed"]]])
        images.update(zip(arrays.get("gallery_index", np.array([])).tolist(), arrays.get("gallery_images", []), strict=True))
    return None if labels is None else Predictions(name=name, labels=labels, predictions=np.vstack(predictions), images=images)
