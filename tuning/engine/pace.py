"""How long trials take, as measured in this session."""

import heapq
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from tuning.runs.history import params_key
from tuning.runs.prepare import seeds_of_trial
from tuning.spec.study import Study, Trial

MEASURED = 500
"""Trials behind the median of what a trial takes beside its epochs."""


@dataclass
class Running:
    """A trial that is being trained. ``begun``: when, by the clock of the driver; ``epoch``: the
    last one that it reported; ``first``: seconds of its first epoch here, which also carries what
    is done once per trial; ``later``: of the ``counted`` ones after that; ``cold``: whether it
    began before any trial of the session reported, with the start of its process.
    """

    trial: Trial
    begun: float
    epoch: int
    first: float | None = None
    later: float = 0.0
    counted: int = 0
    cold: bool = False

    @property
    def pace(self) -> float | None:
        """Seconds per epoch; None before the first."""
        return self.later / self.counted if self.counted else self.first

    def take(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """The rows of a report; a trainable may leave epochs out."""
        for row in rows:
            epochs = max(1, row["epoch"] - self.epoch)
            self.epoch = max(self.epoch, row["epoch"])
            if self.first is None:
                self.first = row["seconds"] / epochs
            else:
                self.later, self.counted = self.later + row["seconds"], self.counted + epochs


class Paces:
    """Watches the trials of one session. ``clock``: of the driver, in seconds."""

    def __init__(self, study: Study, clock: Callable[[], float] = time.monotonic) -> None:
        self._study, self._clock = study, clock
        self._known: dict[str, dict[str, list[float]]] = {"search": {}, "confirm": {}}
        self._overheads: list[float] = []
        self._has_reported = False
        self.process_start = 0.0
        """Seconds that a process needs to start, with what its first trial does once; 0 before any
        is known, and where every trial has a process of its own.
        """
        self.running: dict[str, Running] = {}
        self.ended_trials = 0

    @property
    def timed(self) -> int:
        """How many of the running trials have a pace."""
        return sum(each.pace is not None for each in self.running.values())

    def started(self, trial: Trial, epoch: int) -> None:
        """A process has taken a trial, which goes on after ``epoch``."""
        cold = not (self._has_reported or self._study.resources.fresh_process)
        self.running[trial.id] = Running(trial, self._clock(), epoch, cold=cold)

    def reported(self, trial: Trial, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows or not (running := self.running.get(trial.id)):
            return
        self._has_reported = True
        if running.first is None:
            trained = sum(row["seconds"] for row in rows)
            self._time_start(running, max(0.0, self._clock() - running.begun - trained))
        running.take(rows)

    def _time_start(self, running: Running, overhead: float) -> None:
        if running.cold:
            self.process_start = min(self.process_start or overhead, overhead)
        elif len(self._overheads) < MEASURED:
            self._overheads.append(overhead)

    def ended(self, trial: Trial) -> None:
        running = self.running.pop(trial.id, None)
        self.ended_trials += 1
        if running and running.pace is not None:
            known = self._known[trial.phase]
            known.setdefault(params_key(trial.params), []).append(running.pace)

    def seconds(self, trial: Trial, epochs: int) -> float:
        """What so many epochs of a trial that is to begin will take; 0 before any was timed."""
        overhead = median(self._overheads) if self._overheads else 0.0
        return overhead + epochs * self._pace(trial)

    def _pace(self, trial: Trial) -> float:
        """As its setting took so far, else as the others in the mean."""
        known, key = self._known[trial.phase], params_key(trial.params)
        if key in known:
            return fmean(known[key])
        searched = self._known["search"]
        if trial.phase == "confirm" and key in searched:
            return fmean(searched[key]) * self._seeds_factor(trial)
        running = [each.pace for each in self.running.values() if each.pace is not None]
        every = [pace for paces in (known or searched).values() for pace in paces] or running
        return fmean(every) if every else 0.0

    def _seeds_factor(self, trial: Trial) -> float:
        """By what a trial of the confirmation takes longer than one of the search with the same
        setting. Seeds are taken to be trained one after the other, unless the study has several of
        them in one trial: these may be one stacked network, which takes no longer.
        """
        ratio = len(trial.seeds) / seeds_of_trial(self._study)
        return ratio if self._study.seeds_per_trial == 1 else max(1.0, ratio)


def makespan(times: Sequence[float], slots: int) -> float:
    """When the last of some trials ends that are given, one after the other, to whichever slot is
    free first: list scheduling, R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969.
    ``times``: of each, in seconds.
    """
    loads = [0.0] * max(1, slots)
    for each in times:
        heapq.heapreplace(loads, loads[0] + each)
    return max(loads)
