"""Train many seeds of one network at once, as one stacked network."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from trainables.loop import build_seeded, count_parameters, on_cpu

# Layers that draw random numbers or keep running statistics would mix the seeds of a stack.
_MIXING = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)


Network = TypeVar("Network", bound=nn.Module)


class Stack:
    """One network per seed, with all their weights stacked.

    ``make`` builds one network; each is initialised from its own seed. Any ``nn.Module`` will do as
    long as its forward pass draws no random numbers and keeps no running statistics.
    ``weights[name]`` is (seeds, *shape).

    Raises:
        ValueError: a layer of the network would mix the seeds.
    """

    def __init__(
        self,
        make: Callable[[], nn.Module],
        seeds: Sequence[int],
        device: torch.device | str = "cpu",
    ) -> None:
        networks = build_seeded(make, seeds)
        _refuse_mixing(networks[0])
        self.parameters = count_parameters(networks[0])
        stacked, _ = stack_module_state(networks)
        self.network = networks[0].to(device)
        self.weights: dict[str, Tensor] = {
            name: weight.detach().to(device).requires_grad_() for name, weight in stacked.items()
        }

    def __call__(self, x: Tensor) -> Tensor:
        """(seeds, batch, *features) -> (seeds, batch, *outputs)."""
        return vmap(self._forward_one)(self.weights, x)

    def _forward_one(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(self.network, weights, (x,))

    def state(self) -> dict[str, Tensor]:
        """The weights, copied to the CPU: what a resumed stack starts from."""
        return on_cpu(self.weights)

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over the weights that ``state()`` gave."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(state[name])


def unstacked(state: Mapping[str, Tensor], index: int, network: Network) -> Network:
    """``network`` with the weights of one seed, by its place, from a state of ``Stack``."""
    network.load_state_dict({name: weight[index] for name, weight in state.items()})
    return network


def _refuse_mixing(network: nn.Module) -> None:
    mixing = sorted(
        {type(module).__name__ for module in network.modules() if isinstance(module, _MIXING)}
    )
    if mixing:
        raise ValueError(
            f"{type(network).__name__} cannot be stacked: its {', '.join(mixing)} would mix the"
            " seeds. Train one seed per trial."
        )
