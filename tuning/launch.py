"""From a study to the trials of a run: the driver's side."""

import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial as RayTrial
from ray.tune.progress_reporter import TrialProgressCallback

from analysis import load_run
from analysis.records import read_spec
from analysis.runs import RunPaths
from cluster.connect import connected
from cluster.own_folders import own_folder
from tuning.asking import Asker
from tuning.best import best_trial, confirmations, export_best
from tuning.checkpoints import Keeper, clear_unknown
from tuning.lock import Lock, locked
from tuning.past import Past, past_trials, trials_left
from tuning.recorder import Listener, Recorder
from tuning.records import Records
from tuning.search import Halving, TrialSource
from tuning.sendable import data_for_trials
from tuning.session import Ready, ray_noted
from tuning.shipping import Sent
from tuning.signals import Interrupted, Interruption
from tuning.slots import Slots, check_nodes, gpus_here
from tuning.storage import Folder
from tuning.store_lock import current
from tuning.study import Grid, Study, StudyError, Trial
from tuning.terminal import say
from tuning.worker import Worker


@dataclass(frozen=True)
class Outcome:
    """How a run stands after a session."""

    paths: RunPaths
    statuses: Mapping[str, str]
    """The end of each trial that ended, by its id."""


def run_study(
    study: Study,
    paths: RunPaths,
    *listeners: Listener,
    address: str | None = None,
    ready: Ready | None = None,
    check: Callable[[], None] = lambda: None,
    at_worst: Callable[[Interrupted], None] = lambda interrupted: None,
) -> Outcome:
    """Run every trial that the records below ``paths`` lack, confirm the best settings, export the best network.

    SIGINT, SIGTERM, SIGHUP and SIGUSR1 end the run early; nothing that ended is lost, and calling this again goes on: cut-off trials from
    their last checkpoint, the search with what it knew. ``ready`` is told the address of Ray's dashboard and a note, if there is one.
    ``check`` is called every few seconds at least; what it raises ends the run. ``at_worst`` is called, in a thread, if Ray does not let
    go within seconds of a signal: it is to end this process.

    Raises:
        Interrupted: a signal ended the run early.
        StudyError: no trial of this study can be recorded (its metric is never reported, say), it does not fit this machine, or another
            process writes to this run.
        ConnectionError: no cluster answers at ``address``.
    """
    interruption = Interruption()
    with locked(paths.lock, say) as lock:
        session = _Session(study, paths, listeners, lock, check, interruption)
        with interruption.ends_session(at_worst), connected(address, gpus=gpus_here(study), dashboard=study.dashboard):
            try:
                check_nodes(study, session.sent, None if session.storage else paths.root, cluster=bool(address))
                with ray_noted(paths, ready):
                    session.run()
            except KeyboardInterrupt:
                if not interruption.by:
                    raise
            finally:
                interruption.session_ended()
                session.records.close()
    if interruption.by:
        raise Interrupted(interruption.by)
    return Outcome(paths, session.statuses)


@dataclass
class _Session:
    """One process's part of a run: its phases one after the other."""

    study: Study
    paths: RunPaths
    listeners: Sequence[Listener]
    lock: Lock
    check: Callable[[], None]
    interruption: Interruption
    statuses: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.records, self.sent = Records(self.paths, self._between), Sent.of(self.study)
        spec = read_spec(self.paths.study)
        self.storage, self.version = spec.get("storage"), (spec.get("sessions") or [{}])[-1].get("code")
        self.kept_in = current(Folder.at(self.storage)) / "checkpoints" if self.storage else Folder.at(self.paths.checkpoints)

    def _between(self) -> None:
        """While the disk is full: the run is still held, and can still be interrupted."""
        self._held()
        if self.interruption.by:
            raise KeyboardInterrupt

    def _held(self) -> None:
        self.lock.check()
        self.check()

    def run(self) -> None:
        with _repeated(self.check):
            data = data_for_trials(self.study)
        clear_unknown(self.kept_in, load_run(self.paths.root).trials["trial"])
        trainable = _trainable(self.study, self.sent, data, self.kept_in)
        self._search(trainable)
        if self.study.confirm and not self.interruption.by:
            planned = confirmations(self.study, load_run(self.paths.root))
            self._phase(trainable, "confirm", lambda past: iter(trials_left(planned, past)))
        if not self.interruption.by:
            export_best(self.study, self.paths, self.kept_in)

    def _search(self, trainable: Any) -> None:
        if isinstance(self.study.search, Grid):
            planned = self.study.trials()
            self._phase(trainable, "search", lambda past: iter(trials_left(planned, past)))
        else:
            self._phase(trainable, "search", self._asked)

    def _asked(self, past: Sequence[Past]) -> Iterator[Trial]:
        """Cut-off trials first; then what Optuna says, asked one by one."""
        assert not isinstance(self.study.search, Grid)
        asker = Asker(self.study, past, self.paths.optuna, self._between)
        self._listeners.append(asker)
        yield from (one.trial for one in past if not one.ended)
        for number in range(len(past) + 1, self.study.search.trials + 1):
            trial = asker.ask(number)
            # It stands in the records from now on: a crash may not ask for it twice.
            self._recorder.plan(trial)
            yield trial

    def _phase(self, trainable: Any, phase: str, trials: Callable[[Sequence[Past]], Iterator[Trial]]) -> None:
        """Train the trials of one phase that the records lack."""
        run = load_run(self.paths.root)
        past = past_trials(run, phase)
        for one in past:  # none goes on from what other code has trained: it starts anew
            if not one.ended and run.versions.get(one.trial.id) not in (None, self.version):
                (self.kept_in / one.trial.id).clear()
        self.statuses |= {one.trial.id: one.status for one in past if one.ended}
        slots = Slots(self.study, phase)
        # A confirmation is there for full trials over all seeds: none is stopped.
        halving = Halving(self.study if phase == "search" else replace(self.study, stopping=None), past, slots.fitting)
        self._listeners: list[Listener] = [*self.listeners]
        if phase == "search":
            self._listeners.append(Keeper(self.study, self.kept_in, best_trial(self.study, past)))
        self._recorder = Recorder(
            self.study,
            self.records,
            self._listeners,
            stopped=halving.stopped,
            attempts={one.trial.id: one.attempt for one in past},
            reported=not run.epochs.empty,
            check=self._held,
            interruption=self.interruption,
            again=lambda trial: source.again(trial),
            version=self.version,
        )
        source = TrialSource(self.study, trials(past), slots)
        # Ray's own state is never read: it lies where neither a full disk nor a slow one is in the way.
        with own_folder(tempfile.gettempdir()) as folder:
            _tuner(trainable, folder, source, halving, self._recorder, not self.study.fresh_process).fit()
            self.interruption.fit_ended()
        self.statuses |= self._recorder.statuses
        if self._recorder.stops_study:
            what = f"{self._recorder.stops_study.removesuffix('.')}. The run was stopped; what it wrote is in {self.paths.root}"
            raise StudyError(f"Study {self.study.name!r}: {what}")


@contextmanager
def _repeated(call: Callable[[], None]) -> Iterator[None]:
    """``call`` every second or so, in a thread, while the block keeps this one busy. What it raises is left to the next call."""
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


def _trainable(study: Study, sent: Sent, loaded: Mapping[str, Any], kept_in: Folder) -> Any:
    # Data travel through the object store: they are read once here and once per node, not once per trial.
    data = [ray.put(loaded)]
    worker = tune.with_parameters(Worker, sent=sent, gpus=study.resources.gpus, data=data, checkpoints_folder=kept_in)
    return tune.with_resources(worker, {"cpu": study.resources.cpus, "gpu": study.resources.gpus})


def _tuner(trainable: Any, folder: str, source: TrialSource, halving: Halving, recorder: Recorder, reuses: bool) -> tune.Tuner:
    names = {"trial_name_creator": _trial_name, "trial_dirname_creator": _trial_name}
    return tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(search_alg=source, scheduler=halving, num_samples=-1, reuse_actors=reuses, **names),
        run_config=tune.RunConfig(
            name="ray",
            storage_path=folder,
            verbose=0,
            # Ray's own; ours are kept by the trial itself.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            callbacks=[recorder, _Silence()],
            stop=_StopOnOrder(recorder),
        ),
    )


class _Silence(TrialProgressCallback):
    """Takes the place of Tune's printer, which ignores ``verbose=0``."""

    def _print(self, msg: str) -> None:
        """Nothing: progress is shown by the listener."""


class _StopOnOrder(tune.Stopper):
    """Ends the study once a trial found that none of it can be recorded."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._recorder.stops_study is not None


def _trial_name(trial: RayTrial) -> str:
    return trial.config["trial"]
