"""How long the trials of a phase took so far."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.records.schema import CENSORED, Status


@dataclass
class Timed:
    """A trial of this session as it was timed."""

    cold: bool
    """Whether it was among the first, which carry the start of their processes."""
    epoch: int = 0
    first: float = 0.0
    later: float = 0.0
    counted: int = 0
    """Epochs behind ``later``, the seconds of all but the first one."""

    def take(self, epoch: int, seconds: float) -> None:
        if self.epoch:
            self.later, self.counted = self.later + seconds, self.counted + 1
        else:
            self.first = seconds
        self.epoch = epoch

    @property
    def pace(self) -> float | None:
        """Seconds per epoch; None before the second one."""
        return self.later / self.counted if self.counted else None


class TimedPhase:
    """The trials of one phase: those that run, and of those that ended what estimates need, so that
    none of them is gone through again.
    """

    def __init__(self, rungs: Sequence[int]) -> None:
        self._rungs = rungs
        self.begun = 0
        self.running: dict[str, Timed] = {}
        self._paused: dict[str, Timed] = {}
        self._paces: list[float] = []
        self._cold_paces: list[float] = []
        self._passed: Counter[int] = Counter()
        self._stopped: Counter[int] = Counter()

    def begin(self, trial: str, cold: bool) -> Timed:
        self.begun += 1
        self.running[trial] = Timed(cold)
        return self.running[trial]

    def pause(self, trial: str) -> None:
        if trial in self.running:
            self._paused[trial] = self.running.pop(trial)

    def go_on(self, trial: str) -> Timed | None:
        """The trial, where it was paused: it runs again."""
        if trial in self._paused:
            self.running[trial] = self._paused.pop(trial)
        return self.running.get(trial)

    def end(self, trial: str, status: str) -> None:
        timed = self.running.pop(trial)
        if timed.pace is not None:
            self._paces.append(timed.pace)
        elif status in (Status.COMPLETED, *CENSORED) and timed.epoch:
            # Its one epoch also carries what is done once per trial: it counts where there is no
            # other, and that of a cold trial only where all are cold.
            (self._cold_paces if timed.cold else self._paces).append(timed.first)
        for before, rung in zip([0, *self._rungs], self._rungs, strict=False):
            self._passed[rung] += timed.epoch > rung
            # Where one that was stopped by hand would have ended is not known.
            by_hand = status == Status.STOPPED
            self._stopped[rung] += before < timed.epoch <= rung and not by_hand

    def paces(self) -> list[float]:
        """Seconds per epoch of each trial of which something is known."""
        begun = [*self.running.values(), *self._paused.values()]
        running = [timed.pace for timed in begun if timed.pace is not None]
        return [*self._paces, *running] or self._cold_paces

    def judged(self, rung: int) -> tuple[int, int]:
        """How many trials went on at a rung, and how many ended there or on the way to it, or are
        paused there.
        """
        begun = [*self.running.values(), *self._paused.values()]
        passed = sum(timed.epoch > rung for timed in begun)
        before = max((each for each in self._rungs if each < rung), default=0)
        paused = sum(before < timed.epoch <= rung for timed in self._paused.values())
        return self._passed[rung] + passed, self._stopped[rung] + paused
