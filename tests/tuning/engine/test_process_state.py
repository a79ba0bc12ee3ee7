"""What one trial changes of its process, and the next one must not find."""

import decimal
import faulthandler
import gc
import locale
import logging
import multiprocessing
import os
import random
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from inline_runs import run
from small_studies import small_study
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tuning import Folds, Task
from tuning.process.state import process_restored
from tuning.process.torch_state import torch_modes


def with_handler(logger: logging.Logger) -> None:
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.setLevel(logging.DEBUG)


def mask_of_files() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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


# What a trial may do, and what shows whether it did.
CHANGES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "folder": (lambda: os.chdir("/"), os.getcwd),
    "new variable": (lambda: os.environ.update(A_NEW_ONE="1"), lambda: os.environ.get("A_NEW_ONE")),
    "removed variable": (lambda: os.environ.pop("PATH"), lambda: os.environ.get("PATH")),
    "time zone": (
        lambda: (os.environ.update(TZ="Asia/Tokyo"), time.tzset()),
        lambda: time.localtime(0).tm_hour,
    ),
    "sys.path": (lambda: sys.path.insert(0, "/nowhere"), lambda: list(sys.path)),
    "sys.path, another list": (lambda: setattr(sys, "path", ["/nowhere"]), lambda: list(sys.path)),
    "sys.argv": (lambda: setattr(sys, "argv", ["x"]), lambda: list(sys.argv)),
    "recursion": (lambda: sys.setrecursionlimit(5000), sys.getrecursionlimit),
    "excepthook": (lambda: setattr(sys, "excepthook", print), lambda: sys.excepthook),
    "signal handler": (
        lambda: signal.signal(signal.SIGUSR2, lambda *_: None),
        lambda: signal.getsignal(signal.SIGUSR2),
    ),
    "faulthandler": (faulthandler.disable, faulthandler.is_enabled),
    "file mode mask": (lambda: os.umask(0o777), mask_of_files),
    "time-out": (lambda: socket.setdefaulttimeout(3), socket.getdefaulttimeout),
    "locale": (
        lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8"),
        lambda: locale.setlocale(locale.LC_ALL),
    ),
    "garbage collection": (gc.disable, gc.isenabled),
    "thresholds": (lambda: gc.set_threshold(1, 2, 3), gc.get_threshold),
    "decimal": (
        lambda: setattr(decimal.getcontext(), "prec", 3),
        lambda: decimal.getcontext().prec,
    ),
    "warnings": (lambda: warnings.simplefilter("ignore"), lambda: list(warnings.filters)),
    "numpy errors": (lambda: np.seterr(all="ignore"), np.geterr),
    "numpy printing": (lambda: np.set_printoptions(precision=2), np.get_printoptions),
    "start method": (
        lambda: multiprocessing.set_start_method("spawn", force=True),
        lambda: multiprocessing.get_start_method(allow_none=True),
    ),
    "root logger": (
        lambda: with_handler(logging.root),
        lambda: (logging.root.level, list(logging.root.handlers)),
    ),
    "a logger": (
        lambda: with_handler(logging.getLogger("a.b")),
        lambda: list(logging.getLogger("a.b").handlers),
    ),
    "logging off": (lambda: logging.disable(logging.ERROR), lambda: logging.root.manager.disable),
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
    "switch interval": (lambda: sys.setswitchinterval(0.25), sys.getswitchinterval),
    "digits": (lambda: sys.set_int_max_str_digits(1000), sys.get_int_max_str_digits),
    "stack size": (lambda: threading.stack_size(2**20), threading.stack_size),
    "timer": (
        lambda: signal.setitimer(signal.ITIMER_PROF, 1000),
        lambda: signal.getitimer(signal.ITIMER_PROF),
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
def test_the_next_trial_does_not_find_what_this_one_changed(what: str) -> None:
    change, look = CHANGES[what]
    before = look()
    with process_restored([0], 0):
        change()
        assert look() != before, "the change must be seen for this to mean anything"
    assert look() == before


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


def grows(config: Any) -> dict[str, Any]:
    """What a trainable that appends to all it is given finds: every length is 1 after that."""
    lengths = {}
    for name, held in {
        "hidden": config,
        "layers": config["block"],
        "ids": config["loaded"],
    }.items():
        held[name].append(0)
        lengths[f"of {name}"] = len(held[name])
    return lengths


def growing(config: Any, seeds: Any, resume: Any = None) -> Any:
    lengths = grows(config)
    config["slope"] = seeds.pop()
    yield {"epoch": 1, "score": [1.0] * (len(seeds) + 1), **lengths}, None


def growing_of_one_seed(config: Any, seed: int, report: Any) -> None:
    report(epoch=1, score=1.0, **grows(config))


@pytest.mark.parametrize("trainable", [growing, growing_of_one_seed])
@pytest.mark.parametrize("seeds", [2, Folds(2, seeds=2)])
def test_what_a_trial_is_given_is_its_own(trainable: Any, seeds: Any, tmp_path: Path) -> None:
    def load(config: Any) -> dict[str, Any]:
        return {"ids": []}

    study = small_study(
        trainable=Task(train=trainable, load=load),
        space={"slope": [1, 2], "hidden": [[]]},
        fixed={"block": {"layers": []}},
        seeds=seeds,
        seeds_per_trial=4,
        epochs=1,
    )
    done = run(study, tmp_path)
    assert set(done.trials["status"]) == {"completed"}
    assert done.trials["hidden"].tolist() == [[], []]
    assert done.trials["slope"].tolist() == [1, 2]
    assert (done.epochs[["of hidden", "of layers", "of ids"]] == 1).all(axis=None)
    assert study.space["hidden"] == [[]]
    assert study.fixed == {"block": {"layers": []}}
