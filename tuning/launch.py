"""From a study to the trials of a run: the driver's side."""

import json
import os
import secrets
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial as RayTrial
from ray.tune.progress_reporter import TrialProgressCallback

from analysis.runs import SCHEMA, RunPaths
from cluster.connect import connected
from tuning.provenance import provenance
from tuning.recorder import Listener, Recorder
from tuning.study import Study, StudyError, Trial
from tuning.worker import run_trial

OUR_PACKAGES = ("tuning", "trainables", "analysis", "cluster")


@dataclass(frozen=True)
class Outcome:
    """How a run went."""

    paths: RunPaths
    statuses: Mapping[str, str]
    """The end of each trial that ended, by its id."""
    interrupted_by: signal.Signals | None


def prepare_run(study: Study, results: Path, *, overrides: Mapping[str, Any], command: Sequence[str]) -> RunPaths:
    """Check the data and the results folder, make the folder of the run and write its ``study.json``.

    Raises:
        StudyError: the data are not there, or the folder cannot be written.
    """
    data = study.describe_data()
    started = datetime.now(UTC)
    letters = "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz") for _ in range(4))
    paths = RunPaths(results.resolve() / study.name / f"{started:%Y%m%d-%H%M%S}-{letters}")
    record = {
        "schema": SCHEMA,
        **describe_study(study),
        "data": data,
        "overrides": dict(overrides),
        "command": shlex.join(command),
        "provenance": provenance(_source(study)),
        "started": started.isoformat(timespec="seconds"),
    }
    try:
        paths.root.mkdir(parents=True)
        paths.study.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise StudyError(f"the results folder {results} cannot be written: {error.strerror}. Give another with --results.") from None
    return paths


def describe_study(study: Study) -> dict[str, Any]:
    """The study as plain values, for ``study.json``."""
    return {
        "name": study.name,
        "question": study.question,
        "trainable": f"{study.trainable.__module__}.{study.trainable.__qualname__}",
        "space": {key: {"values": list(values)} for key, values in study.space.items()},
        "fixed": dict(study.fixed),
        "search": {"kind": type(study.search).__name__.lower()},
        "seeds": study.seed_list,
        "seeds_per_trial": study.seeds_per_trial,
        "metric": study.metric,
        "mode": study.mode,
        "epochs": study.epochs,
        "solved": study.solved,
        "published": asdict(study.published) if study.published else None,
        "compare": asdict(study.compare) if study.compare else None,
        "tables": {title: [dict(row) for row in rows] for title, rows in study.tables.items()},
        "resources": asdict(study.resources),
        "trials": len(study.trials()),
    }


def run_study(study: Study, paths: RunPaths, listener: Listener, *, address: str | None = None) -> Outcome:
    """Run every trial of the study and record it below ``paths``.

    SIGINT and SIGTERM end the run early: what is written stays readable.

    Raises:
        StudyError: no trial of this study can be recorded (its metric is never reported, say), or it does not fit this machine.
        ConnectionError: no cluster answers at ``address``.
    """
    trials = {trial.id: trial for trial in study.trials()}
    recorder = Recorder(paths, trials, listener)
    with connected(address), _code_travels(study), _signals_to_tune(recorder):
        _refuse_what_never_fits(study)
        _tuner(study, trials, paths, recorder).fit()
    recorder.close()
    if recorder.stops_study:
        raise StudyError(f"Study {study.name!r}: {recorder.stops_study}. The run was stopped; what it wrote is in {paths.root}")
    return Outcome(paths, recorder.statuses, recorder.interrupted_by)


def _tuner(study: Study, trials: Mapping[str, Trial], paths: RunPaths, recorder: Recorder) -> tune.Tuner:
    resources = {"cpu": study.resources.cpus, "gpu": study.resources.gpus}
    # Parameters travel through the object store: data are read once here and once per node, not once per trial.
    trainable = tune.with_parameters(run_trial, study=study, trials=trials, data=study.read_data())
    return tune.Tuner(
        tune.with_resources(trainable, resources),
        param_space={"trial": tune.grid_search(list(trials))},
        tune_config=tune.TuneConfig(reuse_actors=True, trial_name_creator=_trial_name, trial_dirname_creator=_trial_name),
        run_config=tune.RunConfig(
            name=paths.ray.name, storage_path=str(paths.root), verbose=0, callbacks=[recorder, _Silence()], stop=_StopOnOrder(recorder)
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


def _refuse_what_never_fits(study: Study) -> None:
    """A request that no node can meet would leave every trial pending for ever."""
    wanted = {"CPU": study.resources.cpus, "GPU": study.resources.gpus}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(kind, 0) >= amount for kind, amount in wanted.items()) for node in nodes):
        there = "; ".join(f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes)
        asked = f"{wanted['CPU']:g} CPUs and {wanted['GPU']:g} GPUs"
        raise StudyError(f"Study {study.name!r}: a trial asks for {asked}, and no node has that; there is: {there}.")


@contextmanager
def _code_travels(study: Study) -> Iterator[None]:
    """Send the user's own modules by value: workers could not import a study file, nor what lies beside it."""
    own = _own_modules(study)
    for module in own:
        ray.cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in own:
            ray.cloudpickle.unregister_pickle_by_value(module)


def _own_modules(study: Study) -> list[ModuleType]:
    """The modules in the folder of the trainable, unless it is installed where workers find it."""
    folder = _source(study).parent
    if study.trainable.__module__.split(".")[0] in OUR_PACKAGES or folder.is_relative_to(sys.prefix):
        return []
    files = ((module, _file_of(module)) for module in list(sys.modules.values()))
    return [module for module, file in files if file is not None and file.is_relative_to(folder) and not file.is_relative_to(sys.prefix)]


def _source(study: Study) -> Path:
    return _file_of(sys.modules[study.trainable.__module__]) or Path.cwd()


def _file_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) else None


@contextmanager
def _signals_to_tune(recorder: Recorder) -> Iterator[None]:
    """SIGINT and SIGTERM end the fit as Tune's own SIGUSR1 does, with its state saved; a second one ends it at once.

    To be entered after ``ray.init``, which sets a SIGTERM handler that would save nothing.
    """

    def note(number: int, frame: FrameType | None) -> None:
        if recorder.interrupted_by:
            raise KeyboardInterrupt
        recorder.interrupted_by = signal.Signals(number)
        os.kill(os.getpid(), signal.SIGUSR1)

    def not_yet_fitting(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    ours = {signal.SIGUSR1: not_yet_fitting, signal.SIGINT: note, signal.SIGTERM: note}
    before = {number: signal.signal(number, handler) for number, handler in ours.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
