"""Which trials report nothing for too long."""

import time
from collections.abc import Callable

HELD_UP_SECONDS = 5.0


class Silence:
    """When each trial that is trained was heard of last. ``limit``: seconds of silence after which
    one is taken for hung; ``clock``: as ``time.monotonic``.
    """

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._heard: dict[str, float] = {}
        self._asked = clock()

    def __contains__(self, trial: object) -> bool:
        """Whether the trial is trained."""
        return trial in self._heard

    def heard(self, trial: str) -> None:
        self._heard[trial] = self._clock()

    def forget(self, trial: str) -> None:
        self._heard.pop(trial, None)

    def hanging(self, now: float) -> dict[str, str]:
        """The trials that hang, each once, and why they are taken for hung. To be called every few
        seconds at least; ``now``: as ``clock`` says.
        """
        self._forgive_what_held_us_up(now)
        silent = {trial: now - heard for trial, heard in self._heard.items()}
        hanging = {trial: seconds for trial, seconds in silent.items() if seconds > self._limit}
        self._heard.update(dict.fromkeys(hanging, now))
        return {
            trial: f"it reported nothing for {seconds:.0f} s (stall_timeout={self._limit:g}) and"
            " was taken for hung"
            for trial, seconds in hanging.items()
        }

    def _forgive_what_held_us_up(self, now: float) -> None:
        """A full disk, say: meanwhile nobody was listened to, so nobody was silent."""
        if (held_up := now - self._asked) > HELD_UP_SECONDS:
            self._heard = {trial: at + held_up for trial, at in self._heard.items()}
        self._asked = now
