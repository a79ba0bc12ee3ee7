"""The study itself as a run of Weights & Biases: its settings, a row per trial, and the report with
its tables and charts.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import wandb

from analysis.records.paths import RunPaths
from tuning.mirrors.delivery import SUMMARY as NAME
from tuning.mirrors.summary import counts, facts_of, labels_of, noted, report_files
from tuning.mirrors.trial import MirroredTrial, flat
from tuning.mirrors.wandb_runs import Place, table

ROWS = 10_000
"""So many rows of a table can be looked at in wandb; the files in the artifact hold all."""
TAG = 64
"""Characters of a tag, at the most."""


def files_of(root: Path) -> list[Path]:
    """What is sent of the report: not ``best``, with code and weights."""
    paths = RunPaths(root)
    return [file for file in report_files(root) if not file.is_relative_to(paths.best)]


def send(
    place: Place, spec: Mapping[str, Any], trials: Sequence[MirroredTrial], root: Path
) -> None:
    """Send the summary run; sent again, it has one row more, with the tables and charts as they are
    now.

    Raises:
        wandb.Error, OSError, TimeoutError: it could not be sent.
    """
    labels, report = labels_of(root), RunPaths(root).report
    run = place.start(
        NAME,
        title=f"{spec['name']} {NAME}",
        kind=NAME,
        config=facts_of(spec),
        tags=[tag[:TAG] for tag in labels.tags],
        notes=noted(labels),
    )
    run.log({"trials": trials_table(spec, trials), **_tables(report), **_pictures(report)})
    run.summary.update(counts(trials))
    if report.is_dir():
        artifact = wandb.Artifact(place.id("report"), "report")
        for file in files_of(root):
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
