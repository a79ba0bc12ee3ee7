"""One process's part of a run, whatever trains its trials: what is read before the first and done
after the last of them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis import load_run
from analysis.records.lines import read_spec
from analysis.records.load import Run, RunPaths
from analysis.records.orders import Inbox
from tuning.engine.best import export_best
from tuning.engine.checkpoints import BestCheckpoints, clear_unknown
from tuning.engine.controller import Controller
from tuning.engine.deciding import confirming
from tuning.engine.recorder import Callback, Recorder
from tuning.engine.sendable import data_for_trials
from tuning.engine.slots import SlotTimes
from tuning.process.signals import Interruption
from tuning.runs.budgets import Allowance, with_spent
from tuning.runs.history import History
from tuning.runs.lock import Lock
from tuning.runs.prepare import write_spec
from tuning.runs.records import Records
from tuning.runs.store import Folder
from tuning.runs.store_lock import current
from tuning.search.grid import trials_left
from tuning.spec.study import Study, StudyError


@dataclass(frozen=True)
class Outcome:
    """How a run stands after a session."""

    paths: RunPaths
    statuses: Mapping[str, str]
    """The end of each trial that ended, by its id."""
    paused: bool = False
    """Whether a person ended the session before all was trained."""


def history_of(study: Study, run: Run) -> History:
    """What the records of a run say, for the session that its ``study.json`` names last by now."""
    session = (read_spec(run.paths.study).get("sessions") or [{}])[-1]
    history = History.of(study, run, session.get("code"))
    history.searches &= not session.get("confirm_now", False)
    return history


def is_complete(study: Study, history: History) -> bool:
    """Whether a session of ``study`` has nothing to train; False where only its searcher knows."""
    past, confirmed = [history.begun(phase) for phase in ("search", "confirm")]
    if study.search.exhaustive:
        left = bool(trials_left(study.trials(), past))
    else:
        left = len(history.drawn()) < study.planned and not history.settled
    return (
        not (left and history.searches)
        and not history.has_orders
        and all(each.ended for each in [*past, *confirmed])
        and not (study.confirm and confirming(study, history).ask())
    )


class Session:
    """The records of a run, open for this process, and where its checkpoints are.

    ``check``: called every few seconds at least; what it raises ends the session.
    """

    def __init__(
        self,
        study: Study,
        paths: RunPaths,
        callbacks: Sequence[Callback],
        lock: Lock,
        check: Callable[[], None],
        interruption: Interruption,
        history: History | None = None,
    ) -> None:
        self.study, self.paths, self._callbacks = study, paths, callbacks
        self._lock, self.check, self._interruption = lock, check, interruption
        self._history = history
        self._opened = {"clock": time.monotonic(), "at": round(time.time(), 3), "data": 0.0}
        self.records = Records(paths, self._between)
        self.store = read_spec(paths.study).get("storage")
        self.checkpoints = (
            current(Folder.at(self.store)) / "checkpoints"
            if self.store
            else Folder.at(paths.checkpoints)
        )

    @property
    def about(self) -> dict[str, str]:
        """What Ray's dashboard says of it, by the names that it has for that."""
        run = self.paths.root.name.encode(errors="replace").decode()
        return {"job_name": f"{self.study.name} {run}", "study": self.study.name, "run": run}

    def data(self) -> dict[str, Any]:
        """As ``data_for_trials``; how long that takes is recorded."""
        began = time.monotonic()
        data = data_for_trials(self.study)
        self._opened["data"] = round(time.monotonic() - began, 3)
        return data

    def controller(self, capacity: Callable[[], int] = lambda: 1) -> Controller:
        """What decides of the trials; ``capacity``: how many can be trained at the same time.
        Checkpoints that no trial goes on from are removed: of trials that the records do not know,
        and of those that other code began.
        """
        history = self._history or history_of(self.study, load_run(self.paths.root))
        clear_unknown(self.checkpoints, history.ids)
        for record in history.trials.values():
            if not record.ended and record.version not in (None, history.version):
                (self.checkpoints / record.trial.id).clear()
        best = BestCheckpoints(history, self.checkpoints)
        return Controller(
            self.study,
            Recorder(history, self.records, [*self._callbacks, best], SlotTimes(self._opened)),
            capacity=capacity,
            check=self._held,
            interrupted=lambda: self._interruption.by is not None,
            journal=self.paths.optuna,
            between=self._between,
            allowance=Allowance.of(self._noted()),
            inbox=Inbox(self.paths),
        )

    def finish(self, controller: Controller) -> Outcome:
        """Export the best network, once all trials have ended, and note what was spent.

        Raises:
            StudyError: a trial found that none can be recorded.
        """
        if reason := controller.stops_study:
            raise StudyError(
                f"Study {self.study.name!r}: {reason.removesuffix('.')}. The run was stopped; what"
                f" it wrote is in {self.paths.root}"
            )
        history = controller.history
        if not (self._interruption.by or controller.orders.pausing):
            controller.orders.look(None)  # what came too late is to be told so
            export_best(self.study, history, self.paths, self.checkpoints)
        if "budget" in self._noted():
            spec = read_spec(self.paths.study)
            write_spec(self.paths, with_spent(spec, controller.budget.facts()))
        ended = (record for record in history.trials.values() if record.ended)
        statuses = {record.trial.id: record.status for record in ended}
        return Outcome(self.paths, statuses, controller.orders.pausing)

    def _noted(self) -> Mapping[str, Any]:
        """What ``study.json`` says of this session."""
        sessions = read_spec(self.paths.study).get("sessions") or [{}]
        return dict(sessions[-1])

    def _between(self) -> None:
        """While the disk is full: the run is still held, and can still be interrupted."""
        self._held()
        if self._interruption.by:
            raise KeyboardInterrupt

    def _held(self) -> None:
        self._lock.check()
        self.check()
