"""What every trainable does the same way: device, seeding, batch order."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from trainables import Config

Network = TypeVar("Network", bound=nn.Module)


def pick_device(config: Config | None = None) -> torch.device:
    """The fastest device that is there: cuda, mps, else cpu. The CPU where a trial has no GPU:
    ``config["gpus"]`` is 0.

    Raises:
        ValueError: the trial has a GPU or a share of one, and torch finds none.
    """
    gpus = (config or {}).get("gpus")
    if gpus != 0 and (card := best_gpu()):
        return card
    if gpus:
        raise ValueError(
            f"gpus={gpus:g}, and torch {torch.__version__} finds no GPU here. "
            "Install the build of torch for this card and its driver, or give gpus=0."
        )
    return torch.device("cpu")


def best_gpu() -> torch.device | None:
    """cuda, else mps; None where torch finds neither."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return next((torch.device(name) for name, found in there.items() if found), None)


def device_text(device: torch.device, precision: torch.dtype = torch.float32) -> str:
    """A device and the precision that heavy layers calculate in, for the record: "cpu, bfloat16",
    "cuda (NVIDIA A100), float32".
    """
    card = f" ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else ""
    return f"{device.type}{card}, {str(precision).removeprefix('torch.')}"


def on_cpu(value: Any) -> Any:
    """The same nest of dicts and lists with every tensor copied to the CPU, where any trial can go
    on from it.
    """
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {key: on_cpu(each) for key, each in value.items()}
    return [on_cpu(each) for each in value] if isinstance(value, list) else value


def derive_seed(seed: int, purpose: str, epoch: int = 0) -> int:
    """A 63-bit seed that depends on (seed, purpose, epoch) alone, so that one random choice added
    somewhere moves no other.
    """
    digest = hashlib.blake2b(f"{seed}/{purpose}/{epoch}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def batch_orders(seeds: Sequence[int], epoch: int, samples: int) -> Tensor:
    """For each seed the order in which it sees the samples in this epoch: (seeds, samples), int32,
    on the CPU whatever the device.
    """
    orders = torch.empty(len(seeds), samples, dtype=torch.int32)
    generator = torch.Generator()
    for seed, order in zip(seeds, orders, strict=True):
        torch.randperm(
            samples, generator=generator.manual_seed(derive_seed(seed, "order", epoch)), out=order
        )
    return orders


def build_seeded(make: Callable[[], Network], seeds: Sequence[int]) -> list[Network]:
    """One network per seed, each initialised from its seed alone; the global random state is left
    as it was.
    """
    with torch.random.fork_rng(devices=[]):
        return [_build_one(make, seed) for seed in seeds]


def _build_one(make: Callable[[], Network], seed: int) -> Network:
    torch.default_generator.manual_seed(
        derive_seed(seed, "initialisation")
    )  # torch.manual_seed seeds every device, and takes 90 us
    return make()


def count_parameters(network: nn.Module) -> int:
    """The number of weights that training moves."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def batches(samples: int, batch_size: int) -> Iterator[slice]:
    """The slices that cut ``samples`` into batches; the last one may be smaller."""
    for start in range(0, samples, batch_size):
        yield slice(start, min(start + batch_size, samples))
