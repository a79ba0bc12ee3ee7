"""A search against the clock: so many workers, simulated, train what it asks for."""

import heapq
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from benchmarks.searchers.problems import Problem

STEPS = 20
"""A search is looked at after each of so many equal parts of its budget."""


@dataclass(frozen=True)
class Job:
    """What a worker is to train: a setting, from where it was left."""

    key: str
    params: Mapping[str, Any]
    trial: Any = None
    """What the search itself calls it."""


class Tuner(Protocol):
    """A search with its scheduler."""

    def next(self) -> Job | None:
        """What a free worker is to train; None where there is nothing now."""

    def report(self, job: Job, epoch: int, value: float) -> bool:
        """Whether the job goes on; False after the last epoch."""


@dataclass
class Race:
    """The state of one search: what it has spent, and its incumbent, the trial with the best value
    that it saw, after whichever epoch.
    """

    problem: Problem
    workers: int
    spent: int = 0
    seconds: float = 0.0
    asked: int = 0
    asking: float = 0.0
    """Seconds of this machine."""
    regrets: list[float] = field(default_factory=list)
    """After each part of the budget; 1 before anything is seen."""
    _seen: float = -float("inf")
    _regret: float = 1.0
    _left: dict[str, int] = field(default_factory=dict)
    _curves: dict[str, Any] = field(default_factory=dict)

    def run(self, tuner: Tuner) -> "Race":
        """Until the budget is spent: epochs where one worker trains, else the time that its epochs
        would take so many workers.
        """
        running: list[tuple[float, int, Job]] = []
        while len(self.regrets) < STEPS:
            while len(running) < self.workers and (job := self._ask(tuner)):
                heapq.heappush(running, (self.seconds + self._next_epoch(job), self.asked, job))
            if not running:  # it has tried all that it may: what it has does not change any more
                return self._look(1.0)
            at, order, job = heapq.heappop(running)
            self._look_until(at)
            if len(self.regrets) < STEPS and self._train(tuner, job, at):
                heapq.heappush(running, (at + self._next_epoch(job), order, job))
        return self

    def _ask(self, tuner: Tuner) -> Job | None:
        began = time.perf_counter()
        job = tuner.next()
        self.asking += time.perf_counter() - began
        if job and job.key not in self._left:
            self._left[job.key], self._curves[job.key] = 0, self.problem.curve(job.params)
            self.asked += 1
        return job

    def _train(self, tuner: Tuner, job: Job, at: float) -> bool:
        self.seconds, self.spent = at, self.spent + 1
        epoch = self._left[job.key] = self._left[job.key] + 1
        values, _ = self._curves[job.key]
        if values[epoch - 1] > self._seen:
            self._seen, self._regret = values[epoch - 1], self.problem.regret(values[-1])
        if self.workers == 1:
            self._look(self.spent / self.problem.budget)
        return tuner.report(job, epoch, values[epoch - 1])

    def _next_epoch(self, job: Job) -> float:
        return self._curves[job.key][1][self._left[job.key]]

    def _look_until(self, at: float) -> None:
        if self.workers > 1:
            whole = self.problem.budget * self.problem.scale.epoch_seconds / self.workers
            self._look(at / whole)

    def _look(self, share: float) -> "Race":
        while len(self.regrets) < STEPS and share >= (len(self.regrets) + 1) / STEPS - 1e-9:
            self.regrets.append(round(self._regret, 4))
        return self
