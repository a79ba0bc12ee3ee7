"""The best network of a run, handed on: the same outputs wherever it is called from."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from small_studies import small_study
from typer.testing import CliRunner

from analysis.records.load import Run
from trainables.hand_on import hand_on, load_network
from tuning import StudyError, Task, export, load_best, run
from tuning.cli.app import app
from tuning.spec.loading import find_study

FILES = ["weights.safetensors", "network.pt2", "predict.py", "README.md"]


@pytest.fixture(scope="module")
def xor(tmp_path_factory: pytest.TempPathFactory) -> Run:
    study = find_study("xor_width_depth")
    small = {"epochs": 2, "seeds": 3, "width": [3, 9], "depth": [1]}
    return run(study, backend="inline", results=tmp_path_factory.mktemp("results"), **small)


@pytest.mark.parametrize("width", [3, 9])  # trained by hand-written passes, and as a stack
def test_the_network_is_that_of_the_best_seed(width: int) -> None:
    study = find_study("xor_width_depth")
    config = study.config({"width": width, "depth": 2}, "search") | {"epochs": 3}
    *_, (metrics, state) = study.task.train(config, [0, 1, 2])
    assert study.task.network
    network, points = study.task.network(config, state)
    _, (_, labels) = sys.modules["trainables.xor.training"].load(config)
    with torch.no_grad():
        right = ((network(points) > 0) == (labels > 0)).double().mean().item()
    assert right == pytest.approx(max(metrics["accuracy"]), abs=1e-9)


@pytest.mark.slow
def test_files_give_the_outputs_that_the_network_gave(xor: Run, tmp_path: Path) -> None:
    network, folder = load_best(xor), tmp_path / "best"
    assert [path.name for path in export(xor, folder)] == FILES
    x = torch.rand(7, 2)
    with torch.no_grad():
        expected = network(x)
    torch.save(x, tmp_path / "x.pt")
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-I", str(folder / "predict.py"), "x.pt", "y.pt"]
    subprocess.run(command, cwd=tmp_path, env=alone, check=True, timeout=240)
    found = torch.load(tmp_path / "y.pt", weights_only=True)
    assert torch.allclose(found, expected, rtol=0, atol=1e-5)
    card = (folder / "README.md").read_text()
    assert "Does width or depth help a small network learn continuous XOR?" in card
    assert "n = 3, over seeds" in card
    assert xor.spec["data"]["sha256"] in card


def test_a_folder_that_holds_something_is_left_as_it_is(xor: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(StudyError, match=r"is not empty: give another one with --to"):
        export(xor, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_command_says_what_it_wrote(xor: Run, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", str(xor.paths.root), "--to", str(tmp_path / "x")])
    assert done.exit_code == 0
    assert [Path(line).name for line in done.stdout.splitlines()] == FILES


def learns(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    yield {"epoch": 1, "score": 1.0}, {"weight": torch.ones(1)} if config["slope"] == 1 else None


@pytest.mark.parametrize(
    ("task", "slope", "says"),
    [
        (Task(train=learns), 1, "Study 'small' does not say how its network is built"),
        (
            Task(train=learns, network=lambda config, state: (torch.nn.Linear(1, 1), None)),
            2,
            "has no checkpoint of the last epoch of trial 0001",
        ),
    ],
)
def test_what_cannot_be_exported(task: Task, slope: int, says: str, tmp_path: Path) -> None:
    study = small_study(task, space={"slope": [slope]}, epochs=1, seeds=1)
    ran = run(study, backend="inline", results=tmp_path)
    with pytest.raises(StudyError, match=says):
        load_best(ran, study)


class Branching(torch.nn.Module):
    """What torch cannot trace."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if float(x.sum()) > 0 else -x


def test_a_network_that_cannot_be_traced_is_handed_on_as_its_weights(tmp_path: Path) -> None:
    assert hand_on(Branching(), torch.ones(2, 1), tmp_path) == ["weights.safetensors"]
    with pytest.raises(FileNotFoundError, match=r"network\.pt2 is not there"):
        load_network(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "small"),
    [
        ("mnist_ffn_vs_cnn", {"data": "optdigits", "epochs": 1, "seeds": 2}),
        (
            "lungs_unet",
            {"epochs": 1, "trials": 1, "confirm": None, "scheduler": None, "networks": 2},
        ),
    ],
)
def test_networks_of_the_other_studies(name: str, small: dict[str, Any], tmp_path: Path) -> None:
    study = find_study(name)
    ran = run(study, backend="inline", results=tmp_path, **{**study.smoke, **small})
    network = load_best(ran)
    names = [path.name for path in export(ran, tmp_path / "best")]
    onnx = ["network.onnx"] if importlib.util.find_spec("onnxscript") else []
    assert names == [*FILES[:3], *onnx, FILES[3]]
    side = 28 if name.startswith("mnist") else ran.spec["fixed"]["image_size"]
    x = torch.rand(3, 1, side, side)
    with torch.no_grad():
        expected, found = network(x), load_network(tmp_path / "best")(x)
    assert torch.allclose(found, expected, rtol=0, atol=1e-5)
