"""One trial on a node: go on from its last checkpoint, report its rows to the driver, and how it ended."""

import os
import time
import traceback
from collections.abc import Mapping
from typing import Any

import ray
from ray import tune

from tuning import checkpoints
from tuning.printed import Printed, printing_kept
from tuning.rows import NotKept, NotReported, iterate
from tuning.storage import Folder, once_there_is_room
from tuning.study import Study, Trial, trial_of

# A report costs the driver some milliseconds: epochs that are shorter than this share one.
SECONDS_BETWEEN_REPORTS = 0.25
OUT_OF_MEMORY = (
    "CUDA out of memory: give each trial a larger share of a GPU (Resources(gpus=...)), or make it smaller (its batch_size, say)."
)


def run_trial(config: Mapping[str, Any], *, study: Study, data: Mapping[str, Any], checkpoints_folder: Folder) -> None:
    """The function that Ray Tune calls on a node, with a trial as ``search.TrialSource`` suggests it.

    It reports ``rows`` (epochs), and with the last of them ``end``: how the trial ended. What the trainable raises is reported as
    ``raised`` and raised again, for Ray to start the trial anew as often as the study allows. ``waits``: what a checkpoint waits for.
    """
    trial = trial_of(study, config)
    with printing_kept() as printed:
        _train(study, trial, data, _Desk(study, trial, checkpoints_folder / trial.id, printed))


def _train(study: Study, trial: Trial, data: Mapping[str, Any], desk: "_Desk") -> None:
    end: dict[str, Any] = {"status": "completed"}
    desk.report_found()
    try:
        for row, state in iterate(study, trial, data, desk.resumed_state):
            desk.add(row, state)
            if row["diverged"]:
                end = {"status": "diverged", "error": f"{', '.join(row['diverged'])} became non-finite at epoch {row['epoch']}"}
                break
    except NotKept as error:
        end = {"status": "failed", "error": str(error), "stops_study": True}
    except NotReported as error:
        end = {"status": "failed", "error": str(error), "misreported": True}
    except Exception as error:
        hint = f"\n{OUT_OF_MEMORY}" if type(error).__name__ == "OutOfMemoryError" else ""
        desk.report(raised=traceback.format_exc() + hint)
        raise
    desk.report(end=end | {"seconds": time.monotonic() - desk.started})


class _Desk:
    """Collects the rows of a trial, and decides when they are reported and its state is kept."""

    def __init__(self, study: Study, trial: Trial, folder: Folder, printed: Printed) -> None:
        self._study, self._trial, self._folder, self._printed = study, trial, folder, printed
        self._place = _place()
        # The last epoch's checkpoint is there for its weights: what else that epoch recorded comes from training it again.
        found = checkpoints.newest(folder, before=study.epochs)
        self.resumed_state = found.state if found else None
        self._rows: list[dict[str, Any]] = found.rows if found else []
        self.started = self._reported = self._kept = time.monotonic()
        self._checked = found is not None

    def add(self, row: dict[str, Any], state: Any) -> None:
        """Take the row of an epoch; report it where it is time, after its state is kept."""
        self._rows.append(row | self._place)
        now = time.monotonic()
        last = row["epoch"] == self._study.epochs
        due = now - self._reported > SECONDS_BETWEEN_REPORTS or row["epoch"] in self._study.rungs
        if state is not None and not row["diverged"] and (last or (due and now - self._kept > self._study.checkpoint_seconds)):
            self._keep(row, state, last)
        if due and not row["diverged"] and not last:
            self.report()

    def report_found(self) -> None:
        """Rows that came with the checkpoint: the last may be a rung, to be judged before anything more is trained."""
        if self._rows:
            self.report()

    def report(self, **facts: Any) -> None:
        rows, self._rows = self._rows, []
        tune.report({"rows": rows, "printed": self._printed.take(), **facts})
        self._reported = time.monotonic()

    def _wait(self, why: str) -> None:
        tune.report({"rows": [], "waits": f"a checkpoint of trial {self._trial.id}: {why}"})

    def _keep(self, row: Mapping[str, Any], state: Any, last: bool) -> None:
        if not self._checked and (problem := checkpoints.state_problem(state)):
            raise NotKept(problem)
        self._checked = True
        # Arrays are no JSON: an epoch before the last that recorded some is no place to go on from.
        if last or not any(each["arrays"] for each in self._rows):
            rows = [] if last else list(self._rows)
            once_there_is_room(
                lambda: checkpoints.save(self._folder, row["epoch"], state, rows), self._wait, for_seconds=self._study.stall_seconds
            )
        self._kept = time.monotonic()


def _place() -> dict[str, Any]:
    """Where this trial trains: the node by Ray's id and by address, the process, and by the node's own count the GPUs it has or shares."""
    here = ray.get_runtime_context()
    gpus = here.get_accelerator_ids()["GPU"]
    return {"node": here.get_node_id(), "ip": ray.util.get_node_ip_address(), "pid": os.getpid(), **({"gpus": gpus} if gpus else {})}
