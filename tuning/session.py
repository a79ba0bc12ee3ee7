"""One session of a run, whether the command or Python asks for it: train what the run lacks, write
its report.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from analysis.records.paths import RunPaths
from cluster.connect import prepare_environment
from tuning.callbacks.notify import notified, told_of
from tuning.mirrors.base import chosen_mirrors
from tuning.process.start_folder import as_started
from tuning.process.terminal import say
from tuning.runs.lock import locked
from tuning.session_options import Backend as Backend
from tuning.session_options import Change, SessionOptions
from tuning.spec.study import Mirrors, Study

if TYPE_CHECKING:  # they bring pandas and Ray
    from analysis.records.load import Run
    from tuning.callbacks.display import Display
    from tuning.callbacks.notify import Notifier
    from tuning.engine.session import Outcome
    from tuning.process.signals import Interrupted
    from tuning.runs.history import History

Ended = TypeVar("Ended")


def checked(study: Study) -> Study:
    """The study, of which all is checked that a run of it would check.

    Raises:
        StudyError: something of it cannot be recorded or sent to trials.
    """
    from tuning.engine.sendable import pickled
    from tuning.runs.prepare import describe_study

    describe_study(study)
    pickled(study)
    if study.search.learns:
        study.search.searcher(study)
    return study


def go_on(
    run: str,
    change: "Change",
    options: SessionOptions,
    train: Callable[[Study, RunPaths, Mirrors, SessionOptions, Callable[[], None]], Ended],
    *,
    command: Sequence[str],
    study: str | Study | None = None,
    accept: bool = False,
    from_store: bool | None = None,
) -> Ended:
    """What ``train`` makes of a run, once ``change`` has said which overrides it is to have.
    ``command``: how this was asked for; ``study`` and ``accept``: as for ``continued``;
    ``from_store``: as for ``fetched``.
    """
    prepare_environment(options.address)
    from analysis import load_run
    from tuning.runs.fetching import fetched
    from tuning.runs.prepare import found_again
    from tuning.runs.reopen import add_session, continued, notes_of

    root = fetched(run, say, from_store).resolve()
    moved = found_again(study, Path.cwd()) if isinstance(study, str) else study
    with locked(RunPaths(root).lock, say):
        records = load_run(root)
        with as_started(records.spec, say):
            going = continued(records, options.with_budget(change), study=moved, accept=accept)
            for note in notes_of(records, going):
                say(f"note: {note}")
            mirrors = chosen_mirrors(going.study, options.mirrors, records.spec)
            take_back = add_session(
                records,
                going,
                command,
                mirrors,
                new_budget=options.max_time is not None,
                confirm_now=options.confirm_now,
            )
            return train(going.study, records.paths, mirrors, options, take_back)


@dataclass(frozen=True)
class Session:
    """What is open while a session of a run goes on."""

    study: Study
    paths: RunPaths
    mirrors: Mirrors
    options: SessionOptions
    display: "Display"
    history: "History"
    beside: ExitStack
    """What ends with the session: its mirror, its copy in a store, its live page."""
    finish_mirror: Callable[[], Any]
    still_ours: Callable[[], None]
    take_back: Callable[[], None]
    """Called where the session could not start."""
    notifier: "Notifier | None" = None
    ways_on: list[str] = field(default_factory=list)
    """What was said of how the run goes on."""

    def run(
        self, at_worst: "Callable[[Interrupted], None]" = lambda interrupted: None
    ) -> tuple[Mapping[str, str], Path]:
        """Train what the run lacks and write its report; returns the end of each trial that ended,
        by its id, and the page. Raises what ``run_study`` raises.
        """
        with told_of(self.notifier, self.paths):
            return self._run(at_worst)

    def _run(self, at_worst: "Callable[[Interrupted], None]") -> tuple[Mapping[str, str], Path]:
        from analysis import load_run, write_report
        from analysis.records.budget import budget_note
        from analysis.records.settled import settled_sentence
        from analysis.records.versions import versions_note
        from analysis.stats.settled_table import settled_words

        try:
            outcome = self._trained(at_worst)
        except Exception:
            self.take_back()
            raise
        self.display.finished()
        ended = load_run(self.paths.root)
        paused = f"paused: `study resume {self.paths.root}` goes on" if outcome.paused else None
        settled = settled_sentence(ended)
        extend = f"{settled}. `study extend {self.paths.root} --trials N` goes on"
        self.ways_on.extend(filter(None, [budget_note(ended), paused, settled and extend]))
        for note in filter(None, [versions_note(ended), settled_words(ended), *self.ways_on]):
            self.display.line(note)
        report = write_report(ended)
        self.finish_mirror()
        return outcome.statuses, report

    def _trained(self, at_worst: "Callable[[Interrupted], None]") -> "Outcome":
        study, paths, history = self.study, self.paths, self.history
        notifiers = [self.notifier] if self.notifier else []
        from tuning.engine.session import is_complete

        # Ray takes seconds to start, and is not needed where nothing is left to be trained.
        if done := is_complete(study, history):
            self.display.line("Nothing was left to be trained: the report is written again.")
        if self.options.backend == "inline" or done:
            from tuning.engine.backends.inline import run_inline

            return run_inline(
                study, paths, self.display, *notifiers, history=history, check=self._check
            )
        from tuning.callbacks.prometheus import StudyMetrics
        from tuning.engine.launch import run_study

        return run_study(
            study,
            paths,
            self.display,
            StudyMetrics(study, paths.root.name, history),
            *notifiers,
            history=history,
            address=self.options.address,
            dashboard=self.options.dashboard,
            ready=partial(self.display.address, "Ray's dashboard"),
            check=self._check,
            at_worst=at_worst,
            beside=self.beside,
        )

    def _check(self) -> None:
        self.still_ours()
        self.display.tick()


def _deadline(run: "Run") -> float | None:
    """When the time of the session is over, as ``time.monotonic``; None without end."""
    from tuning.runs.budgets import Allowance

    left = Allowance.of((run.recorded.get("sessions") or [{}])[-1]).seconds
    return None if left is None else time.monotonic() + left


@contextmanager
def session_of(
    study: Study,
    paths: RunPaths,
    mirrors: Mirrors,
    options: SessionOptions,
    take_back: Callable[[], None] = lambda: None,
) -> Iterator[Session]:
    """A session of the run, to be run within the block; ``take_back``: as ``add_session``
    returns it.
    """
    from analysis import load_run
    from tuning.callbacks.console import progress_shown
    from tuning.engine.session import history_of
    from tuning.mirrors.driver import mirrored
    from tuning.runs.session_file import page_served
    from tuning.runs.sync import copied

    on_private_ray = options.backend == "ray" and not options.address
    slots = round((os.cpu_count() or 1) // study.resources.cpus) if on_private_ray else 1
    with ExitStack() as beside:
        finish_mirror = beside.enter_context(mirrored(paths, mirrors, say))
        run = load_run(paths.root)
        history = history_of(study, run)
        still_ours = beside.enter_context(copied(paths.root, run.spec.get("storage"), say))
        display = beside.enter_context(
            progress_shown(
                study, paths, history, slots=slots, json_to=options.json, until=_deadline(run)
            )
        )
        if note := (run.spec.get("data") or {}).get("note"):
            display.line(f"data: {note}")
        if options.watch:
            beside.enter_context(page_served(paths, partial(display.address, "live page")))
        notifier = beside.enter_context(notified(options.notify, f"{study.name} {paths.root.name}"))
        yield Session(
            study,
            paths,
            mirrors,
            options,
            display,
            history,
            beside,
            finish_mirror,
            still_ours,
            take_back,
            notifier,
        )
