"""What a mirror to Weights & Biases costs, ours and Ray's own callback: ``python -m
benchmarks.mirror``. Takes about six minutes.

All is offline, in one run. First the same trials with Ray Tune alone, with Ray's
``WandbLoggerCallback``, as a study, and as a study with its mirror. What is counted: seconds from
the start of the fit until everything is written; and, sampled, the processes and the resident
memory that were added at the worst moment, wandb's own included. Then 200 short trials whose epochs
only wait, with Ray Tune alone, as a study with its records, with the mirror as well, and with a
live page besides that somebody looks at: what each adds, and how far all are from the time of the
epochs by themselves.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.records.load import RunPaths
from benchmarks.cost import Cost, measured
from benchmarks.machine import machine_line
from cluster.connect import connected, prepare_environment
from tuning.spec.study import Mirrors, Resources, Study, Trial, WandbMode

CONCURRENT = 8
TRIALS = 24
EPOCHS = 5
EPOCH_SECONDS = 0.2
SHORT_TRIALS = 200
SHORT_EPOCHS = 4
LEAST_SECONDS, LEAST_MEGABYTES = 1.0, 20.0
"""Two runs of the same trials differ by as much."""


def wait(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """Epochs that take a while and learn nothing."""
    for epoch in range(1, config["epochs"] + 1):
        time.sleep(EPOCH_SECONDS)
        yield {"epoch": epoch, "score": config["x"] + epoch}, None


def of_trials(count: int, epochs: int) -> Study:
    space = {"x": [number / count for number in range(count)]}
    resources = Resources(cpus=(os.cpu_count() or 1) / CONCURRENT)
    return Study(
        name="mirror",
        question="What does a mirror cost?",
        trainable=wait,
        space=space,
        metric="score",
        epochs=epochs,
        seeds=1,
        resources=resources,
    )


class Silent:
    """A listener that does nothing."""

    def epoch(self, trial: Trial, row: Any) -> None:
        pass

    def pause(self, trial: Trial) -> None:
        pass

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        pass


def with_ray(folder: Path, study: Study, callbacks: Callable[[], list[Any]]) -> float:
    """The trials with Ray Tune alone; returns the seconds it took."""
    from ray import tune

    def train(config: dict[str, Any]) -> None:
        for metrics, _ in wait({**config, "epochs": study.epochs}, [0]):
            tune.report(metrics)

    began = time.monotonic()
    tune.Tuner(
        tune.with_resources(train, {"cpu": study.resources.cpus}),
        param_space={"x": tune.grid_search(study.space["x"])},
        tune_config=tune.TuneConfig(reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(folder), verbose=0, callbacks=callbacks()),
    ).fit()
    return time.monotonic() - began


def with_us(folder: Path, study: Study, mode: WandbMode, *, page: bool = False) -> float:
    """The trials as a study; returns the seconds until the last of them had ended, which a mirror
    may go on after.
    """
    from tuning.engine.launch import run_study
    from tuning.mirrors.driver import mirrored
    from tuning.runs.prepare import prepare_run

    paths = prepare_run(study, folder, overrides={}, command=["benchmark"])
    began = time.monotonic()
    with (
        mirrored(paths, Mirrors(wandb=mode), print) as finish,
        looked_at(paths) if page else nullcontext(),
    ):
        run_study(study, paths, Silent())
        seconds = time.monotonic() - began
        finish()
    return seconds


@contextmanager
def looked_at(paths: RunPaths) -> Iterator[None]:
    """The live page of the run, and somebody who listens to it as a browser does."""
    from tuning.runs.session_file import page_served

    listeners: list[subprocess.Popen[bytes]] = []
    with page_served(paths, lambda address: listeners.append(listening(address))):
        yield
    for listener in listeners:
        listener.kill()
        listener.wait()


def listening(address: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["curl", "-sN", f"{address}events"], stdout=subprocess.DEVNULL)


def ray_callback() -> list[Any]:
    from ray.air.integrations.wandb import WandbLoggerCallback

    return [WandbLoggerCallback(project="mirror", group="benchmark")]


def compare(folder: Path) -> None:
    """Ours against the callback, each against the same trials without a mirror."""
    study = of_trials(TRIALS, EPOCHS)
    costs: list[Cost] = []
    for work in (
        lambda: with_ray(folder / "warm", study, list),
        lambda: with_ray(folder / "ray", study, list),
        lambda: with_ray(folder / "callback", study, ray_callback),
        lambda: with_us(folder / "plain", study, "off"),
        lambda: with_us(folder / "mirror", study, "offline"),
    ):
        with measured(costs):
            work()
    _, ray_alone, callback, plain, ours = costs
    theirs, added = callback - ray_alone, ours - plain
    for name, cost in (("Ray's callback", theirs), ("our mirror", added)):
        print(
            f"{name} adds {cost.seconds / TRIALS:.3f} s a trial, {cost.processes} processes,"
            f" {cost.megabytes:.0f} MB: {cost.megabytes / CONCURRENT:.1f} MB per concurrent trial"
        )
    seconds, memory = (
        times(theirs.seconds, added.seconds, LEAST_SECONDS),
        times(theirs.megabytes, added.megabytes, LEAST_MEGABYTES),
    )
    print(
        f"the callback costs {seconds} the seconds and {memory} the memory (aim: 10; at most 0.15 s"
        " and 20 MB)"
    )


def times(theirs: float, ours: float, least: float) -> str:
    """How many times ``ours`` goes into ``theirs``; below ``least`` it cannot be told from
    noise.
    """
    return f"{theirs / ours:.0f} times" if ours > least else f"more than {theirs / least:.0f} times"


def overhead(folder: Path) -> None:
    """What records, mirror and page add to a study of short trials."""
    study = replace(of_trials(SHORT_TRIALS, SHORT_EPOCHS), resources=Resources(cpus=1))
    alone = SHORT_TRIALS * SHORT_EPOCHS * EPOCH_SECONDS / (os.cpu_count() or 1)
    ray = with_ray(folder / "short", study, list)
    records, mirror = (with_us(folder / mode, study, mode) for mode in ("off", "offline"))
    page = with_us(folder / "page", study, "offline", page=True)
    print(
        f"{SHORT_TRIALS} trials of {SHORT_EPOCHS * EPOCH_SECONDS:.1f} s, {os.cpu_count()} at a"
        f" time: {alone:.1f} s of epochs"
    )
    print(
        f"with Ray Tune alone {ray:.1f} s, as a study {records:.1f} s, with its mirror {mirror:.1f}"
        f" s, with mirror and page {page:.1f} s"
    )
    added = [
        f"{seconds / ray - 1:.2%} by {what}"
        for what, seconds in (("records", records), ("mirror too", mirror), ("page too", page))
    ]
    print(f"added to Ray Tune: {', '.join(added)} (aim: below 5 %)")
    print(
        f"added to the epochs by themselves: {page / alone - 1:.2%}, start of the processes"
        " included"
    )


def main() -> None:
    prepare_environment(None)
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    print(
        f"n = {TRIALS} trials of {EPOCHS} epochs of {EPOCH_SECONDS} s, {CONCURRENT} at a time;"
        f" {machine_line()}"
    )
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WANDB_DIR"] = folder
        # A Ray of its own for each: what the callback leaves behind can hold a slot.
        for part in compare, overhead:
            with connected(None):
                part(Path(folder))


if __name__ == "__main__":
    main()
