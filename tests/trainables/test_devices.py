"""Every built-in trainable on a GPU that is none: it refuses what CUDA and MPS refuse, and gives
the numbers of the CPU.
"""

import ast
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from places import ROOT
from stand_in import stand_in
from torch import Tensor
from torch.utils._pytree import tree_leaves

from analysis.records.columns import HELD_OUT
from trainables.digits.data import Digits
from trainables.networks import MLP
from trainables.stacked import Stack
from tuning import Study
from tuning.engine import checkpoints
from tuning.runs.store import Folder
from tuning.spec.catalog import built_in_names
from tuning.spec.data import read_data
from tuning.spec.loading import find_study
from tuning.spec.space import ends

KINDS = pytest.mark.parametrize("kind", ["cuda", "mps"])
SEEDS = pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)], ids=["1 seed", "3 seeds"])
SHORT: Mapping[str, Mapping[str, Any]] = {
    "lungs_unet": {"phantoms": 12, "base_channels": [4, 6], "levels": [3, 4]},
    "mnist_ffn_vs_cnn": {},
    "xor_width_depth": {"points": 500, "width": [2, 12]},
}
FIXED: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "lungs_unet": (
        {"precision": "bfloat16"},
        {"precision": "float32", "schedule": "constant", "networks": 2},
    ),
    "mnist_ffn_vs_cnn": (
        {"precision": "bfloat16"},
        {"precision": "float32", "schedule": "constant", "shift": 0},
    ),
    "xor_width_depth": ({}, {}),
}
"""Other fixed values of the first and of the second setting."""
EPOCHS = 2
CLOCKS = ("train_seconds", "images_per_second", "device")


def short(name: str, place: int) -> Study:
    study = find_study(name)
    return study.override({**study.smoke, **SHORT[name], **FIXED[name][place]})


def settings(study: Study) -> list[dict[str, Any]]:
    """Two settings, in which every key has two values of its own where it has as many."""
    return [{key: ends(values)[place] for key, values in study.space.items()} for place in (0, -1)]


TRIALS = [
    pytest.param(name, place, id=f"{name} {place}") for name in built_in_names() for place in (0, 1)
]


def test_every_trainable_is_one_of_a_built_in_study() -> None:
    files = (Path(importlib.import_module("trainables").__path__[0])).rglob("*.py")
    trains = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in files
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "train"
    }
    assert trains == {find_study(name).task.train.__module__ for name in built_in_names()}


def test_no_older_torch_is_promised_than_is_tested() -> None:
    root = ROOT
    promised = dict(
        re.findall(r'"(torch|torchvision)>=([\d.]+)"', (root / "pyproject.toml").read_text())
    )
    tested = dict(
        re.findall(
            r"^(torch|torchvision)==(\d+\.\d+)", (root / "constraints.txt").read_text(), re.M
        )
    )
    assert promised == tested


def trained(
    name: str, place: int, seeds: Sequence[int], resume: Any = None
) -> list[tuple[dict[str, Any], Any]]:
    study = short(name, place)
    config = study.config(settings(study)[place], "confirm") | {"epochs": EPOCHS} | read_data(study)
    if isinstance(digits := config.get("loaded"), Digits):
        config["loaded"] = replace(digits, training=tuple(part[:200] for part in digits.training))
    return [(dict(metrics), state) for metrics, state in study.task.train(config, seeds, resume)]


def trained_on(kind: str, *args: Any) -> list[tuple[dict[str, Any], Any]]:
    """Trained on the stand-in for that device."""
    with pytest.MonkeyPatch.context() as patched, stand_in(kind) as device:
        for module in ("digits", "lungs"):
            patched.setattr(f"trainables.{module}.training.pick_device", lambda config: device)
        return trained(*args)


trained_here = lru_cache(trained)


def kept(state: Any, folder: Path) -> Any:
    """A state as a trial finds it that goes on from its checkpoint."""
    checkpoints.save(Folder.at(folder), 1, state, [])
    found = checkpoints.newest(Folder.at(folder))
    assert found is not None
    return found.state


def assert_alike(metrics: Mapping[str, Any], others: Mapping[str, Any], tolerance: float) -> None:
    assert metrics.keys() == others.keys()
    for name in metrics.keys() - {"arrays", *CLOCKS}:
        assert metrics[name] == pytest.approx(others[name], rel=tolerance, abs=0), name
    assert {name: array.shape for name, array in metrics.get("arrays", {}).items()} == {
        name: array.shape for name, array in others.get("arrays", {}).items()
    }


@KINDS
@SEEDS
@pytest.mark.parametrize(("name", "place"), TRIALS)
def test_a_trial_trains_and_goes_on_as_on_the_cpu(
    kind: str, seeds: tuple[int, ...], name: str, place: int, tmp_path: Path
) -> None:
    there, here = trained_on(kind, name, place, seeds), trained_here(name, place, seeds)
    for (metrics, _), (others, _) in zip(there, here, strict=True):
        # On mps the optimiser takes another way, which rounds otherwise.
        assert_alike(metrics, others, 0 if kind == "cuda" else 1e-3)
    again = trained_on(kind, name, place, seeds, kept(there[0][1], tmp_path))
    for (metrics, _), (others, _) in zip(again, there[1:], strict=True):
        assert_alike(metrics, others, 0)
    tensors = [
        each for _, state in there for each in tree_leaves(state) if isinstance(each, Tensor)
    ]
    assert {type(each) for each in tensors} == {Tensor}, "a state lies on the CPU"
    on = "cpu" if name == "xor_width_depth" else {"cuda": "cuda (stand-in)", "mps": "mps"}[kind]
    precision = FIXED[name][place].get("precision", "float32")
    assert {metrics["device"] for metrics, _ in there} == {f"{on}, {precision}"}
    assert {metrics["device"] for metrics, _ in here} == {f"cpu, {precision}"}


@KINDS
@SEEDS
def test_any_network_is_stacked_on_a_device(kind: str, seeds: tuple[int, ...]) -> None:
    x = torch.randn(len(seeds), 7, 2, generator=torch.Generator().manual_seed(0))
    expected = Stack(lambda: MLP(2, 12, 1), seeds)(x).detach()
    with stand_in(kind) as device:
        stack = Stack(lambda: MLP(2, 12, 1), seeds, device)
        found = stack(x.to(device))
        found.sum().backward()
        stack.load(stack.state())
        assert {
            weight.grad.device.type for weight in stack.weights.values() if weight.grad is not None
        } == {kind}
        assert torch.equal(found.detach().cpu(), expected)


REFUSED: Mapping[str, Callable[[Tensor, torch.device], object]] = {
    "two devices": lambda there, _: there + torch.ones(3),
    "stacked with one of the CPU": lambda there, _: torch.stack([there, torch.ones(3)]),
    "a number with one of the CPU": lambda there, _: torch.stack([there.sum(), torch.zeros(())]),
    "added to a number of the CPU": lambda there, _: torch.zeros(()).add_(there.sum()),
    "picked by the CPU": lambda there, _: there.index_select(0, torch.tensor([0])),
    "drawn by the CPU": lambda _, device: torch.rand(3, generator=torch.Generator(), device=device),
    "filled by the CPU": lambda there, _: there.uniform_(generator=torch.Generator()),
    "an array": lambda there, _: there.numpy(),
    "made an array": lambda there, _: np.asarray(there),
}
ON_MPS: Mapping[str, Callable[[Tensor, torch.device], object]] = {
    "double": lambda there, _: there.double(),
    "moved as double": lambda _, device: torch.ones(3, dtype=torch.float64).to(device),
    "made double": lambda _, device: torch.zeros(3, dtype=torch.float64, device=device),
}


@pytest.mark.parametrize(
    ("kind", "what"),
    [*(("cuda", what) for what in REFUSED), *(("mps", what) for what in {**REFUSED, **ON_MPS})],
)
def test_what_a_device_refuses_the_stand_in_refuses(kind: str, what: str) -> None:
    with (
        stand_in(kind) as device,
        pytest.raises((RuntimeError, TypeError), match=r"device|generator|float64"),
    ):
        {**REFUSED, **ON_MPS}[what](torch.ones(3).to(device), device)


@KINDS
def test_what_a_device_takes_the_stand_in_takes(kind: str) -> None:
    with stand_in(kind) as device:
        there = torch.arange(3.0).to(device)
        assert (there[torch.tensor([2, 0])] * torch.tensor(2.0)).tolist() == [4.0, 0.0]
        assert there.cpu().numpy().tolist() == [0.0, 1.0, 2.0]
        assert (there + 1).sum().item() == 6.0


class NotThere:
    """In the place of test data that may not be touched."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("the test data are looked at")


@pytest.mark.parametrize(("name", "place"), TRIALS)
def test_no_trainable_looks_at_test_data_in_a_search(name: str, place: int) -> None:
    study = short(name, place)
    config = (
        study.config(settings(study)[place]) | {"epochs": EPOCHS, "test": False} | read_data(study)
    )
    if "loaded" in config:
        parts = {field.name for field in fields(config["loaded"])} & {"test", "extra_test"}
        assert "test" in parts
        config["loaded"] = copy(config["loaded"])
        for part in parts:
            object.__setattr__(config["loaded"], part, NotThere())
    for metrics, _ in study.task.train(config, [0], None):
        assert not [metric for metric in metrics if metric.startswith(HELD_OUT)]
        assert "loaded" not in config or "arrays" not in metrics
