"""What the commands have in common: find a study, train what a run lacks, write its report."""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from analysis.runs import Run, RunPaths
from analysis.versions import versions_note
from cluster.connect import prepare_environment
from cluster.own_folders import abandon_own_folders
from tuning.lock import let_go, locked
from tuning.mirrors import Mirrors, chosen_mirrors
from tuning.overrides import parse_overrides
from tuning.session import forget_session
from tuning.signals import Interrupted
from tuning.start_folder import as_started
from tuning.study import Study, StudyError, WandbMode
from tuning.terminal import leave, remove_if_empty, say, shown

if TYPE_CHECKING:  # it imports Ray
    from tuning.display import Display
    from tuning.recorder import Listener


@dataclass(frozen=True, kw_only=True)
class Way:
    """Where a session of a run trains and how it is shown, as the options say."""

    address: str | None
    wandb: WandbMode | None
    tensorboard: bool | None
    watch: bool
    json: TextIO | None


def find(reference: str, pairs: list[str] | None, seeds: int | None, trials: int | None, smoke: bool) -> tuple[Study, dict[str, Any]]:
    """The study with its overrides, and these.

    Raises:
        StudyError: there is no such study, it cannot be overridden so, it has no short form where ``smoke`` asks for it, or something of
            it cannot be recorded or sent to trials: whatever is done with the study, all is checked that a run of it would check.
    """
    from tuning.catalog import find_study
    from tuning.prepare import describe_study
    from tuning.sendable import pickled

    changes = parse_overrides(pairs or [])
    study = find_study(reference)
    if smoke and not study.smoke:
        raise StudyError(
            f"Study {study.name!r} has no short form for --smoke: give it one, as smoke={{'epochs': 2}}, or use --set epochs=2."
        )
    options = {name: value for name, value in (("seeds", seeds), ("trials", trials)) if value is not None}
    overrides = {**(study.smoke if smoke else {}), **changes, **options}
    chosen = study.override(overrides)
    describe_study(chosen)
    pickled(chosen)
    return chosen, overrides


def go_on(
    run: str,
    change: Callable[[Study, Study, Run], dict[str, Any]],
    way: Way,
    file: str | None,
    accept: bool,
    from_store: bool | None,
) -> int:
    """Train what a run lacks, once ``change`` has said which overrides it is to have. ``file`` and ``accept``: as for ``continued``;
    ``from_store``: as for ``fetched``."""
    prepare_environment(way.address)
    from analysis import load_run
    from tuning.fetching import fetched
    from tuning.prepare import found_again
    from tuning.resume import add_session, continued, notes_of

    root = fetched(run, say, from_store).resolve()
    moved = found_again(file, Path.cwd()) if file else None
    with locked(RunPaths(root).lock, say):
        records = load_run(root)
        with as_started(records.spec, say):
            going = continued(records, change, file=moved, accept=accept)
            for note in notes_of(records, going):
                say(f"note: {note}")
            mirrors = chosen_mirrors(going.study, way.wandb, way.tensorboard, records.spec)
            take_back = add_session(records.paths, records.recorded, going, command_line(), mirrors)
            return train(going.study, records.paths, mirrors, way, take_back)


def train(study: Study, paths: RunPaths, mirrors: Mirrors, way: Way, take_back: Callable[[], None] = lambda: None) -> int:
    """Train what the run lacks, write its report and print its folder; returns the exit code. ``take_back`` is called where the session
    could not start, or was ended by an error."""
    from analysis import load_run, write_report
    from tuning.copies import copied
    from tuning.display import progress_shown
    from tuning.launch import run_study
    from tuning.session import page_served
    from tuning.tracking import mirrored

    slots = 1 if way.address else round((os.cpu_count() or 1) // study.resources.cpus)
    with contextlib.ExitStack() as beside:
        finish_mirror = beside.enter_context(mirrored(paths, mirrors.wandb, say))
        run = load_run(paths.root)
        still_ours = beside.enter_context(copied(paths.root, run.spec.get("storage"), say))
        display = beside.enter_context(progress_shown(study, run, slots=slots, json_to=way.json))
        if noted := (run.spec.get("data") or {}).get("note"):
            display.line(f"data: {noted}")
        if way.watch:
            beside.enter_context(page_served(paths, partial(display.address, "live page")))
        watchers = _watchers(study, run, mirrors)
        ready = partial(display.address, "Ray's dashboard")

        def check() -> None:
            still_ours()
            display.tick()

        at_worst = partial(_cut_off, paths, display, beside)
        try:
            outcome = run_study(study, paths, display, *watchers, address=way.address, ready=ready, check=check, at_worst=at_worst)
            display.finished()
            ended = load_run(paths.root)
            if note := versions_note(ended):
                display.line(note)
            report = write_report(ended)
            finish_mirror()
        except Interrupted as interrupted:
            return _interrupted(paths, display, interrupted)
        except Exception:
            take_back()
            raise
        return display.ended(_code(outcome.statuses), report)


def _interrupted(paths: RunPaths, display: "Display", interrupted: Interrupted) -> int:
    """Say how a run goes on that was interrupted; one without a record does not."""
    if not paths.trials.exists():
        raise interrupted
    say(f"Interrupted. `study resume {shown(paths.root)}` goes on; `study report {shown(paths.root)}` reads what is there.")
    return display.ended(interrupted.code)


def _cut_off(paths: RunPaths, display: "Display", beside: contextlib.ExitStack, interrupted: Interrupted) -> None:
    """End this process, in which Ray hangs since a signal: what lies around is put away here."""
    try:
        _interrupted(paths, display, interrupted)
    except Interrupted:
        display.stopped(interrupted.code, f"interrupted by {interrupted}")
    beside.close()
    abandon_own_folders()
    forget_session(paths)
    let_go(paths.lock)
    remove_if_empty(paths)
    leave(interrupted.code)


def _watchers(study: Study, run: Run, mirrors: Mirrors) -> "list[Listener]":
    """Listeners that show the study elsewhere."""
    from tuning.metrics import StudyMetrics

    watchers: list[Listener] = [StudyMetrics(study, run.paths.root.name, run)]
    if mirrors.tensorboard:
        from tuning.tensorboard import EventFiles

        watchers.append(EventFiles(study, run.paths.tensorboard, say))
    return watchers


def written_report(folder: Path) -> Path:
    """The report of the run, written anew from its records."""
    from analysis import load_run, write_report

    return write_report(load_run(folder))


def compared(runs: Sequence[str], results: str) -> list[str]:
    """Write the comparison of some runs; returns what it found, in sentences, and where it is."""
    from analysis import load_run
    from analysis.compare import compare_runs
    from analysis.compare_page import folder_name, sentences, write_comparison
    from tuning.fetching import cached

    found = compare_runs([load_run(cached(run, say)) for run in runs])
    path = write_comparison(found, Path(results) / "comparisons" / folder_name(found))
    return [*sentences(found), *found.notes, f"comparison: {shown(path)}"]


def command_line() -> list[str]:
    """The command as it was given."""
    return ["study", *sys.argv[1:]]


def _code(statuses: Mapping[str, str]) -> int:
    ends = set(statuses.values())
    return 1 if "failed" in ends or "completed" not in ends else 0
