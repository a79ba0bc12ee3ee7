"""What a process takes: of this machine, and of GPUs and counters that stand in for real ones."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tuning.process.gpus import Gpus, gpus_of
from tuning.process.usage import package_energy, sample


def test_a_sample_of_this_machine_has_this_process_and_its_children() -> None:
    before = sample()
    waits = "import sys; held = b'1' * 60_000_000; print(flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", waits], **pipes) as child:
        assert child.stdout is not None
        child.stdout.readline()
        after = sample()
        child.communicate()
    assert after.memory - before.memory > 50_000_000
    assert 0 < before.cpu <= after.cpu
    assert before.at < after.at
    assert 10_000_000 < before.highest < before.total
    assert before.gpu is None


def test_energy_is_that_of_the_packages(tmp_path: Path) -> None:
    assert package_energy(tmp_path) is None
    for number, (name, microjoules) in enumerate(
        [("package-0", 2_500_000), ("package-1", 1_000_000), ("core", 900_000), ("psys", 7_000_000)]
    ):
        folder = tmp_path / f"intel-rapl:{number}"
        folder.mkdir()
        (folder / "name").write_text(f"{name}\n")
        (folder / "energy_uj").write_text(f"{microjoules}\n")
    assert package_energy(tmp_path) == 3.5
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("?")
    assert package_energy(tmp_path) is None


class Nvml:
    """Stands in for ``pynvml``: two cards, the second one with the process 41."""

    def __init__(self, known: bool = True, energy: bool = True) -> None:
        self.known, self.energy = known, energy

    def nvmlInit(self) -> None: ...

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return range(2)[index]

    def nvmlDeviceGetHandleByUUID(self, name: str) -> int:
        return ["GPU-a", "GPU-b"].index(name)

    def nvmlDeviceGetMemoryInfo(self, card: int) -> Any:
        return SimpleNamespace(used=[10, 30][card], total=80)

    def nvmlDeviceGetUtilizationRates(self, card: int) -> Any:
        return SimpleNamespace(gpu=[20, 50][card])

    def nvmlDeviceGetTotalEnergyConsumption(self, card: int) -> int:
        if not self.energy:
            raise RuntimeError("Not Supported")
        return [4000, 8000][card]

    def nvmlDeviceGetComputeRunningProcesses(self, card: int) -> Any:
        ours = SimpleNamespace(pid=41, usedGpuMemory=25 if self.known else None)
        return [ours, SimpleNamespace(pid=7, usedGpuMemory=5)] if card == 1 else []


@pytest.mark.parametrize(
    ("nvml", "share", "visible", "expected"),
    [
        (Nvml(), 1, "1", (25, 80, 0.5, 8.0)),
        (Nvml(), 1, "GPU-b", (25, 80, 0.5, 8.0)),
        (Nvml(), 0.25, "1", (25, 80, 0.5, 2.0)),
        (Nvml(), 2, "0, 1", (25, 160, 0.7, 12.0)),
        (Nvml(), 2, None, (25, 160, 0.7, 12.0)),
        (Nvml(known=False), 1, "1", (30, 80, 0.5, 8.0)),
        (Nvml(known=False), 0.5, "1", (None, 80, 0.5, 4.0)),
        (Nvml(energy=False), 1, "0", (10, 80, 0.2, None)),
    ],
)
def test_a_trial_has_the_cards_that_it_sees(
    nvml: Nvml, share: float, visible: str | None, expected: tuple[Any, ...]
) -> None:
    """The memory is that of its processes; of whole cards, where these are not known, all."""
    taken = Gpus(nvml, share, visible).sample({41, 42})
    assert (taken.memory, taken.total, taken.busy, taken.energy) == expected


def test_where_no_card_tells_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpus_of(1) is None
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    assert gpus_of(0) is None
    assert gpus_of(1) is not None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    assert gpus_of(1) is None
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "5"
