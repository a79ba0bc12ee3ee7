"""What a trial prints, taken along to the driver: a log per trial, wherever it was trained."""

import fcntl
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import IO, TextIO

MOST_AT_ONCE = 200_000
"""Bytes that are taken along with one report; of more, the last ones."""


class Printed:
    """What was printed since it was asked last, in a file that standard output and error go to."""

    def __init__(self, file: IO[bytes], streams: tuple[TextIO, TextIO]) -> None:
        self._file, self._streams = file, streams

    def take(self) -> str:
        """What was printed since this was asked last."""
        for stream in (*self._streams, sys.stdout, sys.stderr):
            with suppress(ValueError, OSError, AttributeError):  # the trial closed it, or put something else in its place
                stream.flush()
        size = os.fstat(self._file.fileno()).st_size
        if size == 0:
            return ""
        left_out = max(0, size - MOST_AT_ONCE)
        text = os.pread(self._file.fileno(), MOST_AT_ONCE, left_out).decode("utf-8", errors="replace")
        # Writers append: the next one begins at the new end.
        os.ftruncate(self._file.fileno(), 0)
        return f"[{left_out} bytes left out]\n{text}" if left_out else text


@contextmanager
def printing_kept() -> Iterator[Printed]:
    """Collects what this process and those that it starts print within the block, on standard output and error together."""
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile(buffering=0))
        # As in a shell's >>: two writers, and the reader that empties the file, do not overwrite each other.
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)
        for number in (1, 2):
            stack.enter_context(_pointed(number, file))
        streams = _stream(1, "<stdout>"), _stream(2, "<stderr>")
        stack.enter_context(redirect_stdout(streams[0]))
        stack.enter_context(redirect_stderr(streams[1]))
        yield Printed(file, streams)


def _stream(number: int, name: str) -> TextIO:
    """A text stream on a file descriptor, as Python itself makes those it starts with."""
    raw = io.FileIO(number, "w", closefd=False)
    raw.name = name
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True)


@contextmanager
def _pointed(number: int, file: IO[bytes]) -> Iterator[None]:
    """A file descriptor of this process that goes to ``file`` for the time of the block."""
    kept = os.dup(number)
    os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        os.dup2(kept, number)
        os.close(kept)
