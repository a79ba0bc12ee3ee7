"""The search on chest X-rays as a whole, on phantoms of seconds; and the network it leaves for
others to use.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from launching import run
from PIL import Image

from analysis import Run, write_report
from trainables.lungs import segment
from trainables.lungs import training as lungs
from trainables.lungs.unet import predict, standardised
from tuning.runs.store import Folder
from tuning.spec.loading import find_study

SMOKE = find_study("lungs_unet").override(find_study("lungs_unet").smoke)


@pytest.fixture(scope="module")
def searched(private_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(SMOKE, tmp_path_factory.mktemp("lungs"))


@pytest.mark.slow
def test_the_whole_way_on_phantoms(searched: Run) -> None:
    search, confirm = searched.phase("search"), searched.phase("confirm")
    assert len(search.trials) == 6
    assert set(search.trials["status"]) <= {"completed", "pruned"}
    assert set(confirm.trials["status"]) == {"completed"}
    assert confirm.trials["learning_rate"].tolist()[-1] == 0.01003
    assert "test_dice" not in search.epochs.dropna(axis=1, how="all")
    last = confirm.epochs[confirm.epochs["epoch"] == 5]
    assert last["test_dice"].between(0, 1).all()
    assert (last["test_f1_min"] <= last["test_f1"]).all()


@pytest.mark.slow
def test_the_page_says_first_that_these_are_phantoms(searched: Run) -> None:
    page = write_report(searched).read_text()
    body = page.split("<body>")[1]
    assert body.index("phantoms") < body.index("<h1>")
    for name in ("leaderboard", "confirmed", "rungs", "cost_table"):
        assert (searched.paths.tables / f"{name}.csv").is_file()


@pytest.mark.slow
def test_the_exported_network_segments_a_folder_as_the_example_says(
    searched: Run, tmp_path: Path
) -> None:
    best = searched.paths.best
    setting = json.loads((best / "setting.json").read_text())
    assert setting["trial"].startswith("c")
    network, size = segment.load_network(best)
    picture = lungs.load(setting["config"]).test.images[0]
    images = tmp_path / "images"
    images.mkdir()
    Image.fromarray(picture.numpy()).save(images / "one.png")
    command = [sys.executable, str(best / "segment.py"), str(images), str(tmp_path / "masks")]
    subprocess.run(command, check=True, env=os.environ, timeout=240)
    mask = np.asarray(Image.open(tmp_path / "masks" / "one.png"))
    assert size == 32
    assert (
        mask.tolist() == (predict(network, standardised(picture[None]))[0].numpy() * 255).tolist()
    )


@pytest.mark.parametrize("networks", [1, 2])
def test_the_exported_weights_are_those_of_the_best_seed(networks: int, tmp_path: Path) -> None:
    config = SMOKE.config(
        {
            "learning_rate": 0.01,
            "batch_size": 8,
            "optimizer": "sgd",
            "loss": "cross_entropy",
            "augment": False,
        },
        "confirm",
    )
    config |= {
        "base_channels": 8,
        "levels": 3,
        "dropout": 0.1,
        "weight_decay": 0.0,
        "networks": networks,
        "precision": "float32",
    }
    *_, (metrics, state) = lungs.train(config, [0, 1, 2])
    segment.export(config, state, tmp_path)
    best = int(np.argmax(metrics["validation_dice"]))
    average, _ = segment.load_network(tmp_path)
    for network, learner in zip(
        average.networks, state["learners"][best * networks :][:networks], strict=True
    ):
        assert all(
            torch.equal(value, learner["weights"][name])
            for name, value in network.state_dict().items()
        )
    assert average.precision == "float32", "it outlines as it was trained"
    assert len((tmp_path / "segment.py").read_text().strip().splitlines()) <= 14


def test_pictures_of_any_kind_are_outlined_and_a_folder_without_is_refused(tmp_path: Path) -> None:
    images, masks = tmp_path / "images", tmp_path / "deep" / "masks"
    with pytest.raises(ValueError, match=r"images holds no pictures: \.png, \.jpg"):
        segment.outline_folder(lungs.UNet(4, 2), 32, images, masks)
    images.mkdir()
    (images / "notes.txt").write_text("no picture")
    with pytest.raises(ValueError, match="holds no pictures"):
        segment.outline_folder(lungs.UNet(4, 2), 32, images, masks)
    assert not masks.exists()
    picture = Image.fromarray(np.arange(60 * 50, dtype=np.uint8).reshape(60, 50))
    picture.save(images / "one.png")
    picture.save(images / "two.JPG")
    segment.outline_folder(lungs.UNet(4, 2), 32, images, masks)
    assert sorted(file.name for file in masks.iterdir()) == ["one.png", "two.png"]
    picture.save(images / "one.jpg")
    with pytest.raises(ValueError, match="have one name: take one of them away"):
        segment.outline_folder(lungs.UNet(4, 2), 32, images, masks)


def test_a_picture_of_another_size_gets_a_mask_of_its_own_size(tmp_path: Path) -> None:
    network = lungs.UNet(4, 2)
    Image.fromarray(np.arange(60 * 50, dtype=np.uint8).reshape(60, 50)).save(tmp_path / "x.png")
    assert segment.outline(network, tmp_path / "x.png", 32).size == (50, 60)
    with pytest.raises(
        ValueError, match=r"is \(60, 50\) pixels; images are only made smaller, to 64"
    ):
        segment.outline(network, tmp_path / "x.png", 64)


@pytest.mark.parametrize(
    ("optimizer", "seeds", "networks"), [("adam", [0], 1), ("sgd", [0, 1], 1), ("adam", [0], 2)]
)
def test_the_projected_size_of_a_state_is_about_the_real_one(
    optimizer: str, seeds: list[int], networks: int, tmp_path: Path
) -> None:
    from tuning.engine import checkpoints

    setting = {
        "learning_rate": 0.01,
        "batch_size": 8,
        "optimizer": optimizer,
        "loss": "cross_entropy",
        "augment": False,
    }
    config = SMOKE.config(
        setting
        | {
            "base_channels": 16,
            "levels": 3,
            "dropout": 0.0,
            "weight_decay": 0.0,
            "networks": networks,
        }
    )
    _, state = next(lungs.train(config, seeds))
    size = checkpoints.save(Folder.at(tmp_path), 1, state, [])
    assert 0.8 < segment.state_bytes(config, seeds) / size < 1.2
