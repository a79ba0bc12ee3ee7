"""The folder of a run before its first trial: what is checked, and what ``study.json`` says."""

import json
import os
import secrets
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.runs import SCHEMA, RunPaths
from tuning.callables import module_of, name_of
from tuning.code import code_of, keep, package_version
from tuning.copies import LOCAL
from tuning.imports import file_of
from tuning.mirrors import NO_MIRRORS, Mirrors
from tuning.named_studies import remember
from tuning.provenance import provenance
from tuning.space import describe
from tuning.storage import Folder, is_url, joined
from tuning.study import Grid, Study, StudyError
from tuning.two_copies import bind
from tuning.values import cut, shown

JOB = "STUDY_JOB"
"""The variable by which ``tuning.job`` marks the run that it starts."""


def prepare_run(
    study: Study,
    results: str | Path,
    *,
    overrides: Mapping[str, Any],
    command: Sequence[str],
    reference: str = "",
    mirrors: Mirrors = NO_MIRRORS,
) -> RunPaths:
    """Check the data and the results folder, make the folder of the run and write its ``study.json``.

    ``reference`` is how the study was named, for a later session to find it again; ``mirrors``: where that is to show the run as well.
    Where ``results`` is a URL, the folder is made below ``results/``, and copied to the URL as long as the run is written.

    Raises:
        StudyError: the data are not there, something the study says cannot be recorded, the folder cannot be written, or the URL cannot
        be used. Nothing is written then.
    """
    url = str(results) if is_url(str(results)) else None
    if url:
        Folder.at(url)
    described = describe_study(study) | describe_data(study)
    code = code_of(study, reference)
    started = datetime.now(UTC)
    letters = "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz") for _ in range(4))
    name = f"{started:%Y%m%d-%H%M%S}-{letters}"
    paths = RunPaths(Path(LOCAL if url else results).resolve() / study.name / name)
    record = {
        "schema": SCHEMA,
        **described,
        "reference": found_again(reference, Path.cwd()),
        "overrides": dict(overrides),
        "mirrors": asdict(mirrors),
        "command": shlex.join(command),
        "provenance": provenance(source_of(study)),
        "started": started.isoformat(timespec="seconds"),
        **({"job": os.environ[JOB]} if JOB in os.environ else {}),
        "storage": joined(url, study.name, name) if url else None,
    }
    try:
        paths.root.mkdir(parents=True)
        remember(record["reference"], Path.cwd())
        keep(paths, code, code.version)
        if url:
            bind(paths.root)
        write_spec(paths, record | {"sessions": [session_record(record["command"], started, code.version)]})
    except OSError as error:
        raise StudyError(f"the results folder {results} cannot be written: {error.strerror}. Give another with --results.") from None
    return paths


def write_spec(paths: RunPaths, record: Mapping[str, Any]) -> None:
    Folder.at(paths.root).write(paths.study.name, f"{json.dumps(record, indent=1, allow_nan=False)}\n".encode())


def describe_study(study: Study) -> dict[str, Any]:
    """The study as plain values, for ``study.json``.

    Raises:
        StudyError: something cannot be recorded.
    """
    return _recordable(study, _said(study))


def describe_data(study: Study) -> dict[str, Any]:
    """What the study says of its data as plain values, under the key that ``study.json`` has for it.

    Raises:
        StudyError: the data are missing or damaged, or what is said of them cannot be recorded.
    """
    return _recordable(study, {"data": study.describe_data()})


def _recordable(study: Study, said: Mapping[str, Any]) -> dict[str, Any]:
    found = [f"Study {study.name!r}: {key} {problem}" for key, value in said.items() if (problem := _json_problem(value))]
    if found:
        raise StudyError(found)
    return dict(json.loads(json.dumps(said, default=_plain)))


def _json_problem(value: Any) -> str | None:
    try:
        json.dumps(value, allow_nan=False, default=_plain, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        return (
            f"cannot be recorded ({cut(str(error))}); give UTF-8 text, finite numbers, True, False, None, and lists and mappings of these."
        )
    return None


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy as Python's own."""
    if not hasattr(value, "tolist"):
        raise TypeError(f"{shown(value)} is a {type(value).__name__}")
    return value.tolist()


def _said(study: Study) -> dict[str, Any]:
    return {
        "name": study.name,
        "question": study.question,
        "trainable": name_of(study.trainable),
        "space": {key: describe(values) for key, values in study.space.items()},
        "fixed": dict(study.fixed),
        "search": {"kind": type(study.search).__name__.lower(), **asdict(study.search)},
        "stopping": _stopping(study),
        "confirm": _confirm(study),
        "seeds": study.seed_list,
        "seeds_per_trial": _together(study),
        "metric": study.metric,
        "mode": study.mode,
        "epochs": study.epochs,
        "must_be_finite": list(study.must_be_finite),
        "solved": study.solved,
        "published": asdict(study.published) if study.published else None,
        "compare": asdict(study.compare) if study.compare else None,
        "tables": {title: [dict(row) for row in rows] for title, rows in study.tables.items()},
        "resources": asdict(study.resources),
        "trials": study.planned,
    }


def found_again(reference: str, folder: Path) -> str:
    """How a study that was named so in ``folder`` is named anywhere."""
    return str((folder / reference).resolve()) if reference.endswith(".py") else reference


def source_of(study: Study) -> Path:
    """The file of the trainable, or the working folder where it has none."""
    return file_of(sys.modules.get(module_of(study.trainable))) or Path.cwd()


def _stopping(study: Study) -> dict[str, Any] | None:
    return {"kind": "asha", **asdict(study.stopping), "rungs": study.rungs} if study.stopping else None


def _confirm(study: Study) -> dict[str, Any] | None:
    if not study.confirm:
        return None
    also = [{"name": name, "setting": dict(setting)} for name, setting in study.confirm.also.items()]
    return {"top": study.confirm.top, "seeds": study.confirm.seeds, "also": also, "trials": study.planned_confirmations}


def _together(study: Study) -> int:
    return study.seeds_per_trial if isinstance(study.search, Grid) and not study.stopping else len(study.seed_list)


def session_record(command: str, started: datetime, version: str) -> dict[str, Any]:
    """What each session notes of itself: ``folder`` is where relative paths are found from, ``package`` which sources of ours it ran."""
    begun = {"command": command, "started": started.isoformat(timespec="seconds")}
    return {**begun, "folder": str(Path.cwd()), "code": version, "package": package_version()}
