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

    The networks of ``Stack`` and, within 1e-5, their outputs. Products of such small matrices are nearly all overhead, and so is recording
    them for a backward pass: here the products of all seeds are one call, the results go to memory that is used again, and nothing is
    recorded. The bias is one more weight, whose input is a row of ones.

    tanh(z) is 1 - 2 sigmoid(-2z), which takes a third of the time on a CPU and is the same to 2e-7. So what is calculated is a network of
    sigmoids, whose weights are those of each layer times a fixed matrix (``_to_sigmoids``).
    """

    def __init__(self, make: Callable[[], MLP], seeds: Sequence[int]) -> None:
        networks = build_seeded(make, seeds)
        self.parameters = count_parameters(networks[0])
        layers = zip(*(network.layers for network in networks), strict=True)
        self.weights = [_with_biases(same) for same in layers]
        """Of each layer: (seeds, outputs, inputs + 1)."""
        last = len(self.weights) - 1
        self._turns = [_to_sigmoids(weight.shape[2], of_sigmoids=i > 0, to_sigmoid=i < last) for i, weight in enumerate(self.weights)]
        self._turned = [torch.empty_like(weight) for weight in self.weights]
        self._gradients = [torch.empty_like(weight) for weight in self.weights]
        self._memory: dict[int, _Memory] = {}

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """(seeds, batch, inputs) -> (seeds, batch), the logits."""
        return self._forward(x).logits.squeeze(1).clone()

    @torch.no_grad()
    def descend(self, x: Tensor, labels: Tensor, learning_rate: float) -> None:
        """One step of SGD for every seed, on (seeds, batch, inputs) and (seeds, batch) labels 0. or 1."""
        memory = self._forward(x)
        # The gradient of the cross-entropy by the logits, summed over the batch; the loss itself is not needed to take the step.
        gradient = memory.logits.sigmoid_().sub_(labels.unsqueeze(1))
        for i in reversed(range(len(self.weights))):
            torch.matmul(torch.bmm(gradient, memory.inputs[i].mT), self._turns[i].mT, out=self._gradients[i])
            if i:
                back = _product(self._turned[i][:, :, :-1].mT, gradient, memory.hidden)
                gradient = torch.ops.aten.sigmoid_backward(back, memory.inputs[i][:, :-1], grad_input=memory.gradient)
        torch._foreach_add_(self.weights, self._gradients, alpha=-learning_rate / x.shape[1])

    def _forward(self, x: Tensor) -> "_Memory":
        memory = self._memory_for(x.shape[1])
        memory.inputs[0][:, :-1] = x.mT
        for weight, turn, turned in zip(self.weights, self._turns, self._turned, strict=True):
            torch.matmul(weight, turn, out=turned)
        for i, turned in enumerate(self._turned[:-1]):
            torch.sigmoid(torch.bmm(turned, memory.inputs[i], out=memory.hidden), out=memory.inputs[i + 1][:, :-1])
        torch.bmm(self._turned[-1], memory.inputs[-1], out=memory.logits)
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


class _Memory:
    """What a pass over a batch of one size writes to; as little as can be, for it should stay in the cache.

    ``inputs`` of each layer: (seeds, inputs + 1, batch). What a hidden layer gives, before the sigmoid and on the way back: (seeds, width,
    batch).
    """

    def __init__(self, weights: Sequence[Tensor], batch: int) -> None:
        seeds = len(weights[0])
        self.inputs = [torch.ones(seeds, weight.shape[2], batch) for weight in weights]
        self.logits = torch.empty(seeds, 1, batch)
        self.hidden, self.gradient = torch.empty(2, seeds, weights[0].shape[1], batch)


def _to_sigmoids(inputs: int, *, of_sigmoids: bool, to_sigmoid: bool) -> Tensor:
    """The matrix (inputs, inputs), the bias counted in, that turns the weights of a layer of tanh into those of one of sigmoids."""
    turn = torch.eye(inputs)
    if of_sigmoids:  # of w tanh + b it makes (-2 w) sigmoid + (w + b)
        turn[:-1] *= -2
        turn[:, -1] = 1
    return -2 * turn if to_sigmoid else turn


def _product(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
    """``torch.bmm``, but for products of a column and a row, where that takes fifteen times as long as multiplying them elementwise."""
    return torch.mul(left, right, out=out) if left.shape[2] == 1 else torch.bmm(left, right, out=out)


@torch.no_grad()
def _with_biases(layers: Sequence[torch.nn.Linear]) -> Tensor:
    return torch.cat([torch.stack([layer.weight for layer in layers]), torch.stack([layer.bias for layer in layers]).unsqueeze(2)], 2)
