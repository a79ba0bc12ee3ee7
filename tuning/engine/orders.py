"""What people order of a run that goes on: each order is carried out once, or refused, and answered
in the records.
"""

from collections.abc import Callable, Container

from analysis.records.orders import ADD, END, PAUSE, STOP, Inbox, Order
from analysis.records.schema import ADDED, Phase, Status
from analysis.text.format import listing
from tuning.engine.deciding import Deciding
from tuning.engine.recorder import Recorder
from tuning.process.terminal import say
from tuning.spec.settings import outside_problems, setting_problems
from tuning.spec.study import Study, Trial, trial_id
from tuning.spec.values import shown

SEARCH_IS_OVER = "the search has ended; `study extend RUN --trials N` gives it more settings"
TOO_LATE = "the session that it was given to had ended"


class Orders:
    """Takes orders from ``inbox`` in a session of ``study``. ``trains``: the ids of the trials that
    have a process; ``planned``: of those whose start is in the records before they have one;
    ``end``: ends a trial, as ``Recorder.end``.
    """

    def __init__(
        self,
        study: Study,
        recorder: Recorder,
        inbox: Inbox | None,
        trains: Container[str],
        planned: set[str],
        end: Callable[..., None],
    ) -> None:
        self._study, self._recorder, self._history = study, recorder, recorder.history
        self._inbox, self._trains, self._planned, self._end_trial = inbox, trains, planned, end
        self._stops: dict[str, Order] = {}
        self._phase: Deciding | None = None
        self._is_new = True
        self.pausing = False
        """Whether the session is to end: no trial starts, and none goes on after its epoch."""

    def look(self, phase: Deciding | None) -> None:
        """Take what was ordered since; ``phase``: that of the run, None once all are over."""
        self._phase = phase
        if self._is_new and self._history.ended_by:  # the session before did not get to all
            self._stop_idle(self._history.ended_by)
        self._is_new = False
        take = {STOP: self._stop_trial, ADD: self._add, PAUSE: self._pause, END: self._end}
        for order in self._inbox.new() if self._inbox and not self.pausing else ():
            if order.id in self._history.answered:
                continue
            if order.do in (STOP, ADD) and (trials := self._history.ordered.get(order.id)):
                self._answer(order, True, f"trial {listing(trials)}")
            else:
                take[order.do](order)
            if self.pausing:
                return  # what was ordered behind it is for the next session

    def is_over(self, trial: Trial) -> bool:
        """Whether a trial that was handed out is not to be trained any more."""
        record = self._history.trials.get(trial.id)
        return self.pausing or self._is_ending(trial) or (record is not None and record.ended)

    def free(self, trial: Trial) -> None:
        """The trial is between two epochs, or has no process any more: now it can be stopped."""
        order = self._stops.get(trial.id)
        if self._history.open(trial) and (order or self._is_ending(trial)):
            self._stop(trial, order.id if order else self._history.ended_by)

    def ended(self, trial: Trial, status: str) -> None:
        """The trial has ended."""
        if order := self._stops.pop(trial.id, None):
            record = self._history.trials[trial.id]
            by_it = status == Status.STOPPED
            words = f"after epoch {record.last_epoch}" if by_it else f"ended before: {status}"
            self._answer(order, by_it, f"trial {trial.id} {words}")

    def _stop_trial(self, order: Order) -> None:
        record = self._history.trials.get(str(order.trial))
        if record is None:
            self._answer(order, False, f"no trial {order.trial} has begun")
        elif record.ended:
            self._answer(order, False, f"trial {record.id} has ended: {record.status}")
        elif record.id in self._stops or self._is_ending(record.trial):
            self._answer(order, False, f"trial {record.id} is being stopped already")
        else:
            self._stops[record.id] = order
            if record.id not in self._trains:
                self.free(record.trial)

    def _add(self, order: Order) -> None:
        if self._phase is None or not self._phase.searches or self._phase.over:
            self._answer(order, False, SEARCH_IS_OVER)
            return
        number = len(self._history.added()) + 1
        params = dict(order.params or {})
        trial = Trial(id=trial_id(number, prefix=ADDED), params=params, seeds=self._study.seed_list)
        if problems := setting_refusals(self._study, params):
            self._answer(order, False, " ".join(problems))
        elif same := self._history.same(trial):
            self._answer(order, False, f"trial {same.id} has these values")
        else:
            self._recorder.begin(trial, added_by=order.id)
            self._planned.add(trial.id)
            self._phase.added.append(trial)
            self._answer(order, True, f"trial {trial.id}")

    def _pause(self, order: Order) -> None:
        assert self._inbox
        if self._phase is None or order.session != self._inbox.session:
            self._answer(order, False, TOO_LATE)
            return
        self.pausing = True
        self._answer(order, True, "the session ends with the epochs that are being trained")

    def _end(self, order: Order) -> None:
        if self._phase is None or not self._phase.searches or self._phase.over:
            self._answer(order, False, "the search has ended")
            return
        self._history.ended_by, self._history.searches = order.id, False
        self._phase.over = True
        self._stop_idle(order.id)
        self._answer(
            order, True, "no trial of the search starts any more", planned=self._study.planned
        )

    def _stop_idle(self, order: str) -> None:
        """End the trials of the search that have no process."""
        for record in list(self._history.phase(Phase.SEARCH)):
            if not record.ended and record.id not in self._trains:
                self._stop(record.trial, order)

    def _stop(self, trial: Trial, order: str | None) -> None:
        self._end_trial(trial, status=str(Status.STOPPED), stopped_by=order)

    def _is_ending(self, trial: Trial) -> bool:
        return bool(self._history.ended_by) and trial.phase == Phase.SEARCH

    def _answer(self, order: Order, done: bool, text: str, **facts: int) -> None:
        self._recorder.answer(order, done, text, **facts)
        verb = "carried out" if done else "refused"
        say(f"order of {order.by}, {order.words}: {verb}: {text.removesuffix('.')}.")


def setting_refusals(study: Study, params: dict[str, object]) -> list[str]:
    """Why a setting cannot be added to a search: one sentence each; empty where it can."""
    if study.search.exhaustive:
        return [
            f"{study.name} is a grid, which has every setting of its space: `study extend RUN --set"
            ' "KEY=[...]"` gives it more values.'
        ]
    problems = setting_problems(params, study.space, study.task.limits)
    problems = problems or outside_problems(params, study.space)
    if not problems and not study.search.allows(params):
        return [f"{shown(params)} is a setting that valid refuses."]
    return problems
