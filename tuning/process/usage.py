"""What this process, with those that it started, takes of its machine at a moment."""

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tuning.process.gpus import GpuSample
from tuning.process.machine import container_limit

PACKAGES = Path("/sys/class/powercap")
"""Where Linux tells the energy of processors (RAPL); on most machines root alone may read it."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Amounts are in bytes, seconds, joules; None where the machine does not tell."""

    at: float
    """As ``time.monotonic``."""
    memory: int
    """Resident, of all processes added up."""
    highest: int
    """The most that this process alone ever had."""
    cpu: float
    """Processor time of all processes so far."""
    total: int
    """Memory that there is: of the machine, or what its container may use."""
    free: int | None
    """Memory that is left of it."""
    busy: float
    """Processor time of everything on the machine so far."""
    energy: float | None
    """Of all its processors so far."""
    gpu: GpuSample | None = None


def sample(gpus: Callable[[set[int]], GpuSample | None] = lambda processes: None) -> Sample:
    """What this process takes now. ``gpus``: is given the processes, as ``Gpus.sample``."""
    memory, cpu, processes = 0, 0.0, set[int]()
    for process in _family():
        with suppress(psutil.Error), process.oneshot():
            memory += process.memory_info().rss
            cpu += sum(process.cpu_times()[:4])
            processes.add(process.pid)
    there = psutil.virtual_memory()
    limit = container_limit(there.total)
    times = psutil.cpu_times()
    return Sample(
        at=time.monotonic(),
        memory=memory,
        highest=_highest(),
        cpu=cpu,
        total=limit or there.total,
        free=None if limit else there.available,
        busy=sum(times) - times.idle - getattr(times, "iowait", 0.0),
        energy=package_energy(),
        gpu=gpus(processes),
    )


def _family() -> Iterator[psutil.Process]:
    """This process and all that descend from it."""
    own = psutil.Process()
    yield own
    with suppress(psutil.Error, OSError):
        if not Path("/proc/thread-self/children").exists():
            yield from own.children(recursive=True)
            return
        below = _children(own.pid)  # without going through all processes of the machine
        for process in below:
            below += _children(process)
            with suppress(psutil.Error):
                yield psutil.Process(process)


def _children(process: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):  # it has ended
        for thread in os.listdir(f"/proc/{process}/task"):
            with suppress(OSError):
                found += map(
                    int, Path(f"/proc/{process}/task/{thread}/children").read_text().split()
                )
    return found


def _highest() -> int:
    kilobytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobytes


def package_energy(folder: Path = PACKAGES) -> float | None:
    """Joules that the processors of this machine have taken since some moment; None where it does
    not tell, or not to this user.
    """
    try:
        counters = [
            int((each / "energy_uj").read_text())
            for each in folder.iterdir()
            if (each / "name").is_file() and (each / "name").read_text().startswith("package")
        ]
    except (OSError, ValueError):
        return None
    return sum(counters) / 1e6 if counters else None
