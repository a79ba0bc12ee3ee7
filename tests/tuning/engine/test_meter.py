"""What a trial costs, by a clock and samples that the tests move."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inline_runs import run
from small_studies import small_study

from tuning import timed
from tuning.engine.meter import Meter
from tuning.engine.slots import SlotTimes
from tuning.process.gpus import GpuSample
from tuning.process.usage import Sample

MB = 10**6


class Machine:
    """A clock, and what a process takes at its time."""

    def __init__(self) -> None:
        self.now, self.memory, self.highest, self.cpu = 100.0, 200 * MB, 900 * MB, 7.0
        self.busy, self.energy, self.gpu = 50.0, None, None
        self.told: list[int] = []
        self.meter = Meter(self.sample, lambda peaks: self.told.append(peaks["memory"]), self.clock)

    def clock(self) -> float:
        return self.now

    def sample(self) -> Sample:
        return Sample(
            at=self.now, memory=self.memory, highest=self.highest, cpu=self.cpu, total=8000 * MB,
            free=8000 * MB - self.memory, busy=self.busy, energy=self.energy, gpu=self.gpu,
        )  # fmt: skip

    def passes(self, seconds: float, **changes: Any) -> None:
        self.now += seconds
        vars(self).update(changes)


def test_time_is_told_by_part() -> None:
    machine = Machine()
    machine.passes(2)
    with machine.meter.part("reporting"):  # rows that came with a checkpoint
        machine.passes(0.25)
    machine.meter.started()
    machine.passes(5)
    with machine.meter.part("checkpoint"):
        machine.passes(1)
        with machine.meter.part("reporting"):  # what waits for a disk is told meanwhile
            machine.passes(0.5)
    cost = machine.meter.cost()
    cost.pop("began")
    assert cost == {
        "seconds": 8.75, "start": 2.0, "checkpoint": 1.0, "reporting": 0.75, "training": 5.0
    }  # fmt: skip


def test_what_a_trainable_times_is_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    monkeypatch.setattr("trainables.timing.TIMED._clock", machine.clock)
    machine.passes(4)
    with timed("evaluation"):
        machine.passes(3)
        with timed("data"):
            machine.passes(2)
    with pytest.raises(ValueError, match="must be 'data' or 'evaluation'"), timed("training"):
        pass
    cost = machine.meter.cost()
    assert [cost[part] for part in ("training", "data", "evaluation")] == [4.0, 2.0, 3.0]
    assert "evaluation" not in Machine().meter.cost(), "another trial's is not its own"


def test_a_peak_is_of_the_trial_and_not_of_its_process() -> None:
    """The process had 900 MB before; the trial is seen with 300 MB."""
    machine = Machine()
    machine.meter.sample()
    machine.passes(1, memory=300 * MB)
    machine.meter.sample()
    machine.passes(1, memory=100 * MB)
    machine.meter.sample()
    assert machine.meter.cost()["memory"] == 300 * MB
    machine.passes(1, highest=1200 * MB)  # between two samples, and more than ever
    machine.meter.sample()
    assert machine.meter.cost()["memory"] == 1200 * MB
    assert machine.meter.cost()["memory_free"] == 7700 * MB


def test_use_and_energy_are_of_the_time_sampled() -> None:
    machine = Machine()
    machine.passes(0, energy=1000.0, gpu=GpuSample(memory=5, total=80, busy=0.0, energy=10.0))
    machine.meter.sample()
    gpu = GpuSample(memory=50, total=80, busy=0.75, energy=90.0)
    machine.passes(4, cpu=9.0, busy=58.0, energy=1100.0, gpu=gpu)
    machine.meter.sample()
    machine.passes(1)
    cost = machine.meter.cost()
    assert (cost["sampled"], cost["cpu"], cost["gpu"]) == (4.0, 2.0, 3.0)
    assert cost["energy"] == 25.0, "a quarter of the time in which anything calculated"
    assert (cost["gpu_energy"], cost["gpu_memory"], cost["gpu_total"]) == (80.0, 50, 80)


def test_a_counter_that_begins_anew_loses_one_interval() -> None:
    machine = Machine()
    for energy in (1000.0, 1040.0, 3.0, 13.0):
        machine.passes(1, energy=energy, cpu=machine.cpu + 1, busy=machine.busy + 2)
        machine.meter.sample()
    assert machine.meter.cost()["energy"] == 25.0


def test_more_cannot_be_timed_than_there_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that time beside each other, or a block around a ``yield``."""
    machine = Machine()
    monkeypatch.setattr("trainables.timing.TIMED.seconds", {"data": 7.0, "evaluation": 8.0})
    machine.meter._said = {}
    machine.passes(10)
    cost = machine.meter.cost()
    assert [cost[part] for part in ("data", "evaluation", "training")] == [7.0, 3.0, 0.0]


def test_a_machine_that_tells_nothing_leaves_times_alone() -> None:
    def broken() -> Sample:
        raise OSError("no /proc")

    meter = Meter(broken)
    with meter.sampled():
        pass
    assert set(meter.last_cost()) == {"seconds", "began", "start", "training"}
    assert meter.memory_words() == ""


def test_peaks_are_told_as_they_grow() -> None:
    machine = Machine()
    for memory in (200, 210, 400, 300, 430):
        machine.passes(1, memory=memory * MB)
        machine.meter.sample()
        machine.meter.tell()
    assert machine.told == [200 * MB, 400 * MB]


def test_a_record_is_due_after_a_twentieth_of_the_time_or_a_second() -> None:
    machine = Machine()
    machine.passes(10)
    machine.meter.cost()
    machine.passes(0.4)
    assert not machine.meter.is_due
    machine.passes(0.2)
    assert machine.meter.is_due
    machine.passes(1000)
    machine.meter.cost()
    machine.passes(1.1)
    assert machine.meter.is_due


def test_the_driver_adds_waiting_and_its_session_once() -> None:
    now = [10.0]
    slots = SlotTimes({"clock": 2.0, "at": 1000.0, "data": 3.0}, lambda: now[0])
    slots.hand_out("0001")
    now[0] = 12.0
    slots.take("0001", 4)
    session = {"at": 1000.0, "data": 3.0, "start": 7.0}
    assert slots.told("0001", {"seconds": 1.5}) == {
        "seconds": 1.5, "waiting": 2.0, "slots": 4, "session": session
    }  # fmt: skip
    assert slots.told("0001", {"seconds": 2.5}) == {"seconds": 2.5, "waiting": 2.0, "slots": 4}


def test_what_failed_attempts_took_is_lost() -> None:
    now = [0.0]
    slots = SlotTimes(clock=lambda: now[0])
    slots.take("0001", 1)
    slots.told("0001", {"seconds": 4.0})
    now[0] = 10.0
    slots.hand_out("0001")  # again: its process died 6 s after its last word
    now[0] = 11.0
    slots.take("0001", 1)
    assert slots.lost("0001") == {"lost": 6.0}
    now[0] = 14.0
    slots.fail("0001")
    assert slots.lost("0001") == {"lost": 3.0}
    slots.take("0002", 1)
    slots.free("0002")
    assert slots.lost("0002") == {}


def evaluates(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    if config["slope"] == 3:
        raise MemoryError("no room for 5 layers")
    for epoch in (1, 2, 3):
        with timed("evaluation"):
            score = float(config["slope"])
        yield {"epoch": epoch, "score": [score] * len(seeds)}, None


def test_a_run_records_what_its_trials_cost(tmp_path: Path) -> None:
    read = run(small_study(evaluates, space={"slope": [1, 3]}, max_failures=0), tmp_path)
    rows = [json.loads(line) for line in read.paths.epochs.read_text().splitlines()]
    cost = rows[-1]["cost"]
    assert cost["slots"] == 1
    assert 0 <= cost["evaluation"] <= cost["seconds"]
    assert 10 * MB < cost["memory"] < cost["memory_total"]
    assert read.costs["trial"].tolist() == ["0001"]
    assert "gpu" not in cost
    assert read.lost > 0
    last = read.trials["error"][1].splitlines()[-1]
    assert last.startswith("Out of memory: let fewer trials run at once")
    assert "Memory: the trial used " in last
