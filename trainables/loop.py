"""What every trainable does the same way: device, seeding, batch order."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def pick_device() -> torch.device:
    """The fastest device that is there: cuda, mps, else cpu."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def derive_seed(seed: int, purpose: str, epoch: int = 0) -> int:
    """A 63-bit seed that depends on (seed, purpose, epoch) alone, so that one random choice added somewhere moves no other."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{epoch}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def batch_orders(seeds: Sequence[int], epoch: int, samples: int) -> Tensor:
    """For each seed the order in which it sees the samples in this epoch: (seeds, samples), int32, on the CPU whatever the device."""
    orders = torch.empty(len(seeds), samples, dtype=torch.int32)
    generator = torch.Generator()
    for seed, order in zip(seeds, orders, strict=True):
        torch.randperm(samples, generator=generator.manual_seed(derive_seed(seed, "order", epoch)), out=order)
    return orders


def build_seeded(make: Callable[[], Network], seeds: Sequence[int]) -> list[Network]:
    """One network per seed, each initialised from its seed alone; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        return [_build_one(make, seed) for seed in seeds]


def _build_one(make: Callable[[], Network], seed: int) -> Network:
    torch.default_generator.manual_seed(derive_seed(seed, "initialisation"))  # torch.manual_seed seeds every device, and takes 90 us
    return make()


def count_parameters(network: nn.Module) -> int:
    """The number of weights that training moves."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def batches(samples: int, batch_size: int) -> Iterator[slice]:
    """The slices that cut ``samples`` into batches; the last one may be smaller."""
    for start in range(0, samples, batch_size):
        yield slice(start, min(start + batch_size, samples))
