"""``python -m benchmarks.analysis``: what reading and reporting a large study takes, on one core.

A run folder is generated: random settings, learning curves, no early stopping, so that every trial
has all its epochs. Each size is a process of its own with one thread on one core. Seconds are those
of the processor, so that what else the machine does is left out; memory is the largest resident
size of the process.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from analysis.records.load import RunPaths
from benchmarks.machine import machine_line
from benchmarks.simulations import EPOCHS, SPACE, curves, draw

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
)


def write_folder(folder: Path, trials: int) -> Path:
    """A run folder of ``trials`` trials with 20 epochs each, as the recorder writes it."""
    rng = np.random.default_rng(trials)
    settings = draw(rng, trials)
    values = np.round(curves(settings, rng), 5)
    paths = RunPaths(folder)
    folder.mkdir(parents=True)
    spec = {
        "schema": 2,
        "name": "large",
        "question": "Which parameters matter?",
        "space": SPACE,
        "fixed": {},
        "seeds": [0],
    }
    spec |= {
        "search": {"kind": "random", "trials": trials, "seed": 0},
        "scheduler": None,
        "confirm": None,
        "seeds_per_trial": 1,
    }
    spec |= {
        "trials": trials,
        "metric": "score",
        "mode": "max",
        "epochs": EPOCHS,
        "target": None,
        "published": None,
    }
    spec |= {
        "data": {"name": "generated"},
        "command": "study run large",
        "started": "2026-01-02T03:04:05Z",
        "provenance": {},
    }
    paths.study.write_text(json.dumps(spec), encoding="utf-8")
    with paths.trials.open("w") as trials_file, paths.epochs.open("w") as epochs_file:
        for number, setting in enumerate(settings.to_dict("records")):
            _write_trial(
                trials_file,
                epochs_file,
                f"{number:05d}",
                setting,
                values[number],
                1.7e9 + 100.0 * number,
            )
    return folder


def _write_trial(
    trials_file: Any,
    epochs_file: Any,
    name: str,
    setting: dict[str, Any],
    curve: np.ndarray,
    began: float,
) -> None:
    about = {"trial": name, "phase": "search", "params": setting, "seeds": [0], "attempt": 1}
    trials_file.write(json.dumps({**about, "status": "running"}) + "\n")
    ended = {
        "status": "completed",
        "epochs": len(curve),
        "seconds": 2.5 * len(curve),
        "node": "n1",
        "error": None,
    }
    trials_file.write(json.dumps({**about, **ended}) + "\n")
    for epoch, value in enumerate(curve, start=1):
        metrics = {
            "score": [float(value)],
            "loss": [round(1 - float(value), 5)],
            "parameters": 12345,
            "train_seconds": 2.5,
        }
        row = {
            "trial": name,
            "epoch": epoch,
            "attempt": 1,
            "metrics": metrics,
            "seconds": 2.5,
            "at": began + 2.5 * epoch,
            "node": "n1",
        }
        epochs_file.write(json.dumps({**row, "ip": "10.0.0.1", "pid": 4321}) + "\n")


def steps(folder: Path) -> dict[str, Callable[[], Any]]:
    """What is measured, in this order; later steps use what earlier ones read."""
    from analysis import load_run
    from analysis.report import build as report
    from analysis.stats.correlation import correlations
    from analysis.stats.health import health_checks
    from analysis.stats.importance import importances

    run = load_run(folder)  # once more, so that each step is measured by itself
    return {
        "load_run": lambda: load_run(folder),
        "correlations": lambda: correlations(run),
        "importances": lambda: importances(run),
        "health checks": lambda: health_checks(run),
        "tables, charts and page": lambda: report.write_report(run),
    }


def measure(folder: Path) -> dict[str, float]:
    """Seconds of each step, and the largest resident memory in GiB: to be called in a process of
    its own.
    """
    found = {}
    for name, step in steps(folder).items():
        started = time.process_time()
        step()
        found[name] = time.process_time() - started
    return {**found, "GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def measured(folder: Path) -> dict[str, float]:
    """``measure`` in a process of its own, with one thread and on one core where the system can say
    so.
    """
    program = (
        "import json, pathlib; from benchmarks.analysis import measure;"
        f" print(json.dumps(measure(pathlib.Path({str(folder)!r}))))"
    )
    command = [sys.executable, "-c", program]
    command = ["taskset", "-c", "0", *command] if _can_pin() else command
    environment = {**os.environ, **ONE_THREAD}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
        env=environment,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _can_pin() -> bool:
    return subprocess.run(["which", "taskset"], capture_output=True, check=False).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--trials",
        type=int,
        nargs="+",
        default=[50, 500, 5_000, 10_000],
        help="sizes of the studies",
    )
    sizes = parser.parse_args().trials
    print(machine_line())
    with tempfile.TemporaryDirectory() as root:
        for trials in sizes:
            folder = write_folder(Path(root) / str(trials), trials)
            found = measured(folder)
            memory = found.pop("GiB")
            each = ", ".join(f"{name} {seconds:.1f}" for name, seconds in found.items())
            page = (folder / "report" / "index.html").stat().st_size / 1e6
            print(
                f"{trials:>6,} trials, {trials * EPOCHS:>7,} epoch rows: {sum(found.values()):5.1f}"
                f" s ({each}); {memory:.2f} GiB; page {page:.1f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
