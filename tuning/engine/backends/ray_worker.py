"""What Ray starts on a node: a process that trains one trial after the other."""

import os
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import ray
from ray import tune

from cluster.private import titled
from tuning.engine.backends.ray_memory import tell
from tuning.engine.log_capture import LogCapture
from tuning.engine.meter import meter_of
from tuning.engine.reporter import TrialReport, TrialReporter, reports
from tuning.engine.shipping import Sent
from tuning.process.state import hide_gpus, process_restored
from tuning.runs.store import Folder
from tuning.spec.study import trial_of
from tuning.spec.values import cut

REPORT = "report"
"""The key of a ``TrialReport`` in a result of Tune."""


@dataclass(frozen=True)
class Named:
    """What Ray's dashboard calls the process: by the ``run``, as Ray asks once, when it starts;
    with the trial where that is its only one.
    """

    run: str
    trial_too: bool


class Worker(tune.Trainable):
    """Trains one trial after the other in its process, as the controller hands them out.

    A class, for Ray runs the functions that it is given in a thread of their own, where Python lets
    nobody set a signal handler. Each ``step`` gives the driver one report.
    """

    _named, _trial = Named("a study", trial_too=False), ""  # of one whose setup fails

    def setup(
        self,
        config: dict[str, Any],
        *,
        sent: Sent,
        gpus: float,
        data: Any,
        checkpoints_folder: Folder,
        named: Named,
    ) -> None:
        if not gpus:  # before the study's modules are imported: they may look for a GPU
            hide_gpus()
        self._sent, self._gpus = sent, gpus
        self._data, self._folder, self._named = data, checkpoints_folder, named
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial; one that was stopped ends here."""
        self.cleanup()
        self._trial = _words(new_config)
        self._reports = _reports(new_config, self._sent, self._gpus, self._data, self._folder)
        return True

    def __repr__(self) -> str:
        return f"{self._named.run}{f' {self._trial}' * self._named.trial_too}"

    def step(self) -> dict[str, Any]:
        titled(self._trial)
        report = next(self._reports, None)
        return {"done": True} if report is None else {REPORT: report}

    def cleanup(self) -> None:
        if hasattr(self, "_reports"):
            self._reports.close()


def _words(config: Mapping[str, Any]) -> str:
    """``0003 lr=0.00389, width=64``, in a line of bounded length."""
    values = {
        key: f"{value:.3g}" if isinstance(value, float) else value
        for key, value in config["params"].items()
    }
    return cut(f"{config['trial']} {', '.join(f'{key}={value}' for key, value in values.items())}")


def _reports(
    config: Mapping[str, Any], sent: Sent, gpus: float, data: Any, folder: Folder
) -> Generator[TrialReport, None, None]:
    meter = meter_of(gpus, partial(tell, config["trial"]))
    with LogCapture() as log, log.capturing(), meter.sampled():
        study = sent.opened()
        trial = trial_of(study, config)
        with process_restored(trial.seeds, gpus):
            reporter = TrialReporter(study, trial, folder / trial.id, log.take, _place(), meter)
            # Read here and not before: what it holds may be of the user's own classes.
            yield from reports(study, trial, ray.get(data[0]), reporter)


def _place() -> dict[str, Any]:
    """Where this trial trains: the node by Ray's id and by address, the process, and by the node's
    own count the GPUs it has or shares.
    """
    here = ray.get_runtime_context()
    gpus = here.get_accelerator_ids()["GPU"]
    return {
        "node": here.get_node_id(),
        "ip": ray.util.get_node_ip_address(),
        "pid": os.getpid(),
        **({"gpus": gpus} if gpus else {}),
    }
