"""What a session may still spend of the budget of its run, and what of that is reserved for the
confirmation and the report.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tuning.engine.pace import Paces, makespan
from tuning.runs.budgets import Allowance
from tuning.runs.history import History, params_key
from tuning.search.confirmation import likely_confirmations
from tuning.search.grid import trials_left
from tuning.spec.study import Study, Trial

CLOSING = {"grid": 3.5, "search": 7.5}
"""Seconds that are reserved for the best network, the end of Ray and the report, in which that of a
search has importances.
"""
LEAST_CLOSING, MOST_CLOSING = 0.01, 0.2
"""That is no less and no more than these shares of the budget. A confirmation that is late has half
of it.
"""
LATE = {"search": 1.25, "confirm": 0.5}
"""A trial goes on where so much of a mean epoch still fits: one of the search is cut off before an
epoch that is not going to end in time, one of the confirmation only where most of it is late.
"""
DOUBT, DRAWS, SURE = 0.06, 40, 0.9
"""How far the time of a trial may be from what is expected, and that of all trials of its setting,
as standard deviations of logarithms; how often that is drawn, and the share of draws for which the
time that is reserved suffices.
"""
LIMITS = ("seconds", "epochs", "trials")


class BudgetLeft:
    """Says which trials there is enough left for. ``allowance``: what the session may spend;
    ``capacity``: how many trials can be trained at the same time; ``clock``: as
    ``time.monotonic``.

    Once a trial of the search is complete, what the confirmation of the best settings is going to
    need is reserved, but half of the budget at most: there the search ends. As long as fewer are
    complete than are to be confirmed, those that train their last epochs count as well.
    """

    def __init__(
        self,
        study: Study,
        history: History,
        allowance: Allowance,
        capacity: Callable[[], int] = lambda: 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._study, self._history, self._allowance = study, history, allowance
        self._capacity, self._clock, self._begun = capacity, clock, clock()
        self._paces = Paces(study, clock)
        self._begun_before = set(history.trials)
        self._epochs = self._trials = 0
        self._as_of: tuple[object, ...] = ()
        self._reserve = dict.fromkeys(LIMITS, 0.0)
        self.limited = any(self._limit(name) < math.inf for name in LIMITS)
        self.cut: list[str] = []
        """The trials that were ended before their time: unfinished, they can go on."""
        self._reserved: dict[str, float] = {}
        self._first_epoch: float | None = None

    def on_start(self, trial: Trial) -> None:
        self._trials += trial.id not in self._begun_before
        self._begun_before.add(trial.id)
        self._paces.started(trial, self._done(trial))

    def on_report(self, trial: Trial, rows: Sequence[Mapping[str, Any]]) -> None:
        self._epochs += len(rows)
        if self._first_epoch is None:
            self._first_epoch = self._seconds()
        self._paces.reported(trial, rows)

    def on_end(self, trial: Trial) -> None:
        self._paces.ended(trial)

    def begins(self, trial: Trial) -> bool:
        """Whether a trial can reach its next rung or, where there is none, its end."""
        if not self.limited:
            return True
        epochs = self._to_next_stop(trial, self._done(trial))
        promised = sum(
            self._to_next_stop(each.trial, each.epoch) for each in self._paces.running.values()
        )
        most = {name: self._most(name, trial.phase, trial) for name in LIMITS}
        new = trial.id not in self._begun_before
        return (
            self._clock() + self._paces.seconds(trial, epochs) - self._late(trial.phase)
            <= self._begun + most["seconds"]
            and self._epochs + promised + epochs <= most["epochs"]
            and self._trials + new <= most["trials"]
        )

    def goes_on(self, trial: Trial) -> bool:
        """Whether a trial that has just reported may train its next epoch; at a rung, whether it
        can reach the next one.
        """
        running = self._paces.running.get(trial.id)
        if not self.limited or running is None:
            return True
        at_rung = trial.phase == "search" and running.epoch in self._study.rungs
        ahead = self._to_next_stop(trial, running.epoch) if at_rung else 1
        seconds = max(ahead - 1, 0) + LATE[trial.phase]
        others = len(self._paces.running) - 1
        until = self._begun + self._end(trial.phase)
        return self._clock() + seconds * (running.pace or 0.0) <= until and (
            self._epochs + others + ahead <= self._most("epochs", trial.phase)
        )

    def cuts(self, trial: Trial) -> None:
        """The trial is ended before its time."""
        if trial.id not in self.cut:
            self.cut.append(trial.id)
        self.closes(trial.phase)

    def closes(self, phase: str) -> None:
        """There is nothing left for a phase."""
        if phase == "search" and not self._reserved:
            self._most("seconds", phase)
            limited = [name for name in LIMITS if self._limit(name) < math.inf]
            self._reserved = {name: self._held_back(name) for name in limited}

    def cut_overdue(self) -> list[str]:
        """Cut the trials that train although there is no time for it any more: those of the search
        that are late by an epoch, and all of them once the report is due. Their processes end with
        them; so where another one needs longer to start, it is waited as long for their next epoch.
        """
        now, start = self._clock() - self._begun, self._paces.process_start
        end, search = self._end("confirm"), self._end("search")
        late = [
            each.trial
            for each in self._paces.running.values()
            if now > end
            or (each.trial.phase == "search" and now > search + max(each.pace or 0.0, start))
        ]
        for trial in late:
            self.cuts(trial)
        return [trial.id for trial in late]

    def facts(self) -> dict[str, Any]:
        """For the record of the session: what it spent, reserved and cut."""
        spent = {
            "seconds": self._seconds(),
            "epochs": self._epochs,
            "trials": self._trials,
        }
        closing = {"closing": self._closing} if self._limit("seconds") < math.inf else {}
        reserved = {**self._reserved, **closing}
        first = {"first_epoch": self._first_epoch}
        return {"spent": spent, **first, "reserved": reserved, "cut": list(self.cut)}

    def _seconds(self) -> float:
        """Since the session began."""
        return self._clock() - self._begun + self._allowance.since

    def _limit(self, name: str) -> float:
        limit = getattr(self._allowance, name)
        return math.inf if limit is None else float(limit)

    @property
    def _closing(self) -> float:
        total = self._allowance.total
        seconds = CLOSING["grid" if self._study.search.exhaustive else "search"]
        return min(max(seconds, LEAST_CLOSING * total), MOST_CLOSING * total)

    def _end(self, phase: str) -> float:
        """Second of this session by which trials of a phase have to end that train."""
        return self._most("seconds", phase) + self._late(phase)

    def _late(self, phase: str) -> float:
        """By how many seconds trials of a phase may end later than is planned."""
        return self._closing / 2 if phase == "confirm" else 0.0

    def _most(self, name: str, phase: str, begins: Trial | None = None) -> float:
        """What there may be of that in this session by the end of a phase, once a trial begins."""
        limit = self._limit(name)
        if limit == math.inf:
            return limit
        if phase == "search":
            self._estimate(begins)
            limit -= self._held_back(name)
        return limit - (self._closing if name == "seconds" else 0.0)

    def _held_back(self, name: str) -> float:
        """What of that is reserved for the confirmation, as last estimated."""
        return min(self._reserve[name], self._limit(name) / 2)

    def _estimate(self, begins: Trial | None) -> None:
        """What the confirmation needs, as far as known by now."""
        if not (self._study.confirm and self._history.best_params()):
            return
        ended, settings = self._paces.ended_trials, self._to_confirm(begins)
        as_of = ended, 0 if ended else self._paces.timed, *settings
        if self._as_of != as_of:
            self._as_of, past = as_of, self._history.begun("confirm")
            waiting = trials_left(likely_confirmations(self._study, settings), past)
            epochs = [self._study.epochs - self._done(trial) for trial in waiting]
            times = [self._paces.seconds(*each) for each in zip(waiting, epochs, strict=True)]
            of_settings = [params_key(trial.params) for trial in waiting]
            seconds = sufficient(times, of_settings, self._capacity())
            self._reserve = {"seconds": seconds, "epochs": sum(epochs), "trials": len(waiting)}

    def _to_confirm(self, begins: Trial | None) -> Mapping[str, Mapping[str, Any]]:
        """The settings to be confirmed: the best ones that are complete, and where these are too
        few, those that are next to be.
        """
        assert self._study.confirm
        settings = self._history.to_confirm()
        room = self._study.confirm.top - len(self._history.ranked_params("search"))
        if room <= 0:
            return settings
        running = [(each.trial, each.epoch) for each in self._paces.running.values()]
        running += [(begins, self._done(begins))] if begins else []
        last = {
            params_key(trial.params): trial.params
            for trial, epoch in running
            if trial.phase == "search"
            and epoch + self._to_next_stop(trial, epoch) == self._study.epochs
        }
        new = [key for key in last if key not in settings][:room]
        return settings | {key: last[key] for key in new}

    def _done(self, trial: Trial) -> int:
        record = self._history.trials.get(trial.id)
        return record.last_epoch if record else 0

    def _to_next_stop(self, trial: Trial, epoch: int) -> int:
        rungs = self._study.rungs if trial.phase == "search" else []
        return next((rung for rung in rungs if rung > epoch), self._study.epochs) - epoch


def sufficient(times: Sequence[float], settings: Sequence[str], slots: int) -> float:
    """Seconds in which trials end on so many slots, nine times in ten: ``times`` is what
    each is expected to take, ``settings`` names the setting of each.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    of_setting = {name: np.exp(rng.normal(0, DOUBT, DRAWS)) for name in dict.fromkeys(settings)}
    common = np.array([of_setting[name] for name in settings]).reshape(len(times), DRAWS)
    drawn = np.array(times)[:, None] * common * np.exp(rng.normal(0, DOUBT, common.shape))
    spans = [makespan(each.tolist(), slots) for each in drawn.T]
    return float(np.quantile(spans, SURE))
