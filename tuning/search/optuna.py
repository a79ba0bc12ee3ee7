"""Optuna, asked for one setting after the other and told the truth about each."""

import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.records.schema import Mode
from tuning.process.terminal import say
from tuning.runs.earlier import EarlierRun
from tuning.runs.store import retry_while_full
from tuning.runs.trial_record import TrialRecord
from tuning.search.optuna_space import UNKNOWN, OptunaSpace, is_unknown
from tuning.search.redrawn import drawn_again
from tuning.search.samplers import Samplers
from tuning.spec.study import Optuna, Study, Trial, trial_id

OTHER_DRAWS = (
    "the sampler draws other settings than the records have (its package has changed, say). It goes"
    " on from the records alone: what it kept besides, the state of an evolution say, begins anew."
)


class OptunaSearcher:
    """Settings that Optuna chooses by what earlier ones gave.

    Optuna learns what is in the records and nothing else: each session builds its knowledge anew
    from them, so there is never a trial that it takes for running after a crash, and a damaged
    journal costs nothing. A stopped trial is told as pruned with its values so far, a diverged or
    failed one as failed, and only a trial that ran to the end as complete. Of one that a person
    stopped before its first epoch nothing is learned.

    TPE and the Gaussian process draw each setting with a random state that depends on (seed of the
    search, number of the trial) alone: what was told before, and nothing else, decides what comes
    next. Samplers with a state of their own (CMA-ES, NSGA-II, QMC, those of the user) are asked and
    told all of it again, in the order of the records. With one trial at a time a resumed search
    equals an uninterrupted one.

    ``journal``: where Optuna keeps what it knows, for its dashboard. Where the disk is full,
    writing it waits until there is room; ``between`` is called meanwhile. ``trial_seconds``: what a
    trial takes, as far as the records know. ``earlier``: runs whose best settings are tried first,
    after those that the search names itself, and of which "auto" learns besides. ``errors``: the
    standard errors of the scores of a trial by epoch, which "auto" is given too.
    """

    def __init__(
        self,
        study: Study,
        past: Iterable[TrialRecord] = (),
        journal: Path | None = None,
        between: Callable[[], None] | None = None,
        trial_seconds: Callable[[], float | None] = lambda: None,
        earlier: Sequence[EarlierRun] = (),
        errors: Callable[[str], Mapping[int, float]] = lambda trial: {},
    ) -> None:
        import optuna

        assert isinstance(study.search, Optuna)
        self._optuna, self._journal, self._between = optuna, journal, between
        self._study, self._search, self._trial_seconds = study, study.search, trial_seconds
        self._runs, self._errors = earlier, errors
        records = list(past)
        self._begin()
        again = self._samplers.keep_state and drawn_again(self, records)
        if self._samplers.keep_state and not again:
            say(f"note: {OTHER_DRAWS}")
            self._begin()
        for record in [] if again else records:
            self._recall(record)
        self._cut_off += [each.trial for each in records if each.cut_off]
        self._asked = len(records)

    def _begin(self) -> None:
        """With nothing known."""
        self._space = OptunaSpace(self._study)
        known = self._earlier()
        self._ids: dict[int, str] = {}  # by the number that Optuna gives each
        given = self._trial_seconds, known, lambda number: self._errors(self._ids.get(number, ""))
        self._samplers = Samplers(self._study, self._space, *given)
        journal = self._journal
        self._told = self._optuna.create_study(
            storage=_storage(journal, self._between) if journal else None,
            study_name=journal.parent.name if journal else self._study.name,
            direction="maximize" if Mode(self._study.mode) is Mode.MAX else "minimize",
        )
        self._open: dict[str, Any] = {}
        self._values: dict[str, float] = {}
        self._reported: defaultdict[str, set[int]] = defaultdict(set)
        self._cut_off: list[Trial] = []
        self._asked, self._number = 0, -1

    def _earlier(self) -> Any:
        """What the earlier runs found, whose best settings are among the first; None where there
        are none.
        """
        if not self._runs:
            return None
        from tuning.search.earlier import Earlier

        known = Earlier(self._runs, self._study, self._space)
        self._space.points += known.starts(self._search.n_startup_trials // 2)
        return known

    def ask(self) -> Trial | None:
        if self._cut_off:
            return self._cut_off.pop(0)
        if self._asked >= self._search.trials:
            return None
        self._asked += 1
        asked, params, refused = self._space.draw(self._told, self._asked, self._samplers.of_seed)
        trial = Trial(
            id=trial_id(self._asked, self._search.trials),
            params=params,
            seeds=self._study.seed_list,
            refused=refused,
            drawn=self._samplers.drawn(),
        )
        self._number = asked.number
        self._open[trial.id], self._ids[asked.number] = asked, trial.id
        return trial

    def gained(self, recent: int) -> tuple[float, float] | None:
        """As ``gaussian.gained``, of the ``recent`` last trials; None where none has a value."""
        sampler = self._samplers.of_rungs(self._search.seed)
        trials = self._told.get_trials(deepcopy=False)
        found: tuple[float, float] | None = sampler.gained(trials, self._told.direction, recent)
        return found

    def report(self, trial: Trial, epoch: int, score: float) -> None:
        asked = self._open.get(trial.id)
        if asked is None or not math.isfinite(score):
            return
        self._values[trial.id] = score
        if epoch not in self._reported[trial.id]:
            self._reported[trial.id].add(epoch)
            asked.report(score, epoch)

    def tell(self, trial: Trial, status: str) -> None:
        asked = self._open.pop(trial.id, None)
        self._reported.pop(trial.id, None)
        value = self._values.pop(trial.id, None)
        if asked is not None:
            state = self._state(status, value)
            if is_unknown(status, value):
                asked.set_user_attr(UNKNOWN, True)
            complete = state == self._optuna.trial.TrialState.COMPLETE
            self._told.tell(asked, value if complete else None, state=state)

    def learn(self, record: TrialRecord) -> None:
        self._recall(record)

    def _state(self, status: str, score: float | None) -> Any:
        states = self._optuna.trial.TrialState
        return {
            "completed": states.COMPLETE,
            "pruned": states.PRUNED,
            "stopped by hand": states.FAIL if score is None else states.PRUNED,
            "unfinished": states.RUNNING,
            "paused": states.RUNNING,
        }.get(status, states.FAIL)

    def _recall(self, past: TrialRecord) -> None:
        """Add a trial of an earlier session as the records have it."""
        states, state = self._optuna.trial.TrialState, self._state(past.status, past.score)
        if past.status == "completed" and past.score is None:
            state = states.FAIL
        self._samplers.recall(past.trial.drawn)
        known = self._space.known(
            past.trial.params,
            state=state,
            # Of a pruned one the last value, as Optuna itself keeps it.
            value=past.score if state in (states.COMPLETE, states.PRUNED) else None,
            intermediate_values=dict(past.scores),
            user_attrs={UNKNOWN: True} if is_unknown(past.status, past.score) else {},
        )
        self._told.add_trials([*map(self._space.refused, past.trial.refused), known])
        self._number += len(past.trial.refused) + 1
        self._ids[self._number] = past.trial.id
        if not past.ended:
            stored = self._told.get_trials(deepcopy=False)[-1]
            self._open[past.trial.id] = self._optuna.trial.Trial(self._told, stored._trial_id)
            self._reported[past.trial.id].update(past.scores)
            if past.score is not None:
                self._values[past.trial.id] = past.score


def _storage(journal: Path, between: Callable[[], None] | None) -> Any:
    """The journal at that path, anew."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    class Patient(JournalFileBackend):
        """On a full disk it waits, and leaves no half line behind."""

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            retry_while_full(
                lambda: self._append_whole(logs), say, for_seconds=math.inf, between=between
            )

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
