"""What Ray starts on a node: a process that trains one trial after the other."""

import os
from collections.abc import Generator, Mapping
from functools import partial
from typing import Any

import ray
from ray import tune

from tuning.engine.backends.ray_memory import tell
from tuning.engine.log_capture import LogCapture
from tuning.engine.meter import meter_of
from tuning.engine.reporter import TrialReport, TrialReporter, reports
from tuning.engine.shipping import Sent
from tuning.process.state import hide_gpus, process_restored
from tuning.runs.store import Folder
from tuning.spec.study import trial_of

REPORT = "report"
"""The key of a ``TrialReport`` in a result of Tune."""


class Worker(tune.Trainable):
    """Trains one trial after the other in its process, as the controller hands them out.

    A class, for Ray runs the functions that it is given in a thread of their own, where Python lets
    nobody set a signal handler. Each ``step`` gives the driver one report.
    """

    def setup(
        self,
        config: dict[str, Any],
        *,
        sent: Sent,
        gpus: float,
        data: Any,
        checkpoints_folder: Folder,
    ) -> None:
        if not gpus:  # before the study's modules are imported: they may look for a GPU
            hide_gpus()
        self._sent, self._gpus = sent, gpus
        self._data, self._folder = data, checkpoints_folder
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial; one that was stopped ends here."""
        self.cleanup()
        self._reports = _reports(new_config, self._sent, self._gpus, self._data, self._folder)
        return True

    def step(self) -> dict[str, Any]:
        report = next(self._reports, None)
        return {"done": True} if report is None else {REPORT: report}

    def cleanup(self) -> None:
        if hasattr(self, "_reports"):
            self._reports.close()


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
