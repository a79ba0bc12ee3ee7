"""The parts of a study: frozen keyword-only specs, and the error that says what is wrong with
one.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar, dataclass_transform

from trainables import Task
from tuning.spec.described import WithFields
from tuning.spec.errors import StudyError, unknown_name
from tuning.spec.spans import seconds_of
from tuning.spec.values import shown

Spec = TypeVar("Spec")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def spec(kind: type[Spec]) -> type[Spec]:
    """A frozen dataclass of keywords, which refuses unknown ones, missing ones and values without
    a name, but for those of its first fields, with a ``StudyError``.
    """
    made: Any = dataclass(frozen=True, kw_only=True)(kind)
    assign, first = made.__init__, [each.name for each in fields(made) if not each.kw_only]

    @functools.wraps(assign)
    def checked(self: Any, *unnamed: Any, **given: Any) -> None:
        given |= dict(zip(first, unnamed, strict=False))
        if problems := _field_problems(made, unnamed[len(first) :], given):
            raise StudyError([f"{kind.__name__}: {problem}" for problem in problems])
        assign(self, **given)

    made.__init__, made.__doc__ = checked, WithFields(kind.__doc__)
    return made


def _field_problems(made: Any, unnamed: Sequence[Any], given: Mapping[str, Any]) -> list[str]:
    """What is wrong with the names of the fields that a spec is given."""
    known = [each.name for each in fields(made)]
    if unnamed:
        named = ", ".join(
            f"{name}={shown(value)}" for name, value in zip(known, unnamed, strict=False)
        )
        return [f"give its fields by name: {made.__name__}({named or '...'})."]
    missing = [
        each.name
        for each in fields(made)
        if each.default is each.default_factory is MISSING and each.name not in given
    ]
    places = _places(made)
    return [unknown_name("field", name, known, places) for name in given if name not in known] + [
        f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing." for _ in missing[:1]
    ]


def _places(made: Any) -> dict[str, str]:
    """Where the fields of the parts of a spec are given."""
    parts = {
        f"{each.name}={type(each.default).__name__}({{}})": fields(each.default)
        for each in fields(made)
        if is_dataclass(each.default)
    }
    if made.__name__ == "Study":
        parts["trainable=Task(train=..., {})"] = fields(Task)[1:]
    return {each.name: place for place, part in parts.items() for each in part}


@spec
class Confirm:
    """After the search, train the best settings again on seeds that it did not use; claims rest on
    these.
    """

    top: int = 3
    """How many of the best settings, 1 or more."""
    seeds: "int | UntilSettled" = 5
    """How many fresh seeds each; all settings get the same. ``UntilSettled`` makes it a race: a
    setting that is told apart from a better one, or that differs from the best by less than what
    matters, gets no more seeds, and the others go on until one is left, or ``at_most``.
    """
    baselines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Other settings to train beside them, by a name for each: a published best one, say. A value
    for every key of the space.
    """

    def settings(self, planned: int) -> int:
        """How many settings are confirmed at the most, of a search of so many."""
        return min(self.top, planned) + len(self.baselines)

    @property
    def most(self) -> int:
        """The most seeds that a setting may take."""
        return self.seeds.most if isinstance(self.seeds, UntilSettled) else self.seeds


@spec
class Folds:
    """Seeds of a study that cross-validates: ``seeds=Folds(5, seeds=2)`` trains every setting on
    each of 5 folds, twice. The trainable is called for each fold, with ``config["fold"]`` from 0
    on, and as ``seeds`` with the repetitions, by which it is to split the data: each other
    repetition, those of the confirmation too, is to have splits of its own.

    A unit of the records, called a seed there, is fold ``unit % folds`` of repetition ``unit //
    folds``. Folds share training data, so that their mean is less certain than as many fresh seeds
    would make it: intervals and tests use the corrected resampled variance (C. Nadeau, Y. Bengio,
    "Inference for the Generalization Error", Machine Learning 52, 2003).
    """

    folds: int = field(kw_only=False)
    """Into how many parts the data are cut, 2 or more; each in turn is held out."""
    seeds: int = 1
    """How many repetitions, 1 or more. ``Confirm.seeds`` are repetitions as well."""

    @property
    def most(self) -> int:
        """How many units there are."""
        return self.folds * self.seeds


@spec
class UntilSettled:
    """Seeds of a grid, or of a confirmation, that are added until its comparisons are settled: all
    settings are trained on ``at_least`` seeds, then, ``at_least`` at a time, those that an open
    comparison still needs. A comparison closes when its difference is supported, when it is smaller
    than ``smallest`` either way, at ``at_most``, or before where these are unlikely to settle it,
    see ``futility``. Which comparisons a grid has:
    ``analysis.comparison_table`` and ``analysis.compare_arms``; a confirmation has all pairs of its
    settings, of which those with the best one decide: see ``Confirm.seeds``.

    However often it is looked, the chance of calling any equal settings different is 5 % at most,
    and intervals hold as often as they say (``analysis.numerics.looks``). A failure that comes
    once in so many seeds is in no interval before it has been seen: ``at_least`` is to be large
    enough for it.
    """

    smallest: float
    """The smallest difference of the metric that matters, above 0."""
    at_least: int = 5
    """The seeds of every setting, and how many are added at a time, 2 or more."""
    at_most: int = 100
    """The most seeds of a setting, ``at_least`` or more. It cannot be extended later: the error is
    shared out over these.
    """
    futility: float = 0.2
    """The chance of being settled by ``at_most`` below which a comparison gets no further seeds: 0
    or more and below 1; with 0 it gets them whatever the chance. Nothing is claimed of it. The
    chance is its predictive power (``analysis.numerics.futility``).
    """

    @property
    def most(self) -> int:
        return self.at_most

    def up_to(self, most: int) -> "UntilSettled":
        """The same with other ``at_most``."""
        return replace(self, at_most=most, at_least=min(self.at_least, most))


def in_blocks(
    seeds: Sequence[int], settles: UntilSettled | None, together: int
) -> list[list[Sequence[int]]]:
    """The seeds of each trial of a setting, ``together`` in one, block after block where they stop
    themselves: no trial has seeds of two blocks.
    """
    blocks = _parts(seeds, settles.at_least) if settles else [seeds]
    return [_parts(block, together) for block in blocks]


def _parts(seeds: Sequence[int], together: int) -> list[Sequence[int]]:
    """``seeds`` cut into parts of ``together``; the last one may be shorter."""
    return [seeds[start : start + together] for start in range(0, len(seeds), together)]


@spec
class Budget:
    """What all trials of a run may take together, those of its confirmation too. Sessions that go
    on with the run continue the same budget, unless they are given a new one.
    """

    time: str | float | None = None
    """Until when the run is over, confirmed and reported: ``"45m"``, ``"1h30m"``, or seconds. As
    much as the confirmation and the report need is reserved, and no trial begins that cannot reach
    its next rung or, where there is none, its end. What runs when the time is over is unfinished.
    """
    epochs: int | None = None
    """How many epochs trials may train."""
    trials: int | None = None
    """How many trials may begin."""

    def limits(self) -> dict[str, float | None]:
        """It in seconds, epochs and trials; None where there is no limit."""
        seconds = None if self.time is None else seconds_of(self.time)
        return {"seconds": seconds, "epochs": self.epochs, "trials": self.trials}


@spec
class Resources:
    """What one trial takes, and what all of them may."""

    cpus: float = 1
    """CPU cores, above 0."""
    gpus: float = 0
    """GPUs; 0.25 lets four trials share one. 0 trains on the CPU, whatever cards there are: they
    are hidden from the trial.
    """
    fresh_process: bool = False
    """Whether each trial gets a new process, which takes about a second. Without, one process
    trains many trials, and is put back into its first state between them but for imports, caches
    and running threads (``tuning.process.state``).
    """
    budget: Budget = Budget()
    """What all trials may take together."""


@spec
class Recovery:
    """What becomes of a trial that fails or hangs, and from where it goes on."""

    max_failures: int = 1
    """How often a trial that raised, or whose process died, is started again from its last
    checkpoint. A diverged one never is.
    """
    stall_timeout: float = 3600
    """A trial that reports no epoch for so long counts as hung: its process is ended, which counts
    as a failure. In seconds.
    """
    checkpoint_seconds: float = 1
    """Epochs shorter than this share a checkpoint: after a crash, so much is trained again. More
    saves writing where states are large.
    """
