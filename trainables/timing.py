"""What a trainable itself says of its time."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PARTS = ("data", "evaluation")


class Stopwatch:
    """Seconds by part. Of blocks within one another, each second counts for the inner one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """The time of the block counts for ``name``."""
        began, before = self._clock(), sum(self.seconds.values())
        try:
            yield
        finally:
            within = sum(self.seconds.values()) - before
            self.seconds[name] += self._clock() - began - within


TIMED = Stopwatch()
"""What was timed in this process."""


@contextmanager
def timed(part: str) -> Iterator[None]:
    """Have the report of a run tell the time of the block from that of training: ``with
    timed("evaluation"):``, or ``"data"``. For the thread that trains; not around a ``yield``.

    Raises:
        ValueError: another ``part``.
    """
    if part not in PARTS:
        raise ValueError(f"timed({part!r}): the part must be {' or '.join(map(repr, PARTS))}.")
    with TIMED.part(part):
        yield
