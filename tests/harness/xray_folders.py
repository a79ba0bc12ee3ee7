"""X-rays on disk, as tests write and load them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainables.lungs import data as xrays
from trainables.lungs.phantoms import draw_phantoms

CONFIG: dict[str, Any] = {
    "data": "",
    "extra_test": "",
    "data_seed": 0,
    "phantoms": 20,
    "image_size": 32,
}


def load(**changes: Any) -> xrays.XRays:
    return xrays.load(CONFIG | changes)


def phantom_arrays(
    counts: tuple[int, int, int] = (4, 2, 3), size: int = 32
) -> dict[str, np.ndarray]:
    """What an .npz file holds."""
    images, masks = draw_phantoms(sum(counts), size, 0)
    ends = np.cumsum((0, *counts))
    parts = {part: slice(*ends[i : i + 2]) for i, part in enumerate(("train", "val", "test"))}
    return {
        f"{kind}_{part}": array[where]
        for part, where in parts.items()
        for kind, array in (("x", images), ("y", masks))
    }


def write(file: Path, array: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(file)


def problems(**changes: Any) -> list[str]:
    with pytest.raises(ValueError, match=r"\S") as error:
        load(**changes)
    return str(error.value).splitlines()


def parts(data: xrays.XRays) -> tuple[xrays.Part, ...]:
    return data.train, data.validation, data.test
