"""Reads the file of an offline run of wandb, which has no reader in Python of its own."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

BLOCK = 32 * 1024
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@dataclass
class OfflineRun:
    """What a file says of its run; ``exit_code`` is None where the run has no end."""

    id: str = ""
    project: str = ""
    group: str = ""
    name: str = ""
    kind: str = ""
    tags: list[str] = field(default_factory=list)
    notes: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    axes: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, dict[str, Path]] = field(default_factory=dict)
    exit_code: int | None = None


def read_runs(folder: Path) -> dict[str, OfflineRun]:
    """The offline runs below the ``wandb`` folder of a run, by what follows the run's own name in
    their ids.
    """
    read = [read_run(file) for file in sorted(folder.glob("offline-run-*/run-*.wandb"))]
    named = {run.id.rpartition("-")[2]: run for run in read}
    assert len(named) == len(read), "one folder per run"
    return named


def read_run(path: Path) -> OfflineRun:
    run = OfflineRun()
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run.id, run.project, run.group = (
                record.run.run_id,
                record.run.project,
                record.run.run_group,
            )
            run.name, run.kind = record.run.display_name, record.run.job_type
            run.tags, run.notes = list(record.run.tags), record.run.notes
            run.config |= _values(record.run.config.update)
        elif kind == "history":
            run.rows.append(_values(record.history.item))
        elif kind == "summary":
            run.summary |= _values(record.summary.update)
        elif kind == "metric":
            run.axes[record.metric.name or record.metric.glob_name] = record.metric.step_metric
        elif kind == "artifact":
            contents = record.artifact.manifest.contents
            run.artifacts[record.artifact.name] = {
                entry.path: Path(entry.local_path) for entry in contents
            }
        elif kind == "exit":
            run.exit_code = record.exit.exit_code
    return run


def records(path: Path) -> Iterator[Any]:
    """The records of a file: blocks of 32 KiB as LevelDB logs have them, behind a head of 7
    bytes.
    """
    content = path.read_bytes()
    assert content[:4] == b":W&B"
    place, parts = 7, b""
    while place + 7 <= len(content):
        if BLOCK - place % BLOCK < 7:
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        place += 7
        parts = (
            content[place : place + length]
            if kind in (FULL, FIRST)
            else parts + content[place : place + length]
        )
        place += length
        if kind in (FULL, LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            yield record


def _values(items: Any) -> dict[str, Any]:
    return {
        item.key or "/".join(item.nested_key): json.loads(item.value_json)
        for item in items
        if not _is_own(item)
    }


def _is_own(item: Any) -> bool:
    return (item.key or item.nested_key[0]).startswith("_wandb")
