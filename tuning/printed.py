"""What a trial prints, taken along to the driver: a log per trial, wherever it was trained."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO

MOST_AT_ONCE = 200_000
"""Letters that are taken along with one report; of more, the last ones."""


class Printed:
    """Collects what is printed, and passes it on to where it would have gone."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def take(self) -> str:
        """What was printed since this was asked last."""
        parts, self._parts = self._parts, []
        text = "".join(parts)
        return text if len(text) <= MOST_AT_ONCE else f"[{len(text) - MOST_AT_ONCE} letters left out]\n{text[-MOST_AT_ONCE:]}"

    def put(self, text: str) -> None:
        self._parts.append(text)


class _Copy(io.TextIOBase):
    def __init__(self, stream: TextIO, printed: Printed) -> None:
        self._stream, self._printed = stream, printed

    def write(self, text: str) -> int:
        self._printed.put(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()


@contextmanager
def printing_kept() -> Iterator[Printed]:
    """Collects what Python code prints within the block, on stdout and stderr together. What C code prints is only in Ray's own logs."""
    printed = Printed()
    with redirect_stdout(_Copy(sys.stdout, printed)), redirect_stderr(_Copy(sys.stderr, printed)):
        yield printed
