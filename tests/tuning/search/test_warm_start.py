"""A search that begins with what earlier runs found good."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inline_runs import crash_after, run
from ray import tune
from searched_studies import searched_study

import tuning
from analysis import Run, load_run
from tuning import Asha, Grid, Optuna, Random, Study, StudyError
from tuning.engine.backends.inline import run_inline
from tuning.runs.prepare import prepare_run
from tuning.runs.reopen import continued
from tuning.runs.trial_record import TrialRecord
from tuning.search.warm_start import starts, warm_started
from tuning.spec.study import Trial


def rise(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """Best at ``x`` = 0.8."""
    for epoch in range((resume or 0) + 1, config["epochs"] + 1):
        score = (1 - (config["x"] - 0.8) ** 2) * (1 - 0.5**epoch)
        yield {"epoch": epoch, "score": [score] * len(seeds)}, epoch


def study_of(**changes: Any) -> Study:
    values: dict[str, Any] = {
        "space": {"x": tune.uniform(0.0, 1.0), "kind": ["a", "b"]},
        "search": Random(trials=12),
        "scheduler": Asha(grace_period=1),
        "confirm": None,
        "epochs": 4,
    }
    return searched_study(rise, export=None, **values | changes)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(study_of(), tmp_path_factory.mktemp("earlier"))


def best_x(read: Run) -> float:
    ends = read.epochs[read.epochs["epoch"] == 4].set_index("trial")["score"]
    return float(read.trials.set_index("trial").loc[ends.idxmax(), "x"])


def test_what_was_good_is_tried_first_and_the_rest_is_searched(
    earlier: Run, tmp_path: Path
) -> None:
    study = study_of(search=Random(trials=8, seed=5))
    changed, overrides, found = warm_started(study, {}, [earlier.paths.root])
    points = changed.search.points_to_evaluate
    assert points[0]["x"] == best_x(earlier)
    assert 1 <= len(points) <= 4, "no more than half of the trials"
    assert overrides == {"warm_start": list(points)}
    assert found == [{"run": str(earlier.paths.root), "study": "searched", "trials": 12}]
    read = run(changed, tmp_path)
    assert read.trials["x"].tolist()[: len(points)] == [each["x"] for each in points]
    assert len(set(read.trials["x"])) == 8


def test_without_earlier_runs_nothing_changes() -> None:
    study = study_of()
    assert warm_started(study, {"epochs": 4}, ()) == (study, {"epochs": 4}, [])


def test_it_goes_on_alike_when_the_earlier_run_is_gone(earlier: Run, tmp_path: Path) -> None:
    study = study_of(search=Optuna(trials=8, seed=5, n_startup_trials=4))
    changed, overrides, found = warm_started(study, {}, [earlier.paths.root])
    whole = run(changed, tmp_path / "whole")
    paths = prepare_run(
        changed, tmp_path / "cut", overrides=overrides, command=["study"], warm_start=found
    )
    assert crash_after(9, changed, paths)
    said = json.loads(paths.study.read_text())
    assert said["warm_start"] == found
    assert said["overrides"]["warm_start"] == list(changed.search.points_to_evaluate)
    going = continued(
        load_run(paths.root), lambda found, was, run: dict(run.spec["overrides"]), study=study
    )
    assert going.study.search == changed.search
    run_inline(going.study, paths)
    columns = ["trial", "status", "epochs", "x", "kind"]
    assert load_run(paths.root).trials[columns].equals(whole.trials[columns])


def test_from_python_it_is_an_option(earlier: Run, tmp_path: Path) -> None:
    read = tuning.run(
        study_of(search=Random(trials=4, seed=5)),
        backend="inline",
        results=tmp_path,
        warm_start=[earlier.paths.root],
    )
    assert read.trials["x"].tolist()[0] == best_x(earlier)
    assert read.recorded["warm_start"][0]["trials"] == 12


def trials(*xs: tuple[float, float]) -> list[TrialRecord]:
    """Complete ones with an x and a score each."""
    return [
        TrialRecord(
            trial=Trial(id=f"{number:04}", params={"x": x, "kind": "a"}, seeds=[0]),
            status="completed",
            scores={4: score},
            last_epoch=4,
        )
        for number, (x, score) in enumerate(xs, start=1)
    ]


def test_every_earlier_run_has_a_good_setting_among_the_first() -> None:
    grid = [each / 20 for each in range(21)]
    left = trials(*((x, -((x - 0.1) ** 2)) for x in grid))
    right = trials(*((x, -((x - 0.9) ** 2)) for x in grid))
    found = [each["x"] for each in starts(study_of(), [left, right])]
    assert len(found) == 5
    assert min(abs(x - 0.1) for x in found[:3]) < 0.11
    assert min(abs(x - 0.9) for x in found[:3]) < 0.11
    lower = study_of(mode="min")
    assert min(abs(each["x"] - 1.0) for each in starts(lower, [left])) < 0.01


def test_runs_that_cannot_be_compared_are_refused_with_all_reasons(earlier: Run) -> None:
    other = study_of(
        space={"x": tune.loguniform(0.01, 1.0), "kind": ["a", "b"]}, epochs=5, mode="min"
    )
    with pytest.raises(StudyError) as refused:
        warm_started(other, {}, [earlier.paths.root])
    said = str(refused.value)
    assert "its mode is max, and here min" in said
    assert "its epochs are 4, and here 5" in said
    assert "x is a range of float there, and a range of float on its log here" in said
    with pytest.raises(StudyError, match="its parameters are kind, x, and here x"):
        warm_started(study_of(space={"x": tune.uniform(0.0, 1.0)}), {}, [earlier.paths.root])
    far = study_of(space={"x": tune.uniform(7.0, 8.0), "kind": ["a", "b"]})
    with pytest.raises(StudyError, match="no complete trial of its search has a setting of this"):
        warm_started(far, {}, [earlier.paths.root])
    with pytest.raises(StudyError, match="needs a search that can be given settings"):
        warm_started(
            study_of(space={"x": [1], "kind": ["a"]}, search=Grid()), {}, [earlier.paths.root]
        )
