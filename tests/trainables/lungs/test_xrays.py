"""Chest X-rays: phantoms, .npz files and folders, and what is said when they are wrong."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from xray_folders import CONFIG, load, parts, phantom_arrays, problems, write

from trainables.lungs import data as xrays
from trainables.lungs.phantoms import draw_phantoms

ALLOWED = (
    "whole numbers from 0 up, floats from 0 to 1, or floats of grey levels (the largest 16 or"
    " more), all finite."
)
needs_xrays = pytest.mark.skipif(
    not os.environ.get("STUDY_DATA"), reason="STUDY_DATA does not say where lungs/shenzhen.npz lies"
)


def save_npz(folder: Path, name: str = "some.npz", **changes: Any) -> str:
    arrays = {
        key: value for key, value in (phantom_arrays() | changes).items() if value is not None
    }
    np.savez(folder / name, **arrays)
    return str(folder / name)


def montgomery(folder: Path) -> str:
    """Eight phantoms of eight patients as the Montgomery set lies on disk: left half and right half
    in masks of their own, 0 and 1.
    """
    for i, (image, mask) in enumerate(zip(*draw_phantoms(8, 32, 0), strict=True)):
        name = f"MCUCXR_{i:04}_{i % 2}.png"
        left = np.arange(32) >= 16
        write(folder / "CXR_png" / name, image)
        write(folder / "ManualMask" / "leftMask" / name, mask * left)
        write(folder / "ManualMask" / "rightMask" / name, mask * ~left)
    return str(folder)


def shenzhen(folder: Path, images: str = "CXR_png", masks: str = "mask") -> str:
    """Eight phantoms of four patients as the Shenzhen set lies on disk, masks 0 and 255, and one
    image without a mask.
    """
    for i, (image, mask) in enumerate(zip(*draw_phantoms(9, 32, 0), strict=True)):
        stem = f"CHNCXR_{i // 2:04}_{i % 2}"
        write(folder / images / f"{stem}.png", np.stack([image] * 3, 2) if i == 3 else image)
        if i < 8:
            write(folder / masks / f"{stem}_mask.png", mask * 255)
    return str(folder)


def test_phantoms_are_fixed_by_their_seed() -> None:
    first, again, other = draw_phantoms(6, 24, 1), draw_phantoms(6, 24, 1), draw_phantoms(6, 24, 2)
    for images, same, different in zip(first, again, other, strict=True):
        assert images.shape == (6, 24, 24)
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, same)
        assert (images != different).any()


def test_phantoms_look_like_chests() -> None:
    images, masks = draw_phantoms(100, 64, 0)
    share = masks.mean((1, 2))
    assert set(np.unique(masks)) == {0, 1}
    assert 0.04 < share.min() < share.max() < 0.4
    # A lung in each half, darker than the body and brighter than nothing.
    assert masks[:, :, :32].any((1, 2)).all()
    assert masks[:, :, 32:].any((1, 2)).all()
    inside = (images * masks).sum((1, 2)) / masks.sum((1, 2))
    middle = images[:, 24:40, 30:34].mean((1, 2))
    assert (inside < middle).mean() > 0.95
    # The best threshold of each image misses much: the surroundings are dark too.
    best = [
        max(_dice(image < threshold, mask) for threshold in range(8, 256, 8))
        for image, mask in zip(images, masks, strict=True)
    ]
    assert np.mean(best) < 0.75


def _dice(prediction: np.ndarray, mask: np.ndarray) -> float:
    return 2 * (prediction & (mask > 0)).sum() / (prediction.sum() + mask.sum())


def test_phantoms_are_said_to_be_phantoms_and_split() -> None:
    data, other = load(), load(data_seed=1)
    assert data.name == "generated chest phantoms (20 images, data seed 0)"
    assert [len(part.names) for part in (data.train, data.validation, data.test)] == [14, 3, 3]
    assert data.train.images.shape == data.train.masks.shape == (14, 32, 32)
    assert data.train.images.dtype == data.train.masks.dtype == torch.uint8
    names = data.train.names + data.validation.names + data.test.names
    assert set(names) == {f"phantom {i}" for i in range(20)}
    assert data.sha256 != other.sha256
    assert data.extra_test is None


def test_names_stay_with_their_images() -> None:
    images, masks = draw_phantoms(20, 32, 0)
    test = load().test
    for name, image, mask in zip(test.names, test.images, test.masks, strict=True):
        np.testing.assert_array_equal(image.numpy(), images[int(name.split()[1])])
        np.testing.assert_array_equal(mask.numpy(), masks[int(name.split()[1])])


def test_an_npz_file_is_read_as_it_is(tmp_path: Path) -> None:
    arrays = phantom_arrays()
    data = load(data=save_npz(tmp_path, ids_test=np.array(["a", "b", "c"])))
    assert data.name == "chest X-rays of some.npz"
    assert data.test.names == ("a", "b", "c")
    assert data.validation.names == ("val 0", "val 1")
    for part, read in (("train", data.train), ("val", data.validation), ("test", data.test)):
        np.testing.assert_array_equal(read.images.numpy(), arrays[f"x_{part}"])
        np.testing.assert_array_equal(read.masks.numpy(), arrays[f"y_{part}"])


def test_floats_and_an_axis_of_channels_are_understood(tmp_path: Path) -> None:
    arrays = phantom_arrays()
    changed = {
        key: value[..., None] / (255 if key[0] == "x" else 0.5) for key, value in arrays.items()
    }
    changed["x_val"] = arrays["x_val"][:, None].astype(np.float32) / 255
    data, plain = (
        load(data=save_npz(tmp_path, "changed.npz", **changed)),
        load(data=save_npz(tmp_path)),
    )
    assert data.sha256 == plain.sha256


def test_images_are_made_smaller_by_means_and_masks_by_majority(tmp_path: Path) -> None:
    arrays = phantom_arrays()
    data = load(data=save_npz(tmp_path), image_size=16)
    blocks = {
        kind: arrays[f"{kind}_test"].astype(float).reshape(3, 16, 2, 16, 2).mean((2, 4))
        for kind in "xy"
    }
    np.testing.assert_array_equal(data.test.images.numpy(), np.round(blocks["x"]))
    np.testing.assert_array_equal(data.test.masks.numpy(), blocks["y"] >= 0.5)


def test_what_is_wrong_with_an_npz_file_is_said_at_once(tmp_path: Path) -> None:
    arrays = phantom_arrays()
    y_train, y_val = arrays["y_train"].copy(), arrays["y_val"].copy()
    y_train[[1, 3]] = 0
    path = save_npz(
        tmp_path,
        y_train=y_train,
        x_test=arrays["x_test"][:2],
        y_val=y_val,
        x_val=arrays["x_val"].astype(np.int64) - 256,
        ids_val=np.array(["a"]),
    )
    assert problems(data=path) == [
        f"{path}: y_train[1] is empty. Leave the image out, or mark its lungs.",
        f"{path}: y_train[3] is empty. Leave the image out, or mark its lungs.",
        f"{path}: ids_val holds 1 names for 2 images.",
        f"{path}: x_val is int64, {int(arrays['x_val'].min()) - 256} to -1; it must be {ALLOWED}",
        (
            f"{path}: x_test is (2, 32, 32) and y_test is (3, 32, 32); both must be (n, height,"
            " width), one mask per image, n above 0."
        ),
    ]


def test_text_is_no_pickle(tmp_path: Path) -> None:
    path = tmp_path / "text.npz"
    path.write_text("not an archive")
    assert problems(data=str(path)) == [
        f"{path} cannot be read as an .npz file without pickled objects (it is none)."
    ]


@pytest.mark.parametrize("wrong", [2.0, -0.1, np.nan])
def test_floats_outside_0_to_1_are_refused(tmp_path: Path, wrong: float) -> None:
    path = save_npz(tmp_path, x_train=np.full((4, 32, 32), wrong))
    assert problems(data=path) == [
        f"{path}: x_train is float64, {wrong:g} to {wrong:g}; it must be {ALLOWED}"
    ]


def test_images_are_never_made_larger(tmp_path: Path) -> None:
    path = save_npz(tmp_path)
    line = (
        f"{path}: x_train is (32, 32) pixels; images are only made smaller: image_size=64 must be"
        " at most 32."
    )
    assert problems(data=path, image_size=64)[0] == line


def test_what_arrays_there_must_be_is_said_once(tmp_path: Path) -> None:
    path = save_npz(tmp_path, y_val=None, x_test=None)
    ways = (
        "It must hold x and y, which data_seed splits, or x_train, y_train, x_val, y_val, x_test,"
        " y_test."
    )
    assert problems(data=path) == [f"{path} holds x_train, y_train, x_val, y_test. {ways}"]
    np.savez(tmp_path / "empty.npz")
    assert problems(data=str(tmp_path / "empty.npz")) == [
        f"{tmp_path}/empty.npz holds nothing. {ways}"
    ]


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 torn"])
def test_a_damaged_npz_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "torn.npz").write_bytes(content)
    (line,) = problems(data=str(tmp_path / "torn.npz"))
    assert line.startswith(f"{tmp_path}/torn.npz cannot be read as an .npz file")


def test_an_npz_file_with_one_damaged_byte_is_named(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    np.savez_compressed(path, **phantom_arrays())
    content = bytearray(path.read_bytes())
    content[500] ^= 255
    path.write_bytes(content)
    assert problems(data=str(path))[0].startswith(f"{path} cannot be read as an .npz file")


def test_a_single_array_is_no_npz_file(tmp_path: Path) -> None:
    with open(tmp_path / "single.npz", "wb") as file:
        np.save(file, np.zeros(3))
    assert problems(data=str(tmp_path / "single.npz"))[0].startswith(
        f"{tmp_path}/single.npz cannot be read as an .npz file"
    )


def test_the_montgomery_layout(tmp_path: Path) -> None:
    data = load(data=montgomery(tmp_path / "Montgomery"))
    images, masks = draw_phantoms(8, 32, 0)
    assert data.name == "chest X-rays of Montgomery"
    assert [len(part.names) for part in (data.train, data.validation, data.test)] == [6, 1, 1]
    for part in (data.train, data.validation, data.test):
        for name, image, mask in zip(part.names, part.images, part.masks, strict=True):
            np.testing.assert_array_equal(image.numpy(), images[int(name.split("_")[1])])
            np.testing.assert_array_equal(mask.numpy(), masks[int(name.split("_")[1])])


@pytest.mark.parametrize(
    ("images", "masks"), [("CXR_png", "mask"), ("", "mask"), ("", ""), ("CXR_png", "CXR_png")]
)
def test_the_shenzhen_layout(tmp_path: Path, images: str, masks: str) -> None:
    data = load(data=shenzhen(tmp_path / "Shenzhen", images, masks))
    assert data.name == "chest X-rays of Shenzhen (1 images without a mask are left out)"
    first, pictures = draw_phantoms(9, 32, 0)[1][0], draw_phantoms(9, 32, 0)[0]
    everything = {
        name: (image, mask)
        for part in parts(data)
        for name, image, mask in zip(part.names, part.images, part.masks, strict=True)
    }
    assert len(everything) == 8
    np.testing.assert_array_equal(everything["CHNCXR_0000_0"][1].numpy(), first)
    np.testing.assert_array_equal(everything["CHNCXR_0001_1"][0].numpy(), pictures[3])


def test_a_patient_is_in_one_part_only(tmp_path: Path) -> None:
    path, splits = shenzhen(tmp_path), set()
    for data_seed in range(8):
        patients = [
            {name[:11] for name in part.names}
            for part in parts(load(data=path, data_seed=data_seed))
        ]
        assert [len(group) for group in patients] == [2, 1, 1]
        assert set.union(*patients) == {f"CHNCXR_{i:04}" for i in range(4)}
        splits.add(tuple(map(tuple, map(sorted, patients))))
    assert len(splits) > 3


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    path = Path(montgomery(tmp_path))
    image = draw_phantoms(8, 32, 0)[0][2]
    write(path / "CXR_png" / "MCUCXR_0002_0.png", image.astype(np.uint16) * 256 + 7)
    (read,) = [
        image
        for part in parts(load(data=str(path)))
        for name, image in zip(part.names, part.images, strict=True)
        if "_0002_" in name
    ]
    np.testing.assert_array_equal(read.numpy(), image)


def test_what_is_wrong_with_a_folder_is_said_at_once(tmp_path: Path) -> None:
    path = Path(shenzhen(tmp_path))
    (path / "CXR_png" / "CHNCXR_0000_0.png").write_bytes(b"no image")
    torn = path / "mask" / "CHNCXR_0000_1_mask.png"
    torn.write_bytes(torn.read_bytes()[:60])
    write(path / "mask" / "CHNCXR_0001_0_mask.png", np.ones((16, 32), np.uint8))
    write(path / "mask" / "CHNCXR_0001_1_mask.png", np.zeros((32, 32), np.uint8))
    found = problems(data=str(path))
    image = path / "CXR_png"
    assert found[0].startswith(f"{image}/CHNCXR_0000_0.png cannot be read as an image (")
    assert found[1].startswith(f"{torn} cannot be read as an image (")
    assert found[2:] == [
        (
            f"{image}/CHNCXR_0001_0.png is (32, 32) and its mask (16, 32) (height, width): they"
            " must be of one size."
        ),
        f"{path}/mask/CHNCXR_0001_1_mask.png is empty. Leave the image out, or mark its lungs.",
    ]


def test_a_missing_half_of_a_mask_is_named(tmp_path: Path) -> None:
    path = Path(montgomery(tmp_path))
    gone = path / "ManualMask" / "rightMask" / "MCUCXR_0003_1.png"
    gone.unlink()
    assert problems(data=str(path)) == [f"{gone} is missing."]


def test_an_empty_half_of_a_mask_is_named(tmp_path: Path) -> None:
    path = Path(montgomery(tmp_path))
    empty = path / "ManualMask" / "leftMask" / "MCUCXR_0003_1.png"
    write(empty, np.zeros((32, 32), np.uint8))
    assert problems(data=str(path)) == [
        f"{empty} is empty. Leave the image out, or mark its lungs."
    ]


def test_folders_without_pairs_or_with_too_few_patients_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert problems(data=str(tmp_path / "empty"))[0].startswith(
        f"{tmp_path}/empty holds no image with a mask"
    )
    image, mask = draw_phantoms(1, 32, 0)
    for stem in ("P1_a", "P1_b", "P2_a"):
        write(tmp_path / "few" / f"{stem}.png", image[0])
        write(tmp_path / "few" / f"{stem}_mask.png", mask[0])
    assert problems(data=str(tmp_path / "few")) == [
        "chest X-rays of few: 2 patients (P1, P2) cannot be split into 3 parts."
    ]


def test_images_of_another_source_are_kept_apart(tmp_path: Path) -> None:
    other = montgomery(tmp_path / "Montgomery")
    data, without = load(extra_test=other), load()
    assert data.sha256 == without.sha256
    assert data.extra_test is not None
    assert data.extra_test.names == tuple(f"MCUCXR_{i:04}_{i % 2}" for i in range(8))
    assert load(extra_test=save_npz(tmp_path)).extra_test.names[3:5] == ("train 3", "val 0")  # type: ignore[union-attr]
    assert "is the data themselves" in problems(data=other, extra_test=other + "/")[0]


def test_the_record_of_the_data(tmp_path: Path) -> None:
    plain = xrays.describe(CONFIG)
    assert plain == {
        "name": "generated chest phantoms (20 images, data seed 0)",
        "training": 14,
        "validation": 3,
        "test": 3,
        "image_size": [32, 32],
        "sha256": load().sha256,
        "licence": "none needed: generated by this program",
    }
    extra = xrays.describe(CONFIG | {"extra_test": montgomery(tmp_path / "Montgomery")})
    assert (extra["extra_test_name"], extra["extra_test"]) == ("Montgomery", 8)
    assert len(extra["extra_test_sha256"]) == 64
    assert {key: extra[key] for key in plain} == plain


@needs_xrays
def test_the_real_x_rays() -> None:
    path = os.path.join(os.environ["STUDY_DATA"], "lungs", "shenzhen.npz")
    data = load(data=path, image_size=128)
    assert [len(part.names) for part in parts(data)] == [292, 63, 63]
    assert data.train.names[0] == "CHNCXR_0002_0"
    assert data.sha256 == "888a704b47ab92907193f29d87af18aedb2a324a8a04f73a048114769ba68d30"
    assert data.notes == ()
    source = np.load(path)
    np.testing.assert_allclose(
        data.test.images.numpy(),
        source["x_test"].reshape(63, 128, 2, 128, 2).astype(float).mean((2, 4)),
        atol=0.5,
        rtol=0,
    )
    assert [round(part.masks.float().mean().item(), 2) for part in parts(data)] == [
        0.26,
        0.26,
        0.24,
    ]


def with_ids(**changes: Any) -> dict[str, Any]:
    return {
        f"ids_{part}": np.array([f"{part} {i}" for i in range(n)])
        for part, n in (("train", 4), ("val", 2), ("test", 3))
    } | changes


@pytest.mark.parametrize(("one", "other"), [("train", "val"), ("train", "test"), ("val", "test")])
@pytest.mark.parametrize("named", [True, False])
def test_an_image_in_two_parts_is_refused(
    tmp_path: Path, one: str, other: str, named: bool
) -> None:
    arrays = phantom_arrays()
    arrays[f"x_{other}"][1] = arrays[f"x_{one}"][0]
    path = save_npz(tmp_path, **arrays, **(with_ids() if named else {}))
    long = {"train": "training", "val": "validation", "test": "test"}
    assert problems(data=path) == [
        f"{one} 0 of the {long[one]} images and {other} 1 of the {long[other]} images: the same"
        " image. Take one of them away."
    ]


def test_a_name_in_two_parts_is_refused(tmp_path: Path) -> None:
    path = save_npz(tmp_path, **with_ids(ids_test=np.array(["a", "train 2", "val 1"])))
    assert problems(data=path) == [
        (
            "train 2 of the training images and train 2 of the test images: the same name. Take one"
            " of them away."
        ),
        (
            "val 1 of the validation images and val 1 of the test images: the same name. Take one"
            " of them away."
        ),
    ]


def test_an_image_or_a_name_of_another_source_is_refused(tmp_path: Path) -> None:
    own, names = save_npz(tmp_path, **with_ids()), np.array(["a", "b", "test 1"])
    images, masks = draw_phantoms(3, 32, 9)
    np.savez(tmp_path / "names.npz", x=images, y=masks, ids=names)
    assert problems(data=own, extra_test=str(tmp_path / "names.npz")) == [
        "test 1 of the test images and test 1 of the extra_test images: the same name. Take one of"
        " them away."
    ]
    nameless, images[1] = save_npz(tmp_path, "nameless.npz"), phantom_arrays()["x_train"][3]
    np.savez(tmp_path / "image.npz", x=images, y=masks)
    assert problems(data=nameless, extra_test=str(tmp_path / "image.npz")) == [
        "train 3 of the training images and image 1 of the extra_test images: the same image. Take"
        " one of them away."
    ]
    # Names that were made up here say nothing.
    images, masks = draw_phantoms(3, 32, 10)
    np.savez(tmp_path / "one.npz", x=images, y=masks)
    two = [
        np.concatenate(arrays)
        for arrays in zip(draw_phantoms(5, 32, 11), draw_phantoms(5, 32, 12), strict=True)
    ]
    np.savez(tmp_path / "two.npz", x=two[0], y=two[1])
    assert (
        load(data=str(tmp_path / "two.npz"), extra_test=str(tmp_path / "one.npz")).extra_test
        is not None
    )


def test_identical_images_that_the_split_would_part_are_refused(tmp_path: Path) -> None:
    images, masks = draw_phantoms(10, 32, 0)
    np.savez(tmp_path / "twice.npz", x=np.concatenate([images] * 2), y=np.concatenate([masks] * 2))
    assert all(
        "the same image. Take one of them away." in problem
        for problem in problems(data=str(tmp_path / "twice.npz"))
    )


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5])
def test_set_aside_takes_whole_patients_from_training_alone(tmp_path: Path, share: float) -> None:
    path = shenzhen(tmp_path / "set")
    whole, parted = load(data=path), load(data=path, set_aside=share)
    assert parted.set_aside is not None
    names = parted.train.names + parted.set_aside.names
    assert sorted(names) == sorted(whole.train.names)
    assert not {name[:11] for name in parted.train.names} & {
        name[:11] for name in parted.set_aside.names
    }
    assert (parted.validation.names, parted.test.names, parted.sha256) == (
        whole.validation.names,
        whole.test.names,
        whole.sha256,
    )
    assert load(data=path, set_aside=share).set_aside.names == parted.set_aside.names  # type: ignore[union-attr]
    assert xrays.describe(CONFIG | {"data": path, "set_aside": share})["set_aside"] == len(
        parted.set_aside.names
    )


def test_set_aside_has_the_share_asked_for() -> None:
    data = load(phantoms=100, set_aside=0.2)
    assert data.set_aside is not None
    assert (len(data.train.names), len(data.set_aside.names)) == (56, 14)
    assert load(phantoms=100).set_aside is None


def test_one_patient_cannot_be_set_aside(tmp_path: Path) -> None:
    path = save_npz(tmp_path, **{key: value[:1] for key, value in phantom_arrays().items()})
    assert problems(data=path, set_aside=0.2) == [
        "chest X-rays of some.npz: set_aside=0.2 would leave no image to train: there is one"
        " patient (train 0)."
    ]
