"""The folder of a run: every path, file and column name of it, and the way back from it into frames.

A run folder holds

``study.json``    the study as it was run: metric, mode, space, seeds, epochs, data, command, provenance
``trials.jsonl``  one line when a trial starts (``status`` "running") and one when it ends; the last one counts
``epochs.jsonl``  one line per trial and epoch, with one number per metric or one per metric and seed
``arrays/``       what a trial recorded besides numbers, one ``<trial>.npz`` each
``checkpoints/``  where live trials can go on from
``optuna.journal`` what Optuna knows of a search, for optuna-dashboard to look at
``lock``          who writes, while somebody does
``ray/``          Ray's own state, never needed again
``report/``       what the analysis wrote: ``index.html``, ``tables/``, ``charts/``
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SCHEMA = 1
STATUSES = ("completed", "pruned", "diverged", "failed", "unfinished")


class DamagedRun(ValueError):
    """Raised when a folder is no run folder, or when one of its files cannot be read; says which file and line."""


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
    def ray(self) -> Path:
        return self.root / "ray"

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
        return self.root / "arrays" / f"{trial}.npz"


@dataclass(frozen=True)
class Run:
    """A run, read back.

    ``spec``: the content of ``study.json``.
    ``trials``: one row per trial: ``trial, phase, status, rung, seeds, attempt, epochs, seconds, node, error`` and one column per setting
    key. ``phase`` is "search", or "confirm" for settings that were trained again on fresh seeds; ``rung`` is the epoch at which a pruned
    trial was stopped; ``attempt`` counts the starts of the trial.
    ``epochs``: one row per trial, epoch and seed: ``trial, epoch, seed, seconds, at`` and one column per metric;
    ``seconds`` is what the epoch took for all seeds of its trial together.
    ``notes``: what was tolerated while reading, in sentences.
    """

    paths: RunPaths
    spec: Mapping[str, Any]
    trials: pd.DataFrame
    epochs: pd.DataFrame
    notes: list[str] = field(default_factory=list)

    @property
    def metric(self) -> str:
        return self.spec["metric"]

    @property
    def parameters(self) -> list[str]:
        """The keys that the space varies, in the order of the study."""
        return list(self.spec["space"])

    def phase(self, name: str) -> "Run":
        """The trials of one phase alone, "search" or "confirm", with their epochs."""
        trials = self.trials[self.trials["phase"] == name]
        epochs = self.epochs[self.epochs["trial"].isin(trials["trial"])]
        return replace(self, trials=trials.reset_index(drop=True), epochs=epochs.reset_index(drop=True))

    def arrays(self, trial: str) -> dict[str, np.ndarray]:
        """What ``trial`` recorded besides numbers, by name; empty where it recorded nothing."""
        path = self.paths.arrays(trial)
        if not path.exists():
            return {}
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}


def load_run(folder: str | Path) -> Run:
    """Read a run folder, finished or not.

    A torn last line (the writer died in the middle of it) is left out and noted. Where a trial and epoch stand twice, the last row counts.

    Raises:
        DamagedRun: no run folder, an unknown schema, or a line that is not JSON.
    """
    paths = RunPaths(Path(folder).resolve())
    notes: list[str] = []
    spec = _read_spec(paths)
    trial_rows = _read_lines(paths.trials, ("trial", "config", "seeds", "status"), notes)
    epoch_rows = _read_lines(paths.epochs, ("trial", "epoch", "metrics", "seconds", "at"), notes)
    trials = _trials_frame(spec, trial_rows)
    seeds = {row["trial"]: row["seeds"] for row in trial_rows}
    return Run(paths, spec, trials, _epochs_frame(paths, epoch_rows, seeds), notes)


def _read_spec(paths: RunPaths) -> dict[str, Any]:
    if not paths.study.is_file():
        raise DamagedRun(f"{paths.root} is no run folder: it has no {paths.study.name}. Give the folder that `study run` printed last.")
    try:
        spec = json.loads(paths.study.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedRun(f"{paths.study} is damaged: {error}") from None
    if not isinstance(spec, dict) or spec.get("schema") != SCHEMA:
        raise DamagedRun(
            f"{paths.study}: schema {spec.get('schema') if isinstance(spec, dict) else None}, this version reads schema {SCHEMA}."
        )
    return spec


def _read_lines(path: Path, keys: Sequence[str], notes: list[str]) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    rows = []
    lines = path.read_bytes().split(b"\n")
    if lines[-1]:
        notes.append(f"The last line of {path.name} is torn (its writer was stopped in the middle of it) and is left out.")
    for number, line in enumerate(lines[:-1], start=1):
        rows.append(_parse_line(path, number, line, keys))
    return rows


def _parse_line(path: Path, number: int, line: bytes, keys: Sequence[str]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DamagedRun(f"{path}, line {number} is damaged: {error}. Take that line out to read the rest.") from None
    lacking = [key for key in keys if key not in row] if isinstance(row, dict) else list(keys)
    if lacking:
        raise DamagedRun(f"{path}, line {number} is damaged: it lacks {', '.join(lacking)}. Take that line out to read the rest.")
    return row


def _trials_frame(spec: Mapping[str, Any], rows: list[dict[str, Any]]) -> pd.DataFrame:
    last = {row["trial"]: row for row in rows}
    keys = [*spec["space"], *(key for key in spec["fixed"] if key not in spec["space"])]
    records = [
        {
            "trial": row["trial"],
            "phase": row.get("phase", "search"),
            "status": "unfinished" if row["status"] == "running" else row["status"],
            "rung": row.get("rung", np.nan),
            "seeds": row["seeds"],
            "attempt": row.get("attempt", 1),
            "epochs": row.get("epochs", 0),
            "seconds": row.get("seconds", np.nan),
            "node": row.get("node"),
            "error": row.get("error"),
            **{key: row["config"].get(key) for key in keys},
        }
        for row in last.values()
    ]
    columns = ["trial", "phase", "status", "rung", "seeds", "attempt", "epochs", "seconds", "node", "error", *keys]
    return pd.DataFrame(records, columns=columns).sort_values("trial", ignore_index=True)


def _epochs_frame(paths: RunPaths, rows: list[dict[str, Any]], seeds: Mapping[str, list[int]]) -> pd.DataFrame:
    last = {(row["trial"], row["epoch"]): row for row in rows}
    orphans = sorted({trial for trial, _ in last} - set(seeds))
    if orphans:
        raise DamagedRun(f"{paths.epochs} has epochs of trial {orphans[0]}, which {paths.trials.name} does not know.")
    frames = [_spread(paths, row, seeds[row["trial"]]) for row in last.values()]
    names = list(dict.fromkeys(name for frame in frames for name in frame))
    columns = {name: np.concatenate([frame.get(name, _absent(frame)) for frame in frames]) for name in names}
    if not columns:
        columns = {name: np.array([]) for name in ("trial", "epoch", "seed", "seconds", "at")}
    return pd.DataFrame(columns).sort_values(["trial", "epoch", "seed"], ignore_index=True, kind="stable")


def _spread(paths: RunPaths, row: Mapping[str, Any], seeds: list[int]) -> dict[str, np.ndarray]:
    """One epoch row as columns with one entry per seed; a number that holds for the whole trial stands at each seed."""
    shared = {"trial": row["trial"], "epoch": row["epoch"], "seconds": row["seconds"], "at": row["at"]}
    columns = {name: np.full(len(seeds), value) for name, value in shared.items()}
    columns["seed"] = np.asarray(seeds)
    for name, value in row["metrics"].items():
        values = np.asarray(value, dtype=float)
        if values.ndim and len(values) != len(seeds):
            place = f"{paths.epochs}: trial {row['trial']}, epoch {row['epoch']}"
            raise DamagedRun(f"{place}: {name} has {len(values)} values for {len(seeds)} seeds.")
        columns[name] = np.broadcast_to(values, (len(seeds),))
    return columns


def _absent(frame: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.full(len(frame["seed"]), np.nan)
