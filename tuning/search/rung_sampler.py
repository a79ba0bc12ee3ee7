"""A sampler of Optuna that learns from every rung that a trial has reached."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from tuning.runs.trial_record import at_stops
from tuning.search.gaussian import Seen, gained, load_packages, suggested
from tuning.search.optuna_space import UNKNOWN
from tuning.search.process import Process
from tuning.search.stops import MOST, depth
from tuning.search.unit_cube import UnitCube


class RungSampler(BaseSampler):
    """A sampler of Optuna for one suggestion in a space of those ``distributions``.

    ``when``: as for ``UnitCube``. ``stops``: the epochs at which trials are compared, ascending,
    the full length last. The first ``n_startup_trials`` are drawn at random. A failed trial counts
    as bad at full length, one that was refused before it began too: else its like would be tried
    again and again. ``errors``: the standard errors of the values of a trial over its ``seeds``, by
    its number and by epoch.
    """

    def __init__(
        self,
        seed: int,
        n_startup_trials: int,
        stops: Sequence[int],
        distributions: Mapping[str, Any],
        when: Mapping[str, Mapping[str, Sequence[Any]]] | None = None,
        earlier: Sequence[Process] = (),
        errors: Callable[[int], Mapping[int, float]] = lambda number: {},
        seeds: int = 1,
    ) -> None:
        self._earlier, self._errors, self._seeds = earlier, errors, seeds
        self._random, self._rng = RandomSampler(seed=seed), np.random.default_rng(seed)
        self._startup, self._stops = n_startup_trials, stops
        self._distributions, self._cube = dict(distributions), UnitCube(distributions, when)
        self._seconds: float | None = None

    @property
    def has_learned(self) -> bool:
        """Whether it drew by what trials gave, and not at random."""
        return self._seconds is not None

    def facts(self) -> dict[str, Any]:
        return {"by": "gp", "seconds": self._seconds}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        return self._distributions

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]
    ) -> dict[str, Any]:
        """All params at once; none where they are to be drawn at random."""
        trials = study.get_trials(deepcopy=False)
        others = [each for each in trials if each.number != trial.number]
        seen = self._seen(others, study.direction)
        if len(others) < self._startup or not np.isfinite(seen.scores).any():
            return {}
        load_packages()
        began = time.perf_counter()
        point = suggested(self._cube, seen, self._rng, self._earlier)
        self._seconds = round(time.perf_counter() - began, 4)
        return {} if point is None else self._cube.params(point)

    def gained(
        self, trials: Sequence[FrozenTrial], direction: StudyDirection, recent: int
    ) -> tuple[float, float] | None:
        """As ``gaussian.gained``, of the ``recent`` last ones of the ``trials`` that have a value;
        None where none has.
        """
        valued = [each for each in trials if each.intermediate_values]
        if not valued:
            return None
        earlier = [self._cube.point(each.params) for each in valued[:-recent]]
        return gained(self._cube, self._seen(trials, direction), np.array(earlier))

    def _seen(self, trials: Sequence[FrozenTrial], direction: StudyDirection) -> Seen:
        """The ``MOST`` values of the highest rungs alone."""
        sign = 1 if direction == StudyDirection.MAXIMIZE else -1
        known = [each for each in trials if each.params and UNKNOWN not in each.user_attrs]
        rows = [
            (self._cube.point(trial.params), *value)
            for trial in known
            for value in self._values(trial, sign)
        ]
        rows = sorted(rows, key=lambda row: (-row[1], -row[2]))[:MOST]
        pending = [
            self._cube.point(each.params)
            for each in known
            if each.state == TrialState.RUNNING and not each.intermediate_values
        ]
        points, *values = zip(*rows, strict=True) if rows else ((), (), (), ())
        axes = len(self._distributions)
        depths, scores, errors = map(np.array, values)
        known_to = errors, self._seeds
        return Seen(_stacked(points, axes), depths, scores, _stacked(pending, axes), *known_to)

    def _values(self, trial: FrozenTrial, sign: int) -> Iterator[tuple[float, float, float]]:
        """Depth, score and standard error of a trial at each stop, and where it is now."""
        values = trial.intermediate_values
        refused = trial.state == TrialState.PRUNED and not values
        if trial.state == TrialState.FAIL or refused:
            yield 1.0, -math.inf, math.nan
        else:
            errors = self._errors(trial.number)
            for epoch in at_stops(values, self._stops):
                error = errors.get(epoch, math.nan)
                yield depth(epoch, self._stops), sign * values[epoch], error


def _stacked(points: Sequence[np.ndarray], axes: int) -> np.ndarray:
    return np.array(points).reshape(len(points), axes)
