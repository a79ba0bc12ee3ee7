"""Writes down what the trials of a run report, as it arrives: the one writer of its records."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from analysis.records.orders import Order
from analysis.records.schema import REPEATED, RUNNING, Phase, Status
from analysis.records.settled import settled_row
from tuning.engine.slots import SlotTimes
from tuning.runs.history import History, TrialRecord
from tuning.runs.records import Records
from tuning.spec.study import Trial

PLACE = ("node", "ip", "pid", "gpus", "device")
"""Where an epoch was trained, as its row says; the GPUs only of a trial that has some, the device
where the trainable says it.
"""


class Callback(Protocol):
    """Told what was recorded."""

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None: ...

    def pause(self, trial: Trial) -> None: ...

    def end(self, trial: Trial, status: str, error: str | None) -> None: ...


class Recorder:
    """Appends rows to the files of a run, keeps ``history`` up to date with them, and tells the
    callbacks.
    """

    def __init__(
        self,
        history: History,
        records: Records,
        callbacks: Sequence[Callback],
        slots: SlotTimes | None = None,
    ) -> None:
        self.history, self._records, self._callbacks = history, records, callbacks
        self.slots = slots or SlotTimes()
        self._code = {"code": history.version} if history.version else {}
        self._places: dict[str, dict[str, Any]] = {}

    def begin(self, trial: Trial, **facts: Any) -> None:
        """A trial starts, or starts again; ``facts``: what else its row is to say."""
        record = self.history.begin(trial)
        first = record.attempt == 1
        if trial.refused and first:
            facts["refused"] = list(trial.refused)
        if trial.drawn and first:
            facts["drawn"] = dict(trial.drawn)
        if first and self._is_spared(trial):
            facts["spared"] = True
        if record.rung is not None:
            facts["rung"] = record.rung
        self._records.append("trials", self._trial_row(trial, status=RUNNING, **facts))

    def pause(self, trial: Trial, rung: int) -> None:
        """The trial waits at a rung, and takes no process meanwhile."""
        self.slots.free(trial.id)
        self.history.pause(trial, rung)
        epochs = self.history.trials[trial.id].last_epoch
        row = self._trial_row(trial, status=str(Status.PAUSED), rung=rung, epochs=epochs)
        self._records.append("trials", row)
        for callback in self._callbacks:
            callback.pause(trial)

    def promote(self, trial: Trial, rung: int) -> None:
        """A paused trial goes on from that rung."""
        self.history.promote(trial)
        self._records.append("trials", self._trial_row(trial, status=RUNNING, rung=rung))

    def repeat(self, trial: Trial, same: TrialRecord) -> None:
        """The setting of ``trial`` was drawn again: ``same`` answers for it."""
        self.history.repeat(trial, same.id)
        row: dict[str, Any] = {
            "trial": trial.id,
            "phase": trial.phase,
            "params": dict(trial.params),
        }
        row |= {"seeds": list(trial.seeds), **self._code, "status": REPEATED, "same_as": same.id}
        drawn: dict[str, Any] = {"refused": list(trial.refused)} if trial.refused else {}
        drawn |= {"drawn": dict(trial.drawn)} if trial.drawn else {}
        self._records.append("trials", row | drawn)

    def epoch(self, trial: Trial, row: dict[str, Any]) -> None:
        """An epoch as ``trial.iterate`` gives it, with the place where it was trained."""
        if arrays := row.pop("arrays"):
            self._records.write_arrays(trial.id, arrays)
        del row["diverged"]
        attempt = self.history.trials[trial.id].attempt
        row = {"trial": row["trial"], "attempt": attempt, **self._code, **row}
        if "cost" in row:
            row["cost"] = self.slots.told(trial.id, row["cost"])
        self._places[trial.id] = {key: row[key] for key in PLACE if key in row}
        self._records.append("epochs", row)
        self.history.epoch(trial, row)
        for callback in self._callbacks:
            callback.epoch(trial, row)

    def log(self, trial: Trial, text: str) -> None:
        """What the trial printed."""
        self._records.write_log(trial.id, text)

    def end(self, trial: Trial, status: str, error: str | None = None, **facts: Any) -> str | None:
        """The trial has ended; returns the error as it is recorded."""
        (self.slots.fail if status == Status.FAILED else self.slots.free)(trial.id)
        error = self._records.kept_error(trial.id, error) if error else error
        facts = {
            "epochs": self.history.trials[trial.id].last_epoch,
            "error": error,
            **self._places.pop(trial.id, {}),
            **facts,
        }
        self._records.append("trials", self._trial_row(trial, status=status, **facts))
        self.history.end(trial, status)
        for callback in self._callbacks:
            callback.end(trial, status, error)
        return error

    def answer(self, order: Order, done: bool, text: str, **facts: Any) -> None:
        """An order was carried out, or not, and why."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        row = {"order": order.id, "at": at, "done": done, "answer": text, **facts}
        self._records.append("answers", row)
        self.history.answered.add(order.id)

    def settle(self, facts: Mapping[str, Any]) -> None:
        """The search is settled, as ``settled_facts`` has it."""
        self._records.append("answers", settled_row(facts, self.history.study.metric))
        self.history.settlements.append(facts)

    def _is_spared(self, trial: Trial) -> bool:
        study = self.history.study
        rule = study.scheduler if trial.phase == Phase.SEARCH else None
        return rule is not None and rule.spares(study.search.seed, trial.id)

    def _trial_row(self, trial: Trial, **facts: Any) -> dict[str, Any]:
        return {
            "trial": trial.id,
            "phase": trial.phase,
            "params": dict(trial.params),
            "seeds": list(trial.seeds),
            "attempt": self.history.trials[trial.id].attempt,
            **self._code,
            **self.slots.lost(trial.id),
            **facts,
        }
