"""What a study asks while it searches: which trial comes next, and whether one goes on."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from tuning.runs.trial_record import TrialRecord
from tuning.spec.study import Study, Trial


class Searcher(Protocol):
    """Says which trial comes next, and learns how each went. Trials of earlier sessions that were
    cut off come first.
    """

    def ask(self) -> Trial | None:
        """The next trial; None when there is no other."""

    def report(self, trial: Trial, epoch: int, score: float) -> None:
        """``score``: the study's metric after that epoch, mean over the seeds of the trial; any
        number, NaN too.
        """

    def tell(self, trial: Trial, status: str) -> None:
        """The trial has ended."""

    def learn(self, record: TrialRecord) -> None:
        """A trial that it did not ask for has ended: a person added its setting."""


class Scheduler(Protocol):
    """Says whether a trial goes on: where it does not, it has ended or is paused."""

    def judge(
        self, trial: Trial, epoch: int, score: float | None, can_pause: bool = True
    ) -> Mapping[str, Any] | None:
        """The status of a trial that does not go on after ``epoch``, which stands in the records by
        now, and what else its row in ``trials.jsonl`` is to say; None where it goes on. ``score``:
        as in ``Searcher.report``, None where it diverged there. ``can_pause``: whether a state is
        kept that it could go on from later.
        """

    def completed(self, trial: str) -> None:
        """The trial has ended complete, at the last epoch or by itself before it."""

    def withdrawn(self, trial: str) -> None:
        """The trial was stopped by hand, while it ran or was paused."""

    def promoted(self, busy: Collection[str], last: bool = False) -> tuple[Trial, int] | None:
        """A paused trial that is to go on, and its rung; None where there is none. ``busy``: ids of
        trials that still have a process; ``last``: no trial is to come that has not begun.
        """

    def given_up(self, last: bool = False) -> Sequence[tuple[Trial, int]]:
        """The paused trials that will not go on any more, with their rungs. ``last``: none will."""


def first_trial(study: Study) -> Trial:
    """The trial that a run of ``study`` would begin with."""
    trial = study.search.searcher(study).ask()
    assert trial is not None, "a study has a trial"
    return trial


class Planned:
    """A searcher whose trials are known beforehand: nothing that it is told changes them."""

    def __init__(self, trials: Iterable[Trial]) -> None:
        self._trials: Iterator[Trial] = iter(trials)

    def ask(self) -> Trial | None:
        return next(self._trials, None)

    def report(self, trial: Trial, epoch: int, score: float) -> None:
        """Nothing is learned."""

    def tell(self, trial: Trial, status: str) -> None:
        """Nothing is learned."""

    def learn(self, record: TrialRecord) -> None:
        """Nothing is learned."""


class NeverPauses:
    """What a scheduler answers that pauses no trial."""

    def withdrawn(self, trial: str) -> None:
        """Nothing waits."""

    def promoted(self, busy: Collection[str], last: bool = False) -> None:
        return None

    def given_up(self, last: bool = False) -> Sequence[tuple[Trial, int]]:
        return ()


class NoScheduler(NeverPauses):
    """Every trial goes on."""

    def judge(self, trial: Trial, epoch: int, score: float | None, can_pause: bool = True) -> None:
        return None

    def completed(self, trial: str) -> None:
        """Nothing is compared."""
