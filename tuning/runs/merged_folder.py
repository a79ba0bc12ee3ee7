"""The folder of a run that is merged of others, which stay as they are."""

import json
import shlex
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.records.lines import EPOCH_KEYS, epoch_problem, read_lines
from analysis.records.paths import RunPaths
from analysis.records.settled import settled_row
from tuning.runs.merging import Source, is_grid, merged_seeds
from tuning.runs.prepare import run_name, session_record, write_spec, written_to

FOLDERS = ("arrays", "logs", "checkpoints")
"""Where each trial has a file or a folder of its own."""


def write_merged(
    sources: Sequence[Source], results: str | Path, command: Sequence[str]
) -> RunPaths:
    """A new run folder below ``results`` with the records of all ``sources``. Reports and mirrors
    are not copied.

    Raises:
        StudyError: the folder cannot be written.
    """
    started = datetime.now(UTC)
    first = sources[0].run.recorded
    paths = RunPaths(Path(results).resolve() / first["name"] / run_name(started))
    with written_to(results):
        paths.root.mkdir(parents=True)
        for source in sources:
            _copy_files(source, paths)
        _write_lines(paths.trials, (row for each in sources for row in _trial_rows(each)))
        _write_lines(paths.epochs, (row for each in sources for row in _epoch_rows(each)))
        if (earlier := sources[0].run.paths.earlier).is_file():
            shutil.copy2(earlier, paths.earlier)
        spec = _spec(sources, shlex.join(command), started)
        _write_lines(paths.answers, _settled_rows(sources, spec["trials"], spec["metric"]))
        write_spec(paths, spec)
    return paths


def _spec(sources: Sequence[Source], command: str, started: datetime) -> dict[str, Any]:
    """What ``study.json`` says: the study of the first run, with the seeds and trials of all."""
    first = dict(sources[0].run.recorded)
    seeds = merged_seeds([source.run for source in sources])
    overrides = {key: value for key, value in first["overrides"].items() if key != "budget"}
    if is_grid(first):
        together = first["seeds_per_trial"]
        settings = first["trials"] // _parts(first["seeds"], together)
        changed: dict[str, Any] = {"trials": settings * _parts(seeds, together), "seeds": seeds}
        overrides |= {"seeds": seeds} if seeds != first["seeds"] else {}
    else:
        drawn = sum(source.run.recorded["trials"] for source in sources)
        twice = sum(name.isdigit() for each in sources for name in each.left_out)
        changed = {"trials": drawn - twice}
        changed["search"] = {**first["search"], **changed}
        overrides |= {"trials": drawn - twice}
    sessions = [
        session | {"run": source.name}
        for source in sources
        for session in source.run.recorded.get("sessions", [])
    ]
    last = (first.get("sessions") or [{}])[-1]
    own = session_record(command, started, last.get("code"))
    own |= {"provenance": last.get("provenance") or first.get("provenance")}
    return {
        **{key: value for key, value in first.items() if key != "job"},
        **changed,
        "overrides": overrides,
        "command": command,
        "started": own["started"],
        "storage": None,
        "merged": [_said(source) for source in sources],
        "sessions": [*sorted(sessions, key=lambda each: each["started"]), own],
    }


def _settled_rows(sources: Sequence[Source], planned: int, metric: str) -> Iterator[dict[str, Any]]:
    """That the search of the merged run is settled: each of the others drew all that it might, or
    was settled, of which the one is told whose last trials gained most.
    """
    settled = [each.run.settled for each in sources if each.run.settled]
    drawn = [sum(map(str.isdigit, source.last)) for source in sources]
    goes_on = (
        not source.run.settled and number < source.run.recorded["trials"]
        for source, number in zip(sources, drawn, strict=True)
    )
    if settled and not any(goes_on):
        trials = sum(map(str.isdigit, (name for each in sources for name in each.names)))
        most = max(settled, key=lambda facts: facts["gain"])
        yield settled_row({**most, "trials": trials, "planned": planned}, metric)


def _parts(seeds: Sequence[int], together: int) -> int:
    return -(-len(seeds) // together)


def _said(source: Source) -> dict[str, Any]:
    spec = source.run.recorded
    return {
        "run": source.name,
        "folder": str(source.run.paths.root),
        "started": spec.get("started"),
        "provenance": spec.get("provenance"),
        "trials": source.names,
        "left_out": source.left_out,
    }


def _trial_rows(source: Source) -> Iterator[dict[str, Any]]:
    """In the order in which they were written."""
    known = source.names | source.left_out
    for row in source.rows:
        if row["trial"] in source.names:
            same = {"same_as": known[row["same_as"]]} if "same_as" in row else {}
            yield {**row, "trial": source.names[row["trial"]], **same}


def _epoch_rows(source: Source) -> Iterator[dict[str, Any]]:
    for row in read_lines(source.run.paths.epochs, EPOCH_KEYS, epoch_problem, []):
        if row["trial"] in source.names:
            yield {**row, "trial": source.names[row["trial"]]}


def _write_lines(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n")


def _copy_files(source: Source, paths: RunPaths) -> None:
    """The code, and what each trial that counts has beside its rows."""
    root = source.run.paths.root
    if source.run.paths.code.is_dir():
        shutil.copytree(source.run.paths.code, paths.code, dirs_exist_ok=True)
    for folder in FOLDERS:
        for there in (root / folder).iterdir() if (root / folder).is_dir() else ():
            if name := source.names.get(there.stem):
                (paths.root / folder).mkdir(exist_ok=True)
                copy = shutil.copytree if there.is_dir() else shutil.copy2
                copy(there, paths.root / folder / f"{name}{there.suffix}")
