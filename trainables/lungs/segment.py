"""A trained U-Net for others to use: written with its setting, read back, and outlining lungs in
pictures.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from trainables import Config
from trainables.loop import count_parameters
from trainables.lungs.folders import by_stem
from trainables.lungs.pictures import ENDINGS, read_gray, shrink
from trainables.lungs.unet import Average, UNet, predict, standardised

EXAMPLE = '''"""Outline the lungs in every picture of a folder: white on black, as PNG files."""

import argparse
from pathlib import Path

from trainables.lungs.segment import load_network, outline_folder

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("images", type=Path, help="a folder of pictures")
parser.add_argument("masks", type=Path, help="the folder that the outlines go to")
try:
    outline_folder(*load_network(Path(__file__).parent), **vars(parser.parse_args()))
except ValueError as error:
    parser.error(str(error))
'''


def export(config: Config, state: Any, folder: Path) -> None:
    """Write the networks of the best of the trial's seeds by validation Dice: ``weights.pt``,
    ``network.json`` (how to build them) and ``segment.py``, an example of use. ``state`` is one
    that ``lungs.train`` yielded.
    """
    best, networks = int(np.argmax(state["validation_dice"])), config["networks"]
    chosen = state["learners"][best * networks : (best + 1) * networks]
    weights = {
        f"networks.{i}.{name}": value
        for i, each in enumerate(chosen)
        for name, value in each["weights"].items()
    }
    torch.save(weights, folder / "weights.pt")
    shape = {
        key: config[key] for key in ("networks", "base_channels", "levels", "dropout", "image_size")
    }
    shape["precision"] = config.get("precision", "auto")
    (folder / "network.json").write_text(json.dumps(shape) + "\n", encoding="utf-8")
    (folder / "segment.py").write_text(EXAMPLE, encoding="utf-8")


def network(config: Config, state: Any) -> tuple[Average, torch.Tensor]:
    """The networks of the best of the trial's seeds by validation Dice, and an image as they take
    it, (1, 1, height, width): see ``standardised``.
    """
    best, networks = int(np.argmax(state["validation_dice"])), config["networks"]
    made = [
        UNet(config["base_channels"], config["levels"], config["dropout"], "float32")
        for _ in range(networks)
    ]
    chosen = state["learners"][best * networks : (best + 1) * networks]
    for one, learner in zip(made, chosen, strict=True):
        one.load_state_dict(learner["weights"])
    side = config["image_size"]
    noise = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    return Average(made), noise


def load_network(folder: Path) -> tuple[Average, int]:
    """The network that ``export`` wrote into ``folder``, and the side in pixels of the images that
    it was trained on.

    Raises:
        OSError: the files are not there.
    """
    shape = json.loads((folder / "network.json").read_text(encoding="utf-8"))
    own = shape["base_channels"], shape["levels"], shape["dropout"], shape.get("precision", "auto")
    network = Average([UNet(*own) for _ in range(shape["networks"])])
    network.load_state_dict(
        torch.load(folder / "weights.pt", map_location="cpu", weights_only=True)
    )
    return network.to(memory_format=torch.channels_last), shape["image_size"]


def outline(network: UNet | Average, file: Path, image_size: int) -> Image.Image:
    """The lungs in a picture: white on black, in the size of the picture.

    Raises:
        ValueError: the file is no picture, or is smaller than ``image_size``.
    """
    picture = read_gray(file)
    if min(picture.shape) < image_size:
        raise ValueError(
            f"{file} is {picture.shape} pixels; images are only made smaller, to {image_size}."
        )
    mask = predict(network, standardised(shrink(picture[None], image_size)))[0].numpy()
    height, width = picture.shape
    return Image.fromarray(mask.astype(np.uint8) * 255).resize(
        (width, height), Image.Resampling.NEAREST
    )


def outline_folder(network: UNet | Average, image_size: int, images: Path, masks: Path) -> None:
    """``outline`` every picture in ``images`` into the folder ``masks``, which is made where it is
    missing.

    Raises:
        ValueError: there is no such folder, or no picture in it, two have one name, or one cannot
            be outlined.
    """
    files = by_stem(images)
    if not files:
        raise ValueError(f"{images} holds no pictures: {', '.join(ENDINGS)}.")
    masks.mkdir(parents=True, exist_ok=True)
    for stem, file in files.items():
        outline(network, file, image_size).save(masks / f"{stem}.png")


def state_bytes(config: Config, seeds: Sequence[int]) -> int:
    """About how large a state of ``lungs.train`` is: the weights and, for each, one (sgd) or two
    (adam) numbers of the optimiser.
    """
    weights = _count_weights(config["base_channels"], config["levels"])
    return (
        4 * weights * (3 if config["optimizer"] == "adam" else 2) * config["networks"] * len(seeds)
    )


# Asked for many settings before a run starts, and building even an empty network takes milliseconds
@cache
def _count_weights(base_channels: int, levels: int) -> int:
    with torch.device("meta"):
        return count_parameters(UNet(base_channels, levels))
