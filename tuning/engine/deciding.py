"""Who decides in one phase of a session: its searcher and its scheduler, which may be the user's
own.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tuning.engine.recorder import Recorder
from tuning.process.terminal import say
from tuning.runs.history import TrialRecord
from tuning.search.base import NoScheduler, Scheduler, Searcher
from tuning.search.redrawn import tell
from tuning.search.settling import SettlingSearcher
from tuning.spec.study import Study, StudyError, Trial

Answer = TypeVar("Answer")
STATELESS = (
    "note: the trainable yields no state that a trial could go on from, so trials are stopped at"
    " rungs instead of paused."
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
    problem: str | None = None
    """Why one of them cannot go on: it is the user's own, and raised something or gave nonsense."""
    _stateless: bool = False

    def next(self) -> Trial | None:
        """The next trial. A setting that was drawn before is not trained again on the same seeds:
        the trial that had it answers.
        """
        history = self.recorder.history
        while trial := self._answer(self.searcher.ask):
            same = history.same(trial) if self.draws else None
            if same is None or trial.id in history.trials:
                return trial
            self.recorder.repeat(trial, same)
            if same.ended:
                self._tell_again(trial, same)
        return None

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
        self._answer(lambda: self.searcher.report(trial, epoch, score))
        return self._answer(lambda: self.scheduler.judge(trial, epoch, value, can_pause))

    def promoted(self, busy: Collection[str], last: bool) -> Trial | None:
        """A paused trial that is to go on, as ``Scheduler.promoted``: the records know it now."""
        promoted = self.scheduler.promoted(busy, last)
        if promoted:
            self.recorder.promote(*promoted)
        return promoted[0] if promoted else None

    def on_end(self, trial: Trial, status: str) -> None:
        if status == "completed":
            self._answer(lambda: self.scheduler.completed(trial.id))
        self._answer(lambda: self.searcher.tell(trial, status))
        history = self.recorder.history
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
    searcher = (
        SettlingSearcher(study, history)
        if study.settles
        else study.search.searcher(study, history.drawn(), *journal)
    )
    waiting, draws = 0 if study.search.learns else 1, not study.search.exhaustive
    return Deciding(recorder, searcher, scheduler, draws, waiting)
