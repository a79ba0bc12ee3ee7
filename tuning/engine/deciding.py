"""Who decides in one phase of a session: its searcher and its scheduler, which may be the user's
own.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from analysis.records.schema import Status, is_added
from tuning.engine.recorder import Recorder
from tuning.process.terminal import say
from tuning.runs.history import History, TrialRecord
from tuning.search.base import NoScheduler, Scheduler, Searcher
from tuning.search.confirmation import ConfirmationSearcher
from tuning.search.redrawn import tell
from tuning.search.settling import SettlingSearcher
from tuning.spec.study import Study, StudyError, Trial

Answer = TypeVar("Answer")
STATELESS = (
    "note: the trainable yields no state that a trial could go on from, so trials are stopped at"
    " rungs instead of paused."
)

LOST = (
    "earlier.jsonl, with what the runs found that this search began with, is not in the folder of"
    " the run any more. Without it, other settings would be drawn: bring it back."
)


@dataclass
class Deciding:
    """Asks and tells the searcher and the scheduler of a phase. ``draws``: whether a setting may be
    drawn twice; ``waiting``: how many trials may wait for a process.
    """

    recorder: Recorder
    searcher: Searcher
    scheduler: Scheduler
    draws: bool
    waiting: int
    searches: bool = True
    """Whether it is the search."""
    added: list[Trial] = field(default_factory=list)
    """Trials whose settings a person added, to come next."""
    over: bool = False
    """Whether a person has ended it: no trial comes or goes on any more."""
    problem: str | None = None
    """Why one of them cannot go on: it is the user's own, and raised something or gave nonsense."""
    _stateless: bool = False

    def next(self) -> Trial | None:
        """The next trial. A setting that was drawn before is not trained again on the same seeds:
        the trial that had it answers.
        """
        history = self.recorder.history
        while not self.over and (trial := self._asked()):
            if trial.id in history.trials and not history.open(trial):
                continue  # it was stopped by hand before it came again
            same = history.same(trial) if self.draws else None
            if same is None or trial.id in history.trials:
                return trial
            self.recorder.repeat(trial, same)
            if same.ended:
                self._tell_again(trial, same)
        return None

    def _asked(self) -> Trial | None:
        return self.added.pop(0) if self.added else self._answer(self.searcher.ask)

    def on_epoch(
        self, trial: Trial, epoch: int, score: float, diverged: bool, can_pause: bool
    ) -> Mapping[str, Any] | None:
        """Tell what was recorded of an epoch; returns how the trial ends there, as
        ``Scheduler.judge``.
        """
        if not can_pause and not self._stateless:
            self._stateless = True
            say(STATELESS)
        value = None if diverged else score
        if not is_added(trial.id):
            self._answer(lambda: self.searcher.report(trial, epoch, score))
        return self._answer(lambda: self.scheduler.judge(trial, epoch, value, can_pause))

    def promoted(self, busy: Collection[str], last: bool) -> Trial | None:
        """A paused trial that is to go on, as ``Scheduler.promoted``: the records know it now."""
        promoted = None if self.over else self.scheduler.promoted(busy, last)
        if promoted:
            self.recorder.promote(*promoted)
        return promoted[0] if promoted else None

    def on_end(self, trial: Trial, status: str) -> None:
        history = self.recorder.history
        if status == Status.COMPLETED:
            self._answer(lambda: self.scheduler.completed(trial.id))
        elif status == Status.STOPPED:
            self.scheduler.withdrawn(trial.id)
        if is_added(trial.id):
            self._answer(lambda: self.searcher.learn(history.trials[trial.id]))
        else:
            self._answer(lambda: self.searcher.tell(trial, status))
        for again in history.repeats_of(trial.id):
            self._tell_again(again, history.trials[trial.id])

    def _tell_again(self, trial: Trial, same: TrialRecord) -> None:
        self._answer(lambda: tell(self.searcher, replace(same, trial=trial)))

    def _answer(self, call: Callable[[], Answer | None]) -> Answer | None:
        try:
            return call()
        except StudyError as error:
            self.problem = self.problem or str(error)
            return None


def search_of(recorder: Recorder, study: Study, journal: tuple[Any, ...]) -> Deciding:
    """The search phase of a study, as its records are. ``journal``: as for ``Search.searcher``."""
    history = recorder.history
    past = list(history.phase("search"))
    scheduler = study.scheduler.scheduler(study, past) if study.scheduler else NoScheduler()
    searcher = _searcher(recorder, study, journal)
    for record in history.added():
        if record.ended:
            searcher.learn(record)
    waiting, draws = 0 if study.search.learns else 1, not study.search.exhaustive
    added = [each.trial for each in history.added() if each.cut_off]
    return Deciding(recorder, searcher, scheduler, draws, waiting, added=added)


def _searcher(recorder: Recorder, study: Study, journal: tuple[Any, ...]) -> Searcher:
    history = recorder.history
    if study.settles:
        return SettlingSearcher.of_grid(study, history)
    if len(history.earlier) < len(study.search.warm_start):
        raise StudyError(LOST)
    given = (*journal, history.earlier, partial(_errors, history))
    searcher = study.search.searcher(study, history.drawn(), *given)
    if not study.search.until_settled:
        return searcher
    from tuning.search.settled import SettledSearcher  # brings Optuna

    return SettledSearcher(searcher, study, history, recorder.settle)


def _errors(history: History, trial: str) -> Mapping[int, float]:
    """As ``TrialRecord.errors``; those of a setting that was drawn again are not known."""
    return history.trials[trial].errors if trial in history.trials else {}


def confirming(study: Study, history: History) -> Searcher:
    """What asks for the trials of the confirmation; the search has ended."""
    race = SettlingSearcher.of_confirmation
    return race(study, history) if study.races else ConfirmationSearcher(study, history)


def phases(recorder: Recorder, study: Study, journal: tuple[Any, ...]) -> Iterator[Deciding]:
    """Who decides in each phase that a session has, the search first."""
    history = recorder.history
    if history.searches:
        yield search_of(recorder, study, journal)
    if study.confirm:  # full trials over all seeds: none is stopped
        again = confirming(study, history)
        yield Deciding(recorder, again, NoScheduler(), draws=False, waiting=1, searches=False)
