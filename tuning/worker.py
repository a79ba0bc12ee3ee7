"""One trial after the other on a node: go on from the last checkpoint, report rows to the driver, and how the trial ended."""

import os
import time
import traceback
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import ray
from ray import tune

from tuning import checkpoints
from tuning.printed import Printed, printing_kept
from tuning.process_state import hide_gpus, process_restored
from tuning.rows import NotKept, NotReported, iterate
from tuning.shipping import Sent
from tuning.storage import Folder, tried_again
from tuning.study import Study, Trial, trial_of

# A report costs the driver some milliseconds: epochs that are shorter than this share one.
SECONDS_BETWEEN_REPORTS = 0.25
OUT_OF_MEMORY = (
    "CUDA out of memory: give each trial a larger share of a GPU (Resources(gpus=...)), or make it smaller (its batch_size, say)."
)
REPORT = "report"
"""The key of a ``Report`` in a result of Ray Tune."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a trial tells the driver at once. An object and no mapping: Ray flattens mappings before its schedulers see them."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    """Epochs, in order."""
    printed: str = ""
    end: dict[str, Any] | None = None
    """How the trial ended, with the last of its rows."""
    raised: str | None = None
    """The traceback of what the trainable raised; the trial is to be started again as often as the study allows."""
    waits: str | None = None
    """What a checkpoint waits for."""


class Worker(tune.Trainable):
    """Trains one trial after the other in its process, each as ``search.TrialSource`` suggests it.

    A class, for Ray runs the functions that it is given in a thread of their own, where Python lets nobody set a signal handler. Each
    ``step`` gives the driver one report.
    """

    def setup(self, config: dict[str, Any], *, sent: Sent, gpus: float, data: Any, checkpoints_folder: Folder) -> None:
        if not gpus:  # before the study's modules are imported: they may look for a GPU
            hide_gpus()
        self._sent, self._data, self._folder = sent, data, checkpoints_folder
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial; one that was stopped ends here."""
        self.cleanup()
        self._reports = _reports(new_config, self._sent, self._data, self._folder)
        return True

    def step(self) -> dict[str, Any]:
        report = next(self._reports, None)
        return {"done": True} if report is None else {REPORT: report}

    def cleanup(self) -> None:
        if hasattr(self, "_reports"):
            self._reports.close()


def _reports(config: Mapping[str, Any], sent: Sent, data: Any, folder: Folder) -> Generator[Report, None, None]:
    with printing_kept() as printed:
        study = sent.opened()
        trial = trial_of(study, config)
        with process_restored(trial.seeds, study.resources.gpus):
            # Read here and not before: what it holds may be of the user's own classes.
            yield from _train(study, trial, ray.get(data[0]), _Desk(study, trial, folder / trial.id, printed))


def _train(study: Study, trial: Trial, data: Mapping[str, Any], desk: "_Desk") -> Iterator[Report]:
    end: dict[str, Any] = {"status": "completed"}
    yield from desk.found()
    try:
        for row, state in iterate(study, trial, data, desk.resumed_state):
            yield from desk.take(row, state)
            if row["diverged"]:
                end = {"status": "diverged", "error": f"{', '.join(row['diverged'])} became non-finite at epoch {row['epoch']}"}
                break
    except NotKept as error:
        end = {"status": "failed", "error": str(error), "stops_study": True}
    except NotReported as error:
        end = {"status": "failed", "error": str(error), "misreported": True}
    except (Exception, KeyboardInterrupt) as error:
        hint = f"\n{OUT_OF_MEMORY}" if type(error).__name__ == "OutOfMemoryError" else ""
        yield desk.report(raised=traceback.format_exc() + hint)
        # The report says all; what was raised itself may be large, or not to be pickled.
        raise RuntimeError(f"trial {trial.id} raised {type(error).__name__}") from None
    yield desk.report(end=end | {"seconds": time.monotonic() - desk.started})


class _Desk:
    """Collects the rows of a trial, and decides when they are reported and its state is kept."""

    def __init__(self, study: Study, trial: Trial, folder: Folder, printed: Printed) -> None:
        self._study, self._trial, self._folder, self._printed = study, trial, folder, printed
        self._place = _place()
        # The last epoch's checkpoint is there for its weights: what else that epoch recorded comes from training it again.
        found = checkpoints.newest(folder, before=study.epochs)
        self.resumed_state = found.state if found else None
        self._rows: list[dict[str, Any]] = found.rows if found else []
        self._epoch = found.epoch if found else 0
        self.started = self._reported = self._kept = time.monotonic()
        self._checked = found is not None

    def found(self) -> Iterator[Report]:
        """Rows that came with the checkpoint: the last may be a rung, to be judged before anything more is trained."""
        if self._rows:
            yield self.report()

    def take(self, row: dict[str, Any], state: Any) -> Iterator[Report]:
        """Take the row of an epoch; report it where it is time, after its state is kept."""
        self._rows.append(row | self._place)
        now = time.monotonic()
        last = row["epoch"] == self._study.epochs
        due = now - self._reported > SECONDS_BETWEEN_REPORTS or self._study.rung_between(self._epoch, row["epoch"]) is not None
        self._epoch = row["epoch"]
        if state is not None and not row["diverged"] and (last or (due and now - self._kept > self._study.checkpoint_seconds)):
            yield from self._keep(row, state, last)
        if due and not row["diverged"] and not last:
            yield self.report()

    def report(self, **facts: Any) -> Report:
        rows, self._rows = self._rows, []
        self._reported = time.monotonic()
        return Report(rows=rows, printed=self._printed.take(), **facts)

    def _keep(self, row: Mapping[str, Any], state: Any, last: bool) -> Iterator[Report]:
        if not self._checked and (problem := checkpoints.state_problem(state)):
            raise NotKept(problem)
        self._checked = True
        # Arrays are no JSON: an epoch before the last that recorded some is no place to go on from.
        if last or not any(each["arrays"] for each in self._rows):
            rows = [] if last else list(self._rows)
            tries = tried_again(lambda: checkpoints.save(self._folder, row["epoch"], state, rows), for_seconds=self._study.stall_seconds)
            for number, why in enumerate(tries):
                if number == 0:
                    yield Report(waits=f"a checkpoint of trial {self._trial.id}: {why}")
        self._kept = time.monotonic()


def _place() -> dict[str, Any]:
    """Where this trial trains: the node by Ray's id and by address, the process, and by the node's own count the GPUs it has or shares."""
    here = ray.get_runtime_context()
    gpus = here.get_accelerator_ids()["GPU"]
    return {"node": here.get_node_id(), "ip": ray.util.get_node_ip_address(), "pid": os.getpid(), **({"gpus": gpus} if gpus else {})}
