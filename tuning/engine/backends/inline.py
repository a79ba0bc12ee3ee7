"""The trials of a run in this process, one after the other, without Ray: for studies of seconds, a
debugger, and tests. Records, checkpoints and decisions are those of any other run.
"""

import os
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, nullcontext
from typing import Any

from analysis.records.load import RunPaths
from tuning.engine.controller import Controller
from tuning.engine.log_capture import LogCapture
from tuning.engine.meter import meter_of
from tuning.engine.recorder import Callback
from tuning.engine.reporter import TrialFailed, TrialReport, TrialReporter, reports
from tuning.engine.sendable import data_for_trials
from tuning.engine.session import Outcome, Session
from tuning.engine.trial import iterate
from tuning.process.signals import Interruption, handled, interrupt
from tuning.process.state import process_restored
from tuning.process.terminal import say
from tuning.runs.history import History
from tuning.runs.lock import locked
from tuning.runs.store import Folder
from tuning.spec.study import Study, Trial

PLACE = {"node": "this process", "ip": "127.0.0.1"}


def run_inline(
    study: Study,
    paths: RunPaths,
    *callbacks: Callback,
    history: History | None = None,
    check: Callable[[], None] = lambda: None,
) -> Outcome:
    """As ``launch.run_study``, in this process: a trial that hangs or takes the process with it
    does so here. Signals raise ``Interrupted`` where this is the main thread.

    Raises:
        Interrupted: a signal ended the run early.
        StudyError: no trial of this study can be recorded, or another process writes to this run.
    """
    main = threading.current_thread() is threading.main_thread()
    with locked(paths.lock, say) as lock, handled(interrupt) if main else nullcontext():
        session = Session(study, paths, callbacks, lock, check, Interruption(), history)
        try:
            data = session.data()
            controller = session.controller()
            while not controller.stops_study and (trial := controller.next_trial()):
                _train(controller, study, trial, data, session.checkpoints)
                controller.on_tick(time.monotonic())
            return session.finish(controller)
        finally:
            session.records.close()


def trained(
    study: Study, trial: Trial, threads: int | None = None
) -> Generator[tuple[dict[str, Any], Any], None, str | None]:
    """The rows and states of one trial that is not recorded, as ``iterate`` gives them, with that
    many ``threads`` of torch. What the trainable raises is raised here as it is, for a debugger to
    stop there.
    """
    with process_restored(trial.seeds, study.resources.gpus):
        if threads:
            import torch

            torch.set_num_threads(threads)
        return (yield from iterate(study, trial, data_for_trials(study)))


def _train(
    controller: Controller,
    study: Study,
    trial: Trial,
    data: Mapping[str, Any],
    checkpoints: Folder,
) -> None:
    controller.on_start(trial)
    try:
        with closing(_reports(study, trial, data, checkpoints / trial.id)) as reported:
            while (report := next(reported, None)) and controller.on_report(trial, report):
                pass
    except TrialFailed as error:
        controller.on_error(trial, str(error))
    controller.on_end(trial)


def _reports(
    study: Study, trial: Trial, data: Mapping[str, Any], folder: Folder
) -> Generator[TrialReport, None, None]:
    """What the trial prints goes to its log, and what callbacks print between two reports to
    where it would go without it.
    """
    gpus = study.resources.gpus
    meter = meter_of(gpus)
    with LogCapture() as log, process_restored(trial.seeds, gpus), meter.sampled():
        place = PLACE | {"pid": os.getpid()}
        reporter = TrialReporter(study, trial, folder, log.take, place, meter)
        stepped = reports(study, trial, data, reporter)
        try:
            while report := log.of(lambda: next(stepped, None)):
                yield report
        finally:
            log.of(stepped.close)
