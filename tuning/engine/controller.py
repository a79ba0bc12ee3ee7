"""Every decision of a session: which trial comes next, which goes on, is started again or hangs,
and what stops the study. A backend trains the trials, and says what becomes of them.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from analysis.records.orders import Inbox
from analysis.records.schema import Status
from analysis.text.errors import headline
from tuning.engine.budget import BudgetLeft
from tuning.engine.deciding import Deciding, phases
from tuning.engine.orders import Orders
from tuning.engine.recorder import Recorder
from tuning.engine.reporter import TrialReport
from tuning.engine.retries import Retries
from tuning.engine.silence import Silence
from tuning.process.terminal import say
from tuning.runs.budgets import Allowance
from tuning.spec.study import Study, StudyError, Trial


class Controller:
    """Decides for one session of ``study``, first its search, then its confirmation, and has what
    was reported written by ``recorder``.

    Only what a trial says itself, or what stopped it, is its end: a trial that was cut off has
    none. ``capacity``: how many trials can be trained at the same time; ``check``: called before
    anything is written, what it raises ends the session; ``interrupted``: whether the session is
    to end; ``journal`` and ``between``: as for ``Search.searcher``; ``allowance``: what the session
    may spend; ``clock``: as ``time.monotonic``; ``inbox``: what people order of the run.
    """

    def __init__(
        self,
        study: Study,
        recorder: Recorder,
        *,
        capacity: Callable[[], int] = lambda: 1,
        check: Callable[[], None] = lambda: None,
        interrupted: Callable[[], bool] = lambda: False,
        journal: Path | None = None,
        between: Callable[[], None] | None = None,
        allowance: Allowance = Allowance(),
        clock: Callable[[], float] = time.monotonic,
        inbox: Inbox | None = None,
    ) -> None:
        self._study, self._recorder, self.history = study, recorder, recorder.history
        self._capacity, self._check, self._interrupted = capacity, check, interrupted
        self._phases = phases(recorder, study, (journal, between, self.history.trial_seconds))
        self._phase: Deciding | None = None
        self._first: list[Trial] = []
        self._planned, self._live = set[str](), set[str]()
        self._silence = Silence(study.recovery.stall_timeout, clock)
        self.budget = BudgetLeft(study, self.history, allowance, capacity, clock)
        self._retries = Retries(self.history, study.recovery.max_failures)
        self._errors: dict[str, str] = {}
        self.orders = Orders(study, recorder, inbox, self._silence, self._planned, self._end)
        self.finished = False
        """Whether no trial is to come any more."""
        self.stops_study: str | None = None
        """Why no trial of this study can be recorded, once one has found that out."""

    def next_trial(self) -> Trial | None:
        """The trial that a free process is to take; None where none is to be started, now or, once
        ``finished``, ever.

        A model-based search is asked no earlier than a trial can start: it would not know what was
        learned meanwhile. Where trials are fixed beforehand, one more waits (more would start in no
        fixed order), for the moment a process is free, and for an autoscaler to see. With a budget
        none waits: is there time for it once it starts?
        """
        if self._phase is None and not self.finished:
            self._advance()
        self.orders.look(self._phase)
        if self.stops_study or self._interrupted() or self.orders.pausing:
            self.finished = not self._live
            return None
        waiting = self._phase.waiting if self._phase and not self.budget.limited else 0
        if len(self._live) >= self._capacity() + waiting:
            return None
        if trial := self._ask():
            self._live.add(trial.id)
            self._recorder.slots.hand_out(trial.id)
        return trial

    def on_start(self, trial: Trial) -> None:
        """A process has taken the trial."""
        self._recorder.slots.take(trial.id, self._capacity())
        if trial.id not in self._planned and not self.orders.is_over(trial):
            self._recorder.begin(trial)
        self._planned.discard(trial.id)
        self._silence.heard(trial.id)
        self.budget.on_start(trial)

    def on_report(self, trial: Trial, report: TrialReport) -> bool:
        """Record what a trial reports; returns whether it goes on."""
        if report.waits:
            say(report.waits)
            return True
        self._check()  # where this process stood still, its run may be another's by now
        self._silence.heard(trial.id)
        if not (record := self.history.open(trial)):
            return False  # it was stopped before it had a process
        end, rung = None, record.rung or 0
        rows = [each for each in report.rows if each["epoch"] > rung]
        for row in rows:
            epoch, diverged = row["epoch"], bool(row["diverged"])
            score = self._study.score(row["metrics"])
            self._recorder.epoch(trial, row)
            if self._phase and not end:
                end = self._phase.on_epoch(trial, epoch, score, diverged, report.can_pause)
        self._recorder.log(trial, report.printed)
        if report.raised:
            self._errors[trial.id] = report.raised
        if report.end:
            self._end(trial, **report.end)
        elif end and not record.ended:
            self._stop(trial, end)
        self.orders.look(self._phase)
        self.orders.free(trial)
        self._give_up()
        self._note_problem()
        self.budget.on_report(trial, rows)
        if not (end or report.end or report.raised or self.budget.goes_on(trial)):
            self.budget.cuts(trial)
            return False
        return not (end or self.stops_study or (self.orders.is_over(trial) and not report.end))

    def on_end(self, trial: Trial) -> None:
        """The process of the trial is free."""
        self._live.discard(trial.id)
        self._silence.forget(trial.id)
        self.budget.on_end(trial)
        self.orders.free(trial)

    def on_error(self, trial: Trial, error: str, lost: bool = False) -> None:
        """The trial raised, or its process died: it starts again, unless that was as often as it
        may. ``lost``: whether it is no fault of the trial.
        """
        self.on_end(trial)
        own = self._errors.pop(trial.id, None)  # of this attempt: the next may fail otherwise
        record = self.history.trials.get(trial.id)  # none where its process died before it began
        goes_on = not record or record.cut_off
        cut = trial.id in self.budget.cut or self.orders.is_over(trial)
        if not goes_on or cut or self._interrupted():
            return
        if self._retries.may_start_again(trial.id, headline(own), lost):
            self._first.append(trial)
        else:
            if not record:
                self._recorder.begin(trial)
            self._end(trial, status="failed", error=own or error)

    def on_tick(self, now: float) -> list[str]:
        """To be called every few seconds at least: the trials that hang, or that the time is over
        for, whose processes are to be killed. ``now``: as ``clock`` says.
        """
        self._check()
        self.orders.look(self._phase)
        hanging = self._silence.hanging(now)
        self._errors.update(hanging)
        return [*self.budget.cut_overdue(), *hanging]

    def _advance(self) -> None:
        """Begin the next phase."""
        try:
            self._phase = next(self._phases, None)
            self.finished = self._phase is None
        except StudyError as error:  # a searcher that cannot be brought to what it knew
            self.stops_study = str(error)

    def _ask(self) -> Trial | None:
        while True:
            trial = self._next()
            self._note_problem()
            if trial and self.budget.begins(trial):
                self._plan(trial)
                return trial
            if trial:
                self._first.insert(0, trial)
            if not (self._first or self.stops_study) and (trial := self._promoted(last=True)):
                self._first.append(trial)
                continue
            if self._live or self.stops_study:  # one of them may come again
                return None
            self._close()
            self._advance()
            if self.finished or self.stops_study:
                return None

    def _next(self) -> Trial | None:
        """One that failed comes first, then one that was paused and is to go on."""
        while self._first:
            if not self.orders.is_over(trial := self._first.pop(0)):
                return trial
        return self._promoted() or (self._phase.next() if self._phase else None)

    def _close(self) -> None:
        """The phase is over. Where nothing was left for a trial, paused ones stay so."""
        if self._first:
            self.budget.closes(self._first.pop(0).phase)
            self._first.clear()
        else:
            self._give_up(last=True)

    def _note_problem(self) -> None:
        if self._phase and self._phase.problem:
            self.stops_study = self.stops_study or self._phase.problem

    def _plan(self, trial: Trial) -> None:
        """A trial that was drawn stands in the records at once: after a crash it is not drawn
        again. Those that are fixed beforehand begin when they start.
        """
        drawn = trial.phase == "search" and not self._study.search.exhaustive
        if drawn and trial.id not in self.history.trials:
            self._recorder.begin(trial)
            self._planned.add(trial.id)

    def _stop(self, trial: Trial, end: Mapping[str, Any]) -> None:
        if end["status"] == Status.PAUSED:
            self._recorder.pause(trial, end["rung"])
        else:
            self._end(trial, **end)

    def _give_up(self, last: bool = False) -> None:
        """End the paused trials that will not go on any more."""
        for trial, rung in self._phase.scheduler.given_up(last) if self._phase else ():
            self._end(trial, status=str(Status.PRUNED), rung=rung)

    def _promoted(self, last: bool = False) -> Trial | None:
        """A paused trial that is to go on."""
        trial = self._phase.promoted(self._live, last) if self._phase else None
        self._planned |= {trial.id} if trial else set()
        return trial

    def _end(self, trial: Trial, *, status: str, error: str | None = None, **facts: Any) -> None:
        """``facts``: as in ``TrialReport.end``."""
        stops_study = facts.pop("stops_study", False)
        # Nonsense is the fault of a trial itself, but not where the first of all reports it.
        stops_study |= facts.pop("misreported", False) and not self.history.any_epoch
        recorded = self._recorder.end(trial, status, error, **facts)
        if stops_study:
            self.stops_study = recorded
        if self._phase:
            self._phase.on_end(trial, status)
            self._note_problem()
        self.orders.ended(trial, status)
