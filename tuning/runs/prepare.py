"""The folder of a run before its first trial: what is checked, and what ``study.json`` says."""

import json
import os
import secrets
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.records.paths import RunPaths
from analysis.records.schema import SCHEMA
from tuning.runs.budgets import budget_record
from tuning.runs.code import code_of, keep, package_version
from tuning.runs.earlier import earlier_record, earlier_runs, keep_earlier
from tuning.runs.provenance import provenance
from tuning.runs.store import Folder, is_url, joined
from tuning.runs.sync import LOCAL
from tuning.runs.two_copies import bind
from tuning.spec.branches import settings_count, space_record
from tuning.spec.callables import module_of, name_of
from tuning.spec.data import data_description
from tuning.spec.imports import file_of
from tuning.spec.named_studies import remember
from tuning.spec.settling_plan import race_record
from tuning.spec.study import Mirrors, Report, Study, StudyError
from tuning.spec.values import cut, shown

JOB = "STUDY_JOB"
"""The variable by which ``tuning.cli.job`` marks the run that it starts."""

IN_REPORT = frozenset(each.name for each in fields(Report))
"""What a study says within its ``report``, and ``study.json`` by itself."""


def prepare_run(
    study: Study,
    results: str | Path,
    *,
    overrides: Mapping[str, Any],
    command: Sequence[str],
    reference: str = "",
    mirrors: Mirrors = Mirrors(),
) -> RunPaths:
    """Check the data and the results folder, make the folder of the run and write its
    ``study.json``.

    ``reference`` is how the study was named, for a later session to find it again; ``mirrors``:
    where that is to show the run as well. Where ``results`` is a URL, the folder is made below
    ``results/``, and copied to the URL as long as the run is written.

    Raises:
        StudyError: data or earlier runs are not there or do not fit, something the study says
        cannot be recorded, the folder or the URL cannot be written. Nothing is written then.
    """
    url = str(results) if is_url(str(results)) else None
    if url:
        Folder.at(url)
    described = describe_study(study) | describe_data(study)
    earlier = earlier_runs(study)
    code, started = code_of(study, reference), datetime.now(UTC)
    name = run_name(started)
    paths = RunPaths(Path(LOCAL if url else results).resolve() / study.name / name)
    origin = _origin(reference, overrides, mirrors, command, started)
    origin |= {"provenance": provenance(source_of(study), code.files)} | earlier_record(earlier)
    session = session_record(origin["command"], started, code.version)
    session |= budget_record(study.budget)
    storage = joined(url, study.name, name) if url else None
    record = {"schema": SCHEMA, **described, **origin, "storage": storage, "sessions": [session]}
    with written_to(results):
        paths.root.mkdir(parents=True)
        remember(record["reference"], Path.cwd())
        keep(paths, code, code.version)
        if url:
            bind(paths.root)
        keep_earlier(paths, earlier)
        write_spec(paths, record)
    return paths


@contextmanager
def written_to(results: str | Path) -> Iterator[None]:
    """While something is written below ``results``.

    Raises:
        StudyError: it cannot be.
    """
    try:
        yield
    except OSError as error:
        raise StudyError(
            f"the results folder {results} cannot be written: {error.strerror}. Give another as"
            " results (--results)."
        ) from None


def run_name(started: datetime) -> str:
    letters = "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz") for _ in range(4))
    return f"{started:%Y%m%d-%H%M%S}-{letters}"


def _origin(
    reference: str,
    overrides: Mapping[str, Any],
    mirrors: Mirrors,
    command: Sequence[str],
    started: datetime,
) -> dict[str, Any]:
    """By what a run was started, from where, and when."""
    return {
        "reference": found_again(reference, Path.cwd()),
        "overrides": dict(overrides),
        "mirrors": asdict(mirrors),
        "command": shlex.join(command),
        "started": started.isoformat(timespec="seconds"),
        **({"job": os.environ[JOB]} if JOB in os.environ else {}),
    }


def write_spec(paths: RunPaths, record: Mapping[str, Any]) -> None:
    Folder.at(paths.root).write(
        paths.study.name, f"{json.dumps(record, indent=1, allow_nan=False)}\n".encode()
    )


def describe_study(study: Study) -> dict[str, Any]:
    """The study as plain values, for ``study.json``.

    Raises:
        StudyError: something cannot be recorded.
    """
    return _recordable(study, _said(study))


def describe_data(study: Study) -> dict[str, Any]:
    """What the study says of its data as plain values, under the key that ``study.json`` has for
    it.

    Raises:
        StudyError: the data are missing or damaged, or what is said of them cannot be recorded.
    """
    return _recordable(study, {"data": data_description(study)})


def _recordable(study: Study, said: Mapping[str, Any]) -> dict[str, Any]:
    found = [
        f"Study {study.name!r}: {'report: ' if key in IN_REPORT else ''}{key} {problem}"
        for key, value in said.items()
        if (problem := _json_problem(value))
    ]
    if found:
        raise StudyError(found)
    return dict(json.loads(json.dumps(said, default=_plain)))


def _json_problem(value: Any) -> str | None:
    try:
        json.dumps(value, allow_nan=False, default=_plain, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        return (
            f"cannot be recorded ({cut(str(error))}); give UTF-8 text, finite numbers, True, False,"
            " None, and lists and mappings of these."
        )
    return None


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy as Python's own."""
    if not hasattr(value, "tolist"):
        raise TypeError(f"{shown(value)} is a {type(value).__name__}")
    return value.tolist()


def _said(study: Study) -> dict[str, Any]:
    report = study.report
    return {
        "name": study.name,
        "question": study.question,
        "trainable": name_of(study.task.train),
        "space": space_record(study.space),
        "fixed": dict(study.fixed),
        "search": _search(study),
        "scheduler": study.scheduler.record(study.epochs) if study.scheduler else None,
        "confirm": _confirm(study),
        "seeds": study.seed_list,
        **({"folds": study.folds} if study.folds > 1 else {}),
        **({"until_settled": asdict(study.settles)} if study.settles else {}),
        "seeds_per_trial": seeds_of_trial(study),
        "metric": study.metric,
        "mode": study.mode,
        "epochs": study.epochs,
        "must_be_finite": list(study.task.must_be_finite),
        "target": report.target,
        "published": asdict(report.published) if report.published else None,
        "compare": asdict(report.compare) if report.compare else None,
        "tables": {title: [dict(row) for row in rows] for title, rows in report.tables.items()},
        "resources": {"cpus": study.resources.cpus, "gpus": study.resources.gpus},
        "trials": study.planned,
    }


def found_again(reference: str, folder: Path) -> str:
    """How a study that was named so in ``folder`` is named anywhere."""
    return str((folder / reference).resolve()) if reference.endswith(".py") else reference


def source_of(study: Study) -> Path:
    """The file of the trainable, or the working folder where it has none."""
    return file_of(sys.modules.get(module_of(study.task.train))) or Path.cwd()


def _search(study: Study) -> dict[str, Any]:
    said = study.search.record()
    if study.search.exhaustive and study.search.valid:
        said["refused"] = settings_count(study.space) - study.planned_settings
    return said


def _confirm(study: Study) -> dict[str, Any] | None:
    if not study.confirm:
        return None
    also = [
        {"name": name, "setting": dict(setting)}
        for name, setting in study.confirm.baselines.items()
    ]
    return {
        "top": study.confirm.top,
        "seeds": study.confirm.most,
        "baselines": also,
        "trials": study.planned_confirmations,
        **({"until_settled": race_record(study)} if study.races else {}),
    }


def seeds_of_trial(study: Study) -> int:
    """How many seeds a trial of the search has."""
    alone = study.search.exhaustive and not study.scheduler
    return study.seeds_per_trial if alone else len(study.seed_list)


def session_record(command: str, started: datetime, version: str | None) -> dict[str, Any]:
    """What each session notes of itself: ``folder`` is where relative paths are found from,
    ``package`` which sources of ours it ran.
    """
    begun = {"command": command, "started": started.isoformat(timespec="seconds")}
    return {**begun, "folder": str(Path.cwd()), "code": version, "package": package_version()}
