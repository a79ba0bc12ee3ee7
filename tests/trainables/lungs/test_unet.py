"""The U-Net: its shapes, its weights counted by hand, its losses against plain numpy."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from trainables.loop import count_parameters
from trainables.lungs import unet
from trainables.lungs.unet import UNet


@pytest.mark.parametrize(("levels", "size"), [(1, (5, 7)), (2, (6, 10)), (4, (16, 24))])
def test_the_output_is_as_large_as_the_input(levels: int, size: tuple[int, int]) -> None:
    assert UNet(3, levels)(torch.zeros(2, 1, *size)).shape == (2, 1, *size)


def test_weights_counted_by_hand() -> None:
    # Two convolutions 1-2-2 with two norms; the head 2-1 with its bias.
    assert count_parameters(UNet(2, 1)) == (9 * 1 * 2 + 4) + (9 * 2 * 2 + 4) + (2 + 1)
    below = (9 * 2 * 4 + 8) + (9 * 4 * 4 + 8)
    up = (4 * 2 + 2) + (9 * 4 * 2 + 4) + (9 * 2 * 2 + 4)
    assert count_parameters(UNet(2, 2)) == 65 + below + up
    assert count_parameters(UNet(16, 4)) == 450_193


def test_each_level_halves_the_image_and_doubles_the_channels() -> None:
    network, seen = UNet(2, 3), []
    for block in network.down:
        block.register_forward_hook(lambda *given: seen.append(tuple(given[2].shape)))
    network(torch.zeros(1, 1, 8, 8))
    assert seen == [(1, 2, 8, 8), (1, 4, 4, 4), (1, 8, 2, 2)]


def test_dropout_is_random_in_training_and_absent_in_evaluation() -> None:
    torch.manual_seed(0)
    network, x = UNet(4, 2, dropout=0.5), torch.randn(2, 1, 8, 8)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))
    assert UNet(4, 2).dropout.p == 0


@pytest.mark.parametrize(
    ("size", "levels", "fits"),
    [(64, 4, True), (60, 4, False), (8, 4, False), (16, 4, True), (17, 1, True), (1, 1, False)],
)
def test_which_sizes_fit(size: int, levels: int, fits: bool) -> None:
    assert (unet.size_problem(size, levels) is None) == fits


def test_a_size_that_does_not_fit_is_explained() -> None:
    assert (
        unet.size_problem(100, 4)
        == "image_size=100 does not fit levels=4: it must be a multiple of 8, 16 or more, to be"
        " halved 3 times. Choose image_size=96 or fewer levels."
    )


def test_channels_last_changes_strides_and_no_value() -> None:
    x = torch.arange(24.0).view(2, 1, 3, 4)
    other = unet.channels_last(x)
    assert torch.equal(other, x)
    assert other.stride() == (12, 1, 4, 1)


@pytest.mark.parametrize(("precision", "error"), [("float32", 1e-4), ("bfloat16", 0.2)])
def test_the_fast_way_is_the_plain_way_within_its_precision(precision: str, error: float) -> None:
    torch.manual_seed(0)
    network, x = UNet(8, 3, precision=precision), torch.randn(2, 1, 32, 32)
    plain = network(x)
    fast = unet.logits_of(network.to(memory_format=torch.channels_last), x)
    assert fast.dtype == torch.float32
    assert torch.equal(fast, fast.to(getattr(torch, precision)).float())
    torch.testing.assert_close(fast, plain, rtol=0, atol=error * plain.std().item())


def test_losses_are_what_plain_numpy_gives() -> None:
    random = np.random.default_rng(0)
    logits, masks = (
        random.normal(size=(3, 1, 4, 5)),
        random.integers(0, 2, (3, 1, 4, 5)).astype(float),
    )
    entropies, both = [], []
    for x, y in zip(logits, masks, strict=True):
        p = 1 / (1 + np.exp(-x))
        entropies.append(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))
        both.append(entropies[-1] + 1 - 2 * np.sum(p * y) / (np.sum(p) + np.sum(y)))
    given = torch.from_numpy(logits), torch.from_numpy(masks)
    np.testing.assert_allclose(
        unet.losses_of(*given, "cross_entropy").numpy(), entropies, rtol=1e-12
    )
    np.testing.assert_allclose(
        unet.losses_of(*given, "cross_entropy_dice").numpy(), both, rtol=1e-12
    )


@pytest.mark.parametrize(
    ("levels", "side", "larger"), [(2, 8, 10), (3, 16, 20), (5, 64, 80), (5, 128, 160), (5, 32, 32)]
)
def test_predictions_are_those_of_two_sizes(
    levels: int, side: int, larger: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unet, "two_lungs", lambda masks: masks)
    network, x, sizes = (
        UNet(2, levels, precision="float32").eval(),
        torch.randn(2, 1, side, side),
        [],
    )
    network.register_forward_pre_hook(lambda _, given: sizes.append(tuple(given[0].shape[2:])))
    found = unet.predict(network, x)
    assert sizes == [(side, side), (larger, larger)]
    with torch.no_grad():
        second = network(functional.interpolate(x, (larger, larger), mode="bicubic"))
        back = functional.interpolate(second, (side, side), mode="bilinear", antialias=True)
        assert torch.equal(found, ((network(x) + back) / 2)[:, 0] > 0)


def test_predictions_do_not_depend_on_how_images_are_batched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    network, x = UNet(4, 2, dropout=0.5, precision="float32"), torch.randn(5, 1, 8, 8)
    torch.nn.init.constant_(
        network.head.bias, network.head.bias.item() - network.eval()(x).median().item()
    )
    whole = unet.predict(network, x)
    assert whole.dtype == torch.bool
    assert whole.shape == (5, 8, 8)
    assert 0.4 < whole.float().mean() < 0.6
    monkeypatch.setattr(unet, "PREDICTION_BATCH", 2)
    assert torch.equal(unet.predict(network, x), whole)


def test_two_lungs_are_the_two_largest_regions_without_holes() -> None:
    drawn = [
        "##..####",
        "#.#.#..#",
        "###.#..#",
        "....####",
        "#.....##",
    ]
    expected = [
        "##..####",
        "###.####",
        "###.####",
        "....####",
        "......##",
    ]
    mask, wanted = (
        torch.tensor([[pixel == "#" for pixel in row] for row in rows])
        for rows in (drawn, expected)
    )
    assert torch.equal(
        unet.two_lungs(torch.stack([mask, ~mask & False])), torch.stack([wanted, ~mask & False])
    )
