"""Asynchronous successive halving that pauses trials, and goes on with those that prove good."""

import math
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.records.schema import Mode, Status
from tuning.runs.trial_record import TrialRecord
from tuning.search.asha import is_among_best
from tuning.search.rung_ranks import RungRanks
from tuning.spec.study import Asha, Study, Trial

Place = tuple[float, str]
"""Where a trial stands on a rung: minus its score, so that the best comes first, then its id."""


@dataclass
class Rung:
    """The trials that have reached an epoch: all of them and those that are paused there, the best
    first, and the ids of those that went on.
    """

    all: list[Place] = field(default_factory=list)
    paused: list[Place] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)

    def add(self, place: Place) -> None:
        if place[1] not in self.reached:
            self.reached.add(place[1])
            insort(self.all, place)

    def rank(self, place: Place) -> int:
        """0 for the best."""
        return bisect_left(self.all, place)


class PromotingScheduler:
    """Pauses trials at rungs, as ``Asha`` says, and names those that are to go on.

    A trial goes on when it is among the best ``1 / reduction_factor`` of all that have reached its
    rung by then; one that never is, ends there. It is built from the records: a trial of an earlier
    session stands on every rung that it reached.
    """

    def __init__(self, study: Study, past: Iterable[TrialRecord] = ()) -> None:
        assert isinstance(study.scheduler, Asha)
        self._study, self._rule = study, study.scheduler
        self._factor = study.scheduler.reduction_factor
        self._sign = Mode(study.mode).sign
        self._rungs = {rung: Rung() for rung in study.rungs}
        self._ranks = RungRanks([*study.rungs, study.epochs])
        self._epochs: dict[str, int] = {}
        self._last: dict[str, Place] = {}
        self._trials: dict[str, Trial] = {}
        self._cut_off_at: dict[str, tuple[int, int, Place]] = {}
        self._least = study.confirm.top if study.confirm else 1
        self._most = max(math.ceil(study.planned / self._factor), self._least)
        for record in past:
            self._recall(record)

    def judge(
        self, trial: Trial, epoch: int, score: float | None, can_pause: bool = True
    ) -> Mapping[str, Any] | None:
        """None where the trial goes on, "paused" or "pruned" with the rung where it does not: the
        second where it cannot get among the best any more, however bad all that come are. One that
        cannot pause goes on or is pruned as ``AshaScheduler`` says.
        """
        self._count_passed(trial.id, epoch)
        rung = self._rung_between(self._epochs.get(trial.id, 0), epoch)
        self._epochs[trial.id] = max(epoch, self._epochs.get(trial.id, 0))
        self._last.pop(trial.id, None)
        if score is None or not math.isfinite(score):
            return None
        place = self._last[trial.id] = -self._sign * score, trial.id
        if rung is None:
            return None
        here = self._reached(rung, place)
        share = len(here.all) // self._factor
        goes_on = here.rank(place) < share if can_pause else self._is_among_best(here, place)
        goes_on = goes_on or self._spares(trial.id) or self._ranks.says_nothing(rung)
        if trial.id in here.passed or goes_on:
            here.passed.add(trial.id)
            return None
        if not can_pause or here.rank(place) >= self._most:
            return {"status": str(Status.PRUNED), "rung": rung}
        self._pause(here, place, trial)
        return {"status": str(Status.PAUSED), "rung": rung}

    def promoted(self, busy: Collection[str], last: bool = False) -> tuple[Trial, int] | None:
        """Of the highest rung first. Where no other trial is to come, the share is rounded up, and
        at least so many go on that there is something to confirm: of the lowest rung first, all of
        them at once, and of a rung that one in training may still reach none.
        """
        rungs = list(self._rungs.items())
        reached = min((self._epochs.get(each, 0) for each in busy), default=self._study.epochs)
        for rung, here in rungs if last else reversed(rungs):
            if last and rung > reached:
                return None
            share = len(here.all) // self._factor
            if last:
                share = max(math.ceil(len(here.all) / self._factor), self._least)
            best = here.paused[0] if here.paused else None
            if best and best[1] not in busy and here.rank(best) < share:
                _, trial = here.paused.pop(0)
                here.passed.add(trial)
                return self._trials.pop(trial), rung
        return None

    def withdrawn(self, trial: str) -> None:
        self._trials.pop(trial, None)
        for here in self._rungs.values():
            here.paused = [place for place in here.paused if place[1] != trial]

    def given_up(self, last: bool = False) -> list[tuple[Trial, int]]:
        """Those that cannot get among the best any more, so that nobody keeps their states."""
        found = []
        for rung, here in self._rungs.items():
            while here.paused and (last or here.rank(here.paused[-1]) >= self._most):
                found.append((self._trials.pop(here.paused.pop()[1]), rung))
        return found

    def completed(self, trial: str) -> None:
        """If it ended itself before the last epoch, it would have stayed as it is: its last score
        counts at the rungs that are left.
        """
        place = self._last.pop(trial, None)
        for rung, here in self._rungs.items():
            if place and rung > self._epochs[trial]:
                self._reached(rung, place)
                here.passed.add(trial)
        if place:
            self._ranks.add(self._study.epochs, trial, -place[0])

    def _reached(self, rung: int, place: Place) -> Rung:
        self._rungs[rung].add(place)
        self._ranks.add(rung, place[1], -place[0])
        return self._rungs[rung]

    def _spares(self, trial: str) -> bool:
        return self._rule.spares(self._study.search.seed, trial)

    def _is_among_best(self, here: Rung, place: Place) -> bool:
        before = [-score for score, trial in reversed(here.all) if trial != place[1]]
        return is_among_best(-place[0], before, self._rule)

    def _rung_between(self, before: int, epoch: int) -> int | None:
        return self._rule.rung_between(before, epoch, self._study.epochs)

    def _pause(self, here: Rung, place: Place, trial: Trial) -> None:
        insort(here.paused, place)
        self._trials[trial.id] = trial

    def _recall(self, past: TrialRecord) -> None:
        """A trial that was cut off right at a rung is judged there when it comes again, unless it
        was to go on. One that diverged at the epoch at which it would have been judged was not.
        """
        before = 0
        for epoch in sorted(past.scores):
            rung, last = self._rung_between(before, epoch), epoch == past.last_epoch
            undecided = past.status == Status.UNFINISHED and past.rung != rung
            place = (-self._sign * past.scores[epoch], past.trial.id)
            if rung is not None and last and (undecided or past.status == Status.DIVERGED):
                self._cut_off_at[past.trial.id] = epoch, rung, place
                break
            if rung is not None:
                self._count(past, rung, place, last)
            before = epoch
            self._last[past.trial.id] = place
        self._epochs[past.trial.id] = before
        if past.status == Status.COMPLETED:
            self.completed(past.trial.id)

    def _count_passed(self, trial: str, epoch: int) -> None:
        """A trial that was cut off at a rung went on there if it kept a later epoch: it comes with
        that one, and never at the rung.
        """
        cut_off, rung, place = self._cut_off_at.get(trial, (epoch, 0, (0.0, "")))
        if cut_off < epoch:
            self._reached(rung, place).passed.add(trial)
            self._epochs[trial] = max(cut_off, self._epochs.get(trial, 0))

    def _count(self, past: TrialRecord, rung: int, place: Place, last: bool) -> None:
        here = self._reached(rung, place)
        if not last or past.status == Status.UNFINISHED:
            here.passed.add(past.trial.id)
        elif past.status == Status.PAUSED:
            self._pause(here, place, past.trial)
