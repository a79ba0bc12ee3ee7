"""Runs cut off at any moment, by any means, and what becomes of them."""

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import inline_runs
import numpy as np
import pytest
from commands import train_here
from driving import MARK, finish, kill, start, wait_until
from places import HARNESS
from ray import tune
from run_folders import without
from searched_studies import searched_study
from small_studies import small_study

import tuning
from analysis import Run, load_run, summary_table
from benchmarks.chaos import differences, rows, run_folder
from cluster.own_folders import OWNER
from cluster.processes import lives_here
from trainables.xor import training as xor
from tuning import Confirm, Grid, Random
from tuning.callbacks.progress import StudyProgress
from tuning.engine.session import is_complete
from tuning.runs.history import History
from tuning.spec.loading import find_study

CRASH_STUDY = HARNESS / "crash_study.py"


def kill_trial(folder: Path, process: subprocess.Popen[str]) -> None:
    """The process of the trial that was recorded last, while it trains: between two trials it
    would be missed by none.
    """
    killed = False
    while not killed and process.poll() is None:
        last = rows(folder)[-1]
        with contextlib.suppress(ProcessLookupError):
            if trains(folder, last["trial"]):
                os.kill(last["pid"], signal.SIGKILL)
                killed = True


def trains(folder: Path, trial: str) -> bool:
    trials = run_folder(folder) / "trials.jsonl"
    starts_and_ends = [json.loads(line) for line in trials.read_text().splitlines()]
    return [row["status"] for row in starts_and_ends if row["trial"] == trial][-1] == "running"


def same_numbers(read: Run, expected: Run) -> None:
    assert differences(read, expected) == []


def leftovers(folder: Path) -> list[str]:
    """Files that processes of a private Ray hold open whose driver, started in ``folder``, is
    gone.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{MARK}={folder}".encode() not in (process / "environ").read_bytes().split(b"\0"):
                continue
            files = [os.readlink(file) for file in (process / "fd").iterdir()]
            found += [
                file
                for file in files
                if file.startswith("/tmp/study-") and is_left(Path(*Path(file).parts[:3]))
            ]
    return found


def is_left(folder: Path) -> bool:
    try:
        return lives_here(json.loads((folder / OWNER).read_bytes())) is False
    except OSError:
        return True


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """In this process: what trains the trials makes no difference to their numbers."""
    results = tmp_path_factory.mktemp("uninterrupted")
    return tuning.run(find_study(str(CRASH_STUDY)), results=results, backend="inline")


def crash(folder: Path, moment: random.Random, kills: int, what: str) -> Run:
    """Run the study to its end with so many kills, each a random number of epochs after the last
    one.
    """
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


@pytest.mark.slow
@pytest.mark.parametrize("what", ["driver", "worker"])
def test_a_run_that_was_killed_ends_as_an_uninterrupted_one(
    what: str, uninterrupted: Run, tmp_path: Path
) -> None:
    """What a crash after any row comes to is tested in one process; these are real."""
    read = crash(tmp_path, random.Random(what), 3, what)
    same_numbers(read, uninterrupted)
    assert read.trials["attempt"].max() > 1
    assert leftovers(tmp_path) == []


@pytest.mark.slow
def test_ctrl_c_ends_a_run_that_can_be_resumed(uninterrupted: Run, tmp_path: Path) -> None:
    process = start(tmp_path, "run", str(CRASH_STUDY))
    wait_until(lambda: len(rows(tmp_path)) > 12, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 130
    folder = out.splitlines()[-1]
    assert f"`study resume {folder}` goes on" in err
    assert len(load_run(tmp_path / folder).trials) < len(uninterrupted.trials)
    same_numbers(finish(tmp_path, "resume", folder), uninterrupted)


@pytest.mark.slow
def test_a_second_writer_is_refused_and_a_dead_one_is_not_in_the_way(tmp_path: Path) -> None:
    process = start(tmp_path, "run", str(CRASH_STUDY))
    wait_until(lambda: len(rows(tmp_path)) > 2, process)
    second = start(tmp_path, "resume", str(run_folder(tmp_path)))
    _, err = second.communicate(timeout=240)
    assert second.returncode == 2
    assert f"is being written by process {process.pid} on" in err
    assert "Traceback" not in err
    kill(process)
    assert set(finish(tmp_path, "resume", str(run_folder(tmp_path))).trials["status"]) <= {
        "completed",
        "pruned",
    }


def trained(*arguments: str) -> Run:
    done = train_here(*arguments)
    assert done.exit_code == 0, done.stderr
    return load_run(done.stdout.splitlines()[-1])


def test_extend_adds_trials_and_confirm_confirms_what_is_best_then(tmp_path: Path) -> None:
    short = ("--trials", "3", "--set", "confirm=null", "--set", "pause=0")
    first = trained("run", str(CRASH_STUDY), "--results", str(tmp_path), *short)
    assert len(first.trials) == 3
    longer = trained("extend", str(first.paths.root), "--trials", "4")
    assert longer.trials["trial"].tolist() == [f"{number:04}" for number in range(1, 8)]
    assert longer.trials.loc[:2, "x"].tolist() == first.trials["x"].tolist()
    assert longer.spec["trials"] == 7
    sure = trained("confirm", str(first.paths.root))
    complete = (sure.phase("search").trials["status"] == "completed").sum()
    assert len(sure.phase("confirm").trials) == min(2, complete) + 1, "with the baseline"
    assert len(sure.spec["sessions"]) == 3


def means_by_x(read: Run) -> Any:
    final = read.epochs[read.epochs["epoch"] == 8].merge(read.trials[["trial", "x"]])
    return final.groupby("x")["score"].mean()


def test_extending_a_confirmed_search_adds_seeds_to_what_was_confirmed_and_trains_nothing_again(
    tmp_path: Path,
) -> None:
    study = searched_study(search=Random(trials=3), space={"x": tune.uniform(0, 1), "kind": ["a"]})
    first = inline_runs.run(study, tmp_path)
    before = first.paths.epochs.read_bytes()
    more = tuning.extend(first, study, seeds=2, backend="inline")
    confirm = more.phase("confirm").trials
    assert confirm["seeds"].tolist() == [[1, 2, 3]] * 3 + [[4, 5]] * 3
    assert sorted(confirm["x"][:3]) == sorted(confirm["x"][3:])
    assert more.paths.epochs.read_bytes().startswith(before)
    assert len(more.epochs) - len(first.epochs) == 3 * 2 * 8
    setting = json.loads((more.paths.best / "setting.json").read_text())
    assert setting["config"]["x"] == means_by_x(more.phase("confirm")).idxmax()
    assert [folder.name for folder in more.paths.checkpoints.iterdir()] == [setting["trial"]]


def test_a_setting_that_has_become_one_of_the_best_is_confirmed_beside_the_others(
    tmp_path: Path,
) -> None:
    study = small_study(
        space={"slope": [1, 2, 3, 4]},
        search=Random(trials=2, points_to_evaluate=[{"slope": 1}, {"slope": 2}]),
        confirm=Confirm(top=1, seeds=2),
        seeds_per_trial=1,
    )
    first = inline_runs.run(study, tmp_path)
    assert History.of(study, first).planned() == {"search": 2, "confirm": 2}
    more = tuning.extend(first, study, trials=4, backend="inline")
    best = more.phase("search").trials["slope"].max()
    assert best > 2, "or this tests nothing"
    longer = study.override({"trials": 6})
    begun = {phase: len(more.phase(phase).trials) for phase in ("search", "confirm")}
    assert begun["confirm"] == 4
    assert History.of(longer, more).planned() == begun
    every = len(more.trials)
    assert StudyProgress(longer, History.of(longer, more)).counts() == f"{every} of {every} trials"


def test_a_run_that_is_complete_needs_no_ray_to_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = searched_study(search=Random(trials=2), space={"x": tune.uniform(0, 1), "kind": ["a"]})
    first = inline_runs.run(study, tmp_path)
    rows = first.paths.epochs.read_bytes(), first.paths.trials.read_bytes()
    started: list[Any] = []
    monkeypatch.setattr("tuning.engine.launch.run_study", lambda *_, **__: started.append(1))
    again = tuning.resume(first, study)
    assert not started
    assert (again.paths.epochs.read_bytes(), again.paths.trials.read_bytes()) == rows
    assert len(again.spec["sessions"]) == 2


@pytest.mark.parametrize("lost", ["0003", "c0001", "c0002"])
def test_a_run_that_lacks_a_trial_is_not_complete(lost: str, tmp_path: Path) -> None:
    for search, values in ((Random(trials=3), tune.uniform(0, 1)), (Grid(), [0.1, 0.2, 0.3])):
        study = searched_study(
            search=search,
            scheduler=None,
            space={"x": values, "kind": ["a"]},
            confirm=Confirm(top=1, seeds=2),
            seeds_per_trial=1,
        )
        run = inline_runs.run(study, tmp_path)
        assert len(run.trials) == 5
        assert is_complete(study, History.of(study, run))
        without(run.paths.root, lost)
        assert not is_complete(study, History.of(study, load_run(run.paths.root)))


def test_extending_a_grid_adds_seeds(tmp_path: Path) -> None:
    study = find_study("xor_width_depth").override({"width": 2, "epochs": 2, "points": 50})
    first = tuning.run(study, results=tmp_path, backend="inline", seeds=4)
    more = tuning.extend(first, study, seeds=3, backend="inline")
    assert more.trials["seeds"].tolist() == [[0, 1, 2, 3]] * 4 + [[4, 5, 6]] * 4
    table = summary_table(more).set_index("depth")
    for depth in range(4):
        config = {**more.spec["fixed"], "width": 2, "depth": depth, "epochs": 2}
        accuracy = np.array(list(xor.train(config, range(7)))[-1][0]["accuracy"])
        assert table.loc[depth, ["n", "accuracy_mean", "accuracy_std"]].tolist() == pytest.approx(
            [7, accuracy.mean(), accuracy.std(ddof=1)]
        )
