"""Files that are appended to, a line at a time."""

import errno
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from analysis.records.inside import no_link
from tuning.spec.errors import StudyError

SECONDS_BETWEEN_SYNCS = 1.0


def size_of(path: Path) -> int:
    """In bytes; 0 where there is no such file."""
    return path.stat().st_size if path.exists() else 0


def opened(path: Path) -> IO[bytes]:
    """``path`` to append to, unbuffered; cut off behind its last whole line, for its writer may
    have been stopped in the middle of one.
    """
    file = open(path, "ab", buffering=0, opener=no_link)  # noqa: SIM115
    with open(path, "rb", opener=no_link) as written:
        file.truncate(written.read().rfind(b"\n") + 1)
    return file


class Lines:
    """A file that this process alone appends whole lines to.

    Lines are handed to the system at once, and made safe on the disk every second or so, or where
    that is asked for: some file systems say only then that they are full. Until then they are kept
    here. What fails is tried again with the file opened anew: a handle may be good for nothing any
    more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._kept: list[bytes] = []
        self._written = 0
        """So many of the kept lines are in the file."""
        self._safe = self._end = -1
        """So many bytes of the file are safe, and so many it has, if nobody else writes to it; -1
        before it is opened.
        """
        self._synced = 0.0

    def add(self, line: bytes) -> None:
        """A line to be written next."""
        self._kept.append(line)

    def write(self, *, sync: bool) -> None:
        """Write what was added; to be called again where that fails. ``sync``: make it safe,
        however short ago that was done.

        Raises:
            OSError: the file cannot be written now.
            StudyError: another process writes to it.
        """
        try:
            file = self._file = self._file or self._opened()
            self._refuse_others(file)
            while self._written < len(self._kept):
                line = self._kept[self._written]
                _write_whole(file, line)
                self._written, self._end = self._written + 1, self._end + len(line)
            if sync or time.monotonic() - self._synced > SECONDS_BETWEEN_SYNCS:
                os.fsync(file.fileno())
                self._safe, self._synced = self._end, time.monotonic()
                self._kept, self._written = [], 0
        except OSError:
            self._let_go()
            raise

    def close(self) -> None:
        """Make all of it safe.

        Raises:
            OSError: the last lines may be lost.
        """
        if self._kept:
            self.write(sync=True)
        self._let_go()

    def _opened(self) -> IO[bytes]:
        file = opened(self._path)
        size = os.fstat(file.fileno()).st_size
        if self._safe < 0:
            self._safe = self._end = size
        elif size < self._safe:
            file.close()
            raise OSError(
                errno.ESTALE,
                f"{self._safe - size} bytes that were written are gone",
                str(self._path),
            )
        elif size <= self._end:
            os.truncate(file.fileno(), self._safe)
            self._written, self._end = 0, self._safe
        return file

    def _refuse_others(self, file: IO[bytes]) -> None:
        if os.fstat(file.fileno()).st_size > self._end:
            raise StudyError(
                f"{self._path} grows by the hand of another process: two write this run. This one"
                " stops."
            )

    def _let_go(self) -> None:
        if self._file:
            with suppress(OSError):
                self._file.close()
        self._file = None


def _write_whole(file: IO[bytes], line: bytes) -> None:
    while line:
        line = line[file.write(line) :]
