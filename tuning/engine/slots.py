"""What only the driver knows of the time of trials: how long they wait for a process, and how long
a process had one that failed.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any


class SlotTimes:
    """Times of the trials of a session. ``opened``: when it began, as ``clock`` says and as unix
    time (``clock``, ``at``), and the seconds (``data``) that its data took to read; None where that
    is of no interest.
    """

    def __init__(
        self,
        opened: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._opened, self._clock = opened, clock
        self._handed_out: dict[str, float] = {}
        self._taken: dict[str, float] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._told: dict[str, float] = {}
        self._lost: dict[str, float] = defaultdict(float)
        self._session: dict[str, Any] = {}

    def hand_out(self, trial: str) -> None:
        """The trial waits for a process from now on; one that had a process has lost it."""
        self.fail(trial)
        self._handed_out[trial] = self._clock()

    def take(self, trial: str, slots: int) -> None:
        """A process has taken the trial, one of so many ``slots``."""
        now = self._taken[trial] = self._clock()
        waiting = round(now - self._handed_out.pop(trial, now), 3)
        self._facts[trial] = {"waiting": waiting, "slots": slots}
        if self._opened:
            at, data = self._opened["at"], self._opened["data"]
            start = round(max(0.0, now - self._opened["clock"] - data), 3)
            self._session, self._opened = {"at": at, "data": data, "start": start}, None

    def told(self, trial: str, cost: Mapping[str, Any]) -> dict[str, Any]:
        """The cost that a trial reports, with what is known here; of a session once."""
        self._told[trial] = cost["seconds"]
        session, self._session = self._session, {}
        return {
            **cost,
            **self._facts.get(trial, {}),
            **({"session": session} if session else {}),
        }

    def fail(self, trial: str) -> None:
        """The process of the trial is over before the trial is."""
        if (taken := self._taken.pop(trial, None)) is not None:
            self._lost[trial] += max(0.0, self._clock() - taken - self._told.pop(trial, 0.0))

    def free(self, trial: str) -> None:
        """The trial has no process any more, and has reported all."""
        self._taken.pop(trial, None)
        self._told.pop(trial, None)

    def lost(self, trial: str) -> dict[str, Any]:
        """For its next row: the seconds of attempts that failed, beyond what they told."""
        lost = round(self._lost.pop(trial, 0.0), 3)
        return {"lost": lost} if lost else {}
