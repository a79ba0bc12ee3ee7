"""What the commands have in common: find a study, train what a run lacks, write its report."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.records.paths import RunPaths
from tuning.cli.hints import after_run, hint
from tuning.process.last_word import last_word
from tuning.process.signals import Interrupted
from tuning.process.terminal import leave, remove_if_empty, say, shown
from tuning.session import Session, SessionOptions, checked, go_on, session_of
from tuning.spec.study import Mirrors, Study, StudyError

if TYPE_CHECKING:  # it brings pandas
    from analysis.records.load import Run


def find(
    reference: str,
    pairs: list[str] | None,
    seeds: int | None,
    trials: int | None,
    smoke: bool,
    max_time: str | None = None,
    warm_start: list[str] | None = None,
) -> tuple[Study, dict[str, Any]]:
    """The study with its overrides, and these.

    Raises:
        StudyError: there is no such study, it cannot be overridden so, it has no short form where
            ``smoke`` asks for it, or ``checked`` refuses it.
    """
    from tuning.spec.loading import find_study
    from tuning.spec.overrides import parse_overrides

    changes = parse_overrides(pairs or [])
    study = find_study(reference)
    if smoke and not study.smoke:
        raise StudyError(
            f"Study {study.name!r} has no short form for --smoke: give it one, as smoke={{'epochs':"
            " 2}, or use --set epochs=2."
        )
    options: dict[str, Any] = {
        name: value for name, value in (("seeds", seeds), ("trials", trials)) if value is not None
    }
    options |= {} if max_time is None else {"budget": {"time": max_time}}
    options |= {"warm_start": warm_start} if warm_start else {}
    overrides = {**(study.smoke if smoke else {}), **changes, **options}
    return checked(study.override(overrides)), overrides


def continue_run(
    run: str,
    change: "Callable[[Study, Study, Run], dict[str, Any]]",
    options: SessionOptions,
    file: str | None,
    accept: bool,
    from_store: bool | None,
) -> int:
    """``go_on`` for the command; returns the exit code."""
    return go_on(
        run,
        change,
        options,
        train,
        command=command_line(),
        study=file,
        accept=accept,
        from_store=from_store,
    )


def train(
    study: Study,
    paths: RunPaths,
    mirrors: Mirrors,
    options: SessionOptions,
    take_back: Callable[[], None] = lambda: None,
) -> int:
    """Train what the run lacks, write its report and print its folder; returns the exit code.
    ``take_back``: as for ``session_of``.
    """
    with session_of(study, paths, mirrors, options, take_back) as session:
        session.beside.enter_context(
            last_word(
                "This process died: it was killed, or its Ray is gone. `study resume"
                f" {shown(paths.root)}` goes on."
            )
        )
        try:
            statuses, report = session.run(at_worst=partial(_cut_off, session))
        except Interrupted as interrupted:
            return _interrupted(session, interrupted)
        # Before the folder, which is the last line of a job's log as well.
        if not (options.json or session.ways_on):
            session.display.line(f"next: {hint(after_run(study), shown(paths.root))}")
        return session.display.ended(_code(statuses), report)


def _interrupted(session: Session, interrupted: Interrupted) -> int:
    """Say how a run goes on that was interrupted; one without a record does not."""
    if not session.paths.trials.exists():
        raise interrupted
    say(f"Interrupted. {hint('cut off', shown(session.paths.root))}.")
    return session.display.ended(interrupted.code)


def _cut_off(session: Session, interrupted: Interrupted) -> None:
    """End this process, in which Ray hangs since a signal: what lies around is put away here."""
    from cluster.own_folders import abandon_own_folders
    from tuning.runs.lock import let_go
    from tuning.runs.session_file import forget_session

    try:
        _interrupted(session, interrupted)
    except Interrupted:
        session.display.stopped(interrupted.code, f"interrupted by {interrupted}")
    session.beside.close()
    abandon_own_folders()
    forget_session(session.paths)
    let_go(session.paths.lock)
    remove_if_empty(session.paths)
    leave(interrupted.code)


def written_report(run: str) -> str:
    """Where the report of the run is, written anew from its records."""
    from analysis import load_run, write_report
    from tuning.runs.fetching import cached

    return f"report: {shown(write_report(load_run(cached(run, say))))}"


def compared(runs: Sequence[str], results: str) -> list[str]:
    """Write the comparison of some runs; returns what it found, in sentences, and where it is.

    Raises:
        StudyError: the runs cannot be compared.
    """
    from analysis import load_run
    from analysis.report.compare_page import folder_name, sentences, write_comparison
    from analysis.stats.comparable import UnequalRuns
    from analysis.stats.runs import compare_runs
    from tuning.runs.fetching import cached

    try:
        comparison = compare_runs([load_run(cached(run, say)) for run in runs])
    except UnequalRuns as error:
        raise StudyError(str(error)) from None
    path = write_comparison(comparison, Path(results) / "comparisons" / folder_name(comparison))
    return [*sentences(comparison), *comparison.notes, f"comparison: {shown(path)}"]


def command_line() -> list[str]:
    """The command as it was given, but for the address of a webhook, which is a secret."""
    given = ["study", *sys.argv[1:]]
    return [
        "--notify=..." if word.startswith("--notify=") else "..." if before == "--notify" else word
        for before, word in zip(["", *given], given, strict=False)
    ]


def _code(statuses: Mapping[str, str]) -> int:
    ends = set(statuses.values())
    return 1 if "failed" in ends or "completed" not in ends else 0
