"""What a trial takes of GPUs, as NVIDIA's driver tells it; nothing where there is none."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class GpuSample:
    """Of the GPUs of a trial, added up; None where the driver does not tell."""

    memory: int | None
    """Bytes of the trial's processes; of all, where the trial has its GPUs for itself and the
    driver does not know its processes.
    """
    total: int | None
    """Bytes that there are."""
    busy: float | None
    """How many of them calculate just now, whoever has them do so."""
    energy: float | None
    """Joules so far, whoever had them spent."""


class Gpus:
    """The GPUs of a trial that has ``share`` of one, or so many. ``nvml``: the module ``pynvml``.

    Raises:
        Exception: there is no such GPU, or no driver; of the many kinds of that module.
    """

    def __init__(self, nvml: Any, share: float, visible: str | None) -> None:
        self._nvml, self._share = nvml, share
        nvml.nvmlInit()
        names = range(nvml.nvmlDeviceGetCount()) if visible is None else visible.split(",")
        self._devices = [self._device(str(name).strip()) for name in names]
        if not self._devices:
            raise LookupError("no GPU is visible")

    def sample(self, processes: set[int]) -> GpuSample:
        nvml = self._nvml
        memory = self._each(nvml.nvmlDeviceGetMemoryInfo)
        rates = self._each(nvml.nvmlDeviceGetUtilizationRates)
        energy = self._each(nvml.nvmlDeviceGetTotalEnergyConsumption)
        used = self._of_processes(processes)
        if used is None and memory and self._share >= 1:
            used = sum(each.used for each in memory)
        return GpuSample(
            memory=used,
            total=sum(each.total for each in memory) if memory else None,
            busy=sum(each.gpu for each in rates) / 100 if rates else None,
            energy=sum(energy) / 1000 * min(1.0, self._share) if energy else None,
        )

    def _device(self, name: str) -> Any:
        if name.isdigit():
            return self._nvml.nvmlDeviceGetHandleByIndex(int(name))
        return self._nvml.nvmlDeviceGetHandleByUUID(name)

    def _each(self, ask: Callable[[Any], Value]) -> list[Value] | None:
        """An answer for each GPU; None where one gives none."""
        with suppress(Exception):  # a card without that counter, or a driver that hangs
            return [ask(device) for device in self._devices]
        return None

    def _of_processes(self, processes: set[int]) -> int | None:
        """In a container the driver may know processes by other ids, or none."""
        running = self._each(self._nvml.nvmlDeviceGetComputeRunningProcesses) or []
        ours = [each.usedGpuMemory for of in running for each in of if each.pid in processes]
        return sum(ours) if ours and None not in ours else None


def gpus_of(share: float) -> Gpus | None:
    """Those of a trial in this process; None where it has none, or nobody tells of them."""
    with suppress(Exception):
        if share:
            import pynvml

            return Gpus(pynvml, share, os.environ.get("CUDA_VISIBLE_DEVICES"))
    return None
