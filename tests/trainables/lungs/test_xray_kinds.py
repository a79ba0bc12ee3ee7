"""Chest X-rays and masks in every encoding that people keep them in: one picture gives one result,
or a refusal that says why.
"""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter
from small_studies import small_study
from xray_folders import load, parts, phantom_arrays, problems, write

from trainables.lungs import data as xrays
from trainables.lungs.mask_files import numbered, read_labels
from trainables.lungs.masks import LabelList, Labels, marked
from trainables.lungs.phantoms import draw_phantoms
from trainables.lungs.pictures import read_gray
from trainables.lungs.soft_edges import without_soft_edges
from tuning.engine.one_trial import try_first

SIZE, COUNT = 64, 6
IMAGES, MASKS = draw_phantoms(COUNT, SIZE, 0)
LUNGS = MASKS > 0
LEFT = np.arange(SIZE) < SIZE // 2
Save = Callable[[np.ndarray], Image.Image]


def sides(
    lung: np.ndarray, left: Any, right: Any, rest: Any = 0, kind: Any = np.uint8
) -> np.ndarray:
    """A mask (height, width) with the labels of the two lungs and of the rest; a label may be a
    colour.
    """
    there = lung[..., None] if np.ndim(rest) else lung
    side = LEFT[:, None] if np.ndim(rest) else LEFT
    return np.where(
        there, np.where(side, np.asarray(left), np.asarray(right)), np.asarray(rest)
    ).astype(kind)


def palette(*colours: tuple[int, int, int]) -> Callable[[np.ndarray], Image.Image]:
    def picture(numbers: np.ndarray) -> Image.Image:
        made = Image.fromarray(numbers).convert("P")
        made.putdata(numbers.ravel().tolist())
        made.putpalette([value for colour in colours for value in colour])
        return made

    return picture


BLACK, WHITE, RED, BLUE = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255)
TRANSPARENT = (0, 0, 0, 0)


def grey(*labels: Any, kind: Any = np.uint8) -> Save:
    return lambda lung: Image.fromarray(sides(lung, *labels, kind=kind))


def deep(*labels: Any) -> Save:
    return lambda lung: Image.fromarray(sides(lung, *labels, kind=np.int32))


def smoothed(lung: np.ndarray) -> Image.Image:
    """Grey edges that are half black where the mask ends: as large again, then made smaller."""
    large = Image.fromarray(np.kron(lung.astype(np.uint8) * 255, np.ones((4, 4), np.uint8)))
    return large.filter(ImageFilter.BoxBlur(1)).resize((SIZE, SIZE), Image.Resampling.BOX)


MASK_KINDS: dict[str, tuple[Save, str]] = {
    "0 and 1": (grey(1, 1), "png"),
    "0 and 255": (grey(255, 255), "png"),
    "one bit": (lambda lung: Image.fromarray(lung), "png"),
    "labels 1 and 2": (grey(1, 2), "png"),
    "labels 100 and 255": (grey(100, 255), "png"),
    "labels 1 and 255": (grey(1, 255), "png"),
    "labels 200 and 255": (grey(200, 255), "png"),
    "labels, background 1": (grey(2, 3, 1), "png"),
    "labels, white background": (grey(10, 128, 255), "png"),
    "labels in 16 bits": (grey(1, 2, kind=np.uint16), "png"),
    "16 bits, white": (grey(65535, 65535, kind=np.uint16), "png"),
    "16 bits, large labels": (grey(1000, 40000, kind=np.uint16), "tif"),
    "32 bits": (deep(300, 70000), "tif"),
    "labels below 0": (deep(1, 1, -1), "tif"),
    "floats 0 and 1": (grey(1, 1, kind=np.float32), "tif"),
    "float labels": (grey(1, 2, kind=np.float32), "tif"),
    "half floats": (grey(0.5, 1, kind=np.float32), "tif"),
    "palette, black first": (lambda lung: palette(BLACK, BLUE, RED)(sides(lung, 1, 2)), "png"),
    "palette, black last": (lambda lung: palette(BLUE, RED, BLACK)(sides(lung, 0, 1, 2)), "png"),
    "palette, white background": (
        lambda lung: palette(BLUE, WHITE, RED)(sides(lung, 0, 2, 1)),
        "png",
    ),
    "palette of one colour": (lambda lung: palette(BLACK, BLACK, BLACK)(sides(lung, 1, 2)), "png"),
    "grey palette, white first": (lambda lung: palette(WHITE, BLACK)(sides(lung, 0, 0, 1)), "png"),
    "palette in a gif": (lambda lung: palette(BLACK, BLUE, RED)(sides(lung, 1, 2)), "gif"),
    "grey in three channels": (
        lambda lung: Image.fromarray(sides(lung, 1, 2)).convert("RGB"),
        "png",
    ),
    "two colours": (lambda lung: Image.fromarray(sides(lung, RED, BLUE, BLACK)), "png"),
    "two dark colours": (
        lambda lung: Image.fromarray(sides(lung, (0, 0, 1), (0, 2, 0), BLACK)),
        "png",
    ),
    "two colours on white": (lambda lung: Image.fromarray(sides(lung, RED, BLUE, WHITE)), "bmp"),
    "a colour that a grey value hides": (
        lambda lung: Image.fromarray(sides(lung, (0, 0, 2), WHITE, BLACK)),
        "png",
    ),
    "opaque colours": (
        lambda lung: Image.fromarray(sides(lung, (*RED, 255), (*BLUE, 255), (*BLACK, 255))),
        "png",
    ),
    "colours on nothing": (
        lambda lung: Image.fromarray(sides(lung, (*RED, 255), (*BLUE, 128), TRANSPARENT)),
        "png",
    ),
    "red, more and less opaque": (
        lambda lung: Image.fromarray(sides(lung, (*RED, 200), (*RED, 90), (*RED, 0))),
        "png",
    ),
    "black on nothing": (
        lambda lung: Image.fromarray(sides(lung, (*BLACK, 255), (*BLACK, 255), TRANSPARENT)),
        "png",
    ),
    "grey and alpha": (
        lambda lung: Image.fromarray(sides(lung, (9, 255), (200, 255), (0, 255))),
        "png",
    ),
    "grey edges": (smoothed, "png"),
    "grey edges in 16 bits": (
        lambda lung: Image.fromarray(np.asarray(smoothed(lung)).astype(np.uint16) * 257),
        "png",
    ),
    "grey edges in floats": (
        lambda lung: Image.fromarray(np.asarray(smoothed(lung)).astype(np.float32) / 255),
        "tif",
    ),
    "red edges": (
        lambda lung: Image.merge("RGB", (smoothed(lung), *[Image.new("L", (SIZE, SIZE))] * 2)),
        "png",
    ),
    "edges more and less opaque": (
        lambda lung: Image.merge("LA", (Image.new("L", (SIZE, SIZE), 255), smoothed(lung))),
        "png",
    ),
    "grey edges in a palette": (lambda lung: smoothed(lung).convert("P"), "png"),
    "jpeg": (grey(255, 255), "jpg"),
}


def folder(
    place: Path,
    mask: Save,
    ending: str = "png",
    image: Callable[[np.ndarray], Image.Image] = Image.fromarray,
) -> str:
    """Phantoms as the Shenzhen set lies on disk."""
    place.mkdir(parents=True)
    for i in range(COUNT):
        image(IMAGES[i]).save(place / f"P{i}.png")
        mask(LUNGS[i]).save(place / f"P{i}_mask.{ending}")
    return str(place)


def masks_of(data: xrays.XRays) -> dict[str, np.ndarray]:
    return {
        name: mask.numpy() > 0
        for part in parts(data)
        for name, mask in zip(part.names, part.masks, strict=True)
    }


@pytest.mark.parametrize("kind", MASK_KINDS)
def test_a_mask_means_the_same_in_every_encoding(kind: str, tmp_path: Path) -> None:
    mask, ending = MASK_KINDS[kind]
    found = masks_of(load(data=folder(tmp_path / "all", mask, ending), image_size=SIZE))
    for i in range(COUNT):
        np.testing.assert_array_equal(found[f"P{i}"], LUNGS[i], err_msg=kind)


LABEL = st.integers(1, 2**31 - 1) | st.integers(1, 255)


@given(left=LABEL, right=LABEL, i=st.integers(0, COUNT - 1))
def test_any_two_labels_are_both_lung(left: int, right: int, i: int) -> None:
    lung, found = marked(numbered(sides(LUNGS[i], left, right, kind=np.int64)))
    np.testing.assert_array_equal(lung, LUNGS[i])
    assert set(found.lung) == {str(left), str(right)}


@given(
    st.lists(st.integers(1, 255), min_size=3, max_size=20, unique=True), st.integers(0, COUNT - 1)
)
def test_any_number_of_labels_are_lung(labels: list[int], i: int) -> None:
    """Organs that touch: bands of the lungs, each with a label of its own."""
    bands = np.array(labels, np.uint8)[np.arange(256) * len(labels) // 256]
    lung = np.kron(LUNGS[i], np.ones((4, 4), bool))
    np.testing.assert_array_equal(marked(numbered(np.where(lung, bands[:, None], 0)))[0], lung)


@given(
    st.integers(0, 1000),
    st.sampled_from([1, 1.3, 2, 3.7]),
    st.sampled_from(["BOX", "BILINEAR", "BICUBIC", "LANCZOS"]),
)
def test_soft_edges_are_cut_at_half(seed: int, larger: float, way: str) -> None:
    source = Image.fromarray(draw_phantoms(1, 96, seed)[1][0] * 255)
    soft = np.asarray(source.resize((int(64 * larger),) * 2, Image.Resampling[way]))
    np.testing.assert_array_equal(marked(numbered(soft))[0], soft > 127)


@given(st.integers(0, 1000), st.integers(10, 100), st.sampled_from([48, 64, 130]))
def test_a_jpeg_mask_is_cut_at_half(seed: int, quality: int, size: int) -> None:
    import io

    file = io.BytesIO()
    Image.fromarray(draw_phantoms(1, size, seed)[1][0] * 255).save(file, "JPEG", quality=quality)
    noisy = np.asarray(Image.open(file))
    np.testing.assert_array_equal(marked(numbered(noisy))[0], noisy > 127)


def test_a_sigmoid_is_cut_at_half() -> None:
    depth = (
        np.asarray(smoothed(LUNGS[0]).filter(ImageFilter.GaussianBlur(1))).astype(float) / 255 - 0.5
    )
    soft = 1 / (1 + np.exp(-20 * depth - np.random.default_rng(0).normal(0, 0.1, depth.shape)))
    np.testing.assert_array_equal(marked(numbered(soft))[0], soft >= (soft.min() + soft.max()) / 2)


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_labels_with_soft_edges_are_refused(quality: int, tmp_path: Path) -> None:
    large = draw_phantoms(1, 256, 0)[1][0]
    labels = np.where(np.arange(256) < 128, large * 100, large * 255).astype(np.uint8)
    Image.fromarray(labels).save(tmp_path / "m.jpg", quality=quality)
    with pytest.raises(
        ValueError,
        match=(
            r"m\.jpg holds \d+ values from 0 to 255: neither a few labels nor .*nearest neighbour"
        ),
    ):
        read_labels(tmp_path / "m.jpg")
    with pytest.raises(ValueError, match="neither a few labels"):
        without_soft_edges(
            np.asarray(Image.fromarray(labels).resize((128, 128), Image.Resampling.BILINEAR))
        )


@pytest.mark.parametrize(("left", "right"), [(1, 1), (1, 2), (5, 5), (20, 40)])
@pytest.mark.parametrize("quality", [30, 75, 95])
def test_a_jpeg_of_small_labels_is_never_taken_for_a_mask(
    left: int, right: int, quality: int, tmp_path: Path
) -> None:
    grey(left, right)(LUNGS[0]).save(tmp_path / "m.jpg", quality=quality)
    with pytest.raises(ValueError, match=r"m\.jpg holds grey values within|is empty"):
        marked(read_labels(tmp_path / "m.jpg"))


@pytest.mark.parametrize("what", ["the image itself", "noise", "noise of labels"])
def test_what_is_no_mask_is_refused(what: str) -> None:
    random = np.random.default_rng(0)
    pictures = {
        "the image itself": IMAGES[0],
        "noise": random.integers(0, 256, (64, 64)),
        "noise of labels": random.choice([0, 100, 255], (64, 64)),
    }
    with pytest.raises(ValueError, match="neither a few labels"):
        without_soft_edges(pictures[what])


def test_lung_labels_choose(tmp_path: Path) -> None:
    labels = folder(tmp_path / "labels", grey(1, 2))
    in_palette = folder(
        tmp_path / "palette", lambda lung: palette(BLACK, BLUE, RED)(sides(lung, 1, 2))
    )
    colours = folder(
        tmp_path / "colours", lambda lung: Image.fromarray(sides(lung, BLUE, RED, BLACK))
    )
    for path, chosen in ((labels, [1]), (in_palette, [1]), (colours, ["#0000ff"])):
        found = masks_of(load(data=path, image_size=SIZE, lung_labels=chosen))
        for i in range(COUNT):
            np.testing.assert_array_equal(found[f"P{i}"], LUNGS[i] & LEFT)
    assert problems(data=colours, lung_labels=["#0000ff", "#00ff00"]) == [
        "lung_labels: '#00ff00' is in no mask; the masks hold #000000, #0000ff, #ff0000."
    ]
    wrong = problems(data=labels, lung_labels=[3])
    assert (
        wrong[0]
        == f"{labels}/P0_mask.png holds 0, 1, 2 alone, none of lung_labels=[3]. Name its labels of"
        " lung, or leave the image out."
    )
    assert problems(lung_labels=[1]) == [
        "lung_labels: 1 is in no mask; the masks hold nothing, for there are none."
    ]


@pytest.mark.parametrize("value", [1, "1", [True], [1.0], ["red"], None, [[1]]])
def test_what_are_no_lung_labels(value: Any) -> None:
    assert LabelList().problem(value)


@pytest.mark.parametrize("value", [[], [0], [1, 2], (1,), ["#ff00FF"], [-1, 255, 70000]])
def test_what_are_lung_labels(value: Any) -> None:
    assert LabelList().problem(value) is None


INVERTED: dict[str, Save] = {
    "0 and 255": grey(0, 0, 255),
    "0 and 1": grey(0, 0, 1),
    "one bit": lambda lung: Image.fromarray(~lung),
    "16 bits": grey(0, 0, 65535, kind=np.uint16),
    "grey edges": lambda lung: smoothed(~lung),
    "in colour": lambda lung: Image.fromarray(sides(lung, BLACK, BLACK, RED)),
}


@pytest.mark.parametrize("kind", INVERTED)
def test_inverted_masks_are_refused_with_the_way_out(kind: str, tmp_path: Path) -> None:
    path = folder(tmp_path / "swapped", INVERTED[kind])
    (line,) = problems(data=path)
    assert (
        "the masks of all 6 images mark most of the image and of its border as lung: lung and"
        " background look swapped" in line
    )
    assert "set lung_labels=[0]" in line
    found = masks_of(load(data=path, image_size=SIZE, lung_labels=[0]))
    for i in range(COUNT):
        np.testing.assert_array_equal(found[f"P{i}"], LUNGS[i])


def test_a_few_inverted_masks_are_named(tmp_path: Path) -> None:
    path = folder(tmp_path / "some", grey(255, 255))
    for i in (1, 4):
        write(Path(path) / f"P{i}_mask.png", sides(LUNGS[i], 0, 0, 255))
    (line,) = problems(data=path)
    assert "2 of 6 images (P1, P4)" in line
    assert line.endswith("Mend these masks; the others look right.")


def test_inverted_halves_are_refused(tmp_path: Path) -> None:
    for i in range(COUNT):
        write(tmp_path / "CXR_png" / f"P{i}.png", IMAGES[i])
        for side, half in (("leftMask", ~LEFT), ("rightMask", LEFT)):
            write(tmp_path / "ManualMask" / side / f"P{i}.png", ~(LUNGS[i] & half))
    assert "look swapped" in problems(data=str(tmp_path))[0]
    found = masks_of(load(data=str(tmp_path), image_size=SIZE, lung_labels=[0]))
    np.testing.assert_array_equal(found["P3"], LUNGS[3])


def note(**changes: Any) -> str:
    return str(
        xrays.describe(
            {"data": "", "extra_test": "", "data_seed": 0, "phantoms": 20, "image_size": 32}
            | changes
        ).get("note")
    )


def test_what_is_not_plain_is_said(tmp_path: Path) -> None:
    assert note(data=folder(tmp_path / "plain", grey(255, 255))) == "None"
    assert note(data=folder(tmp_path / "sides", grey(1, 2))) == "lung is what the masks label 1, 2"
    assert (
        note(data=folder(tmp_path / "half", grey(1, 0)))
        == "all 6 images are marked in one half of the image alone"
    )
    border = note(data=folder(tmp_path / "border", grey(2, 2, 1)))
    assert border == "background is 1, the most common label along the border of the masks"
    framed = np.pad(np.ones((SIZE - 8, SIZE - 8), np.uint8), 4)
    most = note(extra_test=folder(tmp_path / "most", lambda lung: Image.fromarray(framed)))
    assert most == "extra_test: all 6 images are marked as lung in more than half of the image"


def test_a_note_on_the_data_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        try_first(small_study(describe=lambda config: {"name": "some", "note": "one half alone"}))
        == 0
    )
    assert "data: one half alone\n" in capsys.readouterr().err
    assert try_first(small_study(describe=lambda config: {"name": "some"})) == 0
    assert capsys.readouterr().err == ""


def test_masks_with_different_backgrounds_are_refused(tmp_path: Path) -> None:
    path = folder(tmp_path / "two", grey(2, 2, 1))
    write(Path(path) / "P3_mask.png", sides(LUNGS[3], 2, 2, 0))
    assert problems(data=path) == [
        "chest X-rays of two: the background is 0 or 1, depending on the mask. Name the labels of"
        " lung in lung_labels."
    ]


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (
            np.full((SIZE, SIZE), 255, np.uint8),
            "holds 255 alone, and no background. Leave the image out, or mark its lungs.",
        ),
        (
            sides(LUNGS[0], 1, 2, kind=np.int32) - (np.arange(SIZE) > 60),
            "holds -1, 0, 1, 2: below 0, anything may be meant.",
        ),
        (np.where(LUNGS[0], np.nan, 0).astype(np.float32), "holds values that are not finite."),
    ],
)
def test_masks_that_say_nothing_are_refused(mask: np.ndarray, said: str, tmp_path: Path) -> None:
    path = folder(tmp_path / "all", grey(1, 1), "tif")
    write(Path(path) / "P2_mask.tif", mask)
    (line,) = problems(data=path)
    assert line.startswith(f"{path}/P2_mask.tif {said}")


def test_ten_problems_are_listed_and_the_others_counted(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "a.npz", x=np.zeros((25, 32, 32), np.uint8), y=np.zeros((25, 32, 32), np.uint8)
    )
    found = problems(data=str(tmp_path / "a.npz"))
    assert found[9] == f"{tmp_path}/a.npz: y[9] is empty. Leave the image out, or mark its lungs."
    assert found[10:] == ["... and 15 more."]


def rgb16(values: np.ndarray) -> bytes:
    """A PNG of 16 bits per colour, which Pillow cannot write."""
    height, width = values.shape
    rows = b"".join(b"\0" + np.repeat(row[:, None], 3, 1).astype(">u2").tobytes() for row in values)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    packed = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def test_pictures_of_which_a_part_would_be_lost_are_refused(tmp_path: Path) -> None:
    path = Path(folder(tmp_path / "all", grey(1, 2)))
    (path / "P0.png").write_bytes(rgb16(IMAGES[0].astype(int) * 16))
    (path / "P1_mask.png").write_bytes(rgb16(sides(LUNGS[1], 1, 2)))
    stack = [Image.fromarray(each) for each in IMAGES]
    (path / "P2.png").unlink()
    stack[0].save(path / "P2.tif", save_all=True, append_images=stack[1:])
    stack[3].save(path / "P3.jpg")
    said = "has 16 bits per colour; save it in grey, or with 8 bits per colour."
    assert problems(data=str(path)) == [
        f"{path}/P3.jpg and P3.png have one name: take one of them away."
    ]
    (path / "P3.jpg").unlink()
    (path / "._P3.png").write_bytes(b"what macOS leaves")
    assert problems(data=str(path)) == [
        f"{path}/P0.png {said}",
        f"{path}/P1_mask.png {said}",
        f"{path}/P2.tif holds 6 pictures; it must hold one.",
    ]


IMAGE_KINDS: dict[str, tuple[Callable[[np.ndarray], Image.Image], str]] = {
    "8 bits": (Image.fromarray, "png"),
    "10 bits": (lambda image: Image.fromarray(image.astype(np.uint16) * 4 + 3), "png"),
    "12 bits": (lambda image: Image.fromarray(image.astype(np.uint16) * 16 + 7), "png"),
    "12 bits, stretched": (
        lambda image: Image.fromarray((image * (4095 / 255)).astype(np.uint16)),
        "tif",
    ),
    "14 bits": (lambda image: Image.fromarray(image.astype(np.uint16) * 64), "png"),
    "16 bits": (lambda image: Image.fromarray(image.astype(np.uint16) * 257), "png"),
    "8 bits in 16": (lambda image: Image.fromarray(image.astype(np.uint16)), "png"),
    "12 bits in 32": (lambda image: Image.fromarray(image.astype(np.int32) * 16), "tif"),
    "floats to 1": (lambda image: Image.fromarray(image.astype(np.float32) / 255), "tif"),
    "floats to 255": (lambda image: Image.fromarray(image.astype(np.float32)), "tif"),
    "floats to 4095": (
        lambda image: Image.fromarray(image.astype(np.float32) * (4095 / 255)),
        "tif",
    ),
    "three channels": (lambda image: Image.fromarray(image).convert("RGB"), "png"),
    "with alpha": (lambda image: Image.fromarray(image).convert("RGBA"), "png"),
    "grey and alpha": (lambda image: Image.fromarray(image).convert("LA"), "png"),
    "palette": (lambda image: Image.fromarray(image).convert("P"), "png"),
    "four inks": (lambda image: Image.fromarray(image).convert("RGB").convert("CMYK"), "tif"),
}


@pytest.mark.parametrize("kind", IMAGE_KINDS)
def test_an_image_is_the_same_in_every_encoding(kind: str, tmp_path: Path) -> None:
    save, ending = IMAGE_KINDS[kind]
    for i in range(COUNT):
        save(IMAGES[i]).save(tmp_path / f"P{i}.{ending}")
        write(tmp_path / f"P{i}_mask.png", MASKS[i])
    data = load(data=str(tmp_path), image_size=SIZE)
    for part in parts(data):
        for name, image in zip(part.names, part.images, strict=True):
            np.testing.assert_allclose(
                image.numpy().astype(int), IMAGES[int(name[1:])].astype(int), atol=1
            )


def test_images_of_two_detectors_keep_their_grey_levels(tmp_path: Path) -> None:
    for i in range(COUNT):
        write(tmp_path / f"P{i}.png", IMAGES[i].astype(np.uint16) * (257 if i % 2 else 16))
        write(tmp_path / f"P{i}_mask.png", MASKS[i])
    data = load(data=str(tmp_path), image_size=SIZE)
    for part in parts(data):
        for name, image in zip(part.names, part.images, strict=True):
            np.testing.assert_allclose(
                image.numpy().astype(int), IMAGES[int(name[1:])].astype(int), atol=1
            )


def test_dark_images_of_one_detector_stay_dark(tmp_path: Path) -> None:
    for i in range(COUNT):
        write(tmp_path / f"P{i}.png", (IMAGES[i] // (4 if i else 1)).astype(np.uint16) * 16)
        write(tmp_path / f"P{i}_mask.png", MASKS[i])
    data = load(data=str(tmp_path), image_size=SIZE)
    images = {
        name: image.numpy().astype(int)
        for part in parts(data)
        for name, image in zip(part.names, part.images, strict=True)
    }
    np.testing.assert_allclose(images["P3"], IMAGES[3] // 4, atol=1)


def test_one_picture_is_scaled_by_itself(tmp_path: Path) -> None:
    write(tmp_path / "a.png", IMAGES[0].astype(np.uint16) * 16)
    np.testing.assert_array_equal(read_gray(tmp_path / "a.png"), IMAGES[0])


@pytest.mark.parametrize(
    "wrong", [np.full((SIZE, SIZE), -1, np.int32), np.full((SIZE, SIZE), np.nan, np.float32)]
)
def test_values_that_are_no_grey_levels_are_refused(wrong: np.ndarray, tmp_path: Path) -> None:
    path = folder(tmp_path / "all", grey(1, 1))
    (Path(path) / "P1.png").unlink()
    write(Path(path) / "P1.tif", wrong)
    (line,) = problems(data=path)
    assert line.startswith(
        f"{path}/P1.tif is {wrong.dtype}, {wrong[0, 0]:g} to {wrong[0, 0]:g}; it must be whole"
        " numbers from 0 up, "
    )


ARRAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "bool": lambda lung: lung,
    "bytes": lambda lung: lung.astype(np.uint8) * 255,
    "labels": lambda lung: np.stack([sides(each, 1, 2) for each in lung]),
    "large labels": lambda lung: np.stack(
        [sides(each, 100, 60000, kind=np.int64) for each in lung]
    ),
    "float labels": lambda lung: np.stack([sides(each, 1, 2, kind=np.float64) for each in lung]),
    "signs": lambda lung: np.where(lung, 1, -1).astype(np.int8),
    "grey edges": lambda lung: np.stack([np.asarray(smoothed(each)) for each in lung]),
    "soft edges": lambda lung: np.stack([np.asarray(smoothed(each)) for each in lung]) / 255,
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("split", [True, False])
def test_arrays_are_read_by_the_same_rule(kind: str, split: bool, tmp_path: Path) -> None:
    lung = ARRAYS[kind](LUNGS)
    at = (
        {"_train": slice(0, 3), "_val": slice(3, 5), "_test": slice(5, 6)}
        if split
        else {"": slice(None)}
    )
    arrays = {
        f"{name}{part}": array[where]
        for part, where in at.items()
        for name, array in (("x", IMAGES), ("y", lung))
    }
    ids = {
        f"ids{part}": np.array([f"P{i}" for i in range(COUNT)])[where] for part, where in at.items()
    }
    np.savez(tmp_path / "a.npz", **arrays, **ids)
    found = masks_of(load(data=str(tmp_path / "a.npz"), image_size=SIZE))
    for i in range(COUNT):
        np.testing.assert_array_equal(found[f"P{i}"], LUNGS[i])


@pytest.mark.parametrize(
    ("kind", "factor"), [(np.uint16, 16), (np.int32, 257), (np.float32, 16), (np.float64, 1 / 255)]
)
def test_arrays_of_images_are_scaled_too(kind: Any, factor: float, tmp_path: Path) -> None:
    plain = phantom_arrays((4, 2, 3), SIZE)
    np.savez(
        tmp_path / "deep.npz",
        **{
            key: (value * np.float64(factor)).astype(kind) if key[0] == "x" else value
            for key, value in plain.items()
        },
    )
    for part, name in zip(
        parts(load(data=str(tmp_path / "deep.npz"), image_size=SIZE)),
        ("train", "val", "test"),
        strict=True,
    ):
        np.testing.assert_allclose(
            part.images.numpy().astype(int), plain[f"x_{name}"].astype(int), atol=1
        )


def test_arrays_without_a_split_are_split_by_patient(tmp_path: Path) -> None:
    images, masks = draw_phantoms(12, 32, 0)
    path = str(tmp_path / "whole.npz")
    np.savez(path, x=images, y=masks, ids=np.array([f"P{i // 2}_{i % 2}" for i in range(12)]))
    data, other = load(data=path), load(data=path, data_seed=1)
    assert [len(part.names) for part in parts(data)] == [8, 2, 2]
    patients = [{name[:2] for name in part.names} for part in parts(data)]
    assert len(set.union(*patients)) == sum(map(len, patients)) == 6
    assert data.sha256 != other.sha256
    for part in parts(data):
        for name, image in zip(part.names, part.images, strict=True):
            np.testing.assert_array_equal(image.numpy(), images[2 * int(name[1]) + int(name[3])])
    extra = load(extra_test=path).extra_test
    assert extra is not None
    np.testing.assert_array_equal(extra.images.numpy(), images)
    np.savez(tmp_path / "nameless.npz", x=images, y=masks)
    assert load(extra_test=str(tmp_path / "nameless.npz")).extra_test.names[:2] == (
        "image 0",
        "image 1",
    )  # type: ignore[union-attr]


def test_labels_are_written_as_the_user_writes_them() -> None:
    assert [Labels(np.zeros(1)).text(label) for label in (0, 2.0, 0.5, 70000)] == [
        "0",
        "2",
        "0.5",
        "70000",
    ]
    assert Labels(np.zeros(1), in_colour=True).text(255) == "#0000ff"
