"""Event files for TensorBoard as a mirror: one per trial.

A trial that goes on in a later session is written anew from the records, for a killed writer may
have left its file torn.
"""

import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analysis.records.schema import Status
from tuning.mirrors.base import Sink
from tuning.mirrors.summary import labels_of, noted
from tuning.mirrors.trial import MirroredTrial, flat


@contextmanager
def _without_torch() -> Iterator[None]:
    """tensorboardX imports torch where it is there, which takes half a gigabyte, and needs it for
    tensors alone.
    """
    if "torch" in sys.modules:
        yield
        return
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["torch"]


with _without_torch():
    from tensorboardX.event_file_writer import EventsWriter
    from tensorboardX.proto import api_pb2, event_pb2, plugin_hparams_pb2, summary_pb2
    from tensorboardX.summary import hparams, text


LABELS = "labels"
"""The folder beside those of the trials with tags and notes of the run."""


def sink(root: Path, spec: Mapping[str, Any], mode: str, seconds: float) -> Sink:
    return EventFiles(root / "tensorboard", spec["fixed"])


class EventFiles(Sink):
    """``fixed``: the values of the study that hold for all trials, for the HParams page.

    Written by ``EventsWriter`` and not by ``SummaryWriter``, which takes a thread and a queue for
    every file, keeps to itself that a disk is full, and ends each trial as a success.
    """

    def __init__(self, folder: Path, fixed: Mapping[str, Any]) -> None:
        self.folder, self._fixed = folder, fixed
        self._files: dict[str, Any] = {}
        self._last: dict[str, int] = {}

    def start(self, trial: MirroredTrial) -> None:
        self.abandon(trial.trial)
        shutil.rmtree(self.folder / trial.trial, ignore_errors=True)

    def epochs(self, trial: MirroredTrial, new: Sequence[int]) -> None:
        name = trial.trial
        if name not in self._files:
            self._files[name] = self._begun(trial, new[0])
            self._last[name] = -1  # whatever TensorBoard has of it is of an earlier file
        for epoch in new:
            if epoch != self._last[name] + 1:  # TensorBoard drops what it has from there on
                restart = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
                self._write(trial, epoch, session_log=restart)
            self._write(trial, epoch, summary=_summary(trial.metrics[epoch]))
            self._last[name] = epoch
        self._files[name].flush()

    def trial_end(self, trial: MirroredTrial) -> None:
        if trial.trial in self._files:
            self._write(trial, self._last.pop(trial.trial), summary=_end(trial.status))
            self._files.pop(trial.trial).close()

    def abandon(self, trial: str) -> None:
        if file := self._files.pop(trial, None):
            file.close()

    def version(self, trials: Sequence[MirroredTrial]) -> str:
        labels = labels_of(self.folder.parent)
        is_shown = labels.tags or labels.notes or (self.folder / LABELS).exists()
        return repr(labels) if is_shown else ""

    def finish(self, trials: Sequence[MirroredTrial]) -> None:
        """Show tags and notes, on the Text page."""
        labels, folder = labels_of(self.folder.parent), self.folder / LABELS
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        file = EventsWriter(str(folder / "events"))
        for name, what in (("tags", ", ".join(labels.tags)), ("notes", noted(labels))):
            file.write_event(event_pb2.Event(wall_time=time.time(), summary=text(name, what)))
        file.close()

    def reason(self, error: Exception) -> str:
        if isinstance(error, OSError):
            return f"{self.folder} cannot be written: {error.strerror}"
        return super().reason(error)

    def _begun(self, trial: MirroredTrial, first: int) -> Any:
        """The file of a trial, which says to the HParams page which params these are and which
        metrics belong to them.
        """
        folder = self.folder / trial.trial
        folder.mkdir(parents=True, exist_ok=True)
        file = self._files[trial.trial] = EventsWriter(str(folder / "events"))
        values = {**self._fixed, **trial.row["params"]}
        params = {name: flat(value) for name, value in values.items()}
        experiment, start, _ = hparams(params, trial.metrics[first])
        for summary in (experiment, start):
            self._write(trial, 0, summary=summary)
        return file

    def _write(self, trial: MirroredTrial, step: int, **what: Any) -> None:
        at = trial.times.get(step, time.time())
        self._files[trial.trial].write_event(event_pb2.Event(wall_time=at, step=step, **what))


def _summary(numbers: Mapping[str, float]) -> Any:
    values = [
        summary_pb2.Summary.Value(tag=name, simple_value=value) for name, value in numbers.items()
    ]
    return summary_pb2.Summary(value=values)


def _end(status: Status) -> Any:
    """What the HParams page shows as the end of a trial."""
    unknown = dict.fromkeys((Status.PAUSED, Status.UNFINISHED), "STATUS_UNKNOWN")
    shown = {Status.FAILED: "STATUS_FAILURE", **unknown}
    end = plugin_hparams_pb2.SessionEndInfo(
        status=api_pb2.Status.Value(shown.get(status, "STATUS_SUCCESS"))
    )
    content = plugin_hparams_pb2.HParamsPluginData(session_end_info=end, version=0)
    plugin = summary_pb2.SummaryMetadata.PluginData(
        plugin_name="hparams", content=content.SerializeToString()
    )
    metadata = summary_pb2.SummaryMetadata(plugin_data=plugin)
    value = summary_pb2.Summary.Value(tag="_hparams_/session_end_info", metadata=metadata)
    return summary_pb2.Summary(value=[value])
