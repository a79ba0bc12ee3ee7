"""The networks of the built-in studies."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx


class MLP(nn.Module):
    """A perceptron for small inputs: (batch, inputs) -> (batch,), one logit each.

    ``depth`` counts the hidden layers *after the first*, so that

    - depth 0 builds Linear(inputs, width), tanh, Linear(width, 1);
    - depth 1 builds Linear(inputs, width), tanh, Linear(width, width), tanh, Linear(width, 1);
    - depth 2 has one more Linear(width, width), tanh.
    """

    def __init__(self, inputs: int, width: int, depth: int) -> None:
        super().__init__()
        sizes = [inputs] + [width] * (1 + depth) + [1]
        self.layers = nn.ModuleList(nn.Linear(size_in, size_out) for size_in, size_out in pairwise(sizes))
        self.widest = max(sizes)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x).squeeze(-1)

    def forward_stacked(self, weights: dict[str, Tensor], x: Tensor) -> Tensor | None:
        """The same for many networks at once: (seeds, batch, inputs) -> (seeds, batch); None where a stack should take the general way.

        ``weights[name]`` is (*shape, seeds), in the order of ``named_parameters``.

        A matrix product of 3 x 3 weights is nearly all overhead. With the seeds innermost in memory, each weight meets a whole
        (batch, seeds) plane in one vectorised multiply-add. Above about 8 units, matrix products win.
        """
        if self.widest > 8:
            return None
        return _NarrowStack.apply(x.permute(2, 1, 0), *weights.values())


class _NarrowStack(torch.autograd.Function):
    """tanh layers and a last linear one, for many seeds: (inputs, batch, seeds) -> (seeds, batch).

    After x come the weight (out, in, seeds) and the bias (out, seeds) of each layer.

    Written out by hand, forward and backward, because recording some 60 tiny operations costs more than doing them.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, *weights: Tensor) -> Tensor:
        activations = [x]
        for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            # tanh(z) as 1 - 2 sigmoid(-2z): a third of the time on a CPU, the same to 2e-7.
            activations.append(torch.rsub(_affine(activations[-1], -2 * weight, -2 * bias).sigmoid_(), 1, alpha=2))
        ctx.save_for_backward(*activations, *weights[::2])
        return _affine(activations[-1], weights[-2], weights[-1])[0].T

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors  # type: ignore[attr-defined]
        activations, weights = saved[: len(saved) // 2], saved[len(saved) // 2 :]
        gradients: list[Tensor] = []
        grad = grad.T.unsqueeze(0)
        for x, weight in zip(reversed(activations), reversed(weights), strict=True):
            gradients[:0] = [(grad.unsqueeze(1) * x).sum(2), grad.sum(1)]
            if x is not activations[0]:
                grad = torch.ops.aten.tanh_backward(_weighted_sum(grad, weight.unsqueeze(2).unbind(0)), x)
        return None, *gradients


def _affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(in, batch, seeds), (out, in, seeds), (out, seeds) -> (out, batch, seeds)."""
    return _weighted_sum(x, weight.unsqueeze(2).unbind(1), bias.unsqueeze(1))


def _weighted_sum(planes: Tensor, weights: Sequence[Tensor], start: Tensor | None = None) -> Tensor:
    """start + sum over i of planes[i] * weights[i]: (k, batch, seeds) and k times (n, 1, seeds) -> (n, batch, seeds)."""
    first, *others = planes.unbind(0)
    total = first * weights[0] if start is None else torch.addcmul(start, first, weights[0])
    for plane, weight in zip(others, weights[1:], strict=True):
        total.addcmul_(plane, weight)
    return total
