"""How a study says its settings are chosen: frozen keyword-only specs. ``Optuna`` has a file of its
own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tuning.spec.callables import name_of
from tuning.spec.components import spec
from tuning.spec.errors import StudyError
from tuning.spec.values import cut, own, shown

if TYPE_CHECKING:  # they know what a study is
    from tuning.runs.history import EarlierRun, TrialRecord
    from tuning.search.base import Searcher
    from tuning.spec.study import Study


Valid = Callable[[Mapping[str, Any]], Any]
"""Says of a setting, its active parameters, whether it may be tried."""


def _is_code(value: Any) -> bool:
    return callable(value) or (hasattr(value, "__dict__") and not isinstance(value, Mapping))


class Search:
    """How settings are chosen; where not ``exhaustive``, a dataclass with at least these fields."""

    driver_only: ClassVar[Sequence[str]] = ()
    """Fields with objects that the processes which train trials are not sent."""
    exhaustive: ClassVar[bool] = False
    """Whether it tries every combination of values, which the study must then list."""
    learns: ClassVar[bool] = False
    """Whether a setting depends on what earlier ones gave."""
    counts: ClassVar[Mapping[str, int]] = {"trials": 1}
    """The fields that are counts, and the least that each may be."""
    trials: int
    seed: int = 0
    points_to_evaluate: Sequence[Mapping[str, Any]] = ()
    valid: Valid | None = None
    until_settled: bool | float = False
    warm_start: Sequence[str | Path] = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def fewest(self) -> int:
        """How many trials it draws at the least."""
        return self.trials

    @property
    def how(self) -> str:
        """How it chooses, in words: "drawn at random"."""
        return ""

    def allows(self, params: Mapping[str, Any]) -> bool:
        """Whether a setting may be tried.

        Raises:
            StudyError: ``valid`` raises.
        """
        if self.valid is None:
            return True
        try:
            return bool(self.valid(own(params)))
        except Exception as error:
            raise StudyError(
                f"search: valid raises {type(error).__name__} ({cut(str(error))}) for"
                f" {shown(dict(params))}; it is given the active parameters of a setting, and says"
                " True or False."
            ) from None

    def problems(self) -> list[str]:
        """What is wrong with it, but for its counts, its seed and its points: one sentence each."""
        return []

    def record(self) -> dict[str, Any]:
        """It as plain values, for ``study.json``; functions and objects by their names."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        named = {key: name_of(value) for key, value in said.items() if _is_code(value)}
        if self.valid is None:
            said.pop("valid", None)
        return {"kind": type(self).__name__.lower(), **said, **named}

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key not in self.driver_only}

    def searcher(
        self,
        study: "Study",
        past: Iterable["TrialRecord"] = (),
        journal: Path | None = None,
        between: Callable[[], None] | None = None,
        trial_seconds: Callable[[], float | None] = lambda: None,
        earlier: Sequence["EarlierRun"] = (),
        errors: Callable[[str], Mapping[int, float]] = lambda trial: {},
    ) -> "Searcher":
        """What chooses the trials of ``study``, whose search this is, that are not in ``past``.
        ``journal``: where it may write what it knows, for others to look at; ``between`` is called
        while it waits for room there. ``trial_seconds``: what a trial takes, as far as the records
        know. ``earlier``: the runs that it begins with, as they were when this one began.
        ``errors``: of a trial by its id, as ``TrialRecord.errors``.
        """
        raise NotImplementedError


@spec
class Grid(Search):
    """Try every combination of the listed values."""

    exhaustive = True
    valid: Valid | None = None
    """Which combinations are tried: ``lambda params: params["layers"] * params["width"] <= 512``;
    None for all.
    """

    def searcher(
        self, study: "Study", past: Iterable["TrialRecord"] = (), *journal: Any
    ) -> "Searcher":
        from tuning.search.grid import GridSearcher

        return GridSearcher(study, past)


@spec
class Random(Search):
    """Draw settings at random, each value independently of the others."""

    trials: int
    """How many settings to try, 1 or more."""
    seed: int = 0
    """Of the draws: the same seed tries the same settings."""
    points_to_evaluate: Sequence[Mapping[str, Any]] = ()
    """Settings to try before any other: defaults that are known to work, say. A value for every key
    of the space.
    """
    valid: Valid | None = None
    """Which settings may be tried: a draw that it refuses is drawn again, and counted."""

    @property
    def how(self) -> str:
        return "drawn at random"

    def searcher(
        self, study: "Study", past: Iterable["TrialRecord"] = (), *journal: Any
    ) -> "Searcher":
        from tuning.search.random import RandomSearcher

        return RandomSearcher(study, past)
