"""A study of two trials, start to report, beside a plain script for Ray Tune that trains the same
two: ``python -m benchmarks.two_trials [REPETITIONS]``. Takes about a minute and a half.

Nothing is trained, so that both sides show what they cost by themselves. They take turns, each in a
process and a folder of its own.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import machine_line

PLAIN = """
from ray import tune

def train(config):
    for epoch in range(5):
        tune.report({"loss": config["x"] / (epoch + 1)})

tuner = tune.Tuner(train, param_space={"x": tune.grid_search([1, 2])},
                   run_config=tune.RunConfig(storage_path=STORAGE))
print(tuner.fit().get_best_result("loss", "min").metrics["loss"])
"""
OURS = """
from tuning import Study

def train(config, seeds, resume=None):
    for epoch in range(5):
        yield {"epoch": epoch + 1, "loss": config["x"] / (epoch + 1)}, None

study = Study(name="two", question="Which of two?", trainable=train, space={"x": [1, 2]},
              metric="loss", mode="min", epochs=5, seeds=1)
"""
COMMAND = [sys.executable, str(Path(__file__).parents[1] / "study_command.py")]


def seconds(script: str, command: list[str]) -> float:
    """Wall time of ``command`` with ``script`` as a file, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "two.py")
        path.write_text(script.replace("STORAGE", repr(folder)))
        begin = time.perf_counter()
        subprocess.run(
            [*command, path.name],
            cwd=folder,
            env={**os.environ, "RAY_ADDRESS": "local"},  # a Ray of its own, whoever else has one
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - begin


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    plain, ours = [], []
    for _ in range(repetitions):
        plain.append(seconds(PLAIN, [sys.executable]))
        ours.append(seconds(OURS, [*COMMAND, "run"]))
    print(machine_line())
    print(f"two trials, n = {repetitions} in turns, median seconds (least to most):")
    for name, each in (("plain Ray Tune", plain), ("study with its report", ours)):
        print(f"  {name}: {statistics.median(each):.1f} ({min(each):.1f} to {max(each):.1f})")
    print(f"  ratio {statistics.median(ours) / statistics.median(plain):.2f}")


if __name__ == "__main__":
    main()
