"""What a row and the end of a trial cost the driver, early in a search and late in a large one:
``python -m benchmarks.driver``. Takes a minute.

A random search that stops trials, with progress and the best checkpoint, but without files: the
controller is told of trials that nobody trains. Medians over the last trials of each search.
"""

import random
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, cast

from benchmarks.machine import machine_line
from tuning.callbacks.progress import StudyProgress
from tuning.engine.checkpoints import BestCheckpoints
from tuning.engine.controller import Controller
from tuning.engine.recorder import Callback, Recorder
from tuning.engine.reporter import TrialReport
from tuning.engine.untrained import NoRecords
from tuning.runs.history import History
from tuning.runs.records import Records
from tuning.runs.store import Folder
from tuning.spec.study import Asha, Random, Study, Trial, trial_id

EPOCHS = 4
TIMED = 300
FEW, MANY = 500, 50_000


def train(config: Any, seeds: Any, resume: Any = None) -> Any:
    """Never called."""
    raise NotImplementedError


def study_of(trials: int) -> Study:
    return Study(
        name="driver",
        question="What does a row cost the driver?",
        trainable=train,
        space={"x": list(range(1000))},
        search=Random(trials=trials),
        scheduler=Asha(grace_period=1, reduction_factor=2, pauses=False),
        metric="score",
        epochs=EPOCHS,
        seeds=1,
    )


class Timed:
    """The seconds of each report of rows, and of each that ended its trial."""

    def __init__(self, study: Study, folder: Path) -> None:
        history = History(study)
        callbacks: list[Callback] = [
            StudyProgress(study, history),
            BestCheckpoints(history, Folder.at(folder)),
        ]
        recorder = Recorder(history, cast(Records, NoRecords()), callbacks)
        self.controller, self._draw = Controller(study, recorder), random.Random(0)
        self.rows: list[float] = []
        self.ends: list[float] = []

    def train(self, trial: Trial) -> None:
        self.controller.on_start(trial)
        goes_on = all(self._goes_on(trial, epoch) for epoch in range(1, EPOCHS + 1))
        if goes_on:
            self._report(trial, TrialReport(end={"status": "completed"}), self.ends)
        self.controller.on_end(trial)

    def _goes_on(self, trial: Trial, epoch: int) -> bool:
        row = {"trial": trial.id, "epoch": epoch, "metrics": {"score": [self._draw.random()]}}
        facts = {"arrays": {}, "diverged": [], "seconds": 0.1, "at": 0.0}
        return self._report(trial, TrialReport(rows=[row | facts]), self.rows)

    def _report(self, trial: Trial, report: TrialReport, taken: list[float]) -> bool:
        began = time.perf_counter()
        goes_on = self.controller.on_report(trial, report)
        (taken if goes_on else self.ends).append(time.perf_counter() - began)
        return goes_on


def costs(trials: int) -> tuple[float, float]:
    """Seconds per row and per end of a trial at the end of a search of that many."""
    with tempfile.TemporaryDirectory() as folder:
        timed = Timed(study_of(trials + TIMED), Path(folder))
        for number in range(1, trials + TIMED + 1):
            if number == trials + 1:
                timed.rows.clear()
                timed.ends.clear()
            params = {"x": timed._draw.randrange(1000)}
            timed.train(Trial(id=trial_id(number, trials), params=params, seeds=[0]))
    return median(timed.rows), median(timed.ends)


def main() -> None:
    print(f"n = {TIMED} trials after {FEW:,} and after {MANY:,} others; {machine_line()}")
    few, many = costs(FEW), costs(MANY)
    for name, aim, before, after in zip(
        ("row", "end of a trial"), (0.1, 1.0), few, many, strict=True
    ):
        print(
            f"per {name}: {1e3 * before:.3f} ms after {FEW:,} trials, {1e3 * after:.3f} ms after"
            f" {MANY:,}: {after / before:.2f} times as much (aim: at most {aim:g} ms)"
        )


if __name__ == "__main__":
    main()
