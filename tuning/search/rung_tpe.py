"""TPE of Optuna that learns from paused trials as from stopped ones."""

import copy
from collections.abc import Container
from typing import Any

from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState


class RungTPE(BaseSampler):
    """``TPESampler``, for which a paused trial is one that was stopped where it waits: Optuna takes
    it for one that runs, and what runs for bad.
    """

    def __init__(self, seed: int, n_startup_trials: int) -> None:
        self._tpe = TPESampler(seed=seed, n_startup_trials=n_startup_trials)
        self._startup = n_startup_trials
        self.has_learned = False
        """Whether it drew by what trials gave, and not at random."""

    def facts(self) -> dict[str, Any]:
        return {"by": "tpe"}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        return self._tpe.infer_relative_search_space(self._seen(study), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]
    ) -> dict[str, Any]:
        return self._tpe.sample_relative(self._seen(study), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        seen = self._seen(study)
        return self._tpe.sample_independent(seen, trial, param_name, param_distribution)

    def _seen(self, study: Study) -> Any:
        seen = _PausedArePruned(study)
        known = seen.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))
        self.has_learned = len(known) >= self._startup
        return seen


class _PausedArePruned:
    """A study of Optuna whose trials that have a value and did not end are pruned."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._trials = [_ended(each) for each in study.get_trials(deepcopy=False)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def get_trials(
        self, deepcopy: bool = False, states: Container[TrialState] | None = None, **how: Any
    ) -> list[FrozenTrial]:
        return [each for each in self._trials if states is None or each.state in states]

    _get_trials = get_trials  # what Optuna's own samplers call


def _ended(trial: FrozenTrial) -> FrozenTrial:
    if trial.state != TrialState.RUNNING or not trial.intermediate_values:
        return trial
    pruned = copy.copy(trial)
    pruned.state = TrialState.PRUNED
    return pruned
