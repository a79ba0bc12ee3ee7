"""Checkpoints and the lock: whole or not there, and one writer at a time."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from ended_trials import EndedTrials
from searched_studies import searched_study
from small_studies import small_study

from tuning import StudyError
from tuning.engine import checkpoints, disk
from tuning.runs import lock
from tuning.runs.store import Folder
from tuning.spec.study import Trial

ROWS = [{"trial": "0001", "epoch": 3, "metrics": {"score": [0.5]}}]


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    state = {
        "epoch": 3,
        "weights": {"w": torch.arange(6.0).view(2, 3)},
        "list": [1, 2.5, "x", None, True],
    }
    checkpoints.save(Folder.at(tmp_path), 3, state, ROWS)
    found = checkpoints.newest(Folder.at(tmp_path))
    assert (found.epoch, found.rows) == (3, ROWS)
    assert torch.equal(found.state["weights"]["w"], state["weights"]["w"])
    assert found.state["list"] == state["list"]


def test_the_last_two_are_kept_and_a_damaged_one_is_passed_over(tmp_path: Path) -> None:
    for epoch in range(1, 6):
        checkpoints.save(Folder.at(tmp_path), epoch, {"epoch": epoch}, [])
    files = sorted(tmp_path.iterdir())
    assert [file.name[:6] for file in files] == ["000004", "000005"]
    files[1].write_bytes(files[1].read_bytes()[:-1])
    assert checkpoints.newest(Folder.at(tmp_path)).state == {"epoch": 4}
    assert checkpoints.newest(Folder.at(tmp_path), before=4) is None
    files[0].write_bytes(b"")
    assert checkpoints.newest(Folder.at(tmp_path)) is None
    assert checkpoints.newest(Folder.at(tmp_path / "nowhere")) is None


def test_of_two_attempts_at_one_epoch_each_checkpoint_is_whole_by_itself(tmp_path: Path) -> None:
    """The state of one is never read with the rows of the other, which took other times."""
    folder = Folder.at(tmp_path)
    for attempt in (1, 2):
        checkpoints.save(folder, 3, {"epoch": 3, "of": attempt}, [{"attempt": attempt}])
    files = sorted(tmp_path.iterdir())
    assert [file.name[:6] for file in files] == ["000003"] * 2
    for file in reversed(files):
        found = checkpoints.newest(folder)
        assert found.rows == [{"attempt": found.state["of"]}]
        file.write_bytes(file.read_bytes()[:-1])
    assert checkpoints.newest(folder) is None


def test_a_half_written_file_is_never_taken_for_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / ".123.part").write_bytes(b"half")
    assert checkpoints.newest(Folder.at(tmp_path)) is None


class Unknown:
    pass


def test_a_state_that_could_not_be_read_back_is_said_at_once() -> None:
    assert checkpoints.state_problem({"weights": torch.zeros(2)}) is None
    assert "cannot be kept" in checkpoints.state_problem({"net": Unknown()})


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (Unknown(), f"it holds {__name__}.Unknown"),
        (pathlib.PurePosixPath("."), "it holds pathlib.PurePosixPath"),
        (threading.Lock(), "cannot pickle '_thread.lock' object"),
        (
            lambda: 1,
            f"Can't pickle <function <lambda>>: attribute lookup <lambda> on {__name__} failed",
        ),
    ],
)
def test_why_a_state_cannot_be_kept_is_said_in_plain_words(state: Any, why: str) -> None:
    """Without the colours and the advice of torch, and without the places of objects."""
    allowed = "a state holds dicts, lists, numbers, text and tensors, or is None"
    assert (
        checkpoints.state_problem({"a": [state]})
        == f"the state it yields cannot be kept ({why}); {allowed}"
    )


def test_the_best_setting_keeps_its_checkpoint_and_no_other(tmp_path: Path) -> None:
    trials = EndedTrials(searched_study(), Folder.at(tmp_path))
    ends = [
        ("a", 0.5, "completed"),
        ("b", 0.7, "pruned"),
        ("c", 0.9, "completed"),
        ("d", 0.8, "completed"),
        ("e", 0.9, "failed"),
    ]
    for name, score, status in ends:
        trials.end(Trial(id=name, params={"slope": name}, seeds=[0]), [score], status)
    assert trials.kept == {"c"}


def test_of_settings_with_several_trials_each_may_prove_the_best(tmp_path: Path) -> None:
    """The best trial of all may have a setting whose other trials are bad."""
    ends = {"lucky": [0.95, 0.2, 0.2], "good": [0.9, 0.9, 0.8], "bad": [0.1, 0.1, 0.1]}
    study = small_study(space={"slope": [*ends]}, seeds=3)
    trials = EndedTrials(study, Folder.at(tmp_path))
    for slope, scores in ends.items():
        for seed, score in enumerate(scores):
            trial = Trial(id=f"{slope}-{seed}", params={"slope": slope}, seeds=[seed])
            trials.end(trial, [score])
    assert trials.kept == {"lucky-0", "good-0", "bad-0"}


def test_checkpoints_that_would_not_fit_are_refused_with_the_numbers(tmp_path: Path) -> None:
    study = searched_study(state_bytes=lambda config, seeds: 10**15 * len(seeds))
    problem = disk.disk_problem(study, tmp_path, slots=2)
    assert problem.startswith(
        "checkpoints would take up to 42000000.0 GB (2 trials at a time, 3000000000 MB each), and "
    )
    assert (
        disk.disk_problem(searched_study(state_bytes=lambda config, seeds: 10), tmp_path, slots=2)
        is None
    )
    assert disk.disk_problem(searched_study(), tmp_path, slots=2) is None


def largest_asked(
    state_bytes: Callable[[Any, Any], int], space: dict[str, Any], folder: Path
) -> tuple[float, int]:
    """The size of a state that a study is refused for, in MB, and how often it was asked."""
    asked = []

    def counted(config: Any, seeds: Any) -> int:
        asked.append(config)
        return 10**15 * state_bytes(config, seeds)

    problem = disk.disk_problem(small_study(space=space, state_bytes=counted), folder, slots=1)
    return float(problem.split("(1 trials at a time, ")[1].split(" MB")[0]) / 10**9, len(asked)


LARGE = {f"k{i}": [3, 1, 4, 2] for i in range(12)}


@pytest.mark.parametrize(
    ("state_bytes", "largest"),
    [
        (lambda config, seeds: sum(config[key] for key in LARGE), 48),
        (lambda config, seeds: sum(5 - config[key] for key in LARGE), 48),
        (lambda config, seeds: 1 + config["k0"] * config["k7"] * (config["k3"] == 2), 17),
        (lambda config, seeds: config["k0"] if config["k1"] > 2 else 9 - config["k0"], 8),
        (lambda config, seeds: 7, 7),
    ],
)
def test_the_largest_state_of_millions_of_settings_is_found_in_a_moment(
    state_bytes: Any, largest: int, tmp_path: Path
) -> None:
    found, asked = largest_asked(state_bytes, LARGE, tmp_path)
    assert found == largest
    assert asked < 5000


def test_of_few_settings_each_is_asked_for_its_state(tmp_path: Path) -> None:
    needle = {"a": 7, "b": 11, "c": 2}
    space = {"a": list(range(10)), "b": list(range(12)), "c": list(range(5))}
    found = largest_asked(
        lambda config, seeds: 5 if all(config[key] == needle[key] for key in needle) else 1,
        space,
        tmp_path,
    )
    assert found == (5, 600)


@pytest.mark.parametrize("more", [3, 3000])
def test_the_largest_state_of_a_branch_is_asked_for_with_its_own_parameters(
    more: int, tmp_path: Path
) -> None:
    def size(config: Any, seeds: Any) -> int:
        assert ("width" in config) == (config["model"] == "net")
        return int(config.get("width", 0) + config["other"])

    space = {
        "model": {"tree": {"depth": [1, 2]}, "net": {"width": [8, 64]}},
        "other": list(range(more)),
    }
    assert largest_asked(size, space, tmp_path)[0] == 64 + more - 1


def test_the_lock_is_gone_after_the_block_and_held_twice_by_one_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with lock.locked(path):
        with lock.locked(path):
            assert path.exists()
        assert path.exists()
    assert not path.exists()


def test_another_process_is_refused_until_it_is_dead(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    program = (
        "from tuning.runs.lock import locked\nfrom pathlib import Path\nimport time\nwith"
        f" locked(Path({str(path)!r})):\n    time.sleep(600)"
    )
    other = subprocess.Popen([sys.executable, "-c", program])
    while not path.exists():
        time.sleep(0.01)
    with (
        pytest.raises(
            StudyError, match=f"is being written by process {other.pid} on {socket.gethostname()}"
        ),
        lock.locked(path),
    ):
        pass
    other.kill()
    other.wait()
    with lock.locked(path):
        assert json.loads(path.read_bytes())["pid"] == os.getpid()


TAKER = """
import sys, time
from pathlib import Path
from typing import Any
from tuning.runs.lock import locked
from tuning import StudyError
for round in range(int(sys.argv[2])):
    path = Path(sys.argv[1], str(round), "lock")
    while not (path.parent / "start").exists():
        pass
    try:
        with locked(path):
            print("took", flush=True)
            sys.stdin.readline()
    except StudyError:
        print("refused", flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def takers(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [
        subprocess.Popen([sys.executable, "-c", TAKER, str(tmp_path), "100"], **pipes)
        for _ in range(2)
    ]
    yield started
    for taker in started:
        taker.kill()
        taker.communicate()


def test_of_two_takers_of_a_dead_lock_one_wins(
    takers: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    for number in range(100):
        path = tmp_path / str(number) / "lock"
        path.parent.mkdir()
        path.write_text(json.dumps(lock.us() | {"pid": gone.pid}))
        (path.parent / "start").touch()
        assert sorted(taker.stdout.readline() for taker in takers) == ["refused\n", "took\n"]
        for taker in takers:
            taker.stdin.write("\n")
            taker.stdin.flush()
    assert [taker.wait() for taker in takers] == [0, 0]


ELSEWHERE = {"host": "elsewhere", "pid": 1, "began": "1"}


def test_a_writer_whose_run_was_taken_over_stops_and_leaves_the_lock_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", -1.0)
    path = tmp_path / "lock"
    with lock.locked(path) as held:
        held.check()
        path.write_text(json.dumps(ELSEWHERE))
        with pytest.raises(StudyError, match=r"process 1 on elsewhere.*It took this run over"):
            held.check()
    assert json.loads(path.read_bytes()) == ELSEWHERE


def test_the_lock_is_touched_whatever_its_holder_does_but_never_anothers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.05)
    path = tmp_path / "lock"

    def touched(within: float) -> bool:
        os.utime(path, (1.0, 1.0))
        return lock.changes(lambda: path.stat().st_mtime, within)

    with lock.locked(path):
        assert touched(60.0)
        path.write_text(json.dumps(ELSEWHERE))
        assert not touched(1.0)
