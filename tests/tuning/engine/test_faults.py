"""What dies, is cut off or fills up during a study on a cluster, and what becomes of the study: the
table in docs/faults.md.
"""

import dataclasses
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from driving import start
from fault_runs import FAULT_STUDY, Process, attempts, is_sound, until
from fault_study import study
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from analysis import Run, load_run
from benchmarks.chaos import rows, run_folder
from benchmarks.hosts import family, why_not
from benchmarks.raylets import Cluster, Node, cluster, driver_pid
from tuning.search.optuna import OptunaSearcher
from tuning.spec.study import Optuna

pytestmark = pytest.mark.slow

HOSTS = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


def held(made: Cluster, node: int, folder: Path, trials: int) -> Process:
    """A study whose trials wait at epoch 6 until the file ``go`` is there."""
    more = ["--trials", str(trials), "--set", f"until={folder / 'go'}"]
    return made.study(made.nodes[node], folder, "run", str(FAULT_STUDY), *more)


def waits(folder: Path, node: Node) -> bool:
    """Whether a trial on this node waits: the nodes without a host share the numbers of ours."""
    return any((folder / f"go-{pid}").exists() for pid in family(node.process.pid))


def resumed(made: Cluster, node: int, folder: Path) -> Process:
    return made.study(made.nodes[node], folder, "resume", str(run_folder(folder)))


def ends_well(process: Process, folder: Path) -> Run:
    (folder / "go").touch()
    _, err = process.communicate(timeout=600)
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


def test_nodes_die_and_others_take_their_trials(two_workers: Cluster, tmp_path: Path) -> None:
    """More often than the trial may be tried again by itself."""
    process = held(two_workers, 0, tmp_path, trials=2)
    for place in (1, 3, 4):
        node = two_workers.nodes[place]
        until(lambda node=node: waits(tmp_path, node), process)
        two_workers.add(1)
        node.kill()
    joined = two_workers.nodes[-1]
    until(lambda: waits(tmp_path, joined), process)
    read = ends_well(process, tmp_path)
    is_sound(read, 2)
    assert attempts(tmp_path) >= 4
    assert joined.ip in {row["ip"] for row in rows(tmp_path)}


def test_a_node_that_stands_still(two_workers: Cluster, tmp_path: Path) -> None:
    """In place of a cut link where none can be cut: 3 s pass unnoticed, later it is given up."""
    process = held(two_workers, 0, tmp_path, trials=1)
    workers = two_workers.nodes[1:]
    until(lambda: any(waits(tmp_path, node) for node in workers), process)
    still = next(node for node in workers if waits(tmp_path, node))
    still.stop()
    time.sleep(3)
    still.go_on()
    assert attempts(tmp_path) == 1
    still.stop()
    until(lambda: attempts(tmp_path) >= 2, process)
    still.go_on()
    is_sound(ends_well(process, tmp_path), 1)


@HOSTS
def test_a_link_is_cut_and_heals(two_hosts: Cluster, tmp_path: Path) -> None:
    """For 5 s, which pass unnoticed, and until the host is given up."""
    process = held(two_hosts, 0, tmp_path, trials=1)
    until(lambda: len(rows(tmp_path)) > 4, process)
    (host,) = (node.host for node in two_hosts.nodes if node.ip == rows(tmp_path)[0]["ip"])
    assert host
    host.cut()
    time.sleep(5)
    host.heal()
    assert attempts(tmp_path) == 1
    host.cut()
    until(lambda: attempts(tmp_path) >= 2, process)
    host.heal()
    is_sound(ends_well(process, tmp_path), 1)


@HOSTS
def test_the_driver_is_killed_and_resumed_here_and_on_another_node(
    two_hosts: Cluster, tmp_path: Path
) -> None:
    process = held(two_hosts, 0, tmp_path, trials=4)
    until(lambda: len(rows(tmp_path)) > 12, process)
    os.kill(driver_pid(process), 9)
    process.communicate()
    here = resumed(two_hosts, 0, tmp_path)
    until(lambda: attempts(tmp_path) >= 2, here)
    os.kill(driver_pid(here), 9)
    watching = "watching for 20 s whether it still does"
    assert watching not in here.communicate()[1]
    (tmp_path / "go").touch()
    there = resumed(two_hosts, 1, tmp_path)
    _, err = there.communicate(timeout=600)
    assert there.returncode == 0, err
    assert watching in err
    is_sound(load_run(run_folder(tmp_path)), 4)


@HOSTS
def test_the_head_dies_and_the_run_goes_on_on_a_new_one(two_hosts: Cluster, tmp_path: Path) -> None:
    process = held(two_hosts, 1, tmp_path, trials=2)
    until(lambda: len(rows(tmp_path)) > 6, process)
    two_hosts.head.kill()
    process.communicate(timeout=600)
    assert process.returncode not in (0, 2)
    with cluster([2], hosts=True) as second:
        is_sound(ends_well(resumed(second, 0, tmp_path), tmp_path), 2)


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


def filled_up(disk: Path, process: Process) -> Path:
    """What fills the disk, once the study has said that it waits for room."""
    seen = len(rows(disk))
    until(lambda: len(rows(disk)) > seen + 3, process)
    filler = fill(disk)
    assert process.stderr
    said = next(line for line in process.stderr if "No space left" in line)
    assert "waiting until it can be written; nothing is lost" in said
    return filler


def test_a_full_disk_holds_a_run_up_which_can_be_stopped_and_killed_meanwhile(
    small_disk: Path,
) -> None:
    process = start(small_disk, "run", str(FAULT_STUDY))
    for number in (signal.SIGTERM, signal.SIGKILL):
        filler = filled_up(small_disk, process)
        process.send_signal(number)
        process.communicate(timeout=240)
        assert process.returncode in (128 + number, -number)
        filler.unlink()
        process = start(small_disk, "resume", str(run_folder(small_disk)))
    filled_up(small_disk, process).unlink()
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    is_sound(load_run(run_folder(small_disk)))


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
