"""Lungs outlined by a U-Net: the contract of a trainable, its numbers against plain ones, exact
resumption, learning.
"""

import io
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from trainables.limits import problems
from trainables.loop import batch_orders, build_seeded, derive_seed, pick_device
from trainables.lungs import data as xrays
from trainables.lungs import training as lungs
from trainables.lungs import unet
from trainables.lungs.scores import scores

CONFIG: dict[str, Any] = {
    "data": "",
    "extra_test": "",
    "set_aside": 0.0,
    "lung_labels": [],
    "data_seed": 0,
    "phantoms": 20,
    "image_size": 16,
    "base_channels": 4,
    "levels": 2,
    "dropout": 0.2,
    "networks": 1,
    "learning_rate": 0.01,
    "optimizer": "adam",
    "weight_decay": 0.0,
    "batch_size": 4,
    "augment": True,
    "loss": "cross_entropy_dice",
    "schedule": "one_cycle",
    "precision": "auto",
    "epochs": 2,
}
TEST_METRICS = {"test_f1", "test_f1_std", "test_f1_min", "test_dice", "test_dice_min", "test_iou"}
EPOCH_METRICS = {
    *("epoch", "loss", "parameters", "train_seconds", "images_per_second", "device"),
    *("validation_loss", "validation_f1", "validation_dice", "validation_iou"),
}


def run(
    seeds: Sequence[int] = (0,), resume: Any = None, **changes: Any
) -> list[tuple[dict[str, Any], Any]]:
    return [
        (dict(metrics), state) for metrics, state in lungs.train(CONFIG | changes, seeds, resume)
    ]


def numbers(metrics: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on the clock."""
    return {
        name: value
        for name, value in metrics.items()
        if name not in ("train_seconds", "images_per_second", "arrays", "device")
    }


def equal(one: Any, other: Any) -> bool:
    """Whether two nests of dicts and lists hold the same, to the bit."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return torch.equal(one, other) if isinstance(one, Tensor) else one == other


def test_what_each_epoch_yields() -> None:
    (first, _), (last, _) = run([0, 1])
    assert first.keys() == EPOCH_METRICS
    assert last.keys() == EPOCH_METRICS | TEST_METRICS | {"arrays"}
    assert (first["epoch"], last["epoch"]) == (1, 2)
    for name in (
        "loss",
        "validation_loss",
        "validation_f1",
        "validation_dice",
        "validation_iou",
        *TEST_METRICS,
    ):
        assert len(last[name]) == 2
        assert all(isinstance(value, float) and 0 <= value <= 2 for value in last[name])
    assert last["parameters"] == sum(weight.numel() for weight in unet.UNet(4, 2).parameters())
    assert last["images_per_second"] == pytest.approx(14 * 2 / last["train_seconds"])


def test_the_pictures_are_of_the_best_the_median_and_the_worst_test_image() -> None:
    metrics, _ = run([0, 1], phantoms=40)[-1]
    arrays, test = metrics["arrays"], xrays.load(CONFIG | {"phantoms": 40}).test
    dice = arrays["test_dice_per_image"]
    assert dice.shape == (2, 6)
    assert arrays["test_names"].tolist() == list(test.names)
    np.testing.assert_allclose(dice.mean(1), metrics["test_dice"], rtol=1e-12)
    np.testing.assert_allclose(dice.min(1), metrics["test_dice_min"], rtol=1e-12)
    np.testing.assert_array_equal(arrays["overlay_dice"], np.sort(dice[0])[::-1][[0, 3, 5]])
    for i, name in enumerate(arrays["overlay_names"]):
        position = test.names.index(name)
        np.testing.assert_array_equal(arrays["overlay_images"][i], test.images[position].numpy())
        np.testing.assert_array_equal(arrays["overlay_truth"][i], test.masks[position].numpy())
        prediction, truth = arrays["overlay_prediction"][i] > 0, arrays["overlay_truth"][i] > 0
        assert dice[0, position] == pytest.approx(
            2 * (prediction & truth).sum() / (prediction.sum() + truth.sum())
        )
        assert arrays["overlay_dice"][i] == dice[0, position]


def plain_f1(prediction: np.ndarray, truth: np.ndarray) -> float:
    """The F1 of True, from counts."""
    right, wrong = np.sum(prediction & truth), np.sum(prediction & ~truth)
    missed = np.sum(~prediction & truth)
    precision, recall = right / max(right + wrong, 1), right / max(right + missed, 1)
    return 0.0 if right == 0 else 2 * precision * recall / (precision + recall)


def test_scores_are_what_plain_numpy_gives() -> None:
    random = np.random.default_rng(0)
    predictions, masks = (random.random((2, 5, 6, 7)) < 0.5 for _ in range(2))
    found = {
        name: values.numpy()
        for name, values in scores(
            torch.from_numpy(predictions), torch.from_numpy(masks[0])
        ).items()
    }
    for seed, i in np.ndindex(2, 5):
        prediction, truth = predictions[seed, i], masks[0, i]
        lung, background = plain_f1(prediction, truth), plain_f1(~prediction, ~truth)
        assert found["dice"][seed, i] == pytest.approx(lung, abs=1e-12)
        assert found["f1"][seed, i] == pytest.approx((lung + background) / 2, abs=1e-12)
        assert found["iou"][seed, i] == pytest.approx(
            (prediction & truth).sum() / (prediction | truth).sum(), abs=1e-12
        )


@pytest.mark.parametrize(
    ("found", "there", "f1", "dice", "iou"),
    [(0, 0, 1.0, 1.0, 1.0), (1, 1, 1.0, 1.0, 1.0), (0, 1, 0.0, 0.0, 0.0), (1, 0, 0.0, 0.0, 0.0)],
)
def test_scores_at_the_extremes(found: int, there: int, f1: float, dice: float, iou: float) -> None:
    measured = scores(torch.full((1, 2, 2), bool(found)), torch.full((1, 2, 2), bool(there)))
    assert {name: values.item() for name, values in measured.items()} == {
        "f1": f1,
        "dice": dice,
        "iou": iou,
    }


def test_f1_is_averaged_over_images() -> None:
    metrics, _ = run(phantoms=40)[-1]
    dice = metrics["arrays"]["test_dice_per_image"]
    assert metrics["test_iou"][0] == pytest.approx(np.mean(dice / (2 - dice)), rel=1e-12)
    assert metrics["test_f1_min"][0] <= metrics["test_f1"][0] - 0.5 * metrics["test_f1_std"][0]


def test_mean_spread_and_least_of_the_f1_are_those_of_the_test_images() -> None:
    """Three test images: the pictures are all of them."""
    metrics, _ = run([0, 1])[-1]
    arrays = metrics["arrays"]
    pairs = zip(arrays["overlay_prediction"] > 0, arrays["overlay_truth"] > 0, strict=True)
    f1 = [
        (plain_f1(prediction, truth) + plain_f1(~prediction, ~truth)) / 2
        for prediction, truth in pairs
    ]
    assert len(arrays["test_names"]) == 3
    found = [metrics[name][0] for name in ("test_f1", "test_f1_std", "test_f1_min")]
    assert found == pytest.approx([np.mean(f1), np.std(f1), min(f1)], rel=1e-12)
    assert np.std(f1) > 0


def plain_training(seed: int, loss: str) -> tuple[dict[str, Tensor], float]:
    """One epoch as anyone would write it: float32, contiguous, the learning rate spelled out; the
    weights and the mean loss.
    """
    part = xrays.load(CONFIG).train
    images, masks = part.images.numpy().astype(np.float64), part.masks.float()
    scaled = torch.stack(
        [torch.from_numpy((image - image.mean()) / image.std(ddof=1)).float() for image in images]
    )
    (network,) = build_seeded(lambda: unet.UNet(4, 2, 0.0), [seed])
    optimizer = torch.optim.Adam(network.parameters())
    (order,) = batch_orders([seed], 1, 14).tolist()
    total = 0.0
    for start in range(0, 14, 4):
        chosen = order[start : start + 4]
        done = (start + len(chosen) / 2) / 14 / 2
        rate = (
            0.01 * done / 0.2
            if done < 0.2
            else 0.01 * (0.5 + 0.5 * math.cos(math.pi * (done - 0.2) / 0.8))
        )
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        x, y = scaled[chosen].unsqueeze(1), masks[chosen].unsqueeze(1)
        logits = network(x)
        value = F.binary_cross_entropy_with_logits(logits, y)
        if loss == "cross_entropy_dice":
            p = torch.sigmoid(logits)
            value += sum(
                1 - 2 * (p[i] * y[i]).sum() / (p[i].sum() + y[i].sum()) for i in range(len(chosen))
            ) / len(chosen)
        value.backward()
        optimizer.step()
        total += value.item() * len(chosen)
    return network.state_dict(), total / 14


@pytest.mark.parametrize("loss", unet.LOSSES)
def test_training_is_the_textbook_loop(loss: str) -> None:
    metrics, state = run([3], augment=False, dropout=0.0, loss=loss, precision="float32")[0]
    weights, mean_loss = plain_training(3, loss)
    assert metrics["loss"][0] == pytest.approx(mean_loss, rel=1e-4)
    for name, weight in state["learners"][0]["weights"].items():
        torch.testing.assert_close(weight, weights[name], rtol=0, atol=2e-3)


USUAL = str(unet.pick_precision(pick_device(CONFIG))).removeprefix("torch.")
CHANGES: dict[str, Any] = {
    "data_seed": 1,
    "phantoms": 21,
    "image_size": 32,
    "base_channels": 5,
    "levels": 3,
    "dropout": 0.5,
    "networks": 2,
    "set_aside": 0.3,
    "learning_rate": 0.02,
    "optimizer": "sgd",
    "weight_decay": 0.5,
    "batch_size": 5,
    "augment": False,
    "loss": "cross_entropy",
    "schedule": "constant",
    "precision": {"float32": "bfloat16", "bfloat16": "float32"}[USUAL],
    "epochs": 3,
}


def test_every_key_changes_what_is_learnt() -> None:
    assert {*CHANGES, "data", "extra_test", "lung_labels"} == set(CONFIG)
    assert set(CONFIG) - {"epochs"} == set(lungs.LIMITS)
    usual = run()[0][0]["loss"]
    assert run()[0][0]["loss"] == usual
    for key, value in CHANGES.items():
        assert run(**{key: value})[0][0]["loss"] != usual, key


def test_a_seed_moves_the_network_and_nothing_else() -> None:
    together = run([5, 6])
    assert together[0][0]["loss"][0] != together[0][0]["loss"][1]
    for position, seed in enumerate([5, 6]):
        for (both, state), (alone, own) in zip(together, run([seed]), strict=True):
            assert equal(state["learners"][position], own["learners"][0])
            for name in ("loss", "validation_f1", *(TEST_METRICS & both.keys())):
                assert both[name][position] == pytest.approx(alone[name][0], rel=1e-12)


def test_networks_of_a_seed_learn_apart_and_see_the_mean_of_their_logits() -> None:
    (*_, (alone, own)), (*_, (both, state)) = run([5]), run([5], networks=2)
    assert equal(state["learners"][0], own["learners"][0])
    assert not equal(state["learners"][1]["weights"], own["learners"][0]["weights"])
    assert both["parameters"] == 2 * alone["parameters"]
    networks = [unet.UNet(4, 2).eval() for _ in range(2)]
    for network, learner in zip(networks, state["learners"], strict=True):
        network.load_state_dict(learner["weights"])
    validation = lungs.load(CONFIG).validation
    x = unet.standardised(validation.images)
    with torch.no_grad():
        mean = sum(unet.logits_of(network, x) for network in networks) / 2
    torch.testing.assert_close(unet.logits_of(unet.Average(networks), x).detach(), mean)
    found = unet.predict(unet.Average(networks), x)
    assert both["validation_dice"] == pytest.approx(
        [scores(found, validation.masks > 0)["dice"].mean().item()]
    )
    assert both["validation_dice"] != alone["validation_dice"]
    masks = validation.masks.unsqueeze(1).float()
    entropy = F.binary_cross_entropy_with_logits(mean, masks, reduction="none").mean((1, 2, 3))
    p = torch.sigmoid(mean)
    dice = torch.stack(
        [2 * (p[i] * masks[i]).sum() / (p[i].sum() + masks[i].sum()) for i in range(len(masks))]
    )
    assert both["validation_loss"] == pytest.approx([(entropy + 1 - dice).mean().item()], rel=1e-6)


def test_a_trial_says_device_and_precision() -> None:
    for precision, recorded in {
        "auto": USUAL,
        "float32": "float32",
        "bfloat16": "bfloat16",
    }.items():
        assert run(gpus=0, precision=precision)[0][0]["device"] == f"cpu, {recorded}"


def test_the_loss_of_a_seed_is_the_mean_of_its_networks() -> None:
    names = [5, derive_seed(5, "network 1"), derive_seed(5, "network 2")]
    losses = [run([name])[0][0]["loss"][0] for name in names]
    assert run([5], networks=3)[0][0]["loss"] == pytest.approx([sum(losses) / 3], rel=1e-12)


@pytest.mark.parametrize(("optimizer", "networks"), [("adam", 1), ("sgd", 1), ("adam", 2)])
def test_a_resumed_trial_equals_an_uninterrupted_one(optimizer: str, networks: int) -> None:
    changes = {"optimizer": optimizer, "networks": networks, "epochs": 3}
    whole = run([0, 1], **changes)
    file = io.BytesIO()
    torch.save(whole[0][1], file)
    file.seek(0)
    torch.rand(5)
    rest = run([0, 1], resume=torch.load(file, weights_only=True), **changes)
    assert len(rest) == 2
    for (metrics, state), (again, state_again) in zip(whole[1:], rest, strict=True):
        assert numbers(metrics) == numbers(again)
        assert equal(state, state_again)


def test_a_state_stays_as_it_was_when_training_goes_on() -> None:
    epochs = lungs.train(CONFIG, [0])
    _, state = next(epochs)
    kept = {name: weight.clone() for name, weight in state["learners"][0]["weights"].items()}
    next(epochs)
    assert equal(state["learners"][0]["weights"], kept)


def test_training_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    run()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loss_that_is_not_finite_is_reported_as_it_is() -> None:
    metrics, _ = run(optimizer="sgd", learning_rate=1e30, schedule="constant", augment=False)[0]
    assert not math.isfinite(metrics["loss"][0])


def test_data_that_were_read_before_are_used() -> None:
    data = xrays.load(CONFIG)
    halved = replace(
        data,
        train=replace(
            data.train,
            images=data.train.images[:7],
            masks=data.train.masks[:7],
            names=data.train.names[:7],
        ),
    )
    given, fewer = run(loaded=data), run(loaded=halved)
    assert numbers(given[0][0]) == numbers(run()[0][0])
    assert fewer[0][0]["loss"] != given[0][0]["loss"]


def test_images_of_another_source_are_reported_apart() -> None:
    data = xrays.load(CONFIG)
    (first, _), (last, _) = run(loaded=replace(data, extra_test=data.validation))
    assert not any(name.startswith("extra") for name in first)
    assert {name for name in last if name.startswith("extra")} == {
        f"extra_{name}" for name in TEST_METRICS
    }
    assert last["extra_test_f1"] == last["validation_f1"]
    assert last["test_f1"] == run()[-1][0]["test_f1"]


def test_images_set_aside_are_looked_at_once_and_reported_apart() -> None:
    config = CONFIG | {"set_aside": 0.2}
    (first, _), (last, _) = run(**config)
    assert not any(name.startswith("set_aside") for name in first)
    assert {name for name in last if name.startswith("set_aside")} == {
        f"set_aside_{name.removeprefix('test_')}" for name in TEST_METRICS
    }
    data = xrays.load(config)
    assert data.set_aside is not None
    as_test = replace(data, test=data.set_aside, set_aside=None)
    assert run(loaded=as_test)[-1][0]["test_f1"] == last["set_aside_f1"]
    assert not any(
        name.startswith(("set_aside", "test"))
        for metrics, _ in run(**config, test=False)
        for name in metrics
    )


def test_a_size_that_does_not_fit_is_refused_before_training() -> None:
    with pytest.raises(
        ValueError,
        match=r"image_size=16 does not fit levels=5: .*Choose image_size=32 or fewer levels",
    ):
        next(lungs.train(CONFIG | {"levels": 5}, [0]))


def test_values_that_are_not_allowed() -> None:
    assert problems(CONFIG, lungs.LIMITS) == []
    wrong = {
        "data": "nowhere",
        "extra_test": __file__,
        "lung_labels": "1",
        "optimizer": "adamw",
        "loss": "dice",
        "augment": 1,
        "levels": 0,
        "dropout": 1.0,
    }
    assert problems(CONFIG | wrong, lungs.LIMITS) == [
        "data='nowhere' must be an .npz file or a folder that exists, or ''.",
        f"extra_test={__file__!r} must be an .npz file or a folder that exists, or ''.",
        (
            "lung_labels='1' must be a list of the labels that mark lung: whole numbers, or colours"
            " such as '#ff0000'; [] for all but the background."
        ),
        "levels=0 must be a whole number from 1 to 6.",
        "dropout=1.0 must be a finite number 0 or more, at most 0.9.",
        "optimizer='adamw' must be one of 'adam', 'sgd'.",
        "augment=1 must be one of True, False.",
        "loss='dice' must be one of 'cross_entropy', 'cross_entropy_dice'.",
    ]


LEARNABLE = {
    "phantoms": 120,
    "image_size": 32,
    "base_channels": 8,
    "levels": 3,
    "batch_size": 8,
    "epochs": 6,
    "dropout": 0.0,
}


def test_phantoms_are_learnt_in_a_few_epochs() -> None:
    epochs = [metrics for metrics, _ in run([0, 1], **LEARNABLE)]
    assert min(epochs[-1]["test_f1"]) > 0.9
    assert max(epochs[-1]["loss"]) < min(epochs[0]["loss"])


@pytest.mark.parametrize(
    "bad",
    [{"learning_rate": 1e-5}, {"optimizer": "sgd", "learning_rate": 1e-3}, {"learning_rate": 3.0}],
)
def test_a_bad_setting_is_clearly_worse(bad: dict[str, Any]) -> None:
    assert run(**LEARNABLE | bad)[-1][0]["validation_f1"][0] < 0.8


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("STUDY_DATA"), reason="STUDY_DATA does not say where lungs/shenzhen.npz lies"
)
def test_real_lungs_are_found() -> None:
    path = os.path.join(os.environ["STUDY_DATA"], "lungs", "shenzhen.npz")
    metrics, _ = run(**LEARNABLE | {"data": path, "image_size": 64, "epochs": 5})[-1]
    assert metrics["test_dice"][0] > 0.9
    assert metrics["test_dice_min"][0] < metrics["test_dice"][0] < 0.99
