"""The study itself as a run of Weights & Biases: its settings, a row per trial, and the report with
its tables and charts.
"""

import csv
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import wandb

from tuning.mirrors.delivery import SUMMARY as NAME
from tuning.mirrors.trial import MirroredTrial, flat
from tuning.mirrors.wandb_runs import Place, table

ROWS = 10_000
"""So many rows of a table can be looked at in wandb; the files in the artifact hold all."""
_SENT = (
    "name", "question", "trainable", "space", "fixed", "search", "scheduler", "confirm", "seeds",
    "seeds_per_trial", "metric", "mode",
    "epochs", "target", "compare", "resources", "trials", "data", "started",
)  # fmt: skip
_VERSIONS = ("commit", "python", "packages")
"""What is sent of the provenance: no hardware."""
_KEPT_HERE = "best"
"""The folder of the report with code and weights."""


def version(trials: Iterable[MirroredTrial], report: Path) -> str:
    """Differs between any two states of the study that its summary shows differently."""
    digest = hashlib.sha256()
    for trial in trials:
        digest.update(f"{trial.trial} {trial.version}\n".encode())
    for file in _files(report):
        digest.update(f"{file.relative_to(report)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def send(
    place: Place, spec: Mapping[str, Any], trials: Sequence[MirroredTrial], report: Path
) -> None:
    """Send the summary run; sent again, it has one row more, with the tables and charts as they are
    now.

    Raises:
        wandb.Error, OSError, TimeoutError: it could not be sent.
    """
    run = place.start(NAME, title=f"{spec['name']} {NAME}", kind=NAME, config=_config(spec))
    run.log({"trials": trials_table(spec, trials), **_tables(report), **_pictures(report)})
    run.summary.update(_counts(trials))
    if report.is_dir():
        artifact = wandb.Artifact(place.id("report"), "report")
        for file in _files(report):
            # Copied, for the report may be written again before an offline run is sent.
            artifact.add_file(str(file), name=file.relative_to(report).as_posix(), policy="mutable")
        run.log_artifact(artifact)
    run.finish()


def trials_table(spec: Mapping[str, Any], trials: Sequence[MirroredTrial]) -> wandb.Table:
    """One row per trial: its setting, seeds and end, and the metrics of its last epoch."""
    settings = list(spec["space"])
    metrics = list(dict.fromkeys(name for trial in trials for name in trial.numbers))
    rows = [
        [
            trial.trial,
            *(flat(trial.row["params"].get(key)) for key in settings),
            len(trial.seeds),
            str(trial.status),
            trial.last_epoch,
            *(trial.numbers.get(name) for name in metrics),
        ]
        for trial in trials[:ROWS]
    ]
    return table(["trial", *settings, "seeds", "status", "epochs", *metrics], rows)


def _counts(trials: Sequence[MirroredTrial]) -> dict[str, int]:
    statuses = [str(trial.status) for trial in trials]
    return {
        "trials": len(trials),
        **{f"trials/{status}": statuses.count(status) for status in dict.fromkeys(statuses)},
    }


def _config(spec: Mapping[str, Any]) -> dict[str, Any]:
    about = {key: spec[key] for key in _SENT if key in spec}
    return about | {
        "provenance": {
            key: value for key, value in (spec.get("provenance") or {}).items() if key in _VERSIONS
        }
    }


def _files(report: Path) -> list[Path]:
    """What is sent of the report."""
    return sorted(
        file
        for file in report.rglob("*")
        if file.is_file() and file.relative_to(report).parts[0] != _KEPT_HERE
    )


def _pictures(report: Path) -> dict[str, Any]:
    return {
        f"charts/{file.stem}": wandb.Image(str(file))
        for file in sorted((report / "charts").glob("*.png"))
    }


def _tables(report: Path) -> dict[str, wandb.Table]:
    return {file.stem: _read(file) for file in sorted((report / "tables").glob("*.csv"))}


def _read(path: Path) -> wandb.Table:
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    return table(head, [[_value(cell) for cell in row] for row in rows[:ROWS]])


def _value(text: str) -> Any:
    """A cell of a CSV file as what it reads like."""
    if text == "":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
