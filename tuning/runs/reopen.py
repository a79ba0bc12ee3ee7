"""A run that goes on: its study found again, and held against what the records say."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.records.load import Run
from analysis.stats.identity import identity
from tuning.runs.append import size_of
from tuning.runs.budgets import budget_record
from tuning.runs.code import Code, code_of, keep, package_version
from tuning.runs.code_changes import changes_since, code_refusal, last_session, last_version
from tuning.runs.prepare import describe_data, describe_study, session_record, source_of, write_spec
from tuning.runs.provenance import changed_since, provenance
from tuning.runs.store import Folder
from tuning.spec.loading import file_with, find_study
from tuning.spec.named_studies import is_known, remember
from tuning.spec.study import Mirrors, Study, StudyError

# What may differ between the sessions of a run: words and pictures, not what is trained.
WORDS = ("question", "published", "tables", "target", "compare", "resources", "trainable")
_GIVEN = ("space", "fixed")


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
    run: Run,
    change: Callable[[Study, Study, Run], dict[str, Any]],
    *,
    study: str | Study | None = None,
    accept: bool = False,
) -> Continued:
    """A run as it is to go on. ``change`` says the overrides: it is given the study as it stands in
    its file, the study as it was run, and the run. ``study``: the study itself, or where it is to
    be found, if not where it was; ``accept``: whether its code may have changed.

    Raises:
        StudyError: the study cannot be found, it, its code or its data are not what they were, or
        ``change`` refuses.
    """
    reference = study if isinstance(study, str) else run.spec.get("reference") or ""
    lies = reference
    if isinstance(study, str):
        remember(study, Path.cwd())
    elif study and reference.endswith(".py"):  # which may have moved since
        if found_in := file_with(study):
            remember(found_in, Path.cwd())
        lies = found_in or file_with(study, script=True)
        reference = found_in or reference
    # From the study as it stands in its file each time: one override takes the place of another.
    found = study if isinstance(study, Study) else _found(run, reference)
    was = found.override(run.spec["overrides"])
    problems = [
        f"{reference or 'That'} is not the study of this run any more: {line}"
        for line in _differences(run.recorded, was)
    ]
    code, last = code_of(was, lies), last_version(run)
    changed = changes_since(run.paths, last, code) if last else []
    if changed and not accept and len(run.trials):
        problems.append(code_refusal(run.paths, str(last), changed))
    if problems:
        raise StudyError(problems)
    overrides = change(found, was, run)
    version = code.version if changed or not last else last
    study = found.override(overrides)
    return Continued(
        study=study,
        overrides=overrides,
        reference=reference,
        code=code,
        version=version,
        changed=changed,
    )


def as_it_was_run(run: Run) -> Study:
    """The study of a run, found where its last session found it.

    Raises:
        StudyError: it cannot be found, or has not been run by this user.
    """
    found = _found(run, run.spec.get("reference") or "")
    return found.override(run.spec["overrides"])


def add_session(
    run: Run,
    going: Continued,
    command: Sequence[str],
    mirrors: Mirrors,
    *,
    new_budget: bool = False,
    confirm_now: bool = False,
) -> Callable[[], None]:
    """Note in ``study.json`` that a run goes on, and as what; and keep the code that it goes on
    with. Returns what takes the note back, unless a trial has begun since, or another process has
    written its own: a session that could not start has changed nothing, and may be asked for again.
    ``new_budget``: whether it is given one, of which nothing is spent yet; ``confirm_now``: whether
    the rest of the search is left as it is.
    """
    paths, spec = run.paths, run.recorded
    before, begun = paths.study.read_bytes(), size_of(paths.trials)
    keep(paths, going.code, going.version)
    session = session_record(shlex.join(command), datetime.now(UTC), going.version)
    session |= budget_record(going.study.budget, run, new_budget)
    session |= {"confirm_now": True} if confirm_now else {}
    sessions = [
        *spec.get("sessions", []),
        session | {"provenance": provenance(source_of(going.study), going.code.files)},
    ]
    changed = {
        "reference": going.reference,
        "overrides": dict(going.overrides),
        "mirrors": asdict(mirrors),
        "sessions": sessions,
    }
    write_spec(paths, {**spec, **describe_study(going.study), **changed})
    noted = paths.study.read_bytes()

    def take_back() -> None:
        if size_of(paths.trials) == begun and paths.study.read_bytes() == noted:
            Folder.at(paths.root).write(paths.study.name, before)

    return take_back


def notes_of(run: Run, going: Continued) -> list[str]:
    """What is to be known of code and packages before a run goes on, in sentences."""
    session = last_session(run)
    told = (
        []
        if "code" in session
        else ["this run did not record its code: whether that has changed since is not known."]
    )
    if going.changed and len(run.trials):
        told.append(
            f"the code has changed ({'; '.join(going.changed)}). The run pools numbers of both"
            " versions, and its report says so."
        )
    was = session.get("provenance") or run.spec.get("provenance", {})
    told += [
        line
        for line in changed_since(was, source_of(going.study))
        if not line.startswith(("commit", "processor"))
    ]
    if session.get("package", package_version()) != package_version():
        told.append("the files of tune-studies itself have changed since the last session.")
    return told


def _found(run: Run, reference: str) -> Study:
    if not reference:
        raise StudyError(
            f"{run.paths.root} was started from Python ({run.spec.get('command')}), and no file is"
            " loaded for its study unasked: give the study itself in Python, as in resume(RUN,"
            " study) or extend(RUN, study, seeds=5), or name its file with --study FILE, which is"
            ' to call run() only below `if __name__ == "__main__":`.'
        )
    if (
        reference == run.spec.get("reference")
        and reference.endswith(".py")
        and not Path(reference).is_file()
    ):
        last = last_version(run)
        copy = f" {run.paths.code / last} holds a copy of its code." if last else ""
        raise StudyError(
            f"there is no study file {reference} any more: say where it is with --study FILE, or"
            f" give the study itself in Python, as in resume(RUN, study).{copy}"
        )
    if not is_known(reference, Path.cwd()):
        raise StudyError(
            f"{run.paths.root} names the study {reference}, which you have not run or named here"
            f" before: to go on would execute it. Look at it, then say so with --study {reference},"
            " or give the study itself in Python, as in resume(RUN, study)."
        )
    return find_study(reference)


def _differences(spec: Mapping[str, Any], study: Study) -> list[str]:
    now = describe_study(study) | describe_data(study)
    return [
        f"{key} was {json.dumps(spec.get(key))}, now it is {json.dumps(value)}."
        for key, value in now.items()
        # A run of an earlier version of this package lacks what only later ones say.
        if key not in WORDS and (value or key in spec) and differ(key, spec.get(key), value)
    ]


def differ(key: str, before: Any, now: Any) -> bool:
    """Of what a trainable is given also where 1 became 1.0 or True."""
    return before != now or (key in _GIVEN and identity(before) != identity(now))
