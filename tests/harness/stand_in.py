"""A GPU that is none: its tensors say that they lie on "cuda" or "mps", are calculated on the CPU,
and refuse what such a device refuses.

Refused are operations on tensors of two devices, generators of the CPU, tensors of the device as
arrays of numpy, and on "mps" float64.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only

aten = torch.ops.aten
MAY_MIX = (aten.copy_, aten.index, aten.index_put, aten.index_put_)
"""What takes tensors of the CPU beside those of a device: copies, and indices."""
MOVES = (Tensor.to, Tensor.cpu)


class OnDevice(Tensor):
    """A tensor of the stand-in: ``plain`` shares its memory, on the CPU."""

    plain: Tensor
    device = torch.device("meta")

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        strange = [
            each
            for each in tensors
            if not isinstance(each, OnDevice) and not _is_scalar(func, each, args)
        ]
        if strange and func.overloadpacket not in MAY_MIX:
            raise RuntimeError(
                f"{func}: expected all tensors to be on the same device, found cpu and {cls.device}"
            )
        refuse_generator(kwargs)
        outer = {id(each.plain): each for each in tensors if isinstance(each, OnDevice)}
        result = func(
            *tree_map_only(OnDevice, lambda each: each.plain, args),
            **tree_map_only(OnDevice, lambda each: each.plain, kwargs),
        )
        return tree_map_only(
            Tensor, lambda each: outer[id(each)] if id(each) in outer else placed(each), result
        )

    def __repr__(self, **_: Any) -> str:
        return f"{self.device} {self.plain}"

    def tolist(self) -> Any:
        return self.plain.tolist()

    def numpy(self, **_: Any) -> Any:
        raise TypeError(
            f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() first."
        )

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.numpy()


def _is_scalar(func: Any, tensor: Tensor, args: Any) -> bool:
    """Whether a tensor of the CPU may stand beside those of a device: one number that is not
    written to and not put beside theirs.
    """
    written = func.overloadpacket.__name__.endswith("_") and tensor is args[0]
    return tensor.ndim == 0 and not written and func.overloadpacket not in (aten.stack, aten.cat)


def refuse_generator(kwargs: dict[str, Any]) -> None:
    if kwargs.get("generator") is not None:
        raise RuntimeError(
            f"Expected a {OnDevice.device} generator, found {kwargs['generator'].device}"
        )


def placed(plain: Tensor) -> Tensor:
    """The same memory as a tensor of the stand-in."""
    if plain.dtype == torch.float64 and OnDevice.device.type == "mps":
        raise TypeError(
            "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support"
            " float64."
        )
    found = Tensor._make_subclass(OnDevice, plain)
    found.plain = plain
    return found


class _Placing(TorchFunctionMode):
    """Makes tensors on the stand-in where code asks for its device."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in MOVES:
            return self._moved(func, args, kwargs)
        if not _is_ours(kwargs.get("device")):
            return func(*args, **kwargs)
        refuse_generator(kwargs)
        return placed(func(*args, **kwargs | {"device": "cpu"}))

    def _moved(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Tensor:
        tensor, rest = (
            args[0],
            [each for each in args[1:] if not isinstance(each, (str, torch.device))],
        )
        named = [
            each
            for each in (*args[1:], kwargs.pop("device", None))
            if isinstance(each, (str, torch.device))
        ]
        if func is Tensor.to and not named:
            return func(*args, **kwargs)
        assert not (torch.is_grad_enabled() and tensor.requires_grad), (
            "the stand-in passes no gradient on from device to device"
        )
        there = tensor.plain if isinstance(tensor, OnDevice) else tensor.detach()
        moved = Tensor.to(there, "cpu", *rest, **kwargs)
        ours = func is Tensor.to and _is_ours(named[0])
        if ours != isinstance(tensor, OnDevice) and moved is there:
            moved = moved.clone()
        return placed(moved) if ours else moved


def _is_ours(device: Any) -> bool:
    return device is not None and torch.device(device).type == OnDevice.device.type


@contextmanager
def stand_in(kind: str) -> Iterator[torch.device]:
    """The device, "cuda" or "mps", for the time of the block."""
    autocast = torch.autocast
    with pytest.MonkeyPatch.context() as patched, _Placing():
        patched.setattr(OnDevice, "device", torch.device(kind, 0))
        patched.setattr(
            torch,
            "autocast",
            lambda where, *args, **kwargs: autocast(
                "cpu" if where == kind else where, *args, **kwargs
            ),
        )
        patched.setattr(torch.cuda, "get_device_name", lambda device: "stand-in")
        patched.setattr(torch.cuda, "get_rng_state", lambda device: torch.get_rng_state())
        patched.setattr(torch.cuda, "set_rng_state", lambda state, device: None)
        # A module takes its tensors in place of those of the CPU, instead of their memory alone.
        patched.setattr(torch.__future__, "_overwrite_module_params_on_conversion", True)
        yield torch.device(kind)
