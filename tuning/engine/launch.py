"""From a study to the trials of a run: the driver's side."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from analysis.records.load import RunPaths
from analysis.report.ahead import load_ahead
from cluster.connect import connected
from tuning.engine.backends.ray_tune import train_on_ray
from tuning.engine.capacity import Capacity, check_nodes, gpus_here
from tuning.engine.recorder import Callback
from tuning.engine.session import Outcome, Session
from tuning.engine.shipping import Sent
from tuning.process.signals import Interrupted, Interruption
from tuning.process.terminal import say
from tuning.runs.history import History
from tuning.runs.lock import locked
from tuning.runs.session_file import Ready, ray_noted
from tuning.spec.study import Study


def run_study(
    study: Study,
    paths: RunPaths,
    *callbacks: Callback,
    address: str | None = None,
    dashboard: bool = False,
    history: History | None = None,
    ready: Ready | None = None,
    check: Callable[[], None] = lambda: None,
    at_worst: Callable[[Interrupted], None] = lambda interrupted: None,
    beside: ExitStack | None = None,
) -> Outcome:
    """Run every trial that the records below ``paths`` lack, confirm the best settings, export the
    best network.

    SIGINT, SIGTERM, SIGHUP and SIGUSR1 end the run early; nothing that ended is lost, and calling
    this again goes on: cut-off trials from their last checkpoint, the search with what it knew.
    ``dashboard``: whether Ray's own runs beside a private Ray; a cluster has one anyway.
    ``history``: what the records say, where that was read already. ``ready`` is told the address of
    the dashboard and a note, if there is one. ``check`` is called every few seconds at least;
    what it raises ends the run. ``at_worst`` is called, in a thread, if Ray does not let go within
    seconds of a signal: it is to end this process. ``beside``: where given, it waits for the end of
    Ray's processes, which end meanwhile.

    Raises:
        Interrupted: a signal ended the run early.
        StudyError: no trial of this study can be recorded (its metric is never reported, say), it
            does not fit this machine, or another process writes to this run.
        ConnectionError: no cluster answers at ``address``.
    """
    interruption = Interruption()
    with locked(paths.lock, say) as lock:
        session = Session(study, paths, callbacks, lock, check, interruption, history)
        sent = Sent.of(study)
        load_ahead(importances=not study.search.exhaustive)
        with (
            interruption.ends_session(at_worst),
            connected(
                address, gpus=gpus_here(study), dashboard=dashboard, about=session.about
            ) as leaving,
        ):
            try:
                results = None if session.store else paths.root
                check_nodes(study, sent, results, cluster=bool(address))
                with ray_noted(paths, ready):
                    outcome = _train(session, sent, interruption)
            except KeyboardInterrupt:
                if not interruption.by:
                    raise
            finally:
                interruption.session_ended()
                session.records.close()
            rest = ExitStack() if interruption.by or beside is None else leaving.pop_all()
    if beside is not None:
        beside.enter_context(_closed_meanwhile(rest))
    if interruption.by:
        raise Interrupted(interruption.by)
    return outcome


@contextmanager
def _closed_meanwhile(stack: ExitStack) -> Iterator[None]:
    """Close the stack, in a thread, while the block goes on."""
    thread = threading.Thread(target=stack.close)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _train(session: Session, sent: Sent, interruption: Interruption) -> Outcome:
    with _repeated(session.check):
        data = session.data()
    capacity = Capacity(session.study)
    controller = session.controller(capacity)
    train_on_ray(
        controller,
        session.study,
        sent,
        data,
        session.checkpoints,
        capacity,
        interruption,
        session.about["job_name"],
    )
    return session.finish(controller)


@contextmanager
def _repeated(call: Callable[[], None]) -> Iterator[None]:
    """``call`` every second or so, in a thread, while the block keeps this one busy. What it raises
    is left to the next call.
    """
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(1.0):
            with suppress(Exception):
                call()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
