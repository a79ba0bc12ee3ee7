"""The networks of the built-in studies."""

from itertools import pairwise

import torch
from torch import Tensor, nn


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
        self.layers = nn.ModuleList(
            nn.Linear(size_in, size_out) for size_in, size_out in pairwise(sizes)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x).squeeze(-1)
