"""What networks said about single test images: who is taken for whom, and which images only one arm
misreads.
"""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.records.load import Run
from analysis.stats.arm_means import arm_seeds
from analysis.stats.compared import Compared, arm_pairs

NEEDED = {"predictions", "labels"}
MOST = 24  # so many images of a group are shown
ABREAST = 12


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What all seeds of a setting said about the same ``n`` test images.

    ``labels``: (n,), the true classes from 0; ``predictions``: (seeds, n); ``images``: index of an
    image -> uint8 (height, width), 255 is ink, of those that were recorded.
    """

    name: str
    labels: np.ndarray
    predictions: np.ndarray
    images: Mapping[int, np.ndarray]


def recorded_predictions(run: Run, what: Compared) -> tuple[str, list[Predictions]]:
    """The baseline and the arms that recorded predictions of the same images, at the first
    combination of the other parameters that has them, and that combination as text. Empty where
    none has.
    """
    seeds = arm_seeds(run, what)
    for at, rows in arm_pairs(run, what).groupby("at", sort=False):
        names = {rows.iloc[0]["baseline_setting"]: what.name(what.baseline)}
        names |= dict(zip(rows["arm_setting"], map(what.name, rows["arm"]), strict=True))
        settings = [
            _of_setting(run, name, seeds.loc[seeds.index == setting, ["trial", "seed"]])
            for setting, name in names.items()
        ]
        known = [each for each in settings if each is not None]
        if known:
            return str(at), [each for each in known if np.array_equal(each.labels, known[0].labels)]
    return "", []


def confusion(found: Predictions) -> pd.DataFrame:
    """One row per true and predicted class: ``arm, true, predicted, count`` (over all seeds) and
    ``share`` (of the true class).
    """
    classes = int(max(found.labels.max(), found.predictions.max())) + 1
    cells = found.labels.astype(int) * classes + found.predictions.astype(int)
    counts = np.bincount(cells.ravel(), minlength=classes**2)
    true, predicted = np.divmod(np.arange(classes**2), classes)
    totals = np.bincount(true, weights=counts)[true]
    return pd.DataFrame(
        {
            "arm": found.name,
            "true": true,
            "predicted": predicted,
            "count": counts,
            "share": counts / np.maximum(totals, 1),
        }
    )


def misread_by_most(found: Predictions) -> np.ndarray:
    """Whether more than half of the seeds misread an image, bool (n,)."""
    return (found.predictions != found.labels).mean(axis=0) > 0.5


def gallery(baseline: Predictions, arm: Predictions) -> tuple[pd.DataFrame, dict[str, int]]:
    """Images that most seeds of one or of both misread, and how many there are of each group, shown
    or not.

    Rows: ``group, index, true, read`` (what most of the misreading seeds took it for; two numbers
    where the two disagree), ``image`` (a PNG as data URI) and the place in the group, ``column``
    and ``row``. Of each group at most 24 whose image was recorded, those that most seeds misread
    first.
    """
    first, last = misread_by_most(baseline), misread_by_most(arm)
    groups = {
        f"only {baseline.name}": (first & ~last, [baseline]),
        f"only {arm.name}": (last & ~first, [arm]),
        "both": (first & last, [baseline, arm]),
    }
    images = {**arm.images, **baseline.images}
    wrong = sum((each.predictions != each.labels).sum(axis=0) for each in (baseline, arm))
    order = np.argsort(-wrong, kind="stable").tolist()
    rows = []
    for group, (members, readers) in groups.items():
        chosen = [index for index in order if members[index] and index in images][:MOST]
        for place, index in enumerate(chosen):
            row, column = divmod(place, ABREAST)
            read = dict.fromkeys(str(_taken_for(reader, index)) for reader in readers)
            image = data_uri(png(255 - images[index]))
            true = int(baseline.labels[index])
            rows.append((group, index, true, " / ".join(read), image, column, row))
    columns = ["group", "index", "true", "read", "image", "column", "row"]
    amounts = {group: int(members.sum()) for group, (members, _) in groups.items()}
    return pd.DataFrame(rows, columns=columns), amounts


def png(image: np.ndarray, palette: np.ndarray | None = None) -> bytes:
    """A picture, uint8 (height, width), as PNG: grey, 0 is black, or each pixel the number of a
    colour in ``palette``, uint8 (colours, 3), red, green and blue.
    """
    from PIL import Image

    picture, content = Image.fromarray(image.astype(np.uint8)), io.BytesIO()
    if palette is not None:
        picture.putpalette(palette.astype(np.uint8).tobytes())
    picture.save(content, "PNG", compress_level=9)
    return content.getvalue()


def data_uri(picture: bytes) -> str:
    """A PNG as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def _taken_for(found: Predictions, index: int) -> int:
    """The wrong class that most seeds read in an image, the lowest of equals."""
    said = found.predictions[:, index]
    return int(np.bincount(said[said != found.labels[index]]).argmax())


def _of_setting(run: Run, name: str, seeds: pd.DataFrame) -> Predictions | None:
    """The seeds of one setting together; those of a trial whose images are others than the first
    trial's are left out.
    """
    labels: np.ndarray | None = None
    predictions: list[np.ndarray] = []
    images: dict[int, np.ndarray] = {}
    order_of = run.trials.set_index("trial")["seeds"]
    for trial, rows in seeds.groupby("trial", sort=False):
        arrays = run.arrays(str(trial))
        if not arrays.keys() >= NEEDED:
            continue
        labels = arrays["labels"] if labels is None else labels
        if np.array_equal(labels, arrays["labels"]):
            places = list(map(order_of[trial].index, rows["seed"]))
            predictions.append(arrays["predictions"][places])
            kept = arrays.get("gallery_index", np.array([])).tolist()
            images |= zip(kept, arrays.get("gallery_images", []), strict=True)
    if labels is None:
        return None
    return Predictions(name=name, labels=labels, predictions=np.vstack(predictions), images=images)
