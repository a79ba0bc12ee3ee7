"""Which seeds a grid still needs whose seeds stop themselves."""

import math
from collections import deque
from dataclasses import asdict

import numpy as np

from analysis.records.schema import Status
from analysis.stats.settling import Rule, Settled, planned_pairs, settle, texts_of
from tuning.runs.history import History, TrialRecord
from tuning.search.grid import trials_left
from tuning.spec.branches import space_record
from tuning.spec.study import Study, Trial


class SettlingSearcher:
    """Asks for block after block of seeds: the next one once all trials of the last have ended, for
    the settings that an open comparison needs. What it decides depends on the records alone.
    """

    def __init__(self, study: Study, history: History) -> None:
        assert study.settles
        self._study, self._history = study, history
        self._rule = Rule.of(asdict(study.settles))
        space, compare = space_record(study.space), study.report.compare
        self._keys = list(space)
        self._numbers = {
            texts_of(setting, self._keys): number for number, setting in enumerate(study.settings())
        }
        self._comparisons = planned_pairs(
            space, self._numbers, asdict(compare) if compare else None
        )
        self._block: list[Trial] = []
        self._left: deque[Trial] = deque()
        self._is_settled = False

    def ask(self) -> Trial | None:
        if not self._left and not self._is_settled and all(map(self._has_ended, self._block)):
            self._block = self._next_block()
            self._left = deque(self._block)
            self._is_settled = not self._block
        return self._left.popleft() if self._left else None

    def report(self, trial: Trial, epoch: int, score: float) -> None:
        """Nothing is learned: the records have it."""

    def tell(self, trial: Trial, status: str) -> None:
        """Nothing is learned: the records have it."""

    def learn(self, record: TrialRecord) -> None:
        """Nothing: a grid has all its settings."""

    def _has_ended(self, trial: Trial) -> bool:
        record = self._history.trials.get(trial.id)
        return record is not None and record.ended

    def _next_block(self) -> list[Trial]:
        settled = self._settled()
        sizes = self._rule.looks.sizes
        wanted = settled.needed if settled.reached else set(self._numbers.values())
        size = sizes[min(settled.reached, len(sizes) - 1)]
        planned = [
            trial
            for trial in self._study.trials()
            if self._number(trial) in wanted and max(trial.seeds) < size
        ]
        return trials_left(planned, self._history.begun("search"))

    def _settled(self) -> Settled:
        values, ended, stopped = self._values()
        return settle(self._rule, values, ended, *self._comparisons, stopped=stopped)

    def _values(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The metric of each setting and seed, which of them ended, and of which settings a trial
        was stopped by hand, as ``settle`` has them.
        """
        stopped = np.zeros(len(self._numbers), dtype=bool)
        shape = len(self._numbers), self._rule.looks.sizes[-1]
        values, ended = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
        for record in self._history.begun("search"):
            number, seeds = self._number(record.trial), list(record.trial.seeds)
            censored = record.retrain or record.status == Status.STOPPED
            ended[number, seeds] |= record.ended and not censored
            stopped[number] |= record.status == Status.STOPPED
            if record.status == "completed":
                finite = {seed: v for seed, v in record.ends.items() if math.isfinite(v)}
                values[number, list(finite)] = list(finite.values())
        return values, ended, stopped

    def _number(self, trial: Trial) -> int:
        return self._numbers[texts_of(trial.params, self._keys)]
