"""Which seeds a grid, or a confirmation, still needs whose seeds stop themselves."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from analysis.records.schema import Phase, Status
from analysis.stats.planned import all_pairs, planned_pairs, texts_of
from analysis.stats.settling import Rule, Settled, settle
from tuning.runs.history import History, TrialRecord, params_key
from tuning.search.confirmation import confirmations
from tuning.search.grid import trials_left
from tuning.spec.branches import space_record
from tuning.spec.settling_plan import race_record
from tuning.spec.study import Study, Trial

Comparisons = tuple[np.ndarray, np.ndarray]


class SettlingSearcher:
    """Asks for block after block of seeds: the next one once all trials of the last have ended, for
    the settings that an open comparison needs. What it decides depends on the records alone.

    ``settings``: those that are compared; ``planned``: all trials that there may be;
    ``comparisons``: as ``planned_pairs`` or ``all_pairs``, by the numbers of ``settings``.
    """

    def __init__(
        self,
        history: History,
        rule: Rule,
        settings: Sequence[Mapping[str, Any]],
        planned: Sequence[Trial],
        comparisons: Comparisons,
    ) -> None:
        self._history, self._rule, self._planned = history, rule, planned
        self._phase = Phase.CONFIRM if rule.race else Phase.SEARCH
        self._settings, self._keys = settings, list(space_record(history.study.space))
        self._numbers = {texts_of(each, self._keys): n for n, each in enumerate(settings)}
        self._comparisons = comparisons
        self._block: list[Trial] = []
        self._left: deque[Trial] = deque()
        self._is_settled = False

    @classmethod
    def of_grid(cls, study: Study, history: History) -> "SettlingSearcher":
        assert study.settles
        space, compare, settings = space_record(study.space), study.report.compare, study.settings()
        numbers = {texts_of(each, list(space)): n for n, each in enumerate(settings)}
        pairs = planned_pairs(space, numbers, asdict(compare) if compare else None)
        return cls(history, Rule.of(asdict(study.settles)), settings, study.trials(), pairs)

    @classmethod
    def of_confirmation(cls, study: Study, history: History) -> "SettlingSearcher":
        """The race of the settings that are confirmed, those that have begun by now among them."""
        begun = {params_key(each.params): each.params for each in history.phase(Phase.CONFIRM)}
        settings = history.to_confirm()
        settings |= {key: params for key, params in begun.items() if key not in settings}
        planned, rule = confirmations(study, settings), Rule.of(race_record(study))
        return cls(history, rule, [*settings.values()], planned, all_pairs(range(len(settings))))

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
        """Nothing: all settings are known."""

    def _has_ended(self, trial: Trial) -> bool:
        record = self._history.trials.get(trial.id)
        return record is not None and record.ended

    def _next_block(self) -> list[Trial]:
        settled = self._settled()
        sizes = self._rule.looks.sizes
        if self._rule.race:
            left = [params_key(self._settings[number]) for number in settled.left]
            self._history.left_race(left)
        wanted = settled.needed if settled.reached else set(self._numbers.values())
        until = self._rule.first + sizes[min(settled.reached, len(sizes) - 1)]
        planned = [
            trial
            for trial in self._planned
            if self._number(trial) in wanted and max(trial.seeds) < until
        ]
        return trials_left(planned, self._history.begun(self._phase))

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
        for record in self._history.begun(self._phase):
            number = self._number(record.trial)
            if number is None:  # a setting that was left out by hand altogether
                continue
            seeds = [seed - self._rule.first for seed in record.trial.seeds]
            censored = record.retrain or record.status == Status.STOPPED
            ended[number, seeds] |= record.ended and not censored
            stopped[number] |= record.status == Status.STOPPED
            if record.status == "completed":
                ends = [record.ends.get(seed, math.nan) for seed in record.trial.seeds]
                values[number, seeds] = np.where(np.isfinite(ends), ends, math.nan)
        return values, ended, stopped

    def _number(self, trial: Trial) -> int | None:
        return self._numbers.get(texts_of(trial.params, self._keys))
