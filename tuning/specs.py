"""The parts of a study: frozen keyword-only specs, and the error that says what is wrong with one."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


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
class Resources:
    """What one trial takes."""

    cpus: float = 1
    """CPU cores, above 0."""
    gpus: float = 0
    """GPUs; 0.25 lets four trials share one."""


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
