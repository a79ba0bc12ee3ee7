"""Train many seeds of one narrow MLP at once, with its passes written out by hand."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from trainables.loop import build_seeded, count_parameters
from trainables.networks import MLP

WIDEST = 8
"""Above about so many units ``trainables.stacked.Stack`` is as fast."""


class NarrowStack:
    """One MLP per seed, on the CPU, trained with SGD on the binary cross-entropy of its logits.

    The networks of ``Stack`` and, within 1e-5, their outputs. Products of such small matrices are
    nearly all overhead, and so is recording them for a backward pass: here the products of all
    seeds are one call, the results go to memory that is used again, and nothing is recorded. The
    bias is one more weight, whose input is a row of ones.

    tanh(z) is 1 - 2 sigmoid(-2z), which takes a third of the time on a CPU and is the same to 2e-7.
    So what is trained is a network of sigmoids, whose weights are those of each layer times a fixed
    matrix (``_to_sigmoids``).
    """

    def __init__(self, make: Callable[[], MLP], seeds: Sequence[int]) -> None:
        networks = build_seeded(make, seeds)
        self.parameters = count_parameters(networks[0])
        layers = [
            _with_biases(same)
            for same in zip(*(network.layers for network in networks), strict=True)
        ]
        turns = [
            _to_sigmoids(layer.shape[2], of_sigmoids=i > 0, to_sigmoid=i < len(layers) - 1)
            for i, layer in enumerate(layers)
        ]
        self.weights = [layer @ turn for layer, turn in zip(layers, turns, strict=True)]
        """Of each layer, as one of sigmoids: (seeds, outputs, inputs + 1)."""
        # A step along the gradient by the weights w of tanh, where what is kept is w t, is one
        # along the gradient by w t times t' t.
        self._metrics = [turn.T @ turn for turn in turns]
        self._gradients = [torch.empty_like(weight) for weight in self.weights]
        self._memory: dict[int, _Memory] = {}

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """The logits (seeds, batch) of inputs as ``with_ones`` makes them: (seeds, inputs + 1,
        batch).
        """
        return self._forward(x).logits.squeeze(1).clone()

    @torch.no_grad()
    def descend(self, x: Tensor, labels: Tensor, learning_rate: float) -> None:
        """One step of SGD for every seed, on (seeds, inputs + 1, batch), as ``with_ones`` makes
        them, and (seeds, batch) labels 0. or 1.
        """
        memory = self._forward(x)
        # The gradient of the cross-entropy by the logits, summed over the batch; the loss itself is
        # not needed to take the step.
        gradient = memory.logits.sigmoid_().sub_(labels.unsqueeze(1))
        for i in reversed(range(len(self.weights))):
            torch.bmm(gradient, memory.inputs(i, x).mT, out=self._gradients[i])
            if i:
                back = _product(self.weights[i][:, :, :-1].mT, gradient, memory.hidden)
                gradient = torch.ops.aten.sigmoid_backward(
                    back, memory.inputs(i, x)[:, :-1], grad_input=memory.gradient
                )
        for weight, its_gradient, metric in zip(
            self.weights, self._gradients, self._metrics, strict=True
        ):
            weight.flatten(0, 1).addmm_(
                its_gradient.flatten(0, 1), metric, alpha=-learning_rate / x.shape[2]
            )

    def _forward(self, x: Tensor) -> "_Memory":
        memory = self._memory_for(x.shape[2])
        for i, weight in enumerate(self.weights[:-1]):
            torch.sigmoid(
                torch.bmm(weight, memory.inputs(i, x), out=memory.hidden),
                out=memory.inputs(i + 1, x)[:, :-1],
            )
        torch.bmm(self.weights[-1], memory.inputs(len(self.weights) - 1, x), out=memory.logits)
        return memory

    def _memory_for(self, batch: int) -> "_Memory":
        if batch not in self._memory:
            self._memory[batch] = _Memory(self.weights, batch)
        return self._memory[batch]

    def state(self) -> dict[str, Tensor]:
        """The weights by layer, copied: what a resumed stack starts from."""
        return {f"layers.{i}": weight.clone() for i, weight in enumerate(self.weights)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over the weights that ``state()`` gave."""
        for i, weight in enumerate(self.weights):
            weight.copy_(state[f"layers.{i}"])


def with_ones(x: Tensor) -> Tensor:
    """(*any, batch, inputs) -> (*any, inputs + 1, batch), the last row ones, which the biases
    multiply.
    """
    return torch.cat([x.mT, torch.ones(*x.shape[:-2], 1, x.shape[-2])], -2)


class _Memory:
    """What a pass over a batch of one size writes to; as little as can be, for it should stay in
    the cache.

    What a hidden layer gives, before the sigmoid and on the way back: (seeds, width, batch).
    """

    def __init__(self, weights: Sequence[Tensor], batch: int) -> None:
        seeds = len(weights[0])
        self._inputs = [torch.ones(seeds, weight.shape[2], batch) for weight in weights[1:]]
        self.logits = torch.empty(seeds, 1, batch)
        self.hidden, self.gradient = torch.empty(2, seeds, weights[0].shape[1], batch)

    def inputs(self, layer: int, x: Tensor) -> Tensor:
        """Of a layer, (seeds, inputs + 1, batch): of the first, what the network is given."""
        return self._inputs[layer - 1] if layer else x


def _to_sigmoids(inputs: int, *, of_sigmoids: bool, to_sigmoid: bool) -> Tensor:
    """The matrix (inputs, inputs), the bias counted in, that turns the weights of a layer of tanh
    into those of one of sigmoids.
    """
    turn = torch.eye(inputs)
    if of_sigmoids:  # of w tanh + b it makes (-2 w) sigmoid + (w + b)
        turn[:-1] *= -2
        turn[:, -1] = 1
    return -2 * turn if to_sigmoid else turn


@torch.no_grad()
def unstacked(state: Mapping[str, Tensor], index: int, network: MLP) -> MLP:
    """``network`` with the weights of one seed, by its place, from a state of ``NarrowStack``."""
    last = len(network.layers) - 1
    for i, layer in enumerate(network.layers):
        assert isinstance(layer, torch.nn.Linear)
        weight = state[f"layers.{i}"][index].double()
        turn = _to_sigmoids(weight.shape[1], of_sigmoids=i > 0, to_sigmoid=i < last).double()
        original = torch.linalg.solve(turn, weight, left=False)
        layer.weight.data.copy_(original[:, :-1])
        layer.bias.data.copy_(original[:, -1])
    return network


def _product(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
    """``torch.bmm``, but for products of a column and a row, where that takes fifteen times as long
    as multiplying them elementwise.
    """
    return (
        torch.mul(left, right, out=out) if left.shape[2] == 1 else torch.bmm(left, right, out=out)
    )


@torch.no_grad()
def _with_biases(layers: Sequence[torch.nn.Linear]) -> Tensor:
    return torch.cat(
        [
            torch.stack([layer.weight for layer in layers]),
            torch.stack([layer.bias for layer in layers]).unsqueeze(2),
        ],
        2,
    )
