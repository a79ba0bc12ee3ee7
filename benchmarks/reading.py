"""``python -m benchmarks.reading``: reading a study from our records, against reading the same
study through Ray's own result objects.

Ray Tune trains a study of trials that learn nothing, with its own result files; the same numbers
are written as a run folder. Then each way reads, in a process of its own, one row per trial and all
epochs of all trials: ``load_run``; ``Tuner.restore(...).get_results()`` with ``get_dataframe`` and
the frame of metrics of each result; ``ExperimentAnalysis`` with ``dataframe`` and
``trial_dataframes``. Seconds are those of the processor, so that what else the machine does is left
out, and without imports.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.analysis import write_folder
from benchmarks.machine import machine_line
from benchmarks.simulations import EPOCHS
from cluster.connect import connected, prepare_environment


def report(config: dict[str, Any]) -> None:
    """A trial that reports a curve at once."""
    from ray import tune

    for epoch in range(1, EPOCHS + 1):
        value = config["x"] * epoch / EPOCHS
        tune.report(
            {
                "epoch": epoch,
                "score": value,
                "loss": 1 - value,
                "parameters": 12345,
                "train_seconds": 2.5,
            }
        )


def write_ray(folder: Path, trials: int) -> Path:
    """The same study as Ray writes it: the folder of its experiment."""
    os.environ |= {
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "0",
        "TUNE_GLOBAL_CHECKPOINT_S": "60",
    }  # which we do without
    prepare_environment(None)
    from ray import tune

    with connected(None):
        space = {
            "x": tune.uniform(0.0, 1.0),
            "warmup": tune.uniform(0.0, 1.0),
            "width": tune.choice([8, 16, 32]),
        }
        settings = tune.TuneConfig(num_samples=trials, reuse_actors=True)
        run = tune.RunConfig("large", storage_path=str(folder), verbose=0)
        tune.Tuner(report, param_space=space, tune_config=settings, run_config=run).fit()
    return folder / "large"


def by_results(folder: Path) -> int:
    from ray import tune

    results = tune.Tuner.restore(str(folder), report).get_results()
    assert len(results.get_dataframe()) == len(results)
    return sum(len(result.metrics_dataframe) for result in results)


def by_analysis(folder: Path) -> int:
    from ray.tune import ExperimentAnalysis

    found = ExperimentAnalysis(str(folder))
    assert len(found.dataframe()) == len(found.trials)
    return sum(len(frame) for frame in found.trial_dataframes.values())


def by_us(folder: Path) -> int:
    from analysis import load_run

    return len(load_run(folder).epochs)


WAYS: dict[str, Callable[[Path], int]] = {
    "load_run": by_us,
    "ResultGrid": by_results,
    "ExperimentAnalysis": by_analysis,
}


def measure(way: str, folder: Path) -> tuple[int, float]:
    """How many epochs were read, and the seconds of the processor it took: to be called in a
    process of its own.
    """
    prepare_environment(None)
    if way == "load_run":
        import analysis  # noqa: F401
    else:
        from ray import tune  # noqa: F401
    started = time.process_time()
    rows = WAYS[way](folder)
    return rows, time.process_time() - started


def measured(way: str, folder: Path) -> tuple[int, float]:
    program = "import json, pathlib, sys; from benchmarks.reading import measure; "
    program += "print(json.dumps(measure(sys.argv[1], pathlib.Path(sys.argv[2]))))"
    done = subprocess.run(
        [sys.executable, "-c", program, way, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    rows, seconds = json.loads(done.stdout.splitlines()[-1])
    return rows, seconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--trials", type=int, default=500, help="of the study; Ray trains some ten of them a second"
    )
    trials = parser.parse_args().trials
    print(f"n = {trials:,} trials of {EPOCHS} epochs; {machine_line()}")
    with tempfile.TemporaryDirectory() as root:
        folders = {"load_run": write_folder(Path(root) / "ours", trials)}
        folders |= dict.fromkeys(
            ("ResultGrid", "ExperimentAnalysis"), write_ray(Path(root) / "ray", trials)
        )
        found = {way: measured(way, folder) for way, folder in folders.items()}
    for way, (rows, seconds) in found.items():
        print(
            f"    {way}: {seconds:.2f} s for {rows:,} epochs, {seconds / found['load_run'][1]:.1f}"
            " times ours",
            flush=True,
        )


if __name__ == "__main__":
    main()
