"""Standard streams that end no study: characters that a terminal lacks, terminals that are closed,
readers that have gone.
"""

import codecs
import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

NOBODY_THERE = (errno.EPIPE, errno.EIO)
"""How a system says that the reader of a pipe has gone, and that a terminal was closed."""


class _Lasting(io.FileIO):
    """A stream that nobody may read any more. What is written then goes nowhere: a study of hours
    does not hang on who looks at it.
    """

    def write(self, content: Any) -> int:
        try:
            return super().write(content) or 0
        except OSError as error:
            # Notes on stderr are worth no study, where they go to a file on a full disk say.
            if error.errno not in NOBODY_THERE and self.fileno() != 2:
                raise
            return len(content)


@contextmanager
def lasting_streams() -> Iterator[None]:
    """Let sys.stdout and sys.stderr take everything for the time of the block, where they are those
    of this process.
    """
    _open_all()
    before = sys.stdout, sys.stderr
    if sys.stdout is sys.__stdout__ and sys.stderr is sys.__stderr__:
        sys.stdout, sys.stderr = _lasting(sys.stdout, 1), _lasting(sys.stderr, 2)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        sys.stdout, sys.stderr = before


def json_stream() -> TextIO:
    """What was stdout until now, for JSON alone.

    Whatever else is written to stdout from here on, by C code or a child too, goes to stderr.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    return _text(kept, "utf-8")


def _open_all() -> None:
    """A stream that was closed before we began is nowhere: else the next file that is opened would
    be in its place.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _lasting(stream: TextIO | None, number: int) -> TextIO:
    """``stream``: None where it was closed before we began."""
    if stream is None:
        return _text(number, "utf-8")
    stream.flush()
    return _text(number, stream.encoding, line_buffering=number == 2 or stream.isatty())


def _text(number: int, encoding: str, line_buffering: bool = False) -> TextIO:
    raw = io.BufferedWriter(_Lasting(number, "w", closefd=False))
    return io.TextIOWrapper(
        raw, encoding=encoding, errors=_shown.__name__, line_buffering=line_buffering
    )


def _shown(error: UnicodeError) -> tuple[str | bytes, int]:
    """File names come back as the bytes they are; other characters that the terminal lacks are
    shown by their number.
    """
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


codecs.register_error(_shown.__name__, _shown)
