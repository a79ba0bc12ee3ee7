"""Where things lie in the folder of a run.

A run folder holds

- ``study.json``: the study as it was run: metric, mode, space, seeds, epochs, data, command,
  provenance
- ``trials.jsonl``: one line when a trial starts (``status`` "running") and one when it ends; the
  last one counts
- ``epochs.jsonl``: one line per trial and epoch, with one number per metric or one per metric and
  seed; about once a second with what the trial has cost since it began (``cost``)
- ``arrays/``: what a trial recorded besides numbers, one ``<trial>.npz`` each
- ``checkpoints/``: where live trials can go on from
- ``optuna.journal``: what Optuna knows of a search, for optuna-dashboard to look at
- ``earlier.jsonl``: what the runs had found that a search began with, a line per run
- ``estimates.jsonl``: what was said on the way about the time left, and when it ended
- ``code/``: the study's own files as each session ran them, one folder per version
- ``logs/``: what a trial printed, one ``<trial>.log`` each
- ``session.json``: where the Ray of the session that is going on can be looked at
- ``labels.jsonl``: tags and notes that people gave the run
- ``orders.jsonl``: what people ordered of the run while it went on
- ``answers.jsonl``: what became of each order, and when the search was settled
- ``lock``: who writes, while somebody does
- ``.store``: where the run is copied to a store: the mark that this folder may do so, and no copy
  of it
- ``mirrors/``: the lock and the log of the process that mirrors the run
- ``wandb/``: the mirror to Weights & Biases: its offline runs, and which of them are whole
- ``tensorboard/``: one event file per trial, for TensorBoard, and which of them are whole
- ``mlflow/``: which trials are whole on which MLflow server
- ``report/``: what the analysis wrote: ``index.html``, ``tables/``, ``charts/``, and
  ``.files.json``, which lists these
"""

import os
from dataclasses import dataclass
from pathlib import Path

from analysis.records.inside import is_name


@dataclass(frozen=True)
class RunPaths:
    """Where things lie below the run folder ``root``."""

    root: Path

    @property
    def study(self) -> Path:
        return self.root / "study.json"

    @property
    def trials(self) -> Path:
        return self.root / "trials.jsonl"

    @property
    def epochs(self) -> Path:
        return self.root / "epochs.jsonl"

    @property
    def estimates(self) -> Path:
        return self.root / "estimates.jsonl"

    @property
    def earlier(self) -> Path:
        return self.root / "earlier.jsonl"

    @property
    def labels(self) -> Path:
        return self.root / "labels.jsonl"

    @property
    def orders(self) -> Path:
        return self.root / "orders.jsonl"

    @property
    def answers(self) -> Path:
        return self.root / "answers.jsonl"

    @property
    def session(self) -> Path:
        return self.root / "session.json"

    @property
    def code(self) -> Path:
        return self.root / "code"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def optuna(self) -> Path:
        return self.root / "optuna.journal"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def mirrors(self) -> Path:
        return self.root / "mirrors"

    @property
    def wandb(self) -> Path:
        return self.root / "wandb"

    @property
    def tensorboard(self) -> Path:
        return self.root / "tensorboard"

    @property
    def mlflow(self) -> Path:
        return self.root / "mlflow"

    @property
    def report(self) -> Path:
        return self.root / "report"

    @property
    def best(self) -> Path:
        return self.report / "best"

    @property
    def index(self) -> Path:
        return self.report / "index.html"

    @property
    def tables(self) -> Path:
        return self.report / "tables"

    @property
    def charts(self) -> Path:
        return self.report / "charts"

    def arrays(self, trial: str) -> Path:
        return self.root / "arrays" / f"{_named(trial)}.npz"

    def log(self, trial: str) -> Path:
        return self.root / "logs" / f"{_named(trial)}.log"


def cache_folder() -> Path:
    """Where this user keeps what can be made or fetched again."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "tune-studies"


def _named(trial: str) -> str:
    assert is_name(trial), f"{trial!r} is no name"  # readers have checked it
    return trial
