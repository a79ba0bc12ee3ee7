"""What one trial changes of torch, and the next one must not find."""

import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np
import pytest
import torch
from process_changes import Change, assert_put_back
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tuning.process.state import process_restored
from tuning.process.torch_state import torch_modes

PRECISIONS = ("", "cuda.matmul", "cudnn", "cudnn.conv", "mkldnn", "mkldnn.matmul")


def within(place: str) -> Any:
    return attrgetter(place)(torch.backends) if place else torch.backends


def precisions() -> list[str]:
    return [within(place).fp32_precision for place in PRECISIONS]


def enter_autocast() -> None:
    torch.autocast("cpu", dtype=torch.bfloat16).__enter__()


def weight_after_a_step() -> float:
    """What a layer computes with after its weight was changed from 1 to 2."""
    layer = torch.nn.Linear(1, 1, bias=False)
    for weight in (1.0, 2.0):
        layer.weight.data.fill_(weight)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = layer(torch.ones(1)).item()
    return found


class Halves(TorchFunctionMode):
    def __torch_function__(
        self, called: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        value = called(*args, **(kwargs or {}))
        return value / 2 if called is torch.Tensor.sum else value


class Doubles(TorchDispatchMode):
    def __torch_dispatch__(
        self, called: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return 2 * called(*args, **(kwargs or {}))


def in_thread(call: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


CHANGES: dict[str, Change] = {
    "dtype": (lambda: torch.set_default_dtype(torch.float64), torch.get_default_dtype),
    "device": (lambda: torch.set_default_device("meta"), lambda: torch.zeros(1).device),
    "threads": (lambda: torch.set_num_threads(3), torch.get_num_threads),
    "deterministic": (
        lambda: torch.use_deterministic_algorithms(True),
        torch.are_deterministic_algorithms_enabled,
    ),
    "precision": (
        lambda: torch.set_float32_matmul_precision("medium"),
        torch.get_float32_matmul_precision,
    ),
    "benchmark": (
        lambda: setattr(torch.backends.cudnn, "benchmark", True),
        lambda: torch.backends.cudnn.benchmark,
    ),
    "cudnn": (
        lambda: setattr(torch.backends.cudnn, "deterministic", True),
        lambda: torch.backends.cudnn.deterministic,
    ),
    "grad": (lambda: torch.set_grad_enabled(False), torch.is_grad_enabled),
    "anomaly": (
        lambda: torch.autograd.set_detect_anomaly(True, check_nan=False),
        torch.is_anomaly_enabled,
    ),
    "autocast": (
        lambda: torch.autocast("cpu", dtype=torch.float16).__enter__(),
        lambda: (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")),
    ),
    "nested autocast": (enter_autocast, weight_after_a_step),
    "device of a block": (
        lambda: torch.device("meta").__enter__(),
        lambda: torch.zeros(1).device,
    ),
    "mode of functions": (
        lambda: Halves().__enter__(),
        lambda: float(torch.ones(1).sum()),
    ),
    "mode of dispatch": (lambda: Doubles().__enter__(), lambda: float(torch.ones(1))),
    "threads that a thread sets": (
        lambda: in_thread(partial(torch.set_num_threads, 3)),
        lambda: in_thread(torch.get_num_threads),
    ),
    "denormals": (
        lambda: torch.set_flush_denormal(True),
        lambda: str(float(torch.tensor(1e-310, dtype=torch.float64) * 0.5)),
    ),
    "attention": (
        lambda: torch.backends.cuda.enable_math_sdp(False),
        torch.backends.cuda.math_sdp_enabled,
    ),
    "hooks of modules": (
        lambda: torch.nn.modules.module.register_module_forward_pre_hook(
            lambda _, args: (args[0] * 2,)
        ),
        lambda: float(torch.nn.Identity()(torch.ones(1))),
    ),
    **{
        f"precision of {place or 'all'}": (
            partial(setattr, within(place), "fp32_precision", "ieee"),
            precisions,
        )
        for place in PRECISIONS
    },
    "torch printing": (
        lambda: torch.set_printoptions(precision=1),
        lambda: repr(torch.tensor(1 / 3)),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_next_trial_does_not_find_what_this_one_changed_of_torch(what: str) -> None:
    assert_put_back(*CHANGES[what])


def test_precisions_set_in_the_new_way_before_a_trial_are_kept() -> None:
    """torch refuses to read it in its old way then."""
    matrices = within("mkldnn.matmul")
    matrices.fp32_precision = "bf16"
    try:
        with process_restored([0], 0):
            matrices.fp32_precision = "ieee"
        assert matrices.fp32_precision == "bf16"
    finally:
        matrices.fp32_precision = "none"
    assert torch.get_float32_matmul_precision() == "highest"


def test_modes_of_a_part_that_imports_torch_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "torch")
        leave = torch_modes()
    before = weight_after_a_step()
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        within = torch_modes()
        leave()
        assert (weight_after_a_step(), torch.is_autocast_enabled("cpu")) == (before, False)
        assert torch.is_grad_enabled()
        within()
        assert torch.is_autocast_enabled("cpu")
        assert not torch.is_grad_enabled()


def test_it_is_put_back_after_an_error_too() -> None:
    def changes_and_raises() -> None:
        torch.set_default_dtype(torch.float64)
        raise RuntimeError

    with pytest.raises(RuntimeError), process_restored([0], 0):
        changes_and_raises()
    assert torch.get_default_dtype() == torch.float32


def draws() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(()))]


def test_what_a_trial_draws_depends_on_its_seeds_alone() -> None:
    def drawn(*seeds: int) -> list[float]:
        with process_restored(seeds, 0):
            return draws()

    first = drawn(3)
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(1)
    assert drawn(3) == first
    assert drawn(3, 4) == first, "as it would alone"
    assert all(a != b for a, b in zip(drawn(4), first, strict=True))
    assert drawn(2**63 - 1) != first
