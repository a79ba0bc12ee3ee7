"""The trials of a session on Ray Tune, whose calls are translated for the controller: the one
module that knows Tune, but for the class that it starts on nodes.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial as RayTrial
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from cluster.own_folders import own_folder
from tuning.engine.backends.ray_costs import IdleProcesses, callbacks_uncounted, others_follow
from tuning.engine.backends.ray_memory import forget, told_words
from tuning.engine.backends.ray_worker import REPORT, Named, Worker
from tuning.engine.controller import Controller
from tuning.engine.shipping import Sent
from tuning.process.signals import Interruption
from tuning.runs.store import Folder
from tuning.spec.study import Study, Trial, trial_of, turn

LOST = ("its node has died", "is unavailable")
"""How Ray says that a trial's node died, or that its process cannot be reached (Ray asks for a
second what became of it, and a lost node is noticed later than that): no fault of the trial.
"""


def train_on_ray(
    controller: Controller,
    study: Study,
    sent: Sent,
    data: Mapping[str, Any],
    checkpoints_folder: Folder,
    capacity: Callable[[], int],
    interruption: Interruption,
    name: str,
) -> None:
    """Train the trials of ``controller`` on the Ray that this process has joined. ``sent``: the
    study as nodes get it; ``data``: what its trials are given besides; ``capacity``: how many of
    them can be trained at the same time; ``name``: what Ray's dashboard calls their processes.
    """
    # Through the object store: read once here and once per node, not once per trial.
    stored = [ray.put(data)]
    gpus, fresh = study.resources.gpus, study.resources.fresh_process
    shared = {"gpus": gpus, "data": stored, "checkpoints_folder": checkpoints_folder}
    worker = tune.with_parameters(Worker, sent=sent, named=Named(name, trial_too=fresh), **shared)
    worker = tune.with_resources(worker, {"cpu": study.resources.cpus, "gpu": gpus})
    worker.__name__ = worker.__qualname__ = "Trial"  # in Ray's dashboard; Tune's own name says less
    # Ray's own state is never read: it lies where neither a full disk nor a slow one is in the way.
    with own_folder(tempfile.gettempdir()) as folder, callbacks_uncounted():
        tune.Tuner(
            worker,
            tune_config=tune.TuneConfig(
                search_alg=_NextTrial(controller, study),
                scheduler=_GoesOn(controller, study, capacity),
                num_samples=-1,
                reuse_actors=not fresh,
                trial_name_creator=_trial_name,
                trial_dirname_creator=_trial_name,
            ),
            run_config=tune.RunConfig(
                name="ray",
                storage_path=folder,
                verbose=0,
                # In a notebook Tune would clear the output of the cell for one of its own.
                progress_reporter=tune.CLIReporter(),
                # Ray's own; ours are kept by the trial itself.
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                callbacks=[_Events(controller, study, interruption), _Silence()],
                stop=_StopsStudy(controller),
            ),
        ).fit()
    forget()
    interruption.fit_ended()


class _Unsaved:
    """What Ray stores beside its own state, which is never read again."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _NextTrial(_Unsaved, Searcher):
    """Hands out the controller's trials. Failed ones come through here too, because Ray's own
    retries leave out those whose process died while it was handed from trial to trial.
    """

    def __init__(self, controller: Controller, study: Study) -> None:
        super().__init__()
        self._controller, self._all_seeds = controller, study.seed_list
        self._live: dict[str, Trial] = {}

    def suggest(self, trial_id: str) -> Any:
        """The next trial as a configuration for ``Worker``; None while there is none."""
        trial = self._controller.next_trial()
        if trial is None:
            return Searcher.FINISHED if self._controller.finished else None
        self._live[trial_id] = trial
        # All seeds of the study go without saying, for Ray keeps five copies of a configuration.
        seeds = None if list(trial.seeds) == self._all_seeds else list(trial.seeds)
        params = dict(trial.params)
        return {"trial": trial.id, "params": params, "seeds": seeds, "phase": trial.phase}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        if trial := self._live.pop(trial_id, None):
            self._controller.on_end(trial)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: what a search knows is in the records."""
        open(checkpoint_path, "wb").close()

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: see ``save``."""


class _GoesOn(_Unsaved, FIFOScheduler):
    """Gives the controller what trials report, and stops those that it says."""

    def __init__(
        self, controller: Controller, study: Study, capacity: Callable[[], int] = lambda: 1
    ) -> None:
        super().__init__()
        self._controller, self._study, self._capacity = controller, study, capacity
        self._idle = IdleProcesses()

    @property
    def metric(self) -> None:
        """None: Ray would end the study at the first report without it."""

    def choose_trial_to_run(self, tune_controller: Any) -> RayTrial | None:
        """Which trial a process that is free takes: the first that no process is being started for.

        Ray's own choice is the first of all, and ends the process that was being started for it:
        where trials are shorter than such a start, or end often because many run, the first
        processes do everything and the other slots are never used.
        """
        live = sorted(tune_controller.get_live_trials(), key=lambda one: turn(one.config["trial"]))
        over = self._controller.finished
        self._idle.keep(tune_controller, wanted=not over and others_follow(self._study, live))
        waiting = [trial for trial in live if trial.status == RayTrial.PENDING]
        for trial in waiting[:]:
            if self._controller.orders.is_over(trial_of(self._study, trial.config)):
                waiting.remove(trial)
                tune_controller.stop_trial(trial)
        free = 1
        starting = self._capacity() - sum(trial.status == RayTrial.RUNNING for trial in live) - free
        return waiting[min(max(0, starting), len(waiting) - 1)] if waiting else None

    def on_trial_result(
        self, tune_controller: Any, trial: RayTrial, result: Mapping[str, Any]
    ) -> str:
        report = result.get(REPORT)
        goes_on = report is None or self._controller.on_report(
            trial_of(self._study, trial.config), report
        )
        return TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP


class _Events(_Unsaved, tune.Callback):
    """Tells the controller which trials start and fail, and that time passes."""

    def __init__(self, controller: Controller, study: Study, interruption: Interruption) -> None:
        self._controller, self._study, self._interruption = controller, study, interruption
        self._live: dict[str, RayTrial] = {}

    def setup(self, **info: Any) -> None:
        self._interruption.fit_begins()

    def on_trial_start(
        self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any
    ) -> None:
        spec = trial_of(self._study, trial.config)
        self._live[spec.id] = trial
        self._controller.on_start(spec)

    def on_trial_result(
        self,
        iteration: int,
        trials: list[RayTrial],
        trial: RayTrial,
        result: dict[str, Any],
        **info: Any,
    ) -> None:
        """Taken out of the result, for Ray keeps the last one of every trial in its own state."""
        result.pop(REPORT, None)

    def on_step_end(self, iteration: int, trials: list[RayTrial], **info: Any) -> None:
        """After an interruption this was the last step: Tune saves its state, and would then wait
        10 s for the epochs that are running.
        """
        hanging = self._controller.on_tick(time.monotonic())
        for name in list(self._live) if self._interruption.by else hanging:
            actor = self._live[name].temporary_state.ray_actor
            if actor is not None:
                ray.kill(actor)

    def on_trial_complete(
        self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any
    ) -> None:
        self._live.pop(trial.config["trial"], None)

    def on_trial_error(
        self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any
    ) -> None:
        spec = trial_of(self._study, trial.config)
        error = _error_of(trial) + told_words(spec.id)
        self._live.pop(spec.id, None)
        self._controller.on_error(spec, error, lost=any(words in error for words in LOST))


class _Silence(TrialProgressCallback):
    """Takes the place of Tune's printer, which ignores ``verbose=0``."""

    def _print(self, msg: str) -> None:
        """Nothing: progress is shown by a callback."""

    def log_result(self, trial: RayTrial, result: dict[str, Any], error: bool = False) -> None:
        """Nothing: in a notebook Tune would display tables of its own."""


class _StopsStudy(_Unsaved, tune.Stopper):
    """Ends the study once a trial found that none of it can be recorded."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._controller.stops_study is not None


def _error_of(trial: RayTrial) -> str:
    if not trial.error_file or not Path(trial.error_file).exists():
        return "the process of the trial died"
    return Path(trial.error_file).read_text(encoding="utf-8", errors="replace")


def _trial_name(trial: RayTrial) -> str:
    return trial.config["trial"]
