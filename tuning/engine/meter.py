"""What a trial costs its machine, measured where it is trained."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from analysis.text.memory import memory_words
from trainables.timing import PARTS, TIMED, Stopwatch
from tuning.process.gpus import gpus_of
from tuning.process.usage import Sample, sample

SECONDS_BETWEEN_SAMPLES = 1.0
LARGEST_SHARE = 0.005
"""Of the time of a trial, that samples may take: where one takes long there are fewer."""
GROWN = 1.1
"""By so much a peak has to grow to be told again."""
Tell = Callable[[Mapping[str, Any]], None]


def _nobody(peaks: Mapping[str, Any]) -> None:
    """The process of the trial is that of the study: both end together."""


class Meter:
    """Adds up the time of one attempt of a trial by part and, within ``sampled``, what its
    processes take. ``take``: gives a ``Sample``; ``tell``: is given peaks that have grown, while
    the trial runs; ``clock``: as ``time.monotonic``.
    """

    def __init__(
        self,
        take: Callable[[], Sample] = sample,
        tell: Tell = _nobody,
        clock: Callable[[], float] = time.monotonic,
        every: float = SECONDS_BETWEEN_SAMPLES,
    ) -> None:
        self._take, self._tell, self._clock, self._every = take, tell, clock, every
        self._told = 0
        self._watch, self._said = Stopwatch(clock), dict(TIMED.seconds)
        self._began = self._noted = clock()
        self._at = round(time.time(), 3)
        self._start = 0.0
        self._first: Sample | None = None
        self._last: Sample | None = None
        self._most: dict[str, Any] = {}
        self._sums = dict.fromkeys(("energy", "gpu_energy", "gpu"), 0.0)
        self._lock = threading.Lock()
        self.part = self._watch.part

    @contextmanager
    def sampled(self) -> Iterator[None]:
        """Sample now, and every second or so within the block, in a thread."""
        over = threading.Event()
        self.sample()
        thread = threading.Thread(target=self._repeat, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(self._every)  # it may hang in a driver: the next trial does not wait

    def started(self) -> None:
        """The trainable is called now; until here it was start-up."""
        self._start = self._clock() - self._began - sum(self._watch.seconds.values())

    @property
    def is_due(self) -> bool:
        """Whether so much time has passed since ``cost`` was asked that it is worth a record."""
        now = self._clock()
        return now - self._noted >= min(self._every, 0.05 * (now - self._began))

    def cost(self) -> dict[str, Any]:
        """As a row of ``epochs.jsonl`` has it: since this attempt began."""
        self._noted = self._clock()
        seconds = self._noted - self._began
        spent = {"start": self._start, **self._watch.seconds}
        for name in PARTS:
            if timed := TIMED.seconds[name] - self._said.get(name, 0.0):
                spent[name] = min(timed, max(0.0, seconds - sum(spent.values())))
        spent["training"] = max(0.0, seconds - sum(spent.values()))
        times = {name: round(each, 3) for name, each in {"seconds": seconds, **spent}.items()}
        times["began"] = self._at
        with self._lock:
            return times | self._taken()

    def last_cost(self) -> dict[str, Any]:
        """As ``cost``, with a last sample where there were any."""
        if self._first:
            self.sample()
        return self.cost()

    def memory_words(self) -> str:
        """What was used and what there is, in a sentence."""
        if self._first:
            self.sample()
        return memory_words(self._most)

    def sample(self) -> None:
        """Take one now. What the machine does not tell is left out; nothing is raised."""
        with suppress(Exception):
            taken = self._take()  # may take long, and nobody waits for it meanwhile
            with self._lock:
                self._note(taken)

    def tell(self) -> None:
        """Say what the peaks are, if they have grown."""
        peaks = dict(self._most)
        if peaks.get("memory", 0) > GROWN * self._told:
            with suppress(Exception):  # what is told is for errors alone
                self._tell(peaks)
                self._told = peaks["memory"]

    def _repeat(self, over: threading.Event) -> None:
        pause = self._every
        while not over.wait(pause):
            began = time.monotonic()
            self.sample()
            self.tell()
            pause = max(self._every, (time.monotonic() - began) / LARGEST_SHARE)

    def _note(self, now: Sample) -> None:
        if self._last and now.at <= self._last.at:
            return
        self._first = first = self._first or now
        # Where the process never had so much before, that is exact; else another trial's.
        peak = max(now.memory, now.highest if now.highest > first.highest else 0)
        self._keep("memory", peak, max)
        self._keep("memory_total", now.total, max)
        self._keep("memory_free", now.free, min)
        if now.gpu:
            self._keep("gpu_memory", now.gpu.memory, max)
            self._keep("gpu_total", now.gpu.total, max)
        if self._last:
            self._add(self._last, now)
        self._last = now

    def _add(self, last: Sample, now: Sample) -> None:
        """What was taken between two samples. A counter that begins anew counts for nothing."""
        if now.energy is not None and last.energy is not None and now.busy > last.busy:
            share = min(1.0, max(0.0, now.cpu - last.cpu) / (now.busy - last.busy))
            self._sums["energy"] += max(0.0, now.energy - last.energy) * share
        if now.gpu and now.gpu.busy is not None:
            self._sums["gpu"] += now.gpu.busy * (now.at - last.at)
        if now.gpu and last.gpu and now.gpu.energy is not None and last.gpu.energy is not None:
            self._sums["gpu_energy"] += max(0.0, now.gpu.energy - last.gpu.energy)

    def _keep(self, name: str, value: int | None, better: Callable[[int, int], int]) -> None:
        if value is not None:
            self._most[name] = better(self._most.get(name, value), value)

    def _taken(self) -> dict[str, Any]:
        first, last = self._first, self._last
        if first is None or last is None or last.at == first.at:
            return dict(self._most)
        amounts = {"sampled": last.at - first.at, "cpu": max(0.0, last.cpu - first.cpu)}
        gpu = last.gpu
        told = {
            "energy": last.energy,
            "gpu": gpu and gpu.busy,
            "gpu_energy": gpu and gpu.energy,
        }
        amounts |= {name: self._sums[name] for name, value in told.items() if value is not None}
        return {name: round(each, 3) for name, each in amounts.items()} | self._most


def meter_of(gpus: float, tell: Tell = _nobody) -> Meter:
    """Of a trial in this process that has so many GPUs."""
    cards = gpus_of(gpus)
    return Meter(lambda: sample(cards.sample) if cards else sample(), tell)
