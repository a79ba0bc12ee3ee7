"""The XOR study the plain way: one network at a time, and one trial of Ray Tune per network."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from trainables.networks import MLP
from trainables.xor import training as xor
from tuning.spec.loading import find_study

STUDY = find_study("xor_width_depth")


def plain(config: Mapping[str, Any], seed: int) -> float:
    """One training as in a notebook; the accuracy after the last epoch."""
    training, evaluation = xor.load(config)
    torch.manual_seed(seed)
    network = MLP(2, config["width"], config["depth"])
    optimizer = torch.optim.SGD(network.parameters(), lr=config["learning_rate"])
    loss = nn.BCEWithLogitsLoss()
    loader = DataLoader(TensorDataset(*training), batch_size=config["batch_size"], shuffle=True)
    evaluation_loader = DataLoader(TensorDataset(*evaluation), batch_size=config["batch_size"])
    correct = 0
    for _ in range(config["epochs"]):
        for x, y in loader:
            optimizer.zero_grad()
            loss(network(x), y).backward()
            optimizer.step()
        with torch.no_grad():
            correct = sum(int(((network(x) > 0) == (y > 0)).sum()) for x, y in evaluation_loader)
    return correct / len(evaluation[1])


def seconds_of(function: Any, *arguments: Any) -> float:
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def plain_grid() -> tuple[float, list[float]]:
    """Mean seconds of a plain training over the 12 cells, one seed each, and their accuracies."""
    started = time.perf_counter()
    accuracies = [
        plain(STUDY.config(setting), seed) for seed, setting in enumerate(STUDY.settings())
    ]
    return (time.perf_counter() - started) / len(accuracies), accuracies


RAY_TUNE = """
import os, time
started = time.perf_counter()
os.environ["RAY_AUTH_MODE"] = "token"
os.environ["RAY_AUTH_TOKEN"] = "0" * 64
import ray
from ray import tune
from benchmarks.plain_xor import STUDY, plain
def trainable(config):
    cell = {"width": config["width"], "depth": config["depth"]}
    tune.report({"accuracy": plain(STUDY.config(cell), config["seed"])})
ray.init(address="local", log_to_driver=False, include_dashboard=False)
values = {"width": [1, 2, 3], "depth": [0, 3], "seed": list(range(SEEDS))}
space = {key: tune.grid_search(each) for key, each in values.items()}
ready = time.perf_counter()
where = tune.RunConfig(storage_path=FOLDER, verbose=0)
tune.Tuner(trainable, param_space=space, run_config=where).fit()
done = time.perf_counter()
ray.shutdown()
print("SECONDS", ready - started, done - ready, flush=True)
"""


def ray_tune(seeds: int) -> tuple[float, float]:
    """Ray Tune, one trial per (cell, seed), over 6 of the cells: seconds of the start-up, and of
    each trial.
    """
    with tempfile.TemporaryDirectory() as folder:
        program = RAY_TUNE.replace("SEEDS", str(seeds)).replace("FOLDER", repr(folder))
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent.parent,
        )
    line = next(line for line in done.stdout.splitlines() if line.startswith("SECONDS"))
    start, fit = map(float, line.split()[1:])
    return start, fit / (6 * seeds)
