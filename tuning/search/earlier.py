"""What earlier runs of the same parameters found, for a search that begins with it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from analysis.records.schema import Mode
from tuning.runs.earlier import EarlierRun
from tuning.runs.trial_record import at_stops
from tuning.search.gaussian import Seen, inputs_of, process_of
from tuning.search.optuna_space import OptunaSpace
from tuning.search.process import Process
from tuning.search.stops import MOST, depth
from tuning.search.unit_cube import UnitCube
from tuning.spec.study import Study

Params = Mapping[str, Any]


class Earlier:
    """What ``runs`` found, for the search of ``study``, whose ``space`` says where settings lie."""

    def __init__(self, runs: Sequence[EarlierRun], study: Study, space: OptunaSpace) -> None:
        self._runs, self._space = runs, space
        self._cube = UnitCube(space.distributions, space.conditions())
        self._sign = Mode(study.mode).sign

    @cached_property
    def processes(self) -> list[Process]:
        """One of each run by itself: what a run says of settings is their order, so that its
        scores have a scale of their own.
        """
        return [process_of(self._cube, self._seen(run)) for run in self._runs]

    def starts(self, most: int) -> list[Params]:
        """So many settings to begin with, one for each run at the most: each adds the most to what
        the best of them is expected to reach, mean over the runs.
        """
        settings = [params for run in self._runs for params, _ in run.trials]
        points = np.array([self._point(each) for each in settings])
        inputs = inputs_of(self._cube, points)
        expected = np.column_stack([each.predict(inputs) for each in self.processes])
        reached, chosen = np.full(expected.shape[1], expected.min()), []
        for _ in range(min(most, len(self._runs))):
            gains = np.maximum(expected - reached, 0.0).sum(axis=1)
            best = int(gains.argmax())
            if gains[best] <= 0:
                break
            chosen.append(settings[best])
            reached = np.maximum(reached, expected[best])
        return chosen

    def _point(self, params: Params) -> np.ndarray:
        return self._cube.point(self._space.for_optuna(params))

    def _seen(self, run: EarlierRun) -> Seen:
        rows = sorted(self._values(run), key=lambda row: (-row[1], -row[2]))[:MOST]
        points, depths, scores = map(np.array, zip(*rows, strict=True))
        none, unknown = np.empty((0, points.shape[1])), np.full(len(scores), np.nan)
        return Seen(points, depths, scores, none, unknown)

    def _values(self, run: EarlierRun) -> Iterator[tuple[np.ndarray, float, float]]:
        """Point, depth and score of each trial, as far into its training as in this run."""
        for params, scores in run.trials:
            for epoch in at_stops(scores, run.stops):
                yield self._point(params), depth(epoch, run.stops), self._sign * scores[epoch]
