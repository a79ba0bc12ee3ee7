"""LCBench: networks of up to five layers trained for 52 epochs on 34 data sets of OpenML (Zimmer,
Lindauer and Hutter 2021, "Auto-PyTorch Tabular"), by way of the surrogate of YAHPO Gym (Pfisterer
et al. 2022).

It is read from ``STUDY_DATA/hpo/lcbench``: ``model.onnx``, ``encoding.json`` and
``config_space.json``, as in the folder ``lcbench`` of https://github.com/slds-lmu/yahpo_data.
"""

import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ray import tune

from benchmarks.searchers.problems import Curve, Params, Problem, Scale

EPOCHS = 52
DRAWS = 40_000
TUNED_ON = 17
"""So many problems, the first ones, were looked at while defaults were chosen."""
SPACE = {
    "batch_size": tune.lograndint(16, 513),
    "learning_rate": tune.loguniform(1e-4, 1e-1),
    "momentum": tune.uniform(0.1, 0.99),
    "weight_decay": tune.uniform(1e-5, 0.1),
    "num_layers": tune.randint(1, 6),
    "max_units": tune.lograndint(64, 1025),
    "max_dropout": tune.uniform(0.0, 1.0),
}
"""In the order in which the surrogate takes them."""


def folder() -> Path | None:
    """Where the surrogate lies; None where it is not there."""
    at = Path(os.environ.get("STUDY_DATA", "")) / "hpo" / "lcbench"
    return at if (at / "model.onnx").is_file() else None


def problems(at: Path, first: int = 0, last: int | None = None) -> Iterator[Problem]:
    """The problems in the order of ``config_space.json``, from ``first`` to before ``last``."""
    space = json.loads((at / "config_space.json").read_text())["hyperparameters"]
    names = next(each["choices"] for each in space if each["name"] == "OpenML_task_id")
    for name in names[first:last]:
        yield _problem(at, name)


def _problem(at: Path, name: str) -> Problem:
    return Problem(
        name=f"lcbench {name}",
        space=SPACE,
        epochs=EPOCHS,
        trainings=20,
        curve=lambda params: _curve(at, name, params),
        scaled=lambda: _scale(at, name),
        highest=100.0,
    )


def _curve(at: Path, name: str, params: Params) -> Curve:
    settings = np.array([[params[key] for key in SPACE]])
    taken, values = _predicted(at, name, settings, np.arange(1, EPOCHS + 1))
    # What a training has taken never falls; the surrogate does not know that.
    steps = np.diff(np.maximum.accumulate(taken), prepend=0.0)
    return values.tolist(), np.maximum(steps, 0.0).tolist()


def _scale(at: Path, name: str) -> Scale:
    settings = _drawn(DRAWS, np.random.default_rng(1))
    taken, values = _predicted(at, name, settings, np.array([EPOCHS]))
    return Scale(float(values.max()), float(np.median(values)), float(taken.mean() / EPOCHS))


def _drawn(number: int, rng: np.random.Generator) -> np.ndarray:
    return np.column_stack(
        [
            np.round(np.exp(rng.uniform(np.log(16), np.log(512), number))),
            10 ** rng.uniform(-4, -1, number),
            rng.uniform(0.1, 0.99, number),
            rng.uniform(1e-5, 0.1, number),
            rng.integers(1, 6, number),
            np.round(np.exp(rng.uniform(np.log(64), np.log(1024), number))),
            rng.uniform(0, 1, number),
        ]
    )


def _predicted(
    at: Path, name: str, settings: np.ndarray, epochs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Seconds up to each epoch, and accuracy in percent: each of shape ``(settings * epochs,)``.
    ``settings``: shape ``(settings, parameters)``.
    """
    count = len(settings) * len(epochs)
    inputs = np.column_stack(
        [np.tile(epochs, len(settings)), np.repeat(settings, len(epochs), axis=0)]
    )
    session, codes = _surrogate(at)
    output = session.run(
        None,
        {
            "x_cat": np.full((count, 1), codes[name], np.int32),
            "x_cont": inputs.astype(np.float32),
        },
    )[0]
    return output[:, 0].astype(float), output[:, 1].astype(float)


@cache
def _surrogate(at: Path) -> tuple[Any, Mapping[str, int]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(at / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    return session, json.loads((at / "encoding.json").read_text())["OpenML_task_id"]
