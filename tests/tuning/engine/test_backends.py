"""What ends up in the run folder, whichever backend trains the trials: one suite for both, and what
Ray alone hands over. All that a backend does not decide is tested in this process.
"""

import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import inline_runs
import launching
import numpy as np
import pytest
from ray import tune
from ray.air._internal import usage
from searched_studies import learn, searched_study
from small_studies import goes_wrong, scores, small_study

from analysis import Run, load_run
from cluster.own_folders import OWNER
from cluster.processes import us
from trainables.xor import training as xor
from tuning import Asha, Confirm, Grid, Random, Recovery, Resources, Study, StudyError, UntilSettled
from tuning.engine.backends.ray_costs import callbacks_uncounted, others_follow
from tuning.engine.launch import run_study
from tuning.spec.loading import find_study

pytestmark = pytest.mark.usefixtures("private_ray")

SLOW = pytest.mark.slow
NO_RETRY = Recovery(max_failures=0)

Backend = Callable[..., Run]


@pytest.fixture(scope="module", params=["inline", "ray"])
def backend(request: pytest.FixtureRequest) -> Backend:
    return {"inline": inline_runs.run, "ray": launching.run}[request.param]


@pytest.fixture(scope="module")
def on_ray(backend: Backend) -> bool:
    return backend is launching.run


@pytest.fixture(scope="module")
def xor_run(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two settings, each in three trials: more than there are processes at a time."""
    study = find_study("xor_width_depth").override(
        {"width": [2, 3], "depth": 1, "points": 50, "epochs": 3, "seeds": [4, 9, 2, 7, 5]}
    )
    return backend(replace(study, seeds_per_trial=2), tmp_path_factory.mktemp("xor"))


def test_every_epoch_of_every_seed_is_recorded_once_as_the_trainable_gives_it_by_hand(
    xor_run: Run,
) -> None:
    """Which also says that a process that is used again gives what a fresh one gives."""
    trials = xor_run.trials
    assert trials["status"].tolist() == ["completed"] * 6
    assert sorted(trials["seeds"].tolist()) == sorted([[4, 9], [2, 7], [5]] * 2)
    assert not xor_run.epochs.duplicated(["trial", "epoch", "seed"]).any()
    for trial, seeds, width in zip(trials["trial"], trials["seeds"], trials["width"], strict=True):
        config = {**xor_run.spec["fixed"], "width": width, "depth": 1, "epochs": 3}
        by_hand = [metrics for metrics, _ in xor.train(config, seeds)]
        rows = xor_run.epochs[xor_run.epochs["trial"] == trial]
        assert rows["accuracy"].tolist() == [
            value for metrics in by_hand for value in metrics["accuracy"]
        ]
        surface = xor_run.arrays(trial)["surface"]
        assert surface.tolist() == by_hand[-1]["arrays"]["surface"].tolist()


def test_rows_are_whole_lines_of_strict_json_and_nothing_else_is_left(xor_run: Run) -> None:
    for path in (xor_run.paths.epochs, xor_run.paths.trials):
        text = path.read_text()
        assert text.endswith("\n")
        assert all(isinstance(json.loads(line), dict) for line in text.splitlines())
    assert sorted(file.name for file in xor_run.paths.root.iterdir()) == [
        "arrays",
        "checkpoints",
        "code",
        "epochs.jsonl",
        "study.json",
        "trials.jsonl",
    ]


def test_rays_own_state_is_gone_after_a_run(xor_run: Run) -> None:
    ours = [
        mark.parent
        for mark in Path(tempfile.gettempdir()).glob(f"study-*/{OWNER}")
        if json.loads(mark.read_text()) == us()
    ]
    assert ours, "the Ray of the tests is in one of our folders"
    assert not any((folder / "ray").exists() for folder in ours)
    assert not (Path.home() / "ray_results" / xor_run.paths.root.name).exists()


FAULTS = ["none", "raises", "names no text", "diverges", "reports none", "ends", "dies", "nothing"]


@pytest.fixture(scope="module")
def faulty(backend: Backend, on_ray: bool, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A trial of each fault between two without: inline, none may take the process with it."""
    faults = [fault for fault in FAULTS if on_ray or fault != "dies"]
    study = small_study(goes_wrong, space={"fault": list(faults)}, max_failures=0)
    return backend(study, tmp_path_factory.mktemp("faulty"))


@pytest.mark.parametrize(
    ("fault", "status", "epochs", "error"),
    [
        ("raises", "failed", 1, "in goes_wrong\n"),
        ("raises", "failed", 1, "RuntimeError: two is too much"),
        ("names no text", "failed", 1, "ValueError: caf? is no picture\n"),
        ("diverges", "diverged", 2, "score became non-finite at epoch 2"),
        ("reports none", "failed", 1, "metric 'score' is None, not a number or one number per se"),
        ("ends", "failed", 1, "the trainable ended after epoch 1 of 3: it may leave epochs out, b"),
    ],
)
def test_a_trial_that_goes_wrong_ends_alone_with_the_reason(
    fault: str, status: str, epochs: int, error: str, faulty: Run
) -> None:
    (trial,) = faulty.trials[faulty.trials["fault"] == fault].to_dict("records")
    assert (trial["status"], trial["epochs"], trial["attempt"]) == (status, epochs, 1)
    assert error in trial["error"]


def test_a_trial_whose_process_dies_is_failed(faulty: Run, on_ray: bool) -> None:
    died = faulty.trials[faulty.trials["fault"] == "dies"]
    assert died["status"].tolist() == ["failed"] * on_ray
    assert all(error.strip() for error in died["error"])


def test_the_others_go_on_and_what_is_not_finite_is_no_number(faulty: Run) -> None:
    trials = faulty.trials
    sound = trials[trials["fault"].isin(["none", "nothing"])]
    assert sound["status"].tolist() == ["completed"] * 2
    diverged = trials.loc[trials["fault"] == "diverges", "trial"].item()
    last = faulty.epochs[(faulty.epochs["trial"] == diverged) & (faulty.epochs["epoch"] == 2)]
    assert last["score"].isna().tolist() == [True, False]
    assert "NaN" not in faulty.paths.epochs.read_text()


def reaches(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """Every epoch with the value that the setting is; text is what goes wrong, at epoch 2."""
    odd = {"nan": float("nan"), "inf": float("inf"), "-inf": -float("inf")}
    for epoch in range(1, config["epochs"] + 1):
        loss = config["value"]
        if isinstance(loss, str):
            if loss == "fails" and epoch == 2:
                raise RuntimeError("failed")
            loss = odd[loss] if epoch == 2 else 1.0
        yield {"epoch": epoch, "loss": loss}, None


def judged(trainable: Any, values: list[Any], mode: Any = "min", **changes: Any) -> Study:
    return Study(
        name="rungs",
        question="Who is stopped?",
        trainable=trainable,
        space={"value": values},
        metric="loss",
        mode=mode,
        epochs=6,
        seeds=1,
        scheduler=Asha(grace_period=2, reduction_factor=3),
        resources=Resources(cpus=2),
        **{"recovery": NO_RETRY} | changes,
    )


@pytest.mark.parametrize(
    ("train", "mode"),
    [
        (inline_runs.run, "min"),
        (inline_runs.run, "max"),
        pytest.param(launching.run, "min", marks=SLOW),
    ],
    ids=["inline-min", "inline-max", "ray-min"],
)
def test_a_trial_that_goes_wrong_at_a_rung_stops_nobody(
    train: Backend, mode: str, tmp_path: Path
) -> None:
    better = [6.0, 5.0, 4.0] if mode == "min" else [4.0, 5.0, 6.0]
    values = ["nan", "fails", "inf", "-inf", *better, 9.0 if mode == "min" else 1.5]
    values.append(better[-1] * (0.5 if mode == "min" else 2))
    read = train(judged(reaches, values, mode), tmp_path)
    ends = list(zip(read.trials["status"], read.trials["rung"].fillna(0), strict=True))
    wrong = [("diverged", 0), ("failed", 0), ("diverged", 0), ("diverged", 0)]
    assert ends == [*wrong, *[("completed", 0)] * 3, ("pruned", 2), ("completed", 0)]


def fails_once(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    fault, _, at_once = config["fault"].partition(" ")
    return learn({**config, "fault": fault, "pause": 0.0 if at_once else 0.3}, seeds, resume)


@SLOW
@pytest.mark.parametrize(
    ("faults", "recovery"),
    [
        (["raise", "die", "die at-once"], Recovery(checkpoint_seconds=0)),
        (
            ["hang"],  # the start of a process counts as well, on a busy machine
            Recovery(checkpoint_seconds=0, stall_timeout=30, max_failures=3),
        ),
    ],
    ids=["fails", "hangs"],
)
def test_a_trial_that_fails_once_goes_on_from_its_last_checkpoint(
    faults: list[str], recovery: Recovery, tmp_path: Path
) -> None:
    """Where there is one: epochs that are reported together share one."""
    study = searched_study(
        fails_once,
        space={"x": [0.7], "fault": faults},
        fixed={"once": str(tmp_path / "once"), "kind": "a"},
        search=Grid(),
        scheduler=None,
        confirm=None,
        recovery=recovery,
    )
    read = launching.run(study, tmp_path)
    assert set(read.trials["status"]) == {"completed"}
    assert all(read.trials["attempt"] > 1)
    expected = inline_runs.run(study, tmp_path / "plain")
    assert set(expected.trials["attempt"]) == {1}, "each goes wrong only once"
    columns = ["trial", "epoch", "seed", "score"]
    assert read.epochs[columns].values.tolist() == expected.epochs[columns].values.tolist()
    logs = [read.paths.log(trial) for trial in read.trials["trial"]]
    said = [log.read_text() if log.exists() else "" for log in logs]
    # On a busy machine the epochs of a moment may be reported one by one.
    went_on = [said[2] if "at-once" in fault else "goes on after epoch 3\n" for fault in faults]
    assert said == went_on
    assert not said[2:] or re.fullmatch(r"(goes on after epoch [123]\n)?", said[2])


@pytest.mark.parametrize("train", [inline_runs.run_inline, pytest.param(run_study, marks=SLOW)])
def test_a_metric_that_is_never_reported_stops_the_study_at_the_first_epoch(
    train: Any, tmp_path: Path
) -> None:
    study = small_study(scores, metric="scroe", space={"slope": list(range(50))})
    paths = inline_runs.prepared(study, tmp_path)
    with pytest.raises(StudyError, match="does not report 'scroe'; did you mean 'score'"):
        train(study, paths)
    read = load_run(paths.root)
    assert len(read.trials) < 50
    assert read.epochs.empty


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"resources": Resources(cpus=1, gpus=2)},
            "a trial asks for 1 CPU and 2 GPUs, and no node has that; there is: 2 CPUs and 0 GPUs",
        ),
        (
            {"state_bytes": lambda config, seeds: 10**15},
            r"Study 'small': checkpoints would take up to .* GB .*Free some, give another place",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_the_first_trial(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    paths = inline_runs.prepared(study := small_study(**changes), tmp_path)
    with pytest.raises(StudyError, match=message):
        run_study(study, paths)
    assert load_run(paths.root).trials.empty


def reads(config: Any, seeds: Any, resume: Any = None) -> Any:
    score = float(config["loaded"]["values"].sum()) * config["slope"]
    yield {"epoch": 1, "score": [score] * len(seeds)}, None


CHECKED, READ_WITH = threading.Event(), []


def load_once_checked(config: Any) -> dict[str, np.ndarray]:
    READ_WITH.append(config["points"])
    assert CHECKED.wait(240)
    return {"values": np.arange(config["points"])}


def test_data_are_read_once_in_the_driver_while_its_run_is_held(tmp_path: Path) -> None:
    study = small_study(reads, fixed={"points": 1000}, load=load_once_checked, epochs=1)
    paths = inline_runs.prepared(study, tmp_path)
    run_study(study, paths, check=CHECKED.set)
    assert READ_WITH == [1000]
    scores = load_run(paths.root).epochs["score"]
    assert sorted(scores.unique()) == [499500.0, 999000.0, 1498500.0]


def takes_a_moment(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for metrics, state in scores(config, seeds):
        time.sleep(0.03)
        yield metrics, state


@SLOW
def test_trials_shorter_than_the_start_of_a_process_use_every_slot(tmp_path: Path) -> None:
    study = small_study(
        takes_a_moment,
        space={"slope": list(range(200))},
        seeds=1,
        resources=Resources(cpus=(os.cpu_count() or 1) / 5),
    )
    read = launching.run(study, tmp_path)
    rows = [json.loads(line) for line in read.paths.epochs.read_text().splitlines()]
    # On a busy machine the last ones may start when all is done.
    assert len({row["pid"] for row in rows}) >= 3
    assert set(read.trials["status"]) == {"completed"}


def waits_for_another(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """Ends once another process trains its trial of the same number as well; the one that began
    later ends a second later.
    """
    folder = Path(config["folder"])
    number = len(list(folder.glob(f"* {os.getpid()}"))) + 1
    is_first = not list(folder.glob(f"{number} *"))
    (folder / f"{number} {os.getpid()}").touch()
    until = time.monotonic() + 60
    while len(list(folder.glob(f"{number} *"))) < 2:
        assert time.monotonic() < until, "the other process trains no such trial"
        time.sleep(0.01)
    time.sleep(0 if is_first else 1)
    yield from scores(config, seeds, resume)


@SLOW
def test_the_processes_of_a_search_train_its_confirmation(tmp_path: Path) -> None:
    (tmp_path / "begun").mkdir()
    study = small_study(
        waits_for_another,
        space={"slope": tune.uniform(1, 3)},
        search=Random(trials=2),
        confirm=Confirm(top=1, seeds=2),
        fixed={"folder": str(tmp_path / "begun")},
        seeds=1,
        seeds_per_trial=1,
        recovery=NO_RETRY,
    )
    read = launching.run(study, tmp_path / "results")
    assert read.trials["status"].tolist() == ["completed"] * 4
    rows = [json.loads(line) for line in read.paths.epochs.read_text().splitlines()]
    assert len({row["pid"] for row in rows}) == 2


def test_tunes_count_of_callbacks_is_left_out_and_there_again_afterwards() -> None:
    before = usage.tag_callbacks
    with callbacks_uncounted():
        assert usage.tag_callbacks([tune.Callback()]) is False
    assert usage.tag_callbacks is before


SEARCH = searched_study(search=Random(trials=2), confirm=None)
RACE = Confirm(top=2, seeds=UntilSettled(smallest=0.1))


@pytest.mark.parametrize(
    ("study", "phase", "follow"),
    [
        (SEARCH, "search", False),
        (replace(SEARCH, confirm=Confirm(top=1, seeds=2)), "search", True),
        (replace(SEARCH, confirm=Confirm(top=1, seeds=2)), "confirm", False),
        (replace(SEARCH, confirm=RACE), "confirm", True),
        (small_study(), "search", False),
        (small_study(seeds=UntilSettled(smallest=0.1)), "search", True),
    ],
)
def test_idle_processes_are_kept_for_trials_that_wait_for_the_end_of_others(
    study: Study, phase: str, follow: bool
) -> None:
    assert others_follow(study, [SimpleNamespace(config={"phase": phase})]) is follow
