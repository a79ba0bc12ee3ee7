"""Two networks on digits: built as published, trained as a plain loop would, tested once."""

import math
import os
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from trainables.digits import networks as classifiers
from trainables.digits import training as mnist
from trainables.limits import problems
from trainables.loop import batch_orders, build_seeded, derive_seed, pick_device
from trainables.precision import pick_precision
from trainables.schedule import learning_rate_at

CONFIG: dict[str, Any] = {
    "architecture": "ffn",
    "learning_rate": 0.005,
    "schedule": "one_cycle",
    "batch_size": 64,
    "shift": 1,
    "precision": "auto",
    "epochs": 2,
    "data": "optdigits",
    "data_root": "",
    "data_seed": 0,
}
BOTH = pytest.mark.parametrize("architecture", ["ffn", "cnn"])
needs_mnist = pytest.mark.skipif(
    not os.environ.get("STUDY_DATA"), reason="STUDY_DATA does not say where MNIST/raw/*.gz lies"
)


def run(seeds: list[int], resume: Any = None, **changes: Any) -> list[tuple[dict[str, Any], Any]]:
    return [
        (dict(metrics), state) for metrics, state in mnist.train(CONFIG | changes, seeds, resume)
    ]


def test_layers_of_the_ffn() -> None:
    rows = mnist.layer_table("ffn")
    assert [(row["output_shape"], row["parameters"]) for row in rows] == [
        ((1, 28, 28), 0),
        ((784,), 0),
        ((128,), 100_480),
        ((64,), 8_256),
        ((10,), 650),
    ]
    assert sum(row["parameters"] for row in rows) == 109_386


def test_layers_of_the_cnn() -> None:
    rows = mnist.layer_table("cnn")
    assert [(row["output_shape"], row["parameters"]) for row in rows] == [
        ((1, 28, 28), 0),
        ((16, 26, 26), 160),
        ((16, 13, 13), 0),
        ((32, 11, 11), 4_640),
        ((32, 5, 5), 0),
        ((800,), 0),
        ((10,), 8_010),
    ]
    assert [row["layer"] for row in rows][:3] == [
        "input",
        "convolution1 (Conv2d)",
        "pool1 (MaxPool2d)",
    ]
    assert sum(row["parameters"] for row in rows) == 12_810


@BOTH
def test_the_stacked_way_gives_what_each_network_gives(architecture: str) -> None:
    networks = build_seeded(classifiers.NETWORKS[architecture], [3, 4])
    weights = {
        name: torch.stack([dict(network.named_parameters())[name] for network in networks])
        for name in networks[0].state_dict()
    }
    x = torch.randn(2, 5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    together = networks[0].forward_seeds(weights, x)
    alone = torch.stack([network(own) for network, own in zip(networks, x, strict=True)])
    assert together.shape == (2, 5, 10)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    torch.testing.assert_close(together.exp().sum(2), torch.ones(2, 5))


@BOTH
def test_a_stack_trains_each_seed_as_if_it_were_alone(architecture: str) -> None:
    together = run([5, 6], architecture=architecture, epochs=1)[0]
    for position, seed in enumerate([5, 6]):
        alone = run([seed], architecture=architecture, epochs=1)[0]
        for name in (
            "validation_accuracy",
            "test_accuracy",
            *(f"test_accuracy_{digit}" for digit in range(10)),
        ):
            assert together[0][name][position] == alone[0][name][0]
        for name, weight in together[1]["weights"].items():
            torch.testing.assert_close(
                weight[position], alone[1]["weights"][name][0], rtol=0, atol=1e-4
            )


def plain_training(architecture: str, seed: int, epochs: int) -> dict[str, Tensor]:
    """The same training as anyone would write it: image by image, one network, the learning rate
    spelled out.
    """
    images, labels = mnist.load(CONFIG).training
    (network,) = build_seeded(classifiers.NETWORKS[architecture], [seed])
    optimizer = torch.optim.Adam(network.parameters())
    for epoch in range(1, epochs + 1):
        (order,) = batch_orders([seed], epoch, 1257).tolist()
        generator = torch.Generator().manual_seed(derive_seed(seed, "shift", epoch))
        down, right = torch.randint(3, (2, 1257), generator=generator).tolist()
        for start in range(0, 1257, 64):
            stop = min(start + 64, 1257)
            done = (epoch - 1 + (start + stop) / 2 / 1257) / epochs
            rate = (
                0.005 * done / 0.2
                if done < 0.2
                else 0.005 * (0.5 + 0.5 * math.cos(math.pi * (done - 0.2) / 0.8))
            )
            optimizer.param_groups[0]["lr"] = rate
            batch = [
                F.pad(images[order[i]], (1, 1, 1, 1))[
                    down[i] : down[i] + 28, right[i] : right[i] + 28
                ]
                / 255
                for i in range(start, stop)
            ]
            optimizer.zero_grad()
            F.nll_loss(
                network((torch.stack(batch).unsqueeze(1) - 0.5) / 0.5),
                labels[order[start:stop]].long(),
            ).backward()
            optimizer.step()
    return {name: weight.detach() for name, weight in network.named_parameters()}


@BOTH
def test_training_is_the_textbook_loop(architecture: str) -> None:
    _, state = run([7, 8], architecture=architecture, epochs=1, precision="float32")[0]
    for position, seed in enumerate([7, 8]):
        for name, weight in plain_training(architecture, seed, 1).items():
            # Adam divides by the size of the gradient, so in 20 steps rounding grows to a tenth of
            # one step.
            torch.testing.assert_close(state["weights"][name][position], weight, rtol=0, atol=1e-3)


@BOTH
def test_a_resumed_trial_equals_an_uninterrupted_one_bit_for_bit(
    architecture: str, tmp_path: Any
) -> None:
    whole = run([1, 2], architecture=architecture, epochs=3)
    torch.save(whole[0][1], tmp_path / "state.pt")
    resumed = run([1, 2], torch.load(tmp_path / "state.pt"), architecture=architecture, epochs=3)
    assert [metrics["epoch"] for metrics, _ in resumed] == [2, 3]
    for (metrics, state), (again, state_again) in zip(whole[1:], resumed, strict=True):
        assert (metrics["validation_accuracy"], metrics["loss"]) == (
            again["validation_accuracy"],
            again["loss"],
        )
        assert all(
            torch.equal(weight, state_again["weights"][name])
            for name, weight in state["weights"].items()
        )
    assert np.array_equal(
        whole[-1][0]["arrays"]["predictions"], resumed[-1][0]["arrays"]["predictions"]
    )


def test_a_state_is_not_changed_by_the_epochs_after_it() -> None:
    epochs = mnist.train(CONFIG, [0])
    _, state = next(epochs)
    kept = [state["weights"]["linear3.bias"], state["optimizer"]["state"][0]["exp_avg"]]
    before = [tensor.clone() for tensor in kept]
    next(epochs)
    assert all(torch.equal(tensor, old) for tensor, old in zip(kept, before, strict=True))


USUAL = str(pick_precision(pick_device(CONFIG))).removeprefix("torch.")
OTHER = {"bfloat16": "float32", "float32": "bfloat16"}[USUAL]
CHANGES = {
    "precision": OTHER,
    "architecture": "cnn",
    "learning_rate": 0.001,
    "schedule": "constant",
    "batch_size": 32,
    "shift": 0,
    "data_seed": 1,
    "epochs": 3,
}


def first_loss(**changes: Any) -> list[float]:
    metrics, _ = next(mnist.train(CONFIG | changes, [0]))
    return list(metrics["loss"])


@pytest.fixture(scope="module")
def usual_loss() -> list[float]:
    return first_loss()


@pytest.mark.parametrize(("key", "value"), CHANGES.items())
def test_every_setting_reaches_the_training(key: str, value: Any, usual_loss: list[float]) -> None:
    assert first_loss(**{key: value}) != usual_loss


def test_every_key_of_the_configuration_has_a_rule_or_is_the_studys_own() -> None:
    assert set(mnist.LIMITS) == set(CONFIG) - {"epochs"}
    assert set(CHANGES) | {"data", "data_root"} == set(CONFIG)


def test_a_trial_says_device_and_precision() -> None:
    assert run([0], gpus=0)[0][0]["device"] == f"cpu, {USUAL}"
    assert run([0], gpus=0, precision=OTHER)[0][0]["device"] == f"cpu, {OTHER}"


def test_what_is_said_of_the_data_does_not_depend_on_the_machine() -> None:
    assert mnist.describe(CONFIG)["training"] == 1257
    assert {"device", "precision"}.isdisjoint(mnist.describe(CONFIG))


def test_the_validation_loss_is_the_mean_over_the_validation_images() -> None:
    metrics, state = run([3, 4], precision="float32")[-1]
    images, labels = mnist.load(CONFIG).validation
    for position, loss in enumerate(metrics["validation_loss"]):
        network = classifiers.FFN()
        network.load_state_dict(
            {name: weight[position] for name, weight in state["weights"].items()}
        )
        expected = F.nll_loss(network((images.unsqueeze(1) / 255 - 0.5) / 0.5), labels.long())
        assert loss == pytest.approx(expected.item(), rel=1e-4)


def test_a_state_that_was_resumed_from_is_left_as_it_was() -> None:
    _, state = run([0])[0]
    before = {name: value.clone() for name, value in state["optimizer"]["state"][0].items()}
    run([0], state)
    assert all(
        torch.equal(value, state["optimizer"]["state"][0][name]) for name, value in before.items()
    )


@needs_mnist
def test_data_and_folder_choose_the_digits() -> None:
    assert (
        mnist.describe(CONFIG | {"data": "mnist", "data_root": os.environ["STUDY_DATA"]})["name"]
        == "MNIST"
    )


def test_a_wrong_setting_is_one_sentence_each() -> None:
    wrong = {
        "batch_size": 0,
        "learning_rate": -1,
        "architecture": "rnn",
        "schedule": "cosine",
        "data": "letters",
        "data_root": "/nowhere",
    }
    assert problems(wrong, mnist.LIMITS) == [
        "batch_size=0 must be a whole number, 1 or more.",
        "learning_rate=-1 must be a finite number above 0.",
        "architecture='rnn' must be one of 'ffn', 'cnn'.",
        "schedule='cosine' must be one of 'one_cycle', 'constant'.",
        "data='letters' must be one of 'mnist', 'optdigits'.",
        "data_root='/nowhere' must be a folder that exists, or '' for STUDY_DATA or a download.",
    ]
    assert problems(CONFIG, mnist.LIMITS) == []


def test_the_learning_rate_rises_in_a_line_and_falls_as_a_cosine() -> None:
    found = [
        learning_rate_at(progress, CONFIG | {"learning_rate": 1.0})
        for progress in (0, 0.1, 0.2, 0.6, 1)
    ]
    assert found == pytest.approx([0, 0.5, 1, 0.5, 0])
    assert learning_rate_at(0.9, {"learning_rate": 0.25, "schedule": "constant"}) == 0.25


def test_a_shift_moves_the_whole_image_and_fills_with_background() -> None:
    image = torch.arange(784.0).view(1, 1, 28, 28)
    windows, _ = mnist._windows(image, torch.zeros(1), 1)
    assert windows.shape == (1, 3, 3, 1, 28, 28)
    assert torch.equal(windows[0, 1, 1], image[0])
    assert torch.equal(windows[0, 0, 2, 0, 1:, :-1], image[0, 0, :-1, 1:])
    assert (
        windows[0, 0, 2, 0, 0].unique().tolist()
        == windows[0, 0, 2, 0, :, -1].unique().tolist()
        == [-1]
    )


@BOTH
def test_the_test_images_are_touched_at_the_last_epoch_only(architecture: str) -> None:
    (first, _), (last, _) = run([0, 1], architecture=architecture)
    assert {"test_accuracy", "arrays"} & set(first) == set()
    assert (first["parameters"], len(last["test_accuracy"])) == (
        {"ffn": 109_386, "cnn": 12_810}[architecture],
        2,
    )
    assert first["images_per_second"] == pytest.approx(2 * 1257 / first["train_seconds"])


def check_test_metrics(metrics: dict[str, Any], images: Tensor) -> None:
    """Recompute, image by image, what the trainable says of its predictions."""
    predictions, labels = (
        metrics["arrays"]["predictions"].tolist(),
        metrics["arrays"]["labels"].tolist(),
    )
    for position, row in enumerate(predictions):
        right = [int(digit == label) for digit, label in zip(row, labels, strict=True)]
        assert metrics["test_accuracy"][position] == sum(right) / len(labels)
        for digit in range(10):
            of_digit = [hit for hit, label in zip(right, labels, strict=True) if label == digit]
            assert metrics[f"test_accuracy_{digit}"][position] == sum(of_digit) / len(of_digit)
    misread = [sum(row[i] != label for row in predictions) for i, label in enumerate(labels)]
    index = metrics["arrays"]["gallery_index"].tolist()
    assert (
        index
        == sorted((i for i, seeds in enumerate(misread) if seeds), key=lambda i: (-misread[i], i))[
            :200
        ]
    )
    assert np.array_equal(metrics["arrays"]["gallery_images"], images[index].numpy())


def test_accuracies_and_gallery_agree_with_the_predictions() -> None:
    metrics, _ = run([0, 1, 2], epochs=1)[0]
    check_test_metrics(metrics, mnist.load(CONFIG).test[0])
    assert metrics["arrays"]["predictions"].shape == (3, 360)
    assert {
        metrics["arrays"][name].dtype.name for name in ("predictions", "labels", "gallery_images")
    } == {"uint8"}


def test_at_most_two_hundred_misread_images_are_kept() -> None:
    metrics, _ = run([0, 1, 2], learning_rate=1e-9, epochs=1)[0]
    assert metrics["arrays"]["gallery_images"].shape == (200, 28, 28)
    check_test_metrics(metrics, mnist.load(CONFIG).test[0])


@pytest.mark.parametrize(("architecture", "epochs"), [("ffn", 6), ("cnn", 4)])
def test_the_networks_learn_without_any_file(architecture: str, epochs: int) -> None:
    metrics, _ = run([0, 1], architecture=architecture, epochs=epochs)[-1]
    assert min(metrics["test_accuracy"]) > 0.9


@pytest.mark.slow
@needs_mnist
@pytest.mark.parametrize(("architecture", "target"), [("ffn", 0.98), ("cnn", 0.99)])
def test_real_digits_are_read_as_well_as_the_study_says(architecture: str, target: float) -> None:
    """By one of the five seeds whose figures are in the README."""
    metrics, _ = run([0], data="mnist", architecture=architecture, epochs=10)[-1]
    assert metrics["test_accuracy"][0] >= target
    check_test_metrics(metrics, mnist.load(CONFIG | {"data": "mnist"}).test[0])
