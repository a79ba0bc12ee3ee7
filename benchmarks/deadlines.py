"""Whether studies with a deadline end by it, confirmed: simulated studies, whose controller decides
as in a run, over a clock that jumps from event to event.

    python -m benchmarks.deadlines [N]
"""

import sys
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from ray import tune

from tuning.engine.controller import Controller
from tuning.engine.recorder import Recorder
from tuning.engine.reporter import TrialReport
from tuning.engine.untrained import NoRecords
from tuning.runs.budgets import Allowance
from tuning.runs.history import History
from tuning.runs.records import Records
from tuning.spec.study import Asha, Budget, Confirm, Random, Resources, Study, Trial

STUDIES: dict[str, dict[str, Any]] = {
    "like mnist_ffn_vs_cnn": {"epochs": 10, "pace": 2.0, "scheduler": None},
    "like lungs_unet": {"epochs": 30, "pace": 6.0, "scheduler": Asha(grace_period=2)},
    "like xor_width_depth": {"epochs": 100, "pace": 0.05, "scheduler": Asha(grace_period=5)},
}
"""Their epochs, the seconds of one, and what stops their trials."""
SLOTS = (1, 2, 4, 8, 16)
TICK = 1.0
COLD, WARM, CLOSING, NEAR = 8.0, 0.05, 8.0, 0.05
"""Seconds before the first epoch of the first trial of a process, and of others; seconds after the
last trial of a study; how near to the deadline, as a share of the time, is near.
"""
FAILS, EPOCH_NOISE, TRIAL_NOISE = 0.03, 0.15, 0.05
"""The share of trials whose process dies once; standard deviations of the logarithms of the seconds
of an epoch, and of the speed of a trial.
"""


@dataclass(frozen=True)
class Ended:
    """How a simulated study ended. ``late``: by what share of its time it ended after the deadline,
    negative where before.
    """

    late: float
    confirmed: bool


def study_of(kind: str, seconds: float) -> Study:
    about = STUDIES[kind]
    return Study(
        name="simulated",
        question="Does it end in time?",
        trainable=_no_training,
        space={"x": tune.uniform(0.0, 1.0), "width": [1, 2, 4]},
        search=Random(trials=5000),
        scheduler=about["scheduler"],
        confirm=Confirm(top=3, seeds=5),
        seeds=1,
        metric="score",
        epochs=about["epochs"],
        resources=Resources(budget=Budget(time=seconds)),
    )


def _no_training(config: Any, seeds: Any, resume: Any = None) -> Any:
    yield {}, None


@dataclass
class Training:
    """A trial in a process: the epoch that it trains, when that ends, and what it takes."""

    trial: Trial
    epoch: int
    ends: float
    seconds: float = 0.0


@dataclass
class Simulation:
    """One study on so many slots. ``pace``: seconds of an epoch of the smallest setting."""

    study: Study
    pace: float
    slots: int
    rng: np.random.Generator
    now: float = 0.0
    running: dict[str, Training] = field(default_factory=dict)
    processes: int = 0
    """That have started and were not killed."""

    def run(self) -> Ended:
        total = self.study.budget.limits()["seconds"] or 0.0
        history = History(self.study)
        controller = Controller(
            self.study,
            Recorder(history, cast(Records, NoRecords()), []),
            capacity=lambda: self.slots,
            allowance=Allowance(seconds=total, total=total),
            clock=lambda: self.now,
        )
        self._fill(controller)
        ticked, tick = 0.0, max(TICK, total / 300)
        while self.running:
            first = min(self.running.values(), key=lambda each: each.ends)
            if ticked + tick < first.ends:
                self.now = ticked = max(self.now, ticked + tick)
                self._kill(controller)
            else:
                self.now = max(self.now, first.ends)
                self._report(controller, first)
            self._fill(controller)
        ends = self.now + CLOSING * self._noise(EPOCH_NOISE)
        done = sum(each.status == "completed" for each in history.phase("confirm"))
        return Ended(ends / total - 1, done == self.study.planned_confirmations)

    def _fill(self, controller: Controller) -> None:
        while len(self.running) < self.slots and (trial := controller.next_trial()):
            controller.on_start(trial)
            cold = len(self.running) >= self.processes
            overhead = (COLD if cold else WARM) * self._noise(TRIAL_NOISE)
            self.processes += cold
            done = controller.history.trials[trial.id].last_epoch
            self.running[trial.id] = Training(trial, done, self.now + overhead)
            self._begin_epoch(self.running[trial.id])

    def _begin_epoch(self, training: Training) -> None:
        training.seconds = self.pace * self._speed(training.trial) * self._noise(EPOCH_NOISE)
        training.epoch, training.ends = training.epoch + 1, training.ends + training.seconds

    def _report(self, controller: Controller, training: Training) -> None:
        trial, epoch, last = training.trial, training.epoch, self.study.epochs
        if self.rng.random() < FAILS / last:
            del self.running[trial.id]
            self.processes -= 1
            controller.on_error(trial, "the process of the trial died")
            return
        score = _quality(trial) * (1 - np.exp(-epoch / (last / 4))) + self.rng.normal(0, 0.01)
        row = {
            "trial": trial.id,
            "epoch": epoch,
            "metrics": {"score": [float(score)]},
            "arrays": {},
            "diverged": [],
            "seconds": training.seconds,
            "at": self.now,
        }
        end = {"status": "completed"} if epoch == last else None
        if controller.on_report(trial, TrialReport(rows=[row], end=end)) and not end:
            self._begin_epoch(training)
        else:
            del self.running[trial.id]
            controller.on_end(trial)

    def _kill(self, controller: Controller) -> None:
        for name in controller.on_tick(self.now):
            trial = self.running.pop(name).trial
            self.processes -= 1
            controller.on_error(trial, "killed")

    def _speed(self, trial: Trial) -> float:
        rng = np.random.default_rng(int(trial.id.removeprefix("c")) + 10_000 * len(trial.id))
        return float(trial.params["width"] ** 0.5 * np.exp(rng.normal(0, TRIAL_NOISE)))

    def _noise(self, sigma: float) -> float:
        return float(np.exp(self.rng.normal(0, sigma)))


def _quality(trial: Trial) -> float:
    return 1 - float((trial.params["x"] - 0.3) ** 2) + 0.01 * float(trial.params["width"])


def simulated(number: int) -> tuple[str, int, Ended]:
    """The study of that number, from 0 on: what it is like, on how many slots, and how it ended.
    It has five to ten times the time that the confirmation takes on settings of a mean size.
    """
    rng = np.random.default_rng(number)
    kind = list(STUDIES)[number % len(STUDIES)]
    slots = SLOTS[number // len(STUDIES) % len(SLOTS)]
    about = STUDIES[kind]
    trial = about["epochs"] * about["pace"] * 1.5
    confirmation = trial * -(-15 // slots)
    seconds = CLOSING + COLD + confirmation * float(rng.uniform(5, 10)) + 2 * trial
    study = study_of(kind, seconds)
    return kind, slots, Simulation(study, about["pace"], slots, rng).run()


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rows = []
    for each in range(number):
        rows.append(simulated(each))
        kind, slots, ended = rows[-1]
        print(f"{kind}, {slots} slots: {ended.late:+.1%}, confirmed {ended.confirmed}", flush=True)
    for kind in STUDIES:
        ends = [ended for name, _, ended in rows if name == kind]
        late = np.array([each.late for each in ends])
        print(
            f"{kind:24} {len(ends)} studies, 1 to 16 slots: within 5 % of the deadline"
            f" {np.mean(abs(late) <= NEAR):.0%}, after it {np.mean(late > 0):.0%}"
            f" (at most {late.max():+.1%}, at least {late.min():+.1%}), confirmed"
            f" {np.mean([each.confirmed for each in ends]):.0%}"
        )
    good = np.mean([abs(each.late) <= NEAR and each.confirmed for _, _, each in rows])
    print(f"all: within 5 % and confirmed {good:.1%} of {number}")


if __name__ == "__main__":
    main()
