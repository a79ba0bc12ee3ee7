"""From a study to the trials of a run: the driver's side."""

import math
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any

from ray import tune
from ray.tune.experiment import Trial as RayTrial
from ray.tune.progress_reporter import TrialProgressCallback

from analysis import load_run
from analysis.runs import RunPaths
from cluster import nodes, preflight
from cluster.connect import connected
from tuning.asking import Asker
from tuning.best import best_trial, confirmations, export_best
from tuning.checkpoints import Keeper, disk_problem
from tuning.lock import Lock, locked
from tuning.past import Past, past_trials, trials_left
from tuning.recorder import Interruption, Listener, Recorder, Records
from tuning.search import Halving, TrialSource
from tuning.shipping import code_travels
from tuning.study import Grid, Study, StudyError, Trial
from tuning.worker import run_trial

SECONDS_BETWEEN_COUNTS = 5.0


@dataclass(frozen=True)
class Outcome:
    """How a run stands after a session."""

    paths: RunPaths
    statuses: Mapping[str, str]
    """The end of each trial that ended, by its id."""
    interrupted_by: signal.Signals | None


def run_study(study: Study, paths: RunPaths, listener: Listener, *, address: str | None = None) -> Outcome:
    """Run every trial that the records below ``paths`` lack, confirm the best settings, export the best network.

    SIGINT and SIGTERM end the run early; nothing that ended is lost, and calling this again goes on: cut-off trials from their last
    checkpoint, the search with what it knew.

    Raises:
        StudyError: no trial of this study can be recorded (its metric is never reported, say), it does not fit this machine, or another
            process writes to this run.
        ConnectionError: no cluster answers at ``address``.
    """
    interruption = Interruption()
    with locked(paths.lock) as lock:
        session = _Session(study, paths, listener, lock, interruption)
        with connected(address), code_travels(study), _signals_to_tune(interruption):
            try:
                _preflight(study, paths, address)
                session.run()
            except KeyboardInterrupt:
                if not interruption.by:
                    raise
            finally:
                session.records.close()
    return Outcome(paths, session.statuses, interruption.by)


@dataclass
class _Session:
    """One process's part of a run: its phases one after the other."""

    study: Study
    paths: RunPaths
    listener: Listener
    lock: Lock
    interruption: Interruption
    statuses: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.records = Records(self.paths)

    def run(self) -> None:
        trainable = _trainable(self.study, self.paths)
        self._search(trainable)
        if self.study.confirm and not self.interruption.by:
            planned = confirmations(self.study, load_run(self.paths.root))
            self._phase(trainable, "confirm", lambda past: iter(trials_left(planned, past)), lambda: math.inf)
        if not self.interruption.by:
            export_best(self.study, self.paths)

    def _search(self, trainable: Any) -> None:
        if isinstance(self.study.search, Grid):
            planned = self.study.trials()
            self._phase(trainable, "search", lambda past: iter(trials_left(planned, past)), lambda: math.inf)
        else:
            self._phase(trainable, "search", self._asked, _Slots(self.study))

    def _asked(self, past: Sequence[Past]) -> Iterator[Trial]:
        """Cut-off trials first; then what Optuna says, asked one by one."""
        assert not isinstance(self.study.search, Grid)
        asker = Asker(self.study, past, self.paths.optuna)
        self._listeners.append(asker)
        yield from (one.trial for one in past if not one.ended)
        for number in range(len(past) + 1, self.study.search.trials + 1):
            trial = asker.ask(number)
            # It stands in the records from now on: a crash may not ask for it twice.
            self._recorder.plan(trial)
            yield trial

    def _phase(self, trainable: Any, phase: str, trials: Callable[[Sequence[Past]], Iterator[Trial]], slots: Callable[[], float]) -> None:
        """Train the trials of one phase that the records lack."""
        past = past_trials(load_run(self.paths.root), phase)
        self.statuses |= {one.trial.id: one.status for one in past if one.ended}
        # A confirmation is there for full trials over all seeds: none is stopped.
        halving = Halving(self.study if phase == "search" else replace(self.study, stopping=None), past)
        self._listeners: list[Listener] = [self.listener]
        if phase == "search":
            self._listeners.append(Keeper(self.study, self.paths.checkpoints, best_trial(self.study, past)))
        self._recorder = Recorder(
            self.study,
            self.records,
            self._listeners,
            stopped=halving.stopped,
            attempts={one.trial.id: one.attempt for one in past},
            beat=self.lock.beat,
            interruption=self.interruption,
            again=lambda trial: source.again(trial),
        )
        source = TrialSource(self.study, trials(past), slots)
        shutil.rmtree(self.paths.ray, ignore_errors=True)
        _tuner(self.study, trainable, self.paths, source, halving, self._recorder).fit()
        self.statuses |= self._recorder.statuses
        if self._recorder.stops_study:
            what = f"{self._recorder.stops_study}. The run was stopped; what it wrote is in {self.paths.root}"
            raise StudyError(f"Study {self.study.name!r}: {what}")


def _trainable(study: Study, paths: RunPaths) -> Any:
    # Parameters travel through the object store: data are read once here and once per node, not once per trial.
    function = tune.with_parameters(run_trial, study=study, data=study.read_data(), checkpoints_folder=paths.checkpoints)
    return tune.with_resources(function, {"cpu": study.resources.cpus, "gpu": study.resources.gpus})


def _tuner(study: Study, trainable: Any, paths: RunPaths, source: TrialSource, halving: Halving, recorder: Recorder) -> tune.Tuner:
    names = {"trial_name_creator": _trial_name, "trial_dirname_creator": _trial_name}
    return tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(search_alg=source, scheduler=halving, num_samples=-1, reuse_actors=True, **names),
        run_config=tune.RunConfig(
            name=paths.ray.name,
            storage_path=str(paths.root),
            verbose=0,
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


class _Slots:
    """How many trials fit on the nodes that are there; asked again every few seconds, for nodes come and go."""

    def __init__(self, study: Study) -> None:
        self._wanted = _wanted(study)
        self._asked, self._count = -math.inf, 0

    def __call__(self) -> float:
        if time.monotonic() - self._asked > SECONDS_BETWEEN_COUNTS:
            self._asked, self._count = time.monotonic(), nodes.slots(self._wanted)
        return max(1, self._count)


def _trial_name(trial: RayTrial) -> str:
    return trial.config["trial"]


def _wanted(study: Study) -> dict[str, float]:
    return {"CPU": study.resources.cpus, "GPU": study.resources.gpus}


def _preflight(study: Study, paths: RunPaths, address: str | None) -> None:
    """Refuse what would fail hours later: a request that no node can meet, checkpoints that do not fit the disk, nodes that cannot train.

    On a private Ray there is one node, and it is this machine.

    Raises:
        StudyError: with every problem found.
    """
    wanted = _wanted(study)
    if address:
        found = preflight.problems(wanted, paths.root, _data_there(study))
    else:
        found = [problem for problem in [nodes.misfit(wanted)] if problem]
    found += [problem for problem in [disk_problem(study, paths.root, nodes.slots(wanted))] if problem]
    if found:
        raise StudyError([f"Study {study.name!r}: {problem}" for problem in found])


def _data_there(study: Study) -> Callable[[], Mapping[str, Any]] | None:
    """Says, on a node, what the data are there; None for a study whose trials get them from the driver, or need none."""

    def data() -> Mapping[str, Any]:
        try:
            return study.describe_data()
        except StudyError as error:
            raise ValueError("; ".join(line.removeprefix(f"Study {study.name!r}: ") for line in error.problems)) from None

    return data if study.data and not study.load else None


@contextmanager
def _signals_to_tune(interruption: Interruption) -> Iterator[None]:
    """SIGINT and SIGTERM end the fit as Tune's own SIGUSR1 does, with its state saved; a second one ends it at once.

    To be entered after ``ray.init``, which sets a SIGTERM handler that would save nothing.
    """

    def note(number: int, frame: FrameType | None) -> None:
        if interruption.by:
            raise KeyboardInterrupt
        interruption.by = signal.Signals(number)
        os.kill(os.getpid(), signal.SIGUSR1)

    def not_fitting(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    ours = {signal.SIGUSR1: not_fitting, signal.SIGINT: note, signal.SIGTERM: note}
    before = {number: signal.signal(number, handler) for number, handler in ours.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
