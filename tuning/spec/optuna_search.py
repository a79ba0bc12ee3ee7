"""How a study says that a sampler of Optuna chooses its settings."""

import importlib.util
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tuning.spec.callables import name_of
from tuning.spec.components import spec
from tuning.spec.searches import Search, Valid
from tuning.spec.values import shown

if TYPE_CHECKING:  # they know what a study is
    from tuning.runs.history import TrialRecord
    from tuning.search.base import Searcher
    from tuning.spec.study import Study

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

    warm_start: Sequence[str | Path] = ()
    """Folders of runs of the same parameters, metric and mode, on other data say. Their best
    settings are tried among the first, in the place of random ones, and "auto" expects what they
    showed as far as its own trials bear it out: see ``tuning.search.process``. The run keeps what
    it needs of them.
    """

    @property
    def how(self) -> str:
        named = "" if self.sampler == "tpe" else f" ({self._name})"
        how = f"chosen by Optuna{named}"
        if self.sampler == "auto":
            how = "chosen by a Gaussian process, or by TPE where trials are short"
        if not self.warm_start:
            return how
        from analysis.text.format import count  # brings pandas

        return f"{how}, begun with {count(len(self.warm_start), 'earlier run')}"

    @property
    def _name(self) -> str:
        return self.sampler if isinstance(self.sampler, str) else name_of(self.sampler)

    @property
    def fewest(self) -> int:
        least = self.n_startup_trials + RECENT if self.until_settled else self.trials
        return min(self.trials, least)

    def problems(self) -> list[str]:
        return [*self._sampler_problems(), *self._settled_problems(), *self._warm_problems()]

    def _warm_problems(self) -> list[str]:
        given = self.warm_start
        if isinstance(given, (list, tuple)) and all(isinstance(run, (str, Path)) for run in given):
            return []
        return [
            f"warm_start={shown(given)} must be a list of folders of runs, as in"
            ' warm_start=["results/STUDY/RUN"].'
        ]

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
        silent = {"sampler": "tpe", "until_settled": False, "warm_start": []}
        said = super().record() | {"warm_start": list(map(str, self.warm_start))}
        return {k: said[k] for k in said if not (k in silent and said[k] == silent[k])}

    def searcher(
        self, study: "Study", past: Iterable["TrialRecord"] = (), *journal: Any
    ) -> "Searcher":
        from tuning.search.optuna import OptunaSearcher

        return OptunaSearcher(study, past, *journal)
