"""Writes the rows of a run as they arrive: the driver's one writer of ``epochs.jsonl``, ``trials.jsonl`` and ``arrays/``."""

import json
import math
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import ray
from ray import tune
from ray.tune.experiment import Trial as RayTrial

from analysis.runs import RunPaths
from tuning.study import Trial


class Listener(Protocol):
    """Told what the recorder wrote."""

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None: ...

    def end(self, trial: Trial, status: str, error: str | None) -> None: ...


class Recorder(tune.Callback):
    """Appends each row whole and flushes it; ``statuses`` holds the end of each trial by its id.

    Only what a trial says itself is its end: Ray also calls a trial complete that was cut off.
    """

    def __init__(self, paths: RunPaths, trials: Mapping[str, Trial], listener: Listener) -> None:
        self._paths = paths
        self._trials = trials
        self._listener = listener
        self._files: dict[str, IO[bytes]] = {}
        self._epochs: dict[str, int] = {}
        self.statuses: dict[str, str] = {}
        self.stops_study: str | None = None
        """Why no trial of this study can be recorded, once a trial has found that out."""
        self.interrupted_by: signal.Signals | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Ray stores callbacks beside its own state; open files and the terminal stay out of it."""
        return self.__dict__ | {"_listener": None, "_files": {}}

    def on_trial_start(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        spec = self._trials[trial.config["trial"]]
        self._append("trials", _trial_row(spec, status="running"))

    def on_trial_result(self, iteration: int, trials: list[RayTrial], trial: RayTrial, result: dict[str, Any], **info: Any) -> None:
        spec = self._trials[trial.config["trial"]]
        # Taken out of the result, for Ray keeps the last result of every trial in its own state.
        for row in result.pop("rows", []):
            self._write_epoch(spec, row)
        end = result.pop("end", None)
        if end:
            self._write_end(spec, **end)

    def on_step_end(self, iteration: int, trials: list[RayTrial], **info: Any) -> None:
        """After an interruption this was the last step: Tune saves its state, and would then wait 10 s for the epochs that are running."""
        if self.interrupted_by:
            for actor in filter(None, (trial.temporary_state.ray_actor for trial in trials)):
                ray.kill(actor)

    def on_trial_error(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        """The process of the trial died: what the trial itself raises is caught there."""
        spec = self._trials[trial.config["trial"]]
        if spec.id not in self.statuses:
            self._write_end(spec, status="failed", error=_ray_error(trial))

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _write_epoch(self, spec: Trial, row: dict[str, Any]) -> None:
        arrays, _ = row.pop("arrays"), row.pop("diverged")
        if arrays:
            self._write_arrays(spec.id, arrays)
        self._epochs[spec.id] = row["epoch"]
        self._append("epochs", row)
        self._listener.epoch(spec, row)

    def _write_end(self, spec: Trial, *, status: str, error: str | None = None, stops_study: bool = False, **facts: Any) -> None:
        self.statuses[spec.id] = status
        if stops_study:
            self.stops_study = error
        self._append("trials", _trial_row(spec, status=status, epochs=self._epochs.get(spec.id, 0), error=error, **facts))
        self._listener.end(spec, status, error)

    def _write_arrays(self, trial: str, arrays: Mapping[str, np.ndarray]) -> None:
        path = self._paths.arrays(trial)
        path.parent.mkdir(exist_ok=True)
        aside = path.with_suffix(".part")
        with aside.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        os.replace(aside, path)

    def _append(self, name: str, row: Mapping[str, Any]) -> None:
        if name not in self._files:
            self._files[name] = getattr(self._paths, name).open("ab")
        self._files[name].write(json.dumps(_finite(row), separators=(",", ":"), allow_nan=False).encode() + b"\n")
        self._files[name].flush()


def _trial_row(spec: Trial, **facts: Any) -> dict[str, Any]:
    return {"trial": spec.id, "config": dict(spec.config), "seeds": list(spec.seeds), **facts}


def _finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity: they are written as null."""
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _ray_error(trial: RayTrial) -> str:
    if not trial.error_file or not Path(trial.error_file).exists():
        return "the process of the trial died"
    return Path(trial.error_file).read_text(encoding="utf-8", errors="replace")[-20_000:]
