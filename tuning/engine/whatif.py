"""What another rule would have spent and found on the trials of a run: they are begun again by the
controller that every run has, and report what they recorded. Where the other rule trains a trial on
beyond its records, what it would have shown is drawn many times from how the others went on.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.records.load import Run
from analysis.records.schema import Status
from analysis.stats.continuations import continued, stops_below
from tuning.engine.untrained import COMPLETED, Untrained
from tuning.runs.recorded_trials import trial_records
from tuning.runs.trial_record import TrialRecord
from tuning.search.recorded import Recorded
from tuning.spec.study import Asha, Confirm, Study, StudyError, Trial

DRAWS = 200
MIDDLE = (0.1, 0.9)
"""The quantiles of the draws that are given as an interval."""
ENDS = {Status.COMPLETED, Status.DIVERGED, Status.FAILED}
"""How a trial ends whatever the rule."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a rule spent and found, one value per draw; a single one where nothing had to be drawn.
    ``best``: the metric of the best complete trial; ``seconds``: from start to end.
    """

    epochs: np.ndarray
    seconds: np.ndarray
    completed: np.ndarray
    best: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The trials of a run as far as they were trained: ``values``, shape ``(trials, stops)``, NaN
    beyond their ends, and the epochs that are reported for ``stops``.
    """

    records: list[TrialRecord]
    stops: list[int]
    values: np.ndarray
    higher: bool

    def drawn(self, draws: int) -> np.ndarray:
        """Shape ``(draws, trials, stops)``. Losses and the like, which are above 0, go on by their
        logs.
        """
        rng = np.random.default_rng(0)
        if self.higher or not np.nanmin(self.values) > 0:
            return continued(self.values, self.stops, draws, rng)
        return np.exp(continued(np.log(self.values), self.stops, draws, rng))


@dataclass(frozen=True)
class _Stop:
    """What a trial reports after ``epoch``: the value in ``column``, the last one where None;
    ``end``: how it ends there by itself.
    """

    epoch: int
    column: int | None
    end: Mapping[str, Any] | None = None


def rule_of(run: Run, changes: Mapping[str, Any]) -> Asha | None:
    """The rule of a run with ``changes``; None where it stopped no trial, and there are none.

    Raises:
        StudyError: the run has another scheduler than ``Asha``, and nothing is changed; or a change
            is not allowed.
    """
    said = run.recorded["scheduler"]
    own = said and said["kind"] == "asha"
    if said and not own and not changes:
        raise StudyError(
            f"{run.paths.root} has the scheduler {said['kind']}, and what-if knows Asha alone: give"
            " --reduction-factor or --grace-period for what that would have spent and found."
        )
    fields = Asha.__dataclass_fields__ if own else ()
    values = {name: said[name] for name in fields if name in said} | dict(changes)
    rule = Asha(**values) if own or changes else None
    if problems := rule.problems(run.recorded["epochs"]) if rule else []:
        raise StudyError(problems)
    return rule


def curves_of(run: Run, rule: Asha | None) -> Curves:
    """The trials of the search at all epochs at which ``rule`` judges, and at those of the run.

    Raises:
        StudyError: no trial has an epoch.
    """
    epochs = int(run.recorded["epochs"])
    rungs = sorted({*(rule.rungs(epochs) if rule else ()), *map(int, run.rungs)})
    records = [each for each in trial_records(run) if each.scores]
    if not records:
        raise StudyError(f"{run.paths.root}: no trial of its search has an epoch yet.")
    return gathered(records, rungs, epochs, run.higher_is_better)


def gathered(records: list[TrialRecord], rungs: list[int], epochs: int, higher: bool) -> Curves:
    """The curves of trials at ``rungs``, before the first of them, and at full length."""
    wanted = [*stops_below(rungs[0] if rungs else epochs), *rungs, epochs]
    reported = sorted({epoch for each in records for epoch in each.scores} | {epochs})
    stops = sorted({next(epoch for epoch in reported if epoch >= stop) for stop in wanted})
    values = [[each.scores.get(stop, np.nan) for stop in stops] for each in records]
    return Curves(records=records, stops=stops, values=np.array(values), higher=higher)


def held(run: Run, curves: Curves, rule: Asha) -> tuple[int, int]:
    """Of how many trials that were spared at rungs the end lies in the middle 80 % of what is drawn
    for it from the first rung on, and how many there are.
    """
    seed, last = run.recorded["search"].get("seed", 0), curves.stops[-1]
    first = next(stop for stop in curves.stops if stop >= rule.rungs(last)[0])
    after, inside, spared = curves.stops.index(first) + 1, 0, 0
    for number, record in enumerate(curves.records):
        end = curves.values[number, -1]
        if np.isnan(end) or not rule.spares(seed, record.id):
            continue
        values = curves.values.copy()
        values[number, after:] = np.nan
        low, high = np.quantile(replace(curves, values=values).drawn(DRAWS)[:, number, -1], MIDDLE)
        spared, inside = spared + 1, inside + int(low <= end <= high)
    return inside, spared


def what_if(
    said: Mapping[str, Any], curves: Curves, rule: Asha | None, slots: int, trials: int
) -> Outcome:
    """What ``rule`` would have made of the first ``trials``, ``slots`` at a time; ``said``: what
    ``study.json`` says.

    Raises:
        StudyError: the rule trains trials on, and no other went on from where they are.
    """
    records = curves.records[:trials]
    study = _study(said, rule, records)
    plans = [_plan(each, curves.stops, study) for each in records]
    known = _Replay(study, plans, curves, slots)
    if known.run(curves.values):
        return _together([known])
    replays = [_Replay(study, plans, curves, slots) for _ in range(DRAWS)]
    there = zip(replays, curves.drawn(DRAWS), strict=True)
    if not all(replay.run(values) for replay, values in there):
        raise StudyError(
            "what trials would have shown beyond their records cannot be drawn: too few of the"
            " others were trained further."
        )
    return _together(replays)


def _study(said: Mapping[str, Any], rule: Asha | None, records: list[TrialRecord]) -> Study:
    confirm = said["confirm"]
    listed = [
        Trial(id=each.id, params={"number": number}, seeds=[0])
        for number, each in enumerate(records)
    ]
    return Study(
        name=said["name"],
        question=said["question"],
        trainable=_nobody,
        space={"number": list(range(len(records)))},
        search=Recorded(trials=len(listed), seed=said["search"].get("seed", 0), listed=listed),
        scheduler=rule,
        confirm=Confirm(top=confirm["top"]) if confirm else None,
        metric=said["metric"],
        mode=said["mode"],
        epochs=said["epochs"],
        seeds=1,
    )


def _nobody(config: Any, seeds: Any, resume: Any = None) -> Any:
    """Never called."""
    raise NotImplementedError


def _plan(record: TrialRecord, stops: list[int], study: Study) -> list[_Stop]:
    """What a trial would report, whatever the rule: the stops at which it may be judged, up to its
    own end.
    """
    judged = {next(stop for stop in stops if stop >= rung) for rung in study.rungs}
    last, own = study.epochs, dict(COMPLETED)
    if record.status in ENDS:
        last, own = record.last_epoch, {"status": record.status}
    before = sorted(stop for stop in judged if stop < last)
    return [*(_Stop(stop, stops.index(stop)) for stop in before), _Stop(last, None, own)]


class _Replay:
    """One way in which the trials of ``study`` may have gone."""

    def __init__(self, study: Study, plans: list[list[_Stop]], curves: Curves, slots: int) -> None:
        self._plans, self._records = [list(each) for each in plans], curves.records
        self._untrained, self._slots, self._higher = Untrained(study, slots), slots, curves.higher
        self._epochs = [0] * len(plans)
        self._now, self._ends = 0.0, list[float]()
        self._running: list[tuple[float, int, Trial]] = []

    def run(self, values: np.ndarray) -> bool:
        """Train all, whose ``values`` are of shape ``(trials, stops)``; returns whether none was
        missing.
        """
        while True:
            while len(self._running) < self._slots and (trial := self._untrained.next()):
                if trial.phase == "confirm":
                    return True
                self._go_on(trial, int(trial.params["number"]))
            if not self._running:
                return True
            self._now, number, trial = heapq.heappop(self._running)
            stop = self._plans[number].pop(0)
            value = self._value(number, stop, values)
            if np.isnan(value):
                return False
            self._epochs[number] = stop.epoch
            if stop.end and stop.end["status"] == Status.COMPLETED:
                self._ends.append(value)
            if self._untrained.report(trial, stop.epoch, value, end=stop.end):
                self._go_on(trial, number)

    def outcome(self) -> tuple[float, float, float, float]:
        best = (max if self._higher else min)(self._ends, default=np.nan)
        return sum(self._epochs), self._now, len(self._ends), best

    def _go_on(self, trial: Trial, number: int) -> None:
        record, stop = self._records[number], self._plans[number][0]
        pace = record.seconds / record.last_epoch
        at = self._now + pace * (stop.epoch - self._epochs[number])
        heapq.heappush(self._running, (at, number, trial))

    def _value(self, number: int, stop: _Stop, values: np.ndarray) -> float:
        record = self._records[number]
        if record.status in ENDS and stop.end:
            return float(record.scores[max(record.scores)])
        return float(values[number, -1 if stop.column is None else stop.column])


def _together(replays: list[_Replay]) -> Outcome:
    epochs, seconds, completed, best = np.array([each.outcome() for each in replays]).T
    return Outcome(epochs=epochs, seconds=seconds, completed=completed, best=best)
