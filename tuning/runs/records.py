"""The files of a run as they are written: ``epochs.jsonl``, ``trials.jsonl``, ``answers.jsonl``,
``arrays/`` and ``logs/``.
"""

import contextlib
import io
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from analysis.records.inside import no_link
from analysis.records.lines import finite
from analysis.records.paths import RunPaths
from analysis.text.errors import shortened
from tuning.process.terminal import say
from tuning.runs.append import Lines, size_of
from tuning.runs.store import Folder, first_line, retry_while_full

LONGEST_LOG = 1_000_000
"""Bytes: what a trial prints beyond is in no log."""
LONGEST_ERROR = 20_000
"""Characters of an error in ``trials.jsonl``: what is longer goes to the log of its trial."""


class Records:
    """The files of a run, to be appended to: each row is written whole and handed to the system at
    once. The end of a trial is safe on the disk when it was appended, an epoch within a second or
    so, or with the next row.

    A line that the writer before was stopped in the middle of is cut off first: what it would have
    said comes again. Where the disk is full or does not answer, writing waits until it does;
    ``between`` is called meanwhile.
    """

    def __init__(self, paths: RunPaths, between: Callable[[], None] | None = None) -> None:
        self._paths = paths
        self._files = {
            name: Lines(getattr(paths, name)) for name in ("trials", "epochs", "answers")
        }
        self._between = between

    def append(self, name: str, row: Mapping[str, Any]) -> None:
        """``name``: "trials", "epochs" or "answers"."""
        text = json.dumps(finite(row), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
        # Half a character, as in the name of a file that is not UTF-8, is a question mark: nobody
        # could read the line with it.
        file = self._files[name]
        file.add(text.encode(errors="replace") + b"\n")
        self._patiently(lambda: file.write(sync=name != "epochs"))

    def write_arrays(self, trial: str, arrays: Mapping[str, np.ndarray]) -> None:
        self._patiently(lambda: _write_arrays(self._paths.arrays(trial), arrays))

    def write_log(self, trial: str, text: str) -> None:
        """Append what a trial printed to its log, unless that is long already."""
        path = self._paths.log(trial)
        if not text or self._log_size(trial) > LONGEST_LOG:
            return
        # A log is worth no waiting for a full disk.
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            with open(path, "a", encoding="utf-8", errors="replace", opener=no_link) as file:
                file.write(text)

    def kept_error(self, trial: str, error: str) -> str:
        """An error as it is recorded: beginning and end of a long one, whose whole text, or as much
        as a log holds, goes to the log.
        """
        if len(error) <= LONGEST_ERROR:
            return error
        before = self._log_size(trial)
        self.write_log(trial, shortened(error, LONGEST_LOG, "in no log") + "\n")
        amount = (
            "no"
            if self._log_size(trial) == before
            else "more"
            if len(error) > LONGEST_LOG
            else "whole"
        )
        where = "its log is full" if amount == "no" else f"{amount} in logs/{trial}.log"
        return shortened(error, LONGEST_ERROR, where)

    def _log_size(self, trial: str) -> int:
        return size_of(self._paths.log(trial))

    def close(self) -> None:
        """Make all rows safe, and close the files."""
        for file in self._files.values():
            try:
                file.close()
            except OSError as error:
                say(
                    f"The last rows could not be written ({first_line(error)}): `study resume`"
                    " trains those epochs again."
                )

    def _patiently(self, action: Callable[[], None]) -> None:
        retry_while_full(action, say, for_seconds=math.inf, between=self._between)


def _write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    Folder.at(path.parent).write(path.name, content.getvalue())
