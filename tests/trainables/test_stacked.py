"""A stacked run is, seed by seed, the run of that seed alone."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from trainables.loop import batch_orders, batches, build_seeded
from trainables.narrow import NarrowStack, with_ones
from trainables.networks import MLP
from trainables.stacked import Stack

SEEDS = [3, 0, 7]
X = torch.randn(70, 2, generator=torch.Generator().manual_seed(1))
Y = (X[:, 0] * X[:, 1] > 0).float()


def narrow() -> nn.Module:
    return MLP(2, 3, 2)


def wide() -> nn.Module:
    return MLP(2, 20, 1)


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 2)),
        nn.Conv1d(1, 4, 2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4, 1),
        nn.Flatten(0),
    )


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")


def train_step(optimizer: torch.optim.Optimizer, losses: Tensor) -> None:
    """(seeds, batch): the mean within each seed, the sum over seeds, so that no seed sees another's
    gradient.
    """
    optimizer.zero_grad()
    losses.mean(1).sum().backward()
    optimizer.step()


def train_stacked(make: object, epochs: int) -> Stack:
    stack = Stack(make, SEEDS)
    optimizer = torch.optim.SGD(stack.weights.values(), lr=0.5)
    for epoch in range(epochs):
        order = batch_orders(SEEDS, epoch, len(X))
        for batch in batches(len(X), 16):
            train_step(optimizer, cross_entropy(stack(X[order[:, batch]]), Y[order[:, batch]]))
    return stack


def train_alone(make: object, seed: int, epochs: int) -> nn.Module:
    (network,) = build_seeded(make, [seed])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    for epoch in range(epochs):
        (order,) = batch_orders([seed], epoch, len(X))
        for batch in batches(len(X), 16):
            optimizer.zero_grad()
            cross_entropy(network(X[order[batch]]), Y[order[batch]]).mean().backward()
            optimizer.step()
    return network


@pytest.mark.parametrize("make", [narrow, wide, convolutional])
def test_stacked_equals_alone_seed_by_seed(make: object) -> None:
    stack = train_stacked(make, epochs=6)
    stacked = stack(X.expand(len(SEEDS), -1, -1))
    alone = torch.stack([train_alone(make, seed, epochs=6)(X) for seed in SEEDS])
    torch.testing.assert_close(stacked, alone, rtol=0, atol=1e-5)
    assert ((stacked > 0) == (Y > 0)).sum(1).tolist() == ((alone > 0) == (Y > 0)).sum(1).tolist()
    assert (alone[0] - alone[1]).abs().max() > 0.01, (
        "the seeds must differ for this to mean anything"
    )


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
@pytest.mark.parametrize("width", [1, 2, 3, 8])
def test_a_narrow_stack_equals_each_seed_alone(width: int, depth: int) -> None:
    def make() -> MLP:
        return MLP(2, width, depth)

    stack = NarrowStack(make, SEEDS)
    for epoch in range(6):
        order = batch_orders(SEEDS, epoch, len(X))
        for batch in batches(len(X), 16):
            stack.descend(with_ones(X[order[:, batch]]), Y[order[:, batch]], 0.5)
    logits = stack(with_ones(X).expand(len(SEEDS), -1, -1))
    alone = torch.stack([train_alone(make, seed, epochs=6)(X) for seed in SEEDS])
    torch.testing.assert_close(logits, alone, rtol=0, atol=1e-5)
    assert ((logits > 0) == (Y > 0)).sum(1).tolist() == ((alone > 0) == (Y > 0)).sum(1).tolist()
    assert (alone[0] - alone[1]).abs().max() > 1e-3, (
        "the seeds must differ for this to mean anything"
    )


@pytest.mark.parametrize(
    ("width", "depth", "parameters"),
    [
        (1, 0, 5),
        (1, 1, 7),
        (1, 2, 9),
        (1, 3, 11),
        (2, 0, 9),
        (2, 1, 15),
        (2, 2, 21),
        (2, 3, 27),
        (3, 0, 13),
        (3, 1, 25),
        (3, 2, 37),
        (3, 3, 49),
    ],
)
def test_parameters_are_those_of_the_published_table(
    width: int, depth: int, parameters: int
) -> None:
    stack, fast = (
        Stack(lambda: MLP(2, width, depth), SEEDS),
        NarrowStack(lambda: MLP(2, width, depth), SEEDS),
    )
    assert stack.parameters == fast.parameters == parameters
    assert sum(weight.numel() for weight in stack.weights.values()) == parameters * len(SEEDS)
    assert sum(weight.numel() for weight in fast.weights) == parameters * len(SEEDS)


@pytest.mark.parametrize(
    ("stacked", "given"), [(Stack, Tensor.contiguous), (NarrowStack, with_ones)]
)
def test_a_seed_does_not_feel_its_neighbours(
    stacked: type, given: Callable[[Tensor], Tensor]
) -> None:
    one, many = stacked(narrow, [7]), stacked(narrow, [7, 1, 2])
    x = given(torch.randn(1, 20, 2, generator=torch.Generator().manual_seed(4)))
    torch.testing.assert_close(one(x)[0], many(x.expand(3, -1, -1))[0])


@pytest.mark.parametrize("stacked", [Stack, NarrowStack])
def test_the_global_random_state_is_left_alone(stacked: type) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    stacked(narrow, SEEDS)
    assert torch.equal(torch.rand(3), expected)


def test_state_is_a_copy_that_brings_the_stack_back() -> None:
    stack = train_stacked(narrow, epochs=1)
    state, outputs = stack.state(), stack(X.expand(3, -1, -1)).detach()
    train_step(
        torch.optim.SGD(stack.weights.values(), lr=1.0),
        cross_entropy(stack(X.expand(3, -1, -1)), Y.expand(3, -1)),
    )
    assert not torch.equal(stack(X.expand(3, -1, -1)), outputs)
    stack.load(state)
    assert torch.equal(stack(X.expand(3, -1, -1)), outputs)


def test_state_is_a_copy_that_brings_a_narrow_stack_back() -> None:
    stack, x, y = NarrowStack(narrow, SEEDS), with_ones(X).expand(3, -1, -1), Y.expand(3, -1)
    state, logits = stack.state(), stack(x)
    stack.descend(x, y, 1.0)
    assert not torch.equal(stack(x), logits)
    stack.load(state)
    assert torch.equal(stack(x), logits)


@pytest.mark.parametrize(
    ("layer", "name"), [(nn.Dropout(0.5), "Dropout"), (nn.BatchNorm1d(2), "BatchNorm1d")]
)
def test_layers_that_would_mix_the_seeds_are_refused(layer: nn.Module, name: str) -> None:
    with pytest.raises(ValueError, match=f"cannot be stacked: its {name} would mix the seeds"):
        Stack(lambda: nn.Sequential(nn.Linear(2, 2), layer), SEEDS)
