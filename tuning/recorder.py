"""Writes down what the trials of a run report, as it arrives: the one writer of its records."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import ray
from ray import tune
from ray.tune.experiment import Trial as RayTrial

from tuning.records import Records
from tuning.signals import Interruption
from tuning.study import Study, Trial, trial_of
from tuning.terminal import say
from tuning.worker import REPORT, Report

PLACE = ("node", "ip", "pid", "gpus", "device")
"""Where an epoch was trained, as its row says; the GPUs only of a trial that has some, the device where the trainable says it."""

HELD_UP_SECONDS = 5.0

LOST = ("its node has died", "is unavailable")
"""How Ray says that a trial's node died, or that its process cannot be reached (Ray asks for a second what became of it, and a lost node is
noticed later than that): no fault of the trial."""


class Listener(Protocol):
    """Told what the recorder wrote."""

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None: ...

    def end(self, trial: Trial, status: str, error: str | None) -> None: ...


class Recorder(tune.Callback):
    """Records the trials of one phase; ``statuses`` holds the end of each by its id.

    Only what a trial says itself, or what stopped it, is its end: Ray also calls a trial complete that was cut off.
    """

    def __init__(
        self,
        study: Study,
        records: Records,
        listeners: Sequence[Listener],
        *,
        stopped: Mapping[str, int],
        attempts: Mapping[str, int],
        reported: bool,
        check: Callable[[], None],
        interruption: Interruption,
        again: Callable[[Trial], None],
        version: str | None,
    ) -> None:
        """``stopped``: the rung of each trial that was, by its id; ``attempts``: the starts of those of earlier sessions; ``reported``:
        whether an epoch of this run was recorded already, of whatever phase; ``version``: of the code that this session runs."""
        self._study = study
        self._records = records
        self._listeners = listeners
        self._stopped = stopped
        self._attempts = dict(attempts)
        self._reported = reported
        self._check = check
        self._interruption = interruption
        self._again = again
        self._version = {"code": version} if version else {}
        self._planned: set[str] = set()
        self._failures: Counter[str] = Counter()
        self._epochs: dict[str, int] = {}
        self._live: dict[str, RayTrial] = {}
        self._heard: dict[str, float] = {}
        self._stepped = time.monotonic()
        self._errors: dict[str, str] = {}
        self._places: dict[str, dict[str, Any]] = {}
        self.statuses: dict[str, str] = {}
        self.stops_study: str | None = None
        """Why no trial of this study can be recorded, once a trial has found that out."""

    def __getstate__(self) -> dict[str, Any]:
        """Ray stores callbacks beside its own state, which is never read again."""
        return {}

    def setup(self, **info: Any) -> None:
        self._interruption.fit_begins()

    def plan(self, trial: Trial) -> None:
        """Note a trial that will start at once."""
        self._begin(trial)
        self._planned.add(trial.id)

    def _begin(self, trial: Trial) -> None:
        """Note that a trial starts, or starts again."""
        self._attempts[trial.id] = self._attempts.get(trial.id, 0) + 1
        self._records.append("trials", self._trial_row(trial, status="running"))

    def on_trial_start(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        spec = trial_of(self._study, trial.config)
        self._live[spec.id] = trial
        self._heard[spec.id] = time.monotonic()
        if spec.id in self._planned:
            self._planned.remove(spec.id)
        else:
            self._begin(spec)

    def on_trial_result(self, iteration: int, trials: list[RayTrial], trial: RayTrial, result: dict[str, Any], **info: Any) -> None:
        # Taken out of the result, for Ray keeps the last result of every trial in its own state.
        report: Report | None = result.pop(REPORT, None)
        if report is None:
            return
        if report.waits:
            say(report.waits)
            return
        self._take(trial_of(self._study, trial.config), report)

    def _take(self, spec: Trial, report: Report) -> None:
        self._check()  # where this process stood still, its run may be another's by now
        self._heard[spec.id] = time.monotonic()
        for row in report.rows:
            self._write_epoch(spec, row)
        self._records.write_log(spec.id, report.printed)
        if report.raised:
            self._errors[spec.id] = report.raised
        if report.end:
            self._write_end(spec, **report.end)
        elif spec.id in self._stopped and spec.id not in self.statuses:
            self._write_end(spec, status="pruned", rung=self._stopped[spec.id])

    def on_step_end(self, iteration: int, trials: list[RayTrial], **info: Any) -> None:
        """After an interruption this was the last step: Tune saves its state, and would then wait 10 s for the epochs that are running."""
        self._check()
        self._forgive_what_held_us_up()
        for name, trial in self._live.items():
            actor = trial.temporary_state.ray_actor
            if actor is not None and (self._interruption.by or self._hangs(name)):
                ray.kill(actor)

    def on_trial_complete(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        self._live.pop(trial_of(self._study, trial.config).id, None)

    def on_trial_error(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        """The trial raised, or its process died: it starts again, unless that was as often as it may."""
        spec = trial_of(self._study, trial.config)
        self._live.pop(spec.id, None)
        if spec.id in self.statuses or self._interruption.by:
            return
        # Of this attempt alone: the next one may fail of something else.
        own = self._errors.pop(spec.id, None)
        error = own or _ray_error(trial)
        self._failures[spec.id] += bool(own) or not any(words in error for words in LOST)
        if self._failures[spec.id] <= self._study.retries:
            self._again(spec)
        else:
            self._write_end(spec, status="failed", error=error)

    def _forgive_what_held_us_up(self) -> None:
        """A full disk, say: meanwhile nobody was listened to, so nobody was silent."""
        now = time.monotonic()
        if (held_up := now - self._stepped) > HELD_UP_SECONDS:
            self._heard = {name: at + held_up for name, at in self._heard.items()}
        self._stepped = now

    def _hangs(self, trial: str) -> bool:
        silent = time.monotonic() - self._heard[trial]
        if silent <= self._study.stall_seconds:
            return False
        self._errors[trial] = f"it reported nothing for {silent:.0f} s (stall_seconds={self._study.stall_seconds:g}) and was taken for hung"
        self._heard[trial] = time.monotonic()
        return True

    def _write_epoch(self, spec: Trial, row: dict[str, Any]) -> None:
        arrays, _ = row.pop("arrays"), row.pop("diverged")
        if arrays:
            self._records.write_arrays(spec.id, arrays)
        self._epochs[spec.id], self._reported = row["epoch"], True
        row = {"trial": row["trial"], "attempt": self._attempts[spec.id], **self._version, **row}
        self._places[spec.id] = {key: row[key] for key in PLACE if key in row}
        self._records.append("epochs", row)
        for listener in self._listeners:
            listener.epoch(spec, row)

    def _write_end(
        self, spec: Trial, *, status: str, error: str | None = None, stops_study: bool = False, misreported: bool = False, **facts: Any
    ) -> None:
        self.statuses[spec.id] = status
        error = self._records.kept_error(spec.id, error) if error else error
        # One trial of many that reports nonsense is its own fault; the first of all that reports is not.
        if stops_study or (misreported and not self._reported):
            self.stops_study = error
        facts = {"epochs": self._epochs.get(spec.id, 0), "error": error, **self._places.get(spec.id, {}), **facts}
        self._records.append("trials", self._trial_row(spec, status=status, **facts))
        for listener in self._listeners:
            listener.end(spec, status, error)

    def _trial_row(self, spec: Trial, **facts: Any) -> dict[str, Any]:
        about = {"trial": spec.id, "phase": spec.phase, "config": dict(spec.config), "seeds": list(spec.seeds)}
        return {**about, "attempt": self._attempts[spec.id], **self._version, **facts}


def _ray_error(trial: RayTrial) -> str:
    if not trial.error_file or not Path(trial.error_file).exists():
        return "the process of the trial died"
    return Path(trial.error_file).read_text(encoding="utf-8", errors="replace")
