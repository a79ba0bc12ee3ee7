"""The two networks of the comparison of digits: a perceptron and a small convolutional network."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.precision import channels_last


class FFN(nn.Module):
    """Fully connected, 784-128-64-10 with ReLU: (batch, 1, 28, 28) -> (batch, 10),
    log-probabilities. 109,386 parameters.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear1 = nn.Linear(784, 128)
        self.linear2 = nn.Linear(128, 64)
        self.linear3 = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.linear1(self.flatten(x)))
        x = F.relu(self.linear2(x))
        return F.log_softmax(self.linear3(x), -1)

    def forward_seeds(self, weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """The same for many networks at once: (seeds, batch, 1, 28, 28) -> (seeds, batch, 10);
        ``weights[name]`` is (seeds, *shape).

        The first layer, with nine tenths of the work, calculates in the precision of x, the others
        in float32. Works on (seeds, features, batch): with the weights on the left of the batched
        products, their gradients come out in the memory order of the weights themselves, which the
        optimiser needs and would otherwise copy to.
        """
        x = x.flatten(2).transpose(1, 2)
        x = F.relu(_linear(weights, "linear1", x).float())
        x = F.relu(_linear(weights, "linear2", x))
        return F.log_softmax(_linear(weights, "linear3", x).transpose(1, 2), -1)


def _linear(weights: Mapping[str, Tensor], layer: str, x: Tensor) -> Tensor:
    """(seeds, features in, batch) -> (seeds, features out, batch)."""
    return torch.baddbmm(
        weights[f"{layer}.bias"].to(x.dtype).unsqueeze(2), weights[f"{layer}.weight"].to(x.dtype), x
    )


class CNN(nn.Module):
    """Two convolutions with ReLU and pooling, one linear layer: (batch, 1, 28, 28) -> (batch, 10),
    log-probabilities. 12,810 parameters.

    Side lengths 28 - 26 - 13 - 11 - 5, then 32 x 5 x 5 = 800 features.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(1, 16, 3)
        self.pool1 = nn.MaxPool2d(2)
        self.convolution2 = nn.Conv2d(16, 32, 3)
        self.pool2 = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(800, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(F.relu(self.convolution1(x)))
        x = self.pool2(F.relu(self.convolution2(x)))
        return F.log_softmax(self.linear(self.flatten(x)), -1)

    def forward_seeds(self, weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """The same for many networks: (seeds, batch, 1, 28, 28) -> (seeds, batch, 10);
        ``weights[name]`` is (seeds, *shape).

        One seed after the other, for grouped convolutions are slower. Convolutions calculate in the
        precision of x, the linear layer in float32.
        """
        each = zip(*(weights[name].unbind() for name, _ in self.named_parameters()), strict=True)
        return F.log_softmax(
            torch.stack(
                [_convolve(own, images) for own, images in zip(each, x.unbind(), strict=True)]
            ),
            -1,
        )


def _convolve(weights: Sequence[Tensor], x: Tensor) -> Tensor:
    """(batch, 1, 28, 28) -> (batch, 10), logits. ReLU after the pooling gives the same values and
    works on a quarter of them.
    """
    kernel1, bias1, kernel2, bias2, weight, bias = weights
    x = F.relu(F.max_pool2d(F.conv2d(channels_last(x), kernel1.to(x.dtype), bias1.to(x.dtype)), 2))
    x = F.relu(
        F.max_pool2d(
            F.conv2d(x, kernel2.to(x.dtype, memory_format=torch.channels_last), bias2.to(x.dtype)),
            2,
        )
    )
    return F.linear(x.flatten(1).float(), weight, bias)


NETWORKS: Mapping[str, type[FFN] | type[CNN]] = {"ffn": FFN, "cnn": CNN}


def layer_table(architecture: str) -> list[dict[str, Any]]:
    """One row per layer of "ffn" or "cnn", read off the real network: ``layer``, ``output_shape``
    (without the batch), ``parameters``.
    """
    network = NETWORKS[architecture]()
    rows: list[dict[str, Any]] = [{"layer": "input", "output_shape": (1, 28, 28), "parameters": 0}]

    def note(name: str, module: nn.Module, output: Tensor) -> None:
        parameters = sum(weight.numel() for weight in module.parameters())
        rows.append(
            {
                "layer": f"{name} ({type(module).__name__})",
                "output_shape": tuple(output.shape[1:]),
                "parameters": parameters,
            }
        )

    for name, module in network.named_children():
        module.register_forward_hook(
            lambda module, _, output, name=name: note(name, module, output)
        )
    network(torch.zeros(1, 1, 28, 28))
    return rows
