"""What mirrors show of the study itself, beside its trials."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.records.labels import Labels, read_labels
from analysis.records.lines import DamagedRun
from analysis.records.paths import RunPaths
from tuning.mirrors.trial import MirroredTrial

TRIALS_AS_RUNS = 1000
"""Of a study of more trials, the study alone is shown: so many runs are slow to send and to look
at.
"""
ONLY_SUMMARY = (
    f"more than {TRIALS_AS_RUNS:,} trials: they are mirrored as one run with tables, at the end"
)
_SENT = (
    "name", "question", "trainable", "space", "fixed", "search", "scheduler", "confirm", "seeds",
    "seeds_per_trial", "metric", "mode",
    "epochs", "target", "compare", "resources", "trials", "data", "started",
)  # fmt: skip
_VERSIONS = ("commit", "python", "packages")
"""What is sent of the provenance: no hardware."""


def facts_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent of ``study.json``: no path, no command line, no hardware."""
    about = {key: spec[key] for key in _SENT if key in spec}
    return about | {
        "provenance": {
            key: value for key, value in (spec.get("provenance") or {}).items() if key in _VERSIONS
        }
    }


def labels_of(root: Path) -> Labels:
    """The tags and notes of a run; none where their file is damaged, of which the report tells."""
    try:
        return read_labels(RunPaths(root))
    except DamagedRun:
        return Labels()


def noted(labels: Labels) -> str:
    """The notes of a run as one text, each behind its day."""
    return "\n\n".join(f"{at[:10]}: {text}" for at, text in labels.notes)


def version(root: Path, trials: Iterable[MirroredTrial], report: Iterable[Path]) -> str:
    """Differs between any two states of the study that a mirror shows differently, which sends
    these files of its report.
    """
    digest = hashlib.sha256(repr(labels_of(root)).encode())
    for trial in trials:
        digest.update(f"{trial.trial} {trial.version}\n".encode())
    for path in report:
        digest.update(f"{path.relative_to(root)}\n".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def report_files(root: Path) -> list[Path]:
    """The files of the report, what was exported of the best network with them."""
    return sorted(file for file in RunPaths(root).report.rglob("*") if file.is_file())


def counts(trials: Sequence[MirroredTrial]) -> dict[str, int]:
    """How many trials there are, and how many ended how."""
    statuses = [str(trial.status) for trial in trials]
    return {
        "trials": len(trials),
        **{f"trials/{status}": statuses.count(status) for status in dict.fromkeys(statuses)},
    }
