"""What is known of one trial."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from analysis.records.schema import Status
from tuning.spec.trial import Trial
from tuning.spec.values import own


@dataclass(kw_only=True)
class TrialRecord:
    """What is known of one trial."""

    trial: Trial
    status: str = Status.UNFINISHED
    rung: int | None = None
    """Where it is paused or, of an unfinished one, where it was last."""
    attempt: int = 0
    """How often it was started."""
    scores: dict[int, float] = field(default_factory=dict)
    """Epoch -> the study's metric, mean over the seeds of the trial; of epochs at which it was
    finite.
    """
    errors: dict[int, float] = field(default_factory=dict)
    """Epoch -> the standard error of its score, of trials with several seeds."""
    last_epoch: int = 0
    """0 before the first."""
    seconds: float = 0.0
    """Of its epochs so far, all seeds together."""
    ends: Mapping[int, float] = field(default_factory=dict)
    """Seed -> the study's metric after the last epoch."""
    version: str | None = None
    """Of the code that trained it; None where that is not known."""
    same_as: str | None = None
    """Of a setting that was drawn again: the trial that answers for it."""
    retrain: bool = False
    """Of one that was left out by hand: whether its seeds are to be trained again."""
    lines: tuple[int, int] = (0, 0)
    """The first and the last line of it in ``trials.jsonl``, as they were when that was read."""

    @property
    def id(self) -> str:
        return self.trial.id

    @property
    def params(self) -> Mapping[str, Any]:
        return self.trial.params

    def copied(self) -> "TrialRecord":
        """One for code of the user's, which may change it."""
        trial = replace(self.trial, params=own(self.params))
        return replace(self, trial=trial, scores=dict(self.scores), errors=dict(self.errors))

    def take(self, epoch: int, score: float, error: float = math.nan) -> None:
        """The study's metric after an epoch, any number, and its standard error over seeds."""
        if math.isfinite(score):
            self.scores[epoch] = score
        if math.isfinite(error):
            self.errors[epoch] = error
        self.last_epoch = epoch

    @property
    def score(self) -> float | None:
        """The metric after the last epoch at which it was finite; None before the first."""
        return self.scores[max(self.scores)] if self.scores else None

    @property
    def ended(self) -> bool:
        return Status(self.status).has_ended

    @property
    def cut_off(self) -> bool:
        """Whether it is to be gone on with at once: it did not end, and was not paused."""
        return self.status == Status.UNFINISHED and self.same_as is None


def params_key(params: Mapping[str, Any]) -> str:
    """One text per setting, whatever the order of its keys."""
    from analysis.stats.identity import identity  # it brings pandas

    return json.dumps({key: identity(value) for key, value in params.items()}, sort_keys=True)


def at_stops(scores: Mapping[int, float], stops: Sequence[int]) -> list[int]:
    """The epochs of ``scores`` at each of the ``stops`` that was reached, or right after it, and
    the last one; ascending.
    """
    epochs = {min((each for each in scores if each >= stop), default=0) for stop in stops}
    return sorted({*epochs, max(scores, default=0)} - {0})
