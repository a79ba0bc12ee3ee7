"""What a block of code costs: seconds, processes, memory."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """``processes`` and ``megabytes``: the most at one moment."""

    seconds: float
    processes: int
    megabytes: float

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(
            self.seconds - other.seconds,
            self.processes - other.processes,
            self.megabytes - other.megabytes,
        )


@contextmanager
def measured(costs: list[Cost]) -> Iterator[None]:
    """Add to ``costs`` what the block took."""
    samples, over = [_processes()], threading.Event()

    def sample() -> None:
        while not over.wait(0.1):
            samples.append(_processes())

    thread = threading.Thread(target=sample)
    thread.start()
    began = time.monotonic()
    try:
        yield
    finally:
        seconds = time.monotonic() - began
        over.set()
        thread.join()
        costs.append(
            Cost(seconds, max(count for count, _ in samples), max(memory for _, memory in samples))
        )


def _processes() -> tuple[int, float]:
    """How many processes descend from this one, and their resident memory in MB: of what several
    share, each its share.
    """
    parents = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(file.parent.name)] = int(file.read_text().rsplit(")", 1)[1].split()[1])
    ours = {os.getpid()}
    while more := {process for process, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return len(ours), sum(map(memory_of, ours)) / 1e6


def memory_of(process: int) -> int:
    """The resident memory of a process in bytes; of pages that several share, its share. 0 once it
    has ended.
    """
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
