"""How a study says its settings are chosen: frozen keyword-only specs."""

import importlib.util
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tuning.spec.callables import name_of
from tuning.spec.components import spec
from tuning.spec.errors import StudyError
from tuning.spec.values import cut, own, shown

if TYPE_CHECKING:  # they know what a study is
    from tuning.runs.history import TrialRecord
    from tuning.search.base import Searcher
    from tuning.spec.study import Study


Valid = Callable[[Mapping[str, Any]], Any]
"""Says of a setting, its active parameters, whether it may be tried."""
SAMPLERS: Mapping[str, Sequence[str]] = {
    "auto": (),
    "tpe": (),
    "gp": ("scipy", "torch"),
    "cmaes": ("cmaes",),
    "nsga2": (),
    "qmc": ("scipy",),
}
"""The samplers of Optuna that have a name here, and the packages that each needs."""
RECENT = 20
"""So many trials have to gain too little for a search to be settled."""


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
    ) -> "Searcher":
        """What chooses the trials of ``study``, whose search this is, that are not in ``past``.
        ``journal``: where it may write what it knows, for others to look at; ``between`` is called
        while it waits for room there. ``trial_seconds``: what a trial takes, as far as the records
        know.
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


@spec
class Optuna(Search):
    """Let a sampler of Optuna choose settings by what earlier ones gave."""

    driver_only = ("sampler",)
    learns = True
    counts: ClassVar[Mapping[str, int]] = {"trials": 1, "n_startup_trials": 0}
    trials: int
    """How many settings to try, 1 or more."""
    seed: int = 0
    """Of the sampler. With one trial at a time the same seed tries the same settings; with more,
    the order in which they end decides.
    """
    n_startup_trials: int = 10
    """So many settings are drawn at random, before what was learned decides; for "nsga2", the size
    of a generation.
    """
    points_to_evaluate: Sequence[Mapping[str, Any]] = ()
    """As in ``Random``; they count among the random ones."""
    valid: Valid | None = None
    """As in ``Random``."""
    sampler: str | Callable[[int], Any] = "auto"
    """"auto" (a Gaussian process over params and epochs, which learns from every rung: see
    ``tuning.search.gaussian``; TPE where that would take more than 3 % of a trial's time), "tpe"
    (J. Bergstra and others, "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011), "gp"
    (Optuna's Gaussian process, of trials at full length alone), "cmaes" (N. Hansen, "The CMA
    Evolution Strategy", 2016; needs the package cmaes), "nsga2" (a genetic algorithm), "qmc" (a
    scrambled Sobol sequence), or a function from a seed to a sampler of Optuna or OptunaHub.
    """
    until_settled: bool | float = False
    """Whether it ends before ``trials`` once the last of them have gained less than seeds alone
    make a trial differ, as ``tuning.search.settled`` has it; a number says how much that is, in
    units of the metric.
    """

    @property
    def how(self) -> str:
        if self.sampler == "auto":
            return "chosen by a Gaussian process, or by TPE where trials are short"
        return "chosen by Optuna" if self.sampler == "tpe" else f"chosen by Optuna ({self._name})"

    @property
    def _name(self) -> str:
        return self.sampler if isinstance(self.sampler, str) else name_of(self.sampler)

    @property
    def fewest(self) -> int:
        least = self.n_startup_trials + RECENT if self.until_settled else self.trials
        return min(self.trials, least)

    def problems(self) -> list[str]:
        return [*self._sampler_problems(), *self._settled_problems()]

    def _settled_problems(self) -> list[str]:
        given = self.until_settled
        if type(given) is bool or (type(given) in (int, float) and 0 < given < math.inf):
            return []
        return [
            f"until_settled={shown(given)} must be True, False, or what seeds alone make a trial"
            " differ: a number above 0, in units of the metric."
        ]

    def _sampler_problems(self) -> list[str]:
        if callable(self.sampler) and not isinstance(self.sampler, type):
            return []
        if not isinstance(self.sampler, str) or self.sampler not in SAMPLERS:
            return [
                f"sampler={shown(self.sampler)} must be {', '.join(map(repr, SAMPLERS))} or a"
                " function from a seed to a sampler, as in sampler=lambda seed:"
                " CmaEsSampler(seed=seed)."
            ]
        return [
            f"sampler={self.sampler!r} needs the package {package}: pip install {package}."
            for package in SAMPLERS[self.sampler]
            if importlib.util.find_spec(package) is None
        ]

    def record(self) -> dict[str, Any]:
        """As of any search; what runs of earlier versions did goes without saying."""
        silent = {"sampler": "tpe", "until_settled": False}
        said = super().record()
        return {k: said[k] for k in said if not (k in silent and said[k] == silent[k])}

    def searcher(
        self, study: "Study", past: Iterable["TrialRecord"] = (), *journal: Any
    ) -> "Searcher":
        from tuning.search.optuna import OptunaSearcher

        return OptunaSearcher(study, past, *journal)
