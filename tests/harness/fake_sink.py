"""A mirror that keeps what it is told, in place of one that sends it somewhere."""

from collections.abc import Sequence
from pathlib import Path

from tuning.mirrors.base import Sink
from tuning.mirrors.trial import MirroredTrial


class FakeSink(Sink):
    """``calls``: what it was told, in order; each error of ``errors`` is raised once, by the next
    ``start``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[tuple[object, ...]] = []
        self.errors: list[Exception] = []

    def start(self, trial: MirroredTrial) -> None:
        if self.errors:
            raise self.errors.pop()
        self.calls.append(("start", trial.trial))

    def epochs(self, trial: MirroredTrial, new: Sequence[int]) -> None:
        values = [trial.metrics[epoch]["accuracy"] for epoch in new]
        self.calls.append(("epochs", trial.trial, list(new), values))

    def trial_end(self, trial: MirroredTrial) -> None:
        self.calls.append(("trial_end", trial.trial, str(trial.status)))

    def abandon(self, trial: str) -> None:
        self.calls.append(("abandon", trial))

    def version(self, trials: Sequence[MirroredTrial]) -> str:
        return f"{len(trials)} trials"

    def finish(self, trials: Sequence[MirroredTrial]) -> None:
        about = [(trial.trial, trial.last_epoch, trial.numbers["accuracy"]) for trial in trials]
        self.calls.append(("finish", *about))

    def heard(self) -> list[tuple[object, ...]]:
        """What it was told since this was asked last."""
        calls, self.calls = self.calls, []
        return calls
