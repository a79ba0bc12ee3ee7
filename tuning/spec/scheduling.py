"""How a study says which trials are ended early: frozen keyword-only specs."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from tuning.spec.components import spec
from tuning.spec.numbers import count_problem, is_count, is_number
from tuning.spec.values import shown

if TYPE_CHECKING:  # they know what a study is
    from tuning.runs.history import TrialRecord
    from tuning.search.base import Scheduler
    from tuning.spec.study import Study


SHARE_OF_GRACE = 13
"""The first rung is after one in so many epochs: chosen on half of the problems of LCBench."""
TWO_FROM = 8
"""With so many epochs or more the first rung is no earlier than epoch 2: the order after the first
one says next to nothing, there too.
"""


class Scheduling:
    """Which trials are ended before their last epoch; a dataclass."""

    driver_only: ClassVar[Sequence[str]] = ()
    """Fields with objects that the processes which train trials are not sent."""
    at_rungs: ClassVar[bool] = False
    """Whether trials are judged at rungs alone."""
    completes: ClassVar[bool] = False
    """Whether a trial that it ends is complete. The state of every epoch is kept then: which one is
    the last is not known beforehand.
    """
    pauses: bool = False
    """Whether a trial may pause at a rung, so that its state there is kept."""
    share: float = 0.5
    """Of the trials that go on at a rung, as far as known before any was judged."""
    counts: ClassVar[Mapping[str, int]] = {}
    """The fields that are counts, and the least that each may be."""
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def rungs(self, epochs: int) -> list[int]:
        """The epochs at which trials are compared with each other, ascending and below ``epochs``:
        those at which they are judged where that is at rungs alone.
        """
        return geometric(1, 3, epochs)

    def judges(self, before: int, epoch: int, epochs: int) -> bool:
        """Whether a trial is judged that reports ``epoch``, and reported ``before`` last."""
        return epoch < epochs

    def spares(self, seed: int, trial: str) -> bool:
        """Whether it stops a trial with that id never, in a search with that seed."""
        return False

    def text(self, study: "Study") -> str:
        """What it does, in words, for a terminal."""
        raise NotImplementedError

    def problems(self, epochs: Any) -> list[str]:
        """What is wrong with it, for a study of so many epochs: one sentence each."""
        return [
            problem
            for name, least in self.counts.items()
            for problem in count_problem(name, getattr(self, name), least)
        ]

    def record(self, epochs: int) -> dict[str, Any]:
        """It as plain values, for ``study.json``."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        anywhere = {} if self.at_rungs else {"anywhere": True}
        return {
            "kind": type(self).__name__.lower(),
            **said,
            **anywhere,
            "rungs": self.rungs(epochs),
        }

    def scheduler(self, study: "Study", past: Iterable["TrialRecord"] = ()) -> "Scheduler":
        """What ends the trials of ``study``; ``past``: the trials of earlier sessions."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key not in self.driver_only}


def geometric(first: int, factor: int, epochs: int) -> list[int]:
    """``first``, and then ``factor`` times the one before, as long as below ``epochs``."""
    rungs, rung = [], first
    while rung < epochs:
        rungs.append(rung)
        rung *= factor
    return rungs


def grace_problems(grace_period: Any, epochs: Any) -> list[str]:
    """What is wrong with the first epoch at which trials are judged."""
    if is_count(grace_period) and is_count(epochs) and grace_period >= epochs:
        return [
            f"grace_period={grace_period} must be below epochs={epochs}, or no trial is ever"
            " stopped; --set scheduler=null (scheduler=None) stops none."
        ]
    return count_problem("grace_period", grace_period)


@spec
class Asha(Scheduling):
    """Spare the worse trials most of their epochs, by asynchronous successive halving.

    At every rung a trial pauses, and goes on from there once its metric is among the best ``1 /
    reduction_factor`` of all that have reached the rung. Those that never are end as pruned, at the
    latest with the search. A trial is judged by the mean over all its seeds: no seed is ever
    stopped alone. L. Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys
    2020.
    """

    at_rungs = True
    counts: ClassVar[Mapping[str, int]] = {"reduction_factor": 2, "min_trials": 1}
    grace_period: int | None = None
    """The first rung, in epochs; None: one in 13 of those of the study, at least 2 (1 where there
    are fewer than 8).
    """
    reduction_factor: int = 3
    """2 or more: also how far apart rungs are."""
    pauses: bool = True
    """False: a trial that is not among the best when it reaches a rung ends there, the form of Ray
    Tune. No states of paused trials are kept then, but what stops early can never come back. Where
    a trainable yields no state, its trials end so in any case.
    """
    min_trials: int = 1
    """Where trials do not pause: a rung stops nobody before so many have reached it. With 1, the
    second to come is stopped unless it beats the first.
    """
    spare: float = 0.0
    """So large a part of the trials goes on at every rung, however bad, drawn by their numbers and
    the seed of the search: it shows what the others would have reached. From 0 to below 1; 0.05,
    say, for a `study whatif` that checks itself.
    """

    def spares(self, seed: int, trial: str) -> bool:
        drawn = random.Random(f"spare/{seed}/{int(trial)}") if self.spare else None
        return drawn is not None and drawn.random() < self.spare

    def record(self, epochs: int) -> dict[str, Any]:
        """As of any scheduler; that none is spared goes without saying, as in earlier runs."""
        said = super().record(epochs)
        return said if self.spare else {key: said[key] for key in said if key != "spare"}

    @property
    def share(self) -> float:  # type: ignore[override]
        return 1 / self.reduction_factor

    def rungs(self, epochs: int) -> list[int]:
        """The epochs at which trials are judged: ``grace_period``, then ``reduction_factor`` times
        the one before, as long as below ``epochs``.
        """
        least = 2 if epochs >= TWO_FROM else 1
        first = self.grace_period or max(least, round(epochs / SHARE_OF_GRACE))
        return geometric(first, self.reduction_factor, epochs)

    def rung_between(self, before: int, epoch: int, epochs: int) -> int | None:
        """The rung at which a trial is judged that reports ``epoch``, and ``before`` was the last
        epoch that it reported: the last rung that it has reached since then. None where there is
        none, and at the last epoch, at which it is complete.
        """
        rungs = self.rungs(epochs)
        return max((rung for rung in rungs if before < rung <= epoch < epochs), default=None)

    def judges(self, before: int, epoch: int, epochs: int) -> bool:
        return self.rung_between(before, epoch, epochs) is not None

    def text(self, study: "Study") -> str:
        """The rungs, and what the search then costs at the least: where exactly one trial in
        ``reduction_factor`` goes on.
        """
        from analysis.text.format import epochs_text

        rungs, share, spent, before = study.rungs, 1.0, 0.0, 0
        for rung in [*rungs, study.epochs]:
            spent, before, share = spent + share * (rung - before), rung, share * self.share
        return (
            f"at {epochs_text(rungs)} about one trial in {self.reduction_factor}"
            f" goes on: {spent * study.planned:.0f} epochs or more, instead of"
            f" {study.planned * study.epochs}"
            f"{f'; {self.spare:.0%} of the trials are spared' if self.spare else ''}"
        )

    def problems(self, epochs: Any) -> list[str]:
        found = super().problems(epochs)
        if type(self.pauses) is not bool:
            found.append(f"pauses={shown(self.pauses)} must be True or False.")
        if self.pauses is True and is_count(self.min_trials) and self.min_trials > 1:
            found.append("min_trials is for trials that do not pause: give pauses=False with it.")
        if not is_number(self.spare) or not 0 <= self.spare < 1:
            found.append(f"spare={shown(self.spare)} must be a number from 0 to below 1.")
        return found + (
            [] if self.grace_period is None else grace_problems(self.grace_period, epochs)
        )

    def scheduler(self, study: "Study", past: Iterable["TrialRecord"] = ()) -> "Scheduler":
        """What judges the trials of ``study``; those of ``past`` count at the rungs they passed."""
        from tuning.search.asha import AshaScheduler
        from tuning.search.promotion import PromotingScheduler

        return (PromotingScheduler if self.pauses else AshaScheduler)(study, past)
