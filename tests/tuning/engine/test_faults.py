"""What dies, is cut off or fills up during a study on a cluster, and what becomes of the study: the
table in docs/faults.md.
"""

import dataclasses
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from driving import finish, kill, start
from fault_runs import FAULT_STUDY, Process, is_sound, until
from fault_study import study
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from analysis import Run, load_run
from benchmarks.chaos import rows, run_folder
from benchmarks.hosts import why_not
from benchmarks.raylets import Cluster, cluster, driver_pid
from tuning.search.optuna import OptunaSearcher
from tuning.spec.study import Optuna

pytestmark = pytest.mark.slow

HOSTS = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


def seen_from(folder: Path, ip: str) -> int:
    return sum(row["ip"] == ip for row in rows(folder))


def ends_well(process: Process, folder: Path, seconds: float = 300) -> Run:
    _, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err
    return load_run(run_folder(folder))


@pytest.fixture
def two_workers() -> Iterator[Cluster]:
    with cluster([1, 1]) as made:
        yield made


@pytest.fixture
def two_hosts() -> Iterator[Cluster]:
    with cluster([2, 2], hosts=True) as made:
        yield made


def test_a_node_dies_and_another_joins(two_workers: Cluster, tmp_path: Path) -> None:
    process = two_workers.study(
        two_workers.head, tmp_path, "run", str(FAULT_STUDY), "--trials", "20"
    )
    first = two_workers.nodes[1]
    until(lambda: seen_from(tmp_path, first.ip) > 3, process)
    first.kill()
    joined = two_workers.add(1)
    read = ends_well(process, tmp_path)
    is_sound(read, 20)
    assert read.trials["attempt"].max() == 2
    assert seen_from(tmp_path, joined.ip) > 0, "its slot is used"


def test_nodes_that_die_again_and_again_fail_no_trial(two_workers: Cluster, tmp_path: Path) -> None:
    """Twice as often as the trial may be retried by itself."""
    process = two_workers.study(
        two_workers.head, tmp_path, "run", str(FAULT_STUDY), "--trials", "40"
    )
    for place in (1, 3, 4):
        node = two_workers.nodes[place]
        until(lambda node=node: seen_from(tmp_path, node.ip) > 1, process)
        two_workers.add(1)
        node.kill()
    is_sound(ends_well(process, tmp_path), 40)


@pytest.mark.parametrize("seconds", [3, 25])
def test_a_node_that_stands_still(seconds: float, two_workers: Cluster, tmp_path: Path) -> None:
    """In place of a cut link where none can be cut: 3 s pass unnoticed, after 25 s the node was
    given up.
    """
    process = two_workers.study(
        two_workers.head, tmp_path, "run", str(FAULT_STUDY), "--trials", "16"
    )
    still = two_workers.nodes[1]
    until(lambda: seen_from(tmp_path, still.ip) > 3, process)
    still.stop()
    time.sleep(seconds)
    still.go_on()
    read = ends_well(process, tmp_path)
    is_sound(read, 16)
    assert read.trials["attempt"].max() == (1 if seconds == 3 else 2)


@HOSTS
@pytest.mark.parametrize("seconds", [5, 30])
def test_a_link_is_cut_and_heals(seconds: float, two_hosts: Cluster, tmp_path: Path) -> None:
    trials = 16 if seconds == 5 else 36
    process = two_hosts.study(
        two_hosts.head, tmp_path, "run", str(FAULT_STUDY), "--trials", str(trials)
    )
    lost = two_hosts.nodes[1]
    assert lost.host
    until(lambda: seen_from(tmp_path, lost.ip) > 6, process)
    lost.host.cut()
    time.sleep(seconds)
    before = len(rows(tmp_path))
    lost.host.heal()
    until(lambda: len(rows(tmp_path)) > before, process)
    read = ends_well(process, tmp_path)
    is_sound(read, trials)
    assert read.trials["attempt"].max() == (1 if seconds == 5 else 2)


@HOSTS
@pytest.mark.parametrize("place", [0, 1])
def test_the_driver_is_killed_and_resumed_here_or_on_another_node(
    place: int, two_hosts: Cluster, tmp_path: Path
) -> None:
    process = two_hosts.study(two_hosts.head, tmp_path, "run", str(FAULT_STUDY))
    until(lambda: len(rows(tmp_path)) > 12, process)
    os.kill(driver_pid(process), 9)
    process.communicate(timeout=300)
    assert process.returncode != 0
    again = two_hosts.study(two_hosts.nodes[place], tmp_path, "resume", str(run_folder(tmp_path)))
    _, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    assert ("watching for 20 s whether it still does" in err) == (place != 0)
    is_sound(load_run(run_folder(tmp_path)))


@HOSTS
def test_the_head_dies_and_the_run_goes_on_on_a_new_one(two_hosts: Cluster, tmp_path: Path) -> None:
    process = two_hosts.study(two_hosts.nodes[1], tmp_path, "run", str(FAULT_STUDY))
    until(lambda: len(rows(tmp_path)) > 12, process)
    two_hosts.head.kill()
    _, said = process.communicate(timeout=240)
    assert process.returncode not in (0, 2)
    assert f"`study resume {run_folder(tmp_path).relative_to(tmp_path)}` goes on" in said
    with cluster([2], hosts=True) as second:
        is_sound(
            ends_well(
                second.study(second.head, tmp_path, "resume", str(run_folder(tmp_path))), tmp_path
            )
        )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    file = disk / "filler"
    with file.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(4096))
        except OSError:
            pass
    return file


def test_a_full_disk_holds_a_run_up_until_there_is_room(small_disk: Path) -> None:
    process = start(small_disk, "run", str(FAULT_STUDY))
    until(lambda: len(rows(small_disk)) > 6, process)
    filler = fill(small_disk)
    assert process.stderr
    said = next(line for line in process.stderr if "No space left" in line)
    assert "waiting until it can be written; nothing is lost" in said
    filler.unlink()
    is_sound(ends_well(process, small_disk))


def test_optuna_that_waits_for_room_says_so_and_lets_the_run_be_interrupted(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    waits = iter([lambda: None, lambda: filler.unlink()])
    monkeypatch.setattr("tuning.search.optuna.say", said.append)
    searched = dataclasses.replace(study, search=Optuna(trials=8))
    searcher = OptunaSearcher(
        searched, journal=small_disk / "optuna.journal", between=lambda: next(waits)()
    )
    asked = list(iter(searcher.ask, None))
    filler = fill(small_disk)
    for trial in asked:
        for epoch in range(1, 51):
            searcher.report(trial, epoch, float(epoch))
    assert [line.split(":")[0] for line in said] == ["No space left on device"]
    journal = JournalStorage(JournalFileBackend(str(small_disk / "optuna.journal")))
    read = optuna.load_study(study_name=None, storage=journal).trials
    assert [one.intermediate_values for one in read] == [
        {epoch: float(epoch) for epoch in range(1, 51)}
    ] * 8


def test_a_run_that_waits_for_room_can_be_stopped_and_resumed(small_disk: Path) -> None:
    process = start(small_disk, "run", str(FAULT_STUDY))
    until(lambda: len(rows(small_disk)) > 6, process)
    filler = fill(small_disk)
    assert process.stderr
    next(line for line in process.stderr if "No space left" in line)
    process.terminate()
    process.communicate(timeout=240)
    assert process.returncode == 143
    filler.unlink()
    is_sound(finish(small_disk, "resume", str(run_folder(small_disk))))


def test_a_killed_driver_and_a_full_disk(small_disk: Path) -> None:
    process = start(small_disk, "run", str(FAULT_STUDY))
    until(lambda: len(rows(small_disk)) > 6, process)
    filler = fill(small_disk)
    assert process.stderr
    next(line for line in process.stderr if "No space left" in line)
    kill(process)
    filler.unlink()
    is_sound(finish(small_disk, "resume", str(run_folder(small_disk))))
