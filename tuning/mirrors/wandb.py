"""Weights & Biases as a mirror: a run per trial, and one for the study."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import wandb

from tuning.mirrors import summary, wandb_summary
from tuning.mirrors.base import Sink
from tuning.mirrors.trial import MirroredTrial
from tuning.mirrors.wandb_runs import Place, TrialRun

LEAST_FREE = 32_000_000
"""Bytes. wandb does not say when it cannot write its file: below this, nothing counts as written.
"""


def sink(root: Path, spec: Mapping[str, Any], mode: str, seconds: float) -> Sink:
    return WandbRuns(root, spec, mode, seconds)


class WandbRuns(Sink):
    """``mode``: "offline" (in the run folder) or "online"; ``seconds``: what the end of a run may
    take.
    """

    def __init__(self, root: Path, spec: Mapping[str, Any], mode: str, seconds: float) -> None:
        self.folder, self._root, self._spec, self._mode = root / "wandb", root, spec, mode
        self.place, self.streams = _place(mode), mode == "online"
        self.only_summary = spec.get("trials", 0) > summary.TRIALS_AS_RUNS
        self.note = summary.ONLY_SUMMARY if self.only_summary else ""
        self._runs_of = Place(spec["name"], root.name, root, mode, seconds)
        self._runs: dict[str, TrialRun] = {}

    def start(self, trial: MirroredTrial) -> None:
        self._runs[trial.trial] = TrialRun(self._runs_of, trial, self._spec)

    def epochs(self, trial: MirroredTrial, new: Sequence[int]) -> None:
        self._runs[trial.trial].log(trial, new)

    def trial_end(self, trial: MirroredTrial) -> None:
        self._runs.pop(trial.trial).finish(trial)
        self._is_safe(trial.trial)

    def abandon(self, trial: str) -> None:
        self._runs.pop(trial).abandon()

    def version(self, trials: Sequence[MirroredTrial]) -> str:
        return summary.version(self._root, trials, wandb_summary.files_of(self._root))

    def finish(self, trials: Sequence[MirroredTrial]) -> None:
        wandb_summary.send(self._runs_of, self._spec, trials, self._root)
        self._is_safe(wandb_summary.NAME)

    def reason(self, error: Exception) -> str:
        """wandb tells the whole way to what went wrong last. Of a refused key it says a number or
        nothing at all.
        """
        text = str(error)
        if isinstance(error, wandb.errors.CommError):
            if "<no message>" in text or re.search(r"\berror 40[13]\b", text):
                return "the server refuses the API key (`wandb login` sets it)"
            if "timed out" in text:
                return f"{wandb.Settings().base_url} does not answer"
        return super().reason(error)

    def _is_safe(self, name: str) -> None:
        """A run was written, or sent, and what was kept of it to send it may go."""
        free = os.statvfs(self._root)
        if free.f_bavail * free.f_frsize < LEAST_FREE:
            raise OSError(f"the disk is full (less than {LEAST_FREE / 1e6:.0f} MB free)")
        if self._mode == "online":
            self._runs_of.remove(name)


def _place(mode: str) -> str:
    """What makes two mirrors different ones: offline, or the server and the entity."""
    settings = wandb.Settings()
    return mode if mode == "offline" else f"{settings.base_url} {settings.entity or ''}".strip()
