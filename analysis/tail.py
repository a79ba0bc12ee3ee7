"""A file of JSON lines that grows: what was appended since it was looked at last."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BYTES_AT_ONCE = 1 << 24


class Tail:
    """Follows one file, which need not be there yet. Only whole lines count: a torn last one is read once its writer has ended it, and one
    that a later writer cuts off was never read."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def new(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each new row with the byte at which it begins. A line that is no object is passed over: the report names damage."""
        if self._size() <= self._read:
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            while block := file.readlines(BYTES_AT_ONCE):
                for line in block:
                    if not line.endswith(b"\n"):
                        return
                    began, self._read = self._read, self._read + len(line)
                    if isinstance(row := _parsed(line), dict):
                        yield began, row

    def at(self, began: int) -> dict[str, Any]:
        """The row that begins at that byte; empty where there is none."""
        with self._path.open("rb") as file:
            file.seek(began)
            row = _parsed(file.readline())
        return row if isinstance(row, dict) else {}

    @property
    def is_new(self) -> bool:
        """Whether this is another file than the one that was read: it is shorter."""
        return self._size() < self._read

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
