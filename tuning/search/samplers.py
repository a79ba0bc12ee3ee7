"""The samplers of Optuna that a study may name."""

import warnings
from collections.abc import Callable, Mapping
from statistics import median
from typing import TYPE_CHECKING, Any

from tuning.search.optuna_space import OptunaSpace
from tuning.spec.callables import name_of
from tuning.spec.study import Optuna, Study, StudyError

if TYPE_CHECKING:  # it brings numpy
    from tuning.search.earlier import Earlier

WORTH = 0.03
"""So much of the time of a trial may a suggestion of the Gaussian process take."""
LATEST = 5
"""So many suggestions say what the next one takes."""


class Samplers:
    """What draws the trials of ``study``; ``trial_seconds``: as for ``OptunaSearcher``;
    ``errors``: of a trial by the number that Optuna gives it.

    Which sampler "auto" stands for depends on what the records say that trials and suggestions
    took: a search that is resumed goes on with the sampler that it would have had.
    """

    def __init__(
        self,
        study: Study,
        space: OptunaSpace,
        trial_seconds: Callable[[], float | None],
        earlier: "Earlier | None" = None,
        errors: Callable[[int], Mapping[int, float]] = lambda number: {},
    ) -> None:
        assert isinstance(study.search, Optuna)
        self._earlier, self._errors = earlier, errors
        self._search, self._space, self._trial_seconds = study.search, space, trial_seconds
        self._costs: list[float] = []
        self._last: Any = None
        self._stops, self._seeds = [*study.rungs, study.epochs], len(study.seed_list)
        self.keep_state = study.search.sampler not in ("auto", "tpe", "gp")
        """Whether they know more than what trials they were told of: then one draws them all."""
        self._kept: Any = None

    def of_seed(self, seed: int) -> Any:
        """The sampler for a draw with that seed; one that keeps its state has that of the first."""
        if not self.keep_state:
            self._last = self._fresh(seed)
            return self._last
        if self._kept is None:
            self._kept = self._stateful(seed)
        return self._kept

    def drawn(self) -> Mapping[str, Any] | None:
        """By which sampler the last params were drawn, as ``Trial.drawn``."""
        if self._search.sampler != "auto" or not self._last.has_learned:
            return None
        facts = self._last.facts()
        self.recall(facts)
        return facts

    def recall(self, drawn: Mapping[str, Any] | None) -> None:
        """An earlier draw, as ``drawn`` has said of it."""
        if drawn and "seconds" in drawn:
            self._costs.append(float(drawn["seconds"]))

    def _gp_is_worth_it(self) -> bool:
        trial, costs = self._trial_seconds(), self._costs[-LATEST:]
        return not costs or trial is None or median(costs) <= WORTH * trial

    def of_rungs(self, seed: int) -> Any:
        """One that learns from every rung, by a Gaussian process."""
        from tuning.search.rung_sampler import RungSampler

        earlier, startup = self._earlier, self._startup
        known = earlier.processes if earlier else []
        if earlier:
            startup -= self._search.n_startup_trials // 2
        space = self._space.distributions, self._space.conditions()
        return RungSampler(seed, startup, self._stops, *space, known, self._errors, self._seeds)

    @property
    def _startup(self) -> int:
        """Optuna counts what was refused among the trials that it was told of."""
        return self._search.n_startup_trials + self._space.refusals

    def _fresh(self, seed: int) -> Any:
        from optuna.samplers import GPSampler

        from tuning.search.rung_tpe import RungTPE

        if self._search.sampler == "auto" and self._gp_is_worth_it():
            return self.of_rungs(seed)
        if self._search.sampler in ("auto", "tpe"):
            return RungTPE(seed, self._startup)
        return GPSampler(seed=seed, n_startup_trials=self._startup, warn_independent_sampling=False)

    def _stateful(self, seed: int) -> Any:
        from optuna.samplers import CmaEsSampler, NSGAIISampler, QMCSampler

        startup, sampler = self._search.n_startup_trials, self._search.sampler
        if sampler == "cmaes":
            quiet = {"warn_independent_sampling": False}
            return CmaEsSampler(seed=seed, n_startup_trials=max(1, startup), **quiet)
        if sampler == "nsga2":
            return NSGAIISampler(seed=seed, population_size=max(2, startup))
        if sampler == "qmc":
            with warnings.catch_warnings(action="ignore"):  # it is experimental, as Optuna says
                return QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False)
        return _own(sampler, seed)


def _own(function: Any, seed: int) -> Any:
    from optuna.samplers import BaseSampler

    made = function(seed)
    if not isinstance(made, BaseSampler):
        raise StudyError(
            f"search: sampler={name_of(function)} must return a sampler of Optuna; it returned a"
            f" {type(made).__name__}."
        )
    return made
