"""What a trial prints, taken along to the driver: a log per trial, wherever it was trained."""

import fcntl
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import IO, TextIO, TypeVar

Result = TypeVar("Result")
MOST_AT_ONCE = 200_000
"""Bytes that are taken along with one report; of more, the last ones."""


class LogCapture:
    """Collects what this process and those that it starts print, on standard output and error
    together, in a file that is there for the time of the block.
    """

    def __enter__(self) -> "LogCapture":
        self._file = tempfile.TemporaryFile(buffering=0)
        # As in a shell's >>: two writers, and the reader that empties the file, do not overwrite
        # each other.
        flags = fcntl.fcntl(self._file, fcntl.F_GETFL)
        fcntl.fcntl(self._file, fcntl.F_SETFL, flags | os.O_APPEND)
        self._streams: tuple[TextIO, ...] = ()
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    @contextmanager
    def capturing(self) -> Iterator[None]:
        """What is printed within the block is collected."""
        with ExitStack() as stack:
            for number in (1, 2):
                stack.enter_context(_pointed(number, self._file))
            self._streams = _stream(1, "<stdout>"), _stream(2, "<stderr>")
            stack.enter_context(redirect_stdout(self._streams[0]))
            stack.enter_context(redirect_stderr(self._streams[1]))
            yield

    def of(self, call: Callable[[], Result]) -> Result:
        """What ``call`` returns; what it prints is collected."""
        with self.capturing():
            return call()

    def take(self) -> str:
        """What was printed since this was asked last."""
        for stream in (*self._streams, sys.stdout, sys.stderr):
            with suppress(
                ValueError, OSError, AttributeError
            ):  # the trial closed it, or put something else in its place
                stream.flush()
        size = os.fstat(self._file.fileno()).st_size
        if size == 0:
            return ""
        left_out = max(0, size - MOST_AT_ONCE)
        text = os.pread(self._file.fileno(), MOST_AT_ONCE, left_out).decode(
            "utf-8", errors="replace"
        )
        # Writers append: the next one begins at the new end.
        os.ftruncate(self._file.fileno(), 0)
        return f"[{left_out} bytes left out]\n{text}" if left_out else text


def _stream(number: int, name: str) -> TextIO:
    """A text stream on a file descriptor, as Python itself makes those it starts with."""
    raw = io.FileIO(number, "w", closefd=False)
    raw.name = name
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )


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
