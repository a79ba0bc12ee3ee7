"""Runs cut off at any moment, by any means, and what becomes of them."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_cli import ENVIRONMENT, NO_TRAINING, STUDY

from analysis import Run, load_run, summary_table
from benchmarks.chaos import differences, rows, run_folder
from cluster.own_folders import OWNER
from cluster.processes import lives_here
from trainables import xor

CRASH_STUDY = Path(__file__).with_name("crash_study.py")
MARK = "STUDY_OF_TEST"
"""In the environment of all processes that a test starts: others may run studies at the same time."""


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*STUDY, *arguments],
        cwd=folder,
        env={**ENVIRONMENT, MARK: str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder: Path, *arguments: str) -> Run:
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return load_run(folder / out.splitlines()[-1])


def wait_until(fact: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Until ``fact`` holds or the process has ended."""
    while not fact() and (process is None or process.poll() is None):
        time.sleep(0.005)


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def kill_trial(folder: Path, process: subprocess.Popen[str]) -> None:
    """The process of the trial that was recorded last, while it trains: between two trials it would be missed by none."""
    killed = False
    while not killed and process.poll() is None:
        last = rows(folder)[-1]
        with contextlib.suppress(ProcessLookupError):
            if trains(folder, last["trial"]):
                os.kill(last["pid"], signal.SIGKILL)
                killed = True


def trains(folder: Path, trial: str) -> bool:
    ends = [json.loads(line) for line in (run_folder(folder) / "trials.jsonl").read_text().splitlines()]
    return [row["status"] for row in ends if row["trial"] == trial][-1] == "running"


def same_numbers(read: Run, expected: Run) -> None:
    assert differences(read, expected) == []


def leftovers(folder: Path) -> list[str]:
    """Files that processes of a private Ray hold open whose driver, started in ``folder``, is gone."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{MARK}={folder}".encode() not in (process / "environ").read_bytes().split(b"\0"):
                continue
            files = [os.readlink(file) for file in (process / "fd").iterdir()]
            found += [file for file in files if file.startswith("/tmp/study-") and is_left(Path(*Path(file).parts[:3]))]
    return found


def is_left(folder: Path) -> bool:
    try:
        return lives_here(json.loads((folder / OWNER).read_bytes())) is False
    except OSError:
        return True


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finish(tmp_path_factory.mktemp("uninterrupted"), "run", str(CRASH_STUDY))


def crash(folder: Path, moment: random.Random, kills: int, what: str) -> Run:
    """Run the study to its end with so many kills, each a random number of epochs after the last one."""
    process = start(folder, "run", str(CRASH_STUDY))
    for _ in range(kills):
        goal = len(rows(folder)) + moment.randint(0, 9)
        wait_until(lambda goal=goal: len(rows(folder)) > goal, process)
        time.sleep(moment.random() * 0.06)
        assert process.poll() is None, "it ended before it could be killed as often as it should be"
        if what == "worker":
            kill_trial(folder, process)
        else:
            kill(process)
            process = start(folder, "resume", str(run_folder(folder)))
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return load_run(run_folder(folder))


@pytest.mark.parametrize("what", ["driver", pytest.param("worker", marks=pytest.mark.slow)])
def test_a_run_that_was_killed_ends_as_an_uninterrupted_one(what: str, uninterrupted: Run, tmp_path: Path) -> None:
    read = crash(tmp_path, random.Random(what), 2, what)
    same_numbers(read, uninterrupted)
    assert read.trials["attempt"].max() > 1
    assert leftovers(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("what", ["driver", "worker"])
@pytest.mark.parametrize("seed", range(5))
def test_many_kills_at_random_moments(seed: int, what: str, uninterrupted: Run, tmp_path: Path) -> None:
    """5 x 4 kills of the driver and 5 x 4 of a trial's process."""
    same_numbers(crash(tmp_path, random.Random(f"{what}{seed}"), 4, what), uninterrupted)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_a_signal_ends_a_run_that_can_be_resumed(number: signal.Signals, uninterrupted: Run, tmp_path: Path) -> None:
    process = start(tmp_path, "run", str(CRASH_STUDY))
    wait_until(lambda: len(rows(tmp_path)) > 12, process)
    process.send_signal(number)
    sent = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert time.monotonic() - sent < 30, "a hang, not a matter of speed"
    folder = out.splitlines()[-1]
    assert f"`study resume {folder}` goes on" in err
    assert len(load_run(tmp_path / folder).trials) < len(uninterrupted.trials)
    same_numbers(finish(tmp_path, "resume", folder), uninterrupted)


def test_resuming_a_finished_run_trains_nothing(uninterrupted: Run) -> None:
    before = uninterrupted.paths.epochs.read_bytes()
    again = finish(uninterrupted.paths.root.parent.parent.parent, "resume", str(uninterrupted.paths.root))
    assert again.paths.epochs.read_bytes() == before


def checkpoints_of_the_live_trial(folder: Path) -> list[Path]:
    """The last first; none before its third epoch, nor where it is about to end."""
    last = [row for row in rows(folder)[-1:] if 3 <= row["epoch"] <= 6]
    return sorted((run_folder(folder) / "checkpoints" / last[0]["trial"]).glob("*.pt"), reverse=True) if last else []


@pytest.mark.parametrize("damaged", [pytest.param(0, marks=pytest.mark.slow), 1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_trial_goes_on_from_its_last_checkpoint_that_is_whole(damaged: int, uninterrupted: Run, tmp_path: Path) -> None:
    process = start(tmp_path, "run", str(CRASH_STUDY), "--trials", "1", "--set", "confirm=null", "--set", "pause=0.4")
    wait_until(lambda: len(checkpoints_of_the_live_trial(tmp_path)) == 2, process)
    kill(process)
    # The process of the trial outlives its driver by a moment, in which it may keep one more.
    wait_until(lambda: not Path("/proc", str(rows(tmp_path)[-1]["pid"])).exists())
    found = checkpoints_of_the_live_trial(tmp_path)
    for checkpoint in found[:damaged]:
        checkpoint.write_bytes(checkpoint.read_bytes()[:-10])
    read = finish(tmp_path, "resume", str(run_folder(tmp_path)))
    log = read.paths.log("0001")
    epochs = [int(checkpoint.name[:6]) for checkpoint in found]
    assert epochs[0] == epochs[1] + 1
    assert (log.read_text() if log.exists() else "") == ("" if damaged == 2 else f"goes on after epoch {epochs[damaged]}\n")
    columns = ["epoch", "seed", "score"]
    expected = uninterrupted.epochs[uninterrupted.epochs["trial"] == "0001"]
    assert read.epochs[columns].to_numpy().tolist() == expected[columns].to_numpy().tolist()


def test_damage_to_optunas_journal_or_the_last_line_costs_no_number(uninterrupted: Run, tmp_path: Path) -> None:
    process = start(tmp_path, "run", str(CRASH_STUDY))
    wait_until(lambda: len(rows(tmp_path)) > 20, process)
    kill(process)
    folder = run_folder(tmp_path)
    journal = folder / "optuna.journal"
    journal.write_bytes(journal.read_bytes()[: journal.stat().st_size // 2])
    with (folder / "epochs.jsonl").open("ab") as file:
        file.write(b'{"trial": "00')
    same_numbers(finish(tmp_path, "resume", str(folder)), uninterrupted)


def test_a_second_writer_is_refused_and_a_dead_one_is_not_in_the_way(tmp_path: Path) -> None:
    process = start(tmp_path, "run", str(CRASH_STUDY))
    wait_until(lambda: len(rows(tmp_path)) > 2, process)
    second = start(tmp_path, "resume", str(run_folder(tmp_path)))
    _, err = second.communicate(timeout=60)
    assert second.returncode == 2
    assert f"is being written by process {process.pid} on" in err
    assert "Traceback" not in err
    kill(process)
    assert set(finish(tmp_path, "resume", str(run_folder(tmp_path))).trials["status"]) <= {"completed", "pruned"}


def test_extend_adds_trials_and_confirm_confirms_what_is_best_then(tmp_path: Path) -> None:
    first = finish(tmp_path, "run", str(CRASH_STUDY), "--trials", "3", "--set", "confirm=null")
    assert len(first.trials) == 3
    longer = finish(tmp_path, "extend", str(first.paths.root), "--trials", "4")
    assert longer.trials["trial"].tolist() == [f"{number:04}" for number in range(1, 8)]
    assert longer.trials.loc[:2, "x"].tolist() == first.trials["x"].tolist()
    assert longer.spec["trials"] == 7
    sure = finish(tmp_path, "confirm", str(first.paths.root))
    assert len(sure.phase("confirm").trials) == 3
    assert [session["command"].split()[1] for session in sure.spec["sessions"]] == ["run", "extend", "confirm"]


def test_extending_a_confirmed_search_adds_seeds_to_what_was_confirmed_and_trains_nothing_again(tmp_path: Path) -> None:
    first = finish(tmp_path, "run", str(CRASH_STUDY), "--trials", "3", "--set", "kind=a")
    before = first.paths.epochs.read_bytes()
    more = finish(tmp_path, "extend", str(first.paths.root), "--seeds", "2")
    confirm = more.phase("confirm").trials
    assert confirm["seeds"].tolist() == [[1, 2, 3]] * 3 + [[4, 5]] * 3
    assert sorted(confirm["x"][:3]) == sorted(confirm["x"][3:])
    assert more.paths.epochs.read_bytes().startswith(before)
    assert len(more.epochs) - len(first.epochs) == 3 * 2 * 8
    final = more.phase("confirm").epochs
    means = final[final["epoch"] == 8].merge(confirm[["trial", "x"]]).groupby("x")["score"].mean()
    setting = json.loads((more.paths.best / "setting.json").read_text())
    assert setting["config"]["x"] == means.idxmax()
    assert [folder.name for folder in more.paths.checkpoints.iterdir()] == [setting["trial"]]


def test_extending_a_grid_adds_seeds(tmp_path: Path) -> None:
    first = finish(tmp_path, "run", "xor_width_depth", "--smoke", "--seeds", "4", "--set", "width=2")
    more = finish(tmp_path, "extend", str(first.paths.root), "--seeds", "3")
    assert more.trials["seeds"].tolist() == [[0, 1, 2, 3]] * 4 + [[4, 5, 6]] * 4
    table = summary_table(more).set_index("depth")
    for depth in range(4):
        config = {**more.spec["fixed"], "width": 2, "depth": depth, "epochs": more.spec["epochs"]}
        accuracy = np.array(list(xor.train(config, range(7)))[-1][0]["accuracy"])
        assert table.loc[depth, ["n", "accuracy_mean", "accuracy_std"]].tolist() == pytest.approx(
            [7, accuracy.mean(), accuracy.std(ddof=1)]
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["extend", "RUN"], "say by how much"),
        (["extend", "RUN", "--trials", "0"], "must be 1 or more"),
        (["resume", "nowhere"], "is no run folder"),
    ],
)
def test_what_cannot_go_on_is_refused_in_one_line(arguments: list[str], said: str, uninterrupted: Run, tmp_path: Path) -> None:
    process = start(tmp_path, *[str(uninterrupted.paths.root) if word == "RUN" else word for word in arguments])
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_study_that_is_not_what_it_was_is_refused(tmp_path: Path) -> None:
    for name in ("crash_study.py", "searched_studies.py"):
        (tmp_path / name).write_text(Path(__file__).with_name(name).read_text())
    run = finish(tmp_path, "run", "crash_study.py", "--trials", "2", "--set", "confirm=null")
    file = tmp_path / "crash_study.py"
    file.write_text(file.read_text().replace('"pause": 0.03', '"pause": 0.04'))
    process = start(tmp_path, "resume", str(run.paths.root))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert 'is not the study of this run any more: fixed was {"pause": 0.03' in err
    assert sys.executable not in err


def test_code_that_changed_is_refused_or_said_to_be_pooled(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        NO_TRAINING.replace("BODY", "from model import slope").replace('config["a"] + seed', 'slope * config["a"] + seed')
    )
    (tmp_path / "model.py").write_text("slope = 1\n")
    run = finish(tmp_path, "run", "mine.py")
    (tmp_path / "model.py").write_text("slope = 2\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    extend = ["extend", str(run.paths.root), "--seeds", "2"]
    process = start(elsewhere, *extend)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "model.py: 1 line added, 1 removed" in err
    process = start(elsewhere, *extend, "--accept-code-change")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    more = load_run(elsewhere / out.splitlines()[-1])
    found = more.epochs.merge(more.trials[["trial", "a"]]).groupby(["a", "seed"])["score"].max()
    assert found.tolist() == [1, 2, 4, 5, 2, 3, 6, 7]
    (note,) = more.notes
    assert note.startswith("Numbers of 2 versions of the code are pooled in this run: 2 trials (0001 to 0002; seeds 0 and 1) of version ")
    assert note in err
    assert note in more.paths.index.read_text()
