"""Event files for TensorBoard: one per trial, written by the driver as its epochs come in.

To be imported where event files are wanted alone: it brings torch.
"""

import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from tensorboardX.proto.api_pb2 import Status
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionEndInfo
from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboardX.record_writer import masked_crc32c
from tensorboardX.summary import hparams

from analysis.inside import no_link
from tuning.study import Study, Trial
from tuning.tracking_records import reduced

FILE = "events.out.tfevents.1.study"
_FRAME = 16
"""Bytes of a record beside its content."""


class EventFiles:
    """A ``Listener`` of the recorder. Each row is written whole and at once, as the records are; a disk that is full ends it, said once.

    A trial that goes on in a later session, or starts again, goes on in its file: TensorBoard drops what it had from that epoch on.
    """

    def __init__(self, study: Study, folder: Path, say: Callable[[str], None]) -> None:
        self._study, self._folder, self._say = study, folder, say
        self._files: dict[str, IO[bytes]] = {}
        self._epochs: dict[str, int] = {}
        self._broken = False

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        self._try(lambda: self._write_epoch(trial, row))

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        self._try(lambda: self._write_end(trial, status))

    def _try(self, write: Callable[[], None]) -> None:
        if self._broken:
            return
        try:
            write()
        except OSError as error:
            self._broken = True
            self._say(f"TensorBoard: {self._folder} cannot be written: {error.strerror}. The study goes on without event files.")

    def _write_epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        numbers = reduced(row["metrics"])
        if trial.id not in self._files:
            self._files[trial.id] = _opened(self._folder / trial.id / FILE)
            self._start(trial, row["at"], numbers)
        if row["epoch"] != self._epochs.get(trial.id, 0) + 1:
            self._write(trial, row["epoch"], row["at"], session_log=SessionLog(status=SessionLog.START))
        self._epochs[trial.id] = row["epoch"]
        summary = Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in numbers.items()])
        self._write(trial, row["epoch"], row["at"], summary=summary)

    def _start(self, trial: Trial, at: float, numbers: Mapping[str, float]) -> None:
        """Say to the HParams page which setting this is, and which metrics belong to it."""
        experiment, start, _ = hparams({**self._study.fixed, **trial.config}, numbers)
        for summary in (experiment, start):
            self._write(trial, 0, at, summary=summary)

    def _write_end(self, trial: Trial, status: str) -> None:
        if trial.id in self._files:
            self._write(trial, self._epochs[trial.id], time.time(), summary=_end(status))
            self._files.pop(trial.id).close()

    def _write(self, trial: Trial, step: int, at: float, **what: Any) -> None:
        self._files[trial.id].write(_framed(Event(wall_time=at, step=step, **what)))
        self._files[trial.id].flush()


def _opened(path: Path) -> IO[bytes]:
    """An event file to append to, cut off behind its last whole record: readers stop at a torn one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = _whole(path.read_bytes()) if path.exists() else 0
    file = open(path, "ab", opener=no_link)  # noqa: SIM115
    file.truncate(whole)
    if whole == 0:
        file.write(_framed(Event(wall_time=time.time(), file_version="brain.Event:2")))
    return file


def _whole(records: bytes) -> int:
    """How many bytes of an event file are whole records, from its beginning."""
    end = 0
    while len(records) - end >= _FRAME:
        length = int.from_bytes(records[end : end + 8], "little")
        after = end + _FRAME + length
        if records[end:after] != _record(records[end + 12 : after - 4]):
            break
        end = after
    return end


def _framed(event: Event) -> bytes:
    return _record(event.SerializeToString())


def _record(content: bytes) -> bytes:
    """A record of a TFRecord file: length, check sum, content, check sum."""
    head = struct.pack("<Q", len(content))
    return head + struct.pack("<I", masked_crc32c(head)) + content + struct.pack("<I", masked_crc32c(content))


def _end(status: str) -> Summary:
    """What the HParams page shows as the end of a trial."""
    shown = Status.Value("STATUS_FAILURE" if status == "failed" else "STATUS_SUCCESS")
    content = HParamsPluginData(session_end_info=SessionEndInfo(status=shown), version=0).SerializeToString()
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="hparams", content=content))
    return Summary(value=[Summary.Value(tag="_hparams_/session_end_info", metadata=metadata)])
