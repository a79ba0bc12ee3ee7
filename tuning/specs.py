"""The parts of a study: frozen keyword-only specs, and the error that says what is wrong with one."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

WandbMode = Literal["off", "offline", "online"]


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest of ``known``, or a full stop."""
    near = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else "."


class StudyError(ValueError):
    """Raised when a study, or what was asked of it, is wrong: one line per problem, with what is allowed."""

    def __init__(self, found: str | Sequence[str]) -> None:
        self.problems = [found] if isinstance(found, str) else list(found)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Try every combination of the listed values."""


@dataclass(frozen=True, kw_only=True)
class Random:
    """Draw settings at random, each value independently of the others."""

    trials: int
    """How many settings to try, 1 or more."""
    seed: int = 0
    """Of the draws: the same seed tries the same settings."""
    first: Sequence[Mapping[str, Any]] = ()
    """Settings to try before any other: defaults that are known to work, say. A value for every key of the space."""


@dataclass(frozen=True, kw_only=True)
class Optuna:
    """Let Optuna's TPE sampler choose settings by what earlier ones gave.

    J. Bergstra, R. Bardenet, Y. Bengio, B. Kegl, "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011.
    """

    trials: int
    """How many settings to try, 1 or more."""
    seed: int = 0
    """Of the sampler. With one trial at a time the same seed tries the same settings; with more, the order in which they end decides."""
    startup: int = 10
    """So many settings are drawn at random, before what was learned decides."""
    first: Sequence[Mapping[str, Any]] = ()
    """As in ``Random``; they count among the random ones."""


@dataclass(frozen=True, kw_only=True)
class Asha:
    """Stop the worse trials early, by asynchronous successive halving.

    At every rung a trial goes on only if its metric is among the best ``1 / keep_one_in`` of those that reached the rung before it. A trial
    is judged by the mean over all its seeds: no seed is ever stopped alone. L. Li et al., "A System for Massively Parallel Hyperparameter
    Tuning", MLSys 2020, in the form that stops.
    """

    min_epochs: int = 1
    """The first rung, in epochs."""
    keep_one_in: int = 3
    """2 or more: also how far apart rungs are."""
    min_trials: int = 1
    """A rung stops nobody before so many trials have reached it: with 1, the second to come is stopped unless it beats the first."""

    def rungs(self, epochs: int) -> list[int]:
        """The epochs at which trials are judged: ``min_epochs``, then ``keep_one_in`` times the one before, as long as below ``epochs``."""
        found, rung = [], self.min_epochs
        while rung < epochs:
            found.append(rung)
            rung *= self.keep_one_in
        return found


@dataclass(frozen=True, kw_only=True)
class Confirm:
    """After the search, train the best settings again on seeds that it did not use; claims rest on these."""

    top: int = 3
    """How many of the best settings, 1 or more."""
    seeds: int = 5
    """How many fresh seeds each; all settings get the same."""
    also: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Other settings to train beside them, by a name for each: a published best one, say. A value for every key of the space."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one trial takes."""

    cpus: float = 1
    """CPU cores, above 0."""
    gpus: float = 0
    """GPUs; 0.25 lets four trials share one. 0 trains on the CPU, whatever cards there are: they are hidden from the trial."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """Numbers of others, to stand beside ours."""

    source: str
    """Who measured them, and when."""
    runs: int
    """How many runs are behind each mean."""
    rows: Sequence[Mapping[str, Any]]
    """One mapping per setting: its values, ``mean`` and (if known) ``std`` of the study's metric, or of the one under ``metric``."""
    note: str = ""
    """What a reader must know to compare them."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Fixed values of the study that they hold for, the data say. A run with another value leaves them out, and says so."""


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Arms to be compared seed by seed: the values of one key of the space, each against a baseline."""

    parameter: str
    """The key whose values are the arms."""
    baseline: Any
    """The value that the others are compared with."""
    metrics: Sequence[str]
    """What they are compared by, at the last epoch: the overall metric first, then its parts (one per digit, say)."""
    parts: str = "part"
    """What a part is called: "digit"."""
    percent: bool = False
    """Whether the metrics are shares, so that differences read in percentage points."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One setting over some of its seeds: the unit that is scheduled and recorded."""

    id: str
    config: Mapping[str, Any]
    """The values of the space's keys; the fixed ones are the study's."""
    seeds: Sequence[int]
    phase: Literal["search", "confirm"] = "search"


def trial_id(number: int, planned: int = 0, prefix: str = "") -> str:
    """The id of a trial, counted from 1, as wide as the number of planned trials needs; confirmations have a prefix."""
    return f"{prefix}{number:0{max(4, len(str(planned)))}}"
