"""What augmentation does to images and masks."""

import math

import pytest
import torch
from torch import Tensor

from trainables.loop import derive_seed
from trainables.lungs.augment import CHANGES, augment, draw_changes

ROTATION, SCALE, ACROSS, DOWN, CONTRAST, BRIGHTNESS, TONE = range(7)


def changes(*changed: dict[int, float]) -> Tensor:
    """One row for each, 0 but for the columns named."""
    rows = torch.zeros(len(changed), CHANGES)
    for row, values in zip(rows, changed, strict=True):
        for column, value in values.items():
            row[column] = value
    return rows


def test_no_change_leaves_images_as_they_are() -> None:
    images, masks = torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) > 0.5).float()
    same, same_masks = augment(images, masks, changes({}, {}))
    torch.testing.assert_close(same, images, rtol=0, atol=1e-5)
    assert torch.equal(same_masks, masks)


def test_images_and_masks_move_alike_and_only_images_are_retouched() -> None:
    masks = torch.zeros(3, 1, 50, 50)
    masks[:, :, 10:30, 20:30] = 1
    shifted, mask = augment(
        masks, masks, changes({ACROSS: 1.0}, {DOWN: -1.0}, {CONTRAST: 1.0, BRIGHTNESS: -1.0})
    )
    # 10 percent of 50 pixels: the picture is read 5 pixels further right, so it moves to the left.
    assert torch.equal(mask[0, 0], masks[0, 0].roll(-5, 1))
    assert torch.equal(mask[1, 0], masks[1, 0].roll(5, 0))
    torch.testing.assert_close(shifted[:2], mask[:2], rtol=0, atol=1e-4)
    assert torch.equal(mask[2], masks[2])
    torch.testing.assert_close(shifted[2], masks[2] * 1.25 - 0.25, rtol=0, atol=1e-4)


def test_turning_keeps_shapes() -> None:
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    point = (((rows - 31.5) ** 2 + (columns - 51.5) ** 2) < 16).float()[None, None]
    turned, mask = augment(point, point, changes({ROTATION: 1.0}))
    row, column = (float((mask[0, 0] * axis).sum() / mask.sum()) - 31.5 for axis in (rows, columns))
    assert math.hypot(row, column) == pytest.approx(20, abs=0.3)
    assert abs(math.atan2(row, column)) == pytest.approx(0.24, abs=0.02)
    assert turned.sum().item() == pytest.approx(point.sum().item(), rel=0.05)


def test_a_larger_scale_shows_more_of_the_image() -> None:
    square = torch.zeros(1, 1, 100, 100)
    square[:, :, 21:79, 21:79] = 1
    _, smaller = augment(square, square, changes({SCALE: 1.0}))
    assert smaller.sum().item() == pytest.approx((58 / 1.16) ** 2, rel=0.01)


@pytest.mark.parametrize("tone", [-1.0, 1.0])
def test_tone_changes_what_lies_between_but_never_what_is_lighter(tone: float) -> None:
    ramp = torch.linspace(-4, 4, 400).reshape(1, 1, 20, 20)
    toned = augment(ramp, torch.zeros_like(ramp), changes({TONE: tone}))[0].flatten()
    assert (toned.diff() > 0).all()
    torch.testing.assert_close(
        toned,
        ramp.flatten() + 0.2 * tone * (ramp.flatten() ** 2 - 1).clamp(max=4),
        rtol=0,
        atol=1e-4,
    )


def test_shade_darkens_one_side_smoothly() -> None:
    left = changes({7 + 4 * row + column: -1.0 for row in range(4) for column in range(2)})
    image = torch.zeros(1, 1, 64, 64)
    shaded, mask = augment(image, image, left)
    assert shaded[..., 0].max().item() == pytest.approx(-0.4, abs=0.05)
    assert shaded[..., -1].min().item() == pytest.approx(0, abs=0.05)
    assert shaded.diff(dim=3).abs().max() < 0.05, "no edge that could be taken for one of a lung"
    assert not mask.any()


def test_changes_are_drawn_per_seed_and_epoch() -> None:
    first, again = (draw_changes(200, derive_seed(1, "augment", 2)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, draw_changes(200, derive_seed(1, "augment", 3)))
    assert first.shape == (200, CHANGES)
    assert -1 <= first.min() < -0.99
    assert 0.99 < first.max() <= 1
