from typing import Any

import pytest
import torch
from torch import Tensor

from trainables.loop import batch_orders, batches, build_seeded
from trainables.networks import MLP
from trainables.xor import training as xor

CONFIG = {
    "points": 300,
    "evaluation_points": 100,
    "noise": 0.1,
    "data_seed": 0,
    "learning_rate": 0.1,
    "batch_size": 32,
    "epochs": 4,
    "width": 3,
    "depth": 1,
}


def last(**changes: Any) -> dict[str, Any]:
    return dict(list(xor.train(CONFIG | changes, [0, 1, 2]))[-1][0])


def numbers(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name != "arrays"}


def test_points_lie_around_the_corners_and_exactly_one_coordinate_makes_the_label() -> None:
    points, labels = xor.draw_points(20_000, 0.1, torch.Generator().manual_seed(0))
    corners = points.round()
    assert points.shape == (20_000, 2)
    assert set(map(tuple, corners.unique(dim=0).tolist())) == {
        (0.0, 0.0),
        (0.0, 1.0),
        (1.0, 0.0),
        (1.0, 1.0),
    }
    assert torch.equal(labels, (corners[:, 0] != corners[:, 1]).float())
    assert (points - corners).std().item() == pytest.approx(0.1, rel=0.02)
    assert labels.mean().item() == pytest.approx(0.5, abs=0.02)


def test_data_seed_fixes_both_sets_and_nothing_else_moves_them() -> None:
    first, again, other = (
        xor.describe(CONFIG | change)
        for change in ({}, {"width": 1, "epochs": 9}, {"data_seed": 1})
    )
    assert first == again
    assert first["sha256"] != other["sha256"]
    (x, _), (x_eval, _) = xor.load(CONFIG)
    assert (x.shape, x_eval.shape) == ((300, 2), (100, 2))
    assert not torch.equal(x[:100], x_eval)


def plain_accuracy(seed: int) -> tuple[list[float], list[float]]:
    """The same training as anyone would write it: one network, an optimiser, the textbook loss."""
    (x, y), (x_eval, y_eval) = xor.load(CONFIG)
    (network,) = build_seeded(lambda: MLP(2, 3, 1), [seed])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    accuracy, loss = [], []
    for epoch in range(1, 5):
        (order,) = batch_orders([seed], epoch, 300)
        for batch in batches(300, 32):
            optimizer.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(
                network(x[order[batch]]), y[order[batch]]
            ).backward()
            optimizer.step()
        logits: Tensor = network(x_eval).detach()
        accuracy.append(((logits > 0) == (y_eval > 0)).double().mean().item())
        loss.append(torch.nn.functional.binary_cross_entropy_with_logits(logits, y_eval).item())
    return accuracy, loss


def test_stacked_training_equals_the_plain_loop_seed_by_seed() -> None:
    plain = [plain_accuracy(seed) for seed in (0, 1, 2)]
    stacked = [metrics for metrics, _ in xor.train(CONFIG, [0, 1, 2])]
    assert [metrics["accuracy"] for metrics in stacked] == [
        [accuracy[epoch] for accuracy, _ in plain] for epoch in range(4)
    ]
    for epoch, metrics in enumerate(stacked):
        assert metrics["loss"] == pytest.approx(sum(loss[epoch] for _, loss in plain) / 3, abs=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"points": 200},
        {"evaluation_points": 50},
        {"noise": 0.3},
        {"data_seed": 1},
        {"learning_rate": 0.5},
        {"batch_size": 16},
        {"epochs": 5},
        {"width": 2},
        {"depth": 2},
    ],
)
def test_every_key_changes_what_comes_out(change: dict[str, Any]) -> None:
    assert numbers(last(**change)) != numbers(last())


def test_a_seed_gives_the_same_numbers_whoever_trains_beside_it() -> None:
    together = list(xor.train(CONFIG, [5, 6]))[-1][0]
    alone = list(xor.train(CONFIG, [6]))[-1][0]
    assert together["accuracy"][1] == alone["accuracy"][0]


@pytest.mark.parametrize("width", [3, 12])
def test_a_resumed_trial_equals_an_uninterrupted_one_bit_for_bit(width: int) -> None:
    whole = list(xor.train(CONFIG | {"width": width}, [0, 1]))
    resumed = list(xor.train(CONFIG | {"width": width}, [0, 1], whole[1][1]))
    assert [numbers(metrics) for metrics, _ in resumed] == [
        numbers(metrics) for metrics, _ in whole[2:]
    ]
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            resumed[-1][1]["weights"].values(), whole[-1][1]["weights"].values(), strict=True
        )
    )


def test_pictures_hold_the_best_and_the_worst_network_of_the_trial() -> None:
    metrics = last(epochs=30)
    arrays = metrics["arrays"]
    best, worst = arrays["surface_seeds"].tolist()
    assert metrics["accuracy"][best] == max(metrics["accuracy"])
    assert metrics["accuracy"][worst] == min(metrics["accuracy"])
    low, high = arrays["extent"]
    points = arrays["points"]
    cells = (
        ((points[:, :2] - low) / (high - low) * (xor.RASTER - 1))
        .round()
        .astype(int)
        .clip(0, xor.RASTER - 1)
    )
    for surface, seed in zip(arrays["surface"], (best, worst), strict=True):
        read_off = (surface[cells[:, 1], cells[:, 0]] > 0.5) == (points[:, 2] > 0.5)
        assert read_off.mean() == pytest.approx(metrics["accuracy"][seed], abs=0.06)


def test_a_solved_network_is_found_in_the_published_setting() -> None:
    accuracy = list(
        xor.train(CONFIG | {"points": 2500, "batch_size": 128, "epochs": 100}, range(10))
    )[-1][0]["accuracy"]
    assert sum(value >= 0.99 for value in accuracy) >= 8
