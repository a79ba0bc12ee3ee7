"""Optuna, asked for one setting after the other and told the truth about each."""

import math
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.tables import identity
from trainables.loop import derive_seed
from tuning.past import Past
from tuning.space import distribution
from tuning.storage import once_there_is_room
from tuning.study import Optuna, Random, Study, Trial, trial_id
from tuning.terminal import say


class Asker:
    """The settings of a search, and Optuna's knowledge of them: a listener of the recorder.

    Optuna learns what is in the records and nothing else: each session builds its knowledge anew from them, so there is never a trial that
    it takes for running after a crash, and a damaged journal costs nothing. A stopped trial is told as pruned with its values so far, a
    diverged or failed one as failed, and only a trial that ran to the end as complete.

    Each setting is drawn with a random state that depends on (seed of the search, number of the trial) alone: what was told before, and
    nothing else, decides what comes next. With one trial at a time a resumed search equals an uninterrupted one.

    ``journal``: where Optuna keeps what it knows, for its dashboard. Where the disk is full, writing it waits until there is room;
    ``between`` is called meanwhile.
    """

    def __init__(
        self, study: Study, past: Sequence[Past] = (), journal: Path | None = None, between: Callable[[], None] | None = None
    ) -> None:
        import optuna

        assert isinstance(study.search, Random | Optuna)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna
        self._study = study
        self._search = study.search
        self._space, self._alike = _told_apart({key: distribution(values) for key, values in study.space.items()})
        direction = "maximize" if study.mode == "max" else "minimize"
        name = journal.parent.name if journal else study.name
        self._told = optuna.create_study(storage=_storage(journal, between) if journal else None, study_name=name, direction=direction)
        self._open: dict[str, Any] = {}
        self._values: dict[str, float] = {}
        self._reported: defaultdict[str, set[int]] = defaultdict(set)
        for one in past:
            self._recall(one)

    def ask(self, number: int) -> Trial:
        """The trial with that number, counted from 1."""
        self._told.sampler = self._sampler(number)
        if number <= len(self._search.first):
            self._told.enqueue_trial(self._for_optuna(self._search.first[number - 1]))
        asked = self._told.ask(self._space)
        setting = {key: self._alike.get(key, {}).get(value, value) for key, value in asked.params.items()}
        trial = Trial(id=trial_id(number, self._search.trials), config=setting, seeds=self._study.seed_list)
        self._open[trial.id] = asked
        return trial

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        mean = self._study.score(row["metrics"])
        asked = self._open.get(trial.id)
        if asked is None or not math.isfinite(mean):
            return
        self._values[trial.id] = mean
        if row["epoch"] not in self._reported[trial.id]:
            self._reported[trial.id].add(row["epoch"])
            asked.report(mean, row["epoch"])

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        asked = self._open.pop(trial.id, None)
        if asked is None:
            return
        state = self._state(status)
        complete = state == self._optuna.trial.TrialState.COMPLETE
        self._told.tell(asked, self._values.get(trial.id) if complete else None, state=state)

    def _for_optuna(self, setting: Mapping[str, Any]) -> dict[str, Any]:
        return {key: identity(value) if key in self._alike else value for key, value in setting.items()}

    def _sampler(self, number: int) -> Any:
        seed = derive_seed(self._search.seed, "search", number) % 2**32
        if isinstance(self._search, Random):
            return self._optuna.samplers.RandomSampler(seed=seed)
        return self._optuna.samplers.TPESampler(seed=seed, n_startup_trials=self._search.startup)

    def _state(self, status: str) -> Any:
        states = self._optuna.trial.TrialState
        return {"completed": states.COMPLETE, "pruned": states.PRUNED, "unfinished": states.RUNNING}.get(status, states.FAIL)

    def _recall(self, past: Past) -> None:
        """Add a trial of an earlier session as the records have it."""
        states, state = self._optuna.trial.TrialState, self._state(past.status)
        if past.status == "completed" and past.score is None:
            state = states.FAIL
        known = self._optuna.trial.create_trial(
            state=state,
            value=past.score if state in (states.COMPLETE, states.PRUNED) else None,  # as Optuna itself keeps a pruned trial
            params=self._for_optuna(past.trial.config),
            distributions=self._space,
            intermediate_values=dict(past.scores),
        )
        self._told.add_trial(known)
        if not past.ended:
            stored = self._told.get_trials(deepcopy=False)[-1]
            self._open[past.trial.id] = self._optuna.trial.Trial(self._told, stored._trial_id)
            self._reported[past.trial.id].update(past.scores)
            if past.score is not None:
                self._values[past.trial.id] = past.score


def _told_apart(space: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The distributions, and text -> value of those whose values Python takes for equal, True and 1 say: Optuna, which would take them for
    one, is given their texts."""
    from optuna.distributions import CategoricalDistribution

    lists = {key: domain.choices for key, domain in space.items() if isinstance(domain, CategoricalDistribution)}
    alike = {key: {identity(value): value for value in values} for key, values in lists.items() if len(set(values)) < len(values)}
    return {**space, **{key: CategoricalDistribution(tuple(texts)) for key, texts in alike.items()}}, alike


def first_trial(study: Study) -> Trial:
    """The trial that a run of ``study`` would begin with."""
    return Asker(study).ask(1) if isinstance(study.search, Random | Optuna) else study.trials()[0]


def _storage(journal: Path, between: Callable[[], None] | None) -> Any:
    """The journal at that path, anew."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    class Patient(JournalFileBackend):
        """On a full disk it waits, and leaves no half line behind."""

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            once_there_is_room(lambda: self._append_whole(logs), say, for_seconds=math.inf, between=between)

        def _append_whole(self, logs: list[dict[str, Any]]) -> None:
            size = journal.stat().st_size
            try:
                super().append_logs(logs)
            except OSError:
                os.truncate(journal, size)
                raise

    for leftover in (journal, journal.with_name(journal.name + ".lock")):
        leftover.unlink(missing_ok=True)
    return JournalStorage(Patient(str(journal)))
