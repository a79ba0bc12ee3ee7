"""A run that goes on: its study found again, and held against what the records say."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.runs import Run, RunPaths
from tuning.catalog import find_study
from tuning.code import Code, changes, code_of, keep, kept, package_version
from tuning.lines import size_of
from tuning.mirrors import Mirrors
from tuning.named_studies import is_known, remember
from tuning.prepare import describe_data, describe_study, session_record, source_of, write_spec
from tuning.provenance import changed_since, provenance
from tuning.storage import Folder
from tuning.study import Confirm, Grid, Study, StudyError

# What may differ between the sessions of a run: words and pictures, not what is trained.
_WORDS = ("question", "published", "tables", "solved", "compare", "resources", "trainable")


@dataclass(frozen=True, kw_only=True)
class Continued:
    """A run as it is to go on."""

    study: Study
    overrides: dict[str, Any]
    reference: str
    """How the study is found from now on."""
    code: Code
    version: str
    """Of the code: that of the last session where it says the same."""
    changed: list[str]
    """What has changed in the code since, one phrase each."""


def continued(
    run: Run, change: Callable[[Study, Study, Run], dict[str, Any]], *, file: str | None = None, accept: bool = False
) -> Continued:
    """A run as it is to go on. ``change`` says the overrides: it is given the study as it stands in its file, the study as it was run, and
    the run. ``file``: where the study is to be found, if not where it was; ``accept``: whether its code may have changed.

    Raises:
        StudyError: the study cannot be found, it, its code or its data are not what they were, or ``change`` refuses.
    """
    reference = file or run.spec.get("reference")
    if not reference:
        raise StudyError(f"{run.paths.root} was not started with `study run`: its study cannot be found again.")
    if file:
        remember(file, Path.cwd())
    # From the study as it stands in its file each time: one override takes the place of another.
    found = _found(run, reference)
    was = found.override(run.spec["overrides"])
    problems = [f"{reference} is not the study of this run any more: {line}" for line in _differences(run.recorded, was)]
    code, last = code_of(was, reference), last_version(run)
    changed = changes_since(run.paths, last, code) if last else []
    if changed and not accept and len(run.trials):
        problems.append(_refusal(run.paths, str(last), changed))
    if problems:
        raise StudyError(problems)
    overrides = change(found, was, run)
    version = code.version if changed or not last else last
    study = found.override(overrides)
    return Continued(study=study, overrides=overrides, reference=reference, code=code, version=version, changed=changed)


def add_session(paths: RunPaths, spec: Mapping[str, Any], going: Continued, command: Sequence[str], mirrors: Mirrors) -> Callable[[], None]:
    """Note in ``study.json`` that a run goes on, and as what; and keep the code that it goes on with. Returns what takes the note back,
    unless a trial has begun since, or another process has written its own: a session that could not start has changed nothing, and may be
    asked for again."""
    before, begun = paths.study.read_bytes(), size_of(paths.trials)
    keep(paths, going.code, going.version)
    session = session_record(shlex.join(command), datetime.now(UTC), going.version)
    sessions = [*spec.get("sessions", []), session | {"provenance": provenance(source_of(going.study))}]
    changed = {"reference": going.reference, "overrides": dict(going.overrides), "mirrors": asdict(mirrors), "sessions": sessions}
    write_spec(paths, {**spec, **describe_study(going.study), **changed})
    noted = paths.study.read_bytes()

    def take_back() -> None:
        if size_of(paths.trials) == begun and paths.study.read_bytes() == noted:
            Folder.at(paths.root).write(paths.study.name, before)

    return take_back


def last_version(run: Run) -> str | None:
    """The version of the code that all trials are of, or else that the last session ran; None where none was recorded."""
    versions = set(run.versions.values())
    return (versions.pop() if len(versions) == 1 else None) or _last_session(run).get("code")


def _last_session(run: Run) -> Mapping[str, Any]:
    return (run.spec.get("sessions") or [{}])[-1]


def changes_since(paths: RunPaths, version: str, now: Code) -> list[str]:
    """How the code differs from a version that the run has kept, one phrase per file or value."""
    if version == now.version:
        return []
    was = kept(paths, version)
    return changes(was, now) if was else [f"its version was {version}, now it is {now.version}, and {paths.code} has no whole copy of it"]


def notes_of(run: Run, going: Continued) -> list[str]:
    """What is to be known of code and packages before a run goes on, in sentences."""
    session = _last_session(run)
    told = [] if "code" in session else ["this run did not record its code: whether that has changed since is not known."]
    if going.changed and len(run.trials):
        told.append(f"the code has changed ({'; '.join(going.changed)}). The run pools numbers of both versions, and its report says so.")
    was = session.get("provenance") or run.spec.get("provenance", {})
    told += [line for line in changed_since(was, source_of(going.study)) if not line.startswith(("commit", "processor"))]
    if session.get("package", package_version()) != package_version():
        told.append("the files of tune-studies itself have changed since the last session.")
    return told


def _found(run: Run, reference: str) -> Study:
    if reference == run.spec.get("reference") and reference.endswith(".py") and not Path(reference).is_file():
        last = last_version(run)
        copy = f" {run.paths.code / last} holds a copy of its code." if last else ""
        raise StudyError(f"there is no study file {reference} any more: say where it is with --study FILE.{copy}")
    if not is_known(reference, Path.cwd()):
        raise StudyError(
            f"{run.paths.root} names the study {reference}, which you have not run or named here before: to go on would execute it. "
            f"Look at it, then say so with --study {reference}."
        )
    return find_study(reference)


def _refusal(paths: RunPaths, version: str, changed: Sequence[str]) -> str:
    return (
        f"the code is not that of this run any more: {'; '.join(changed)}. Its numbers would be pooled with those of before. "
        f"Put the code back as it was (a copy is in {paths.code / version}), start a new run with `study run`, "
        "or give --accept-code-change: then every record says which code it is of, and the report that they are pooled."
    )


def unchanged(found: Study, study: Study, run: Run) -> dict[str, Any]:
    """The overrides of a run that just goes on."""
    return dict(run.spec["overrides"])


def extended(found: Study, study: Study, run: Run, *, trials: int | None, seeds: int | None) -> dict[str, Any]:
    """The overrides of a run that is to have so many more trials or seeds. More seeds are seeds of every setting of a grid, and of every
    confirmed setting of a search.

    Raises:
        StudyError: the study has no such number, or none was given.
    """
    overrides = dict(run.spec["overrides"])
    if trials is None and seeds is None:
        raise StudyError("say by how much: --trials N for more settings, --seeds N for more seeds.")
    if any(number is not None and number < 1 for number in (trials, seeds)):
        raise StudyError("--trials and --seeds must be 1 or more: they are added to what there is.")
    if trials is not None:
        if isinstance(study.search, Grid):
            raise StudyError(f"{study.name} is a grid: it tries every setting already. Give --seeds.")
        overrides["trials"] = study.search.trials + trials
    if seeds is not None and study.confirm:
        overrides["confirm"] = {"top": study.confirm.top, "seeds": study.confirm.seeds + seeds}
    elif seeds is not None:
        overrides["seeds"] = _more_seeds(study, seeds)
    return overrides


def confirmed(found: Study, study: Study, run: Run) -> dict[str, Any]:
    """The overrides of a run whose best settings are to be confirmed: as it was to be, as its study says, else three settings over five
    seeds."""
    wanted = study.confirm or found.confirm or Confirm()
    return {**run.spec["overrides"], "confirm": {"top": wanted.top, "seeds": wanted.seeds}}


def _more_seeds(study: Study, seeds: int) -> int | list[int]:
    if not isinstance(study.search, Grid) or study.stopping:
        raise StudyError(f"{study.name} compares its settings by the seeds they have: more of them would need every trial again.")
    first = max(study.seed_list) + 1
    return study.seeds + seeds if isinstance(study.seeds, int) else [*study.seeds, *range(first, first + seeds)]


def _differences(spec: Mapping[str, Any], study: Study) -> list[str]:
    now = describe_study(study) | describe_data(study)
    return [
        f"{key} was {json.dumps(spec.get(key))}, now it is {json.dumps(value)}."
        for key, value in now.items()
        # A run of an earlier version of this package lacks what only later ones say.
        if key not in _WORDS and (value or key in spec) and spec.get(key) != value
    ]
