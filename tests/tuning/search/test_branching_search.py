"""Searches of spaces with branches, and of those of which some settings are not valid."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from branching_studies import BRANCHES, LISTS, OF_MODEL, branching_study
from inline_runs import crash_after, prepared, run

from analysis import Run, load_run
from analysis.report.sections.opening import left_out_by
from analysis.stats.statuses import status_table
from analysis.stats.tables import settings_table, summary_table
from tuning import Asha, Confirm, Grid, Optuna, Random, StudyError
from tuning.engine.backends.inline import run_inline
from tuning.runs.recorded_trials import trial_records
from tuning.spec.plan import plan_text

SEARCHES = [Random(trials=12), Optuna(trials=12, n_startup_trials=4, seed=1)]


def params_of(run: Run) -> list[dict[str, Any]]:
    rows = (json.loads(line) for line in run.paths.trials.read_text().splitlines())
    return list({row["trial"]: row["params"] for row in rows}.values())


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: type(search).__name__)
def test_only_active_parameters_are_drawn_and_recorded(search: Any, tmp_path: Path) -> None:
    params = params_of(run(branching_study(search=search), tmp_path))
    assert len(params) == 12
    assert {each["model"] for each in params} == {"svm", "forest"}
    for each in params:
        assert {"C", "max_depth"} & set(each) == OF_MODEL[each["model"]]
        assert ("share" in each) == bool(each.get("bootstrap"))


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: type(search).__name__)
def test_a_search_that_is_cut_off_anywhere_goes_on_as_if_it_had_not_been(
    search: Any, tmp_path: Path
) -> None:
    study = branching_study(search=search)
    whole = run(study, tmp_path / "whole")
    for rows in (1, 33):
        paths = prepared(study, tmp_path / str(rows))
        assert crash_after(rows, study, paths)
        run_inline(study, paths)
        assert params_of(load_run(paths.root)) == params_of(whole)


def test_points_are_tried_first_and_the_best_are_confirmed(tmp_path: Path) -> None:
    points = [
        {"rate": 0.2, "model": "forest", "max_depth": 8, "bootstrap": False},
        {"rate": 0.1, "model": "svm", "C": 1.0},
    ]
    old = {"rate": 0.1, "model": "svm", "C": 100.0}
    study = branching_study(
        search=Optuna(trials=10, points_to_evaluate=points),
        scheduler=Asha(grace_period=1, reduction_factor=2),
        confirm=Confirm(top=1, seeds=2, baselines={"old": old}),
    )
    done = run(study, tmp_path)
    assert params_of(done)[:2] == points
    confirmed = [each.trial.params for each in trial_records(done, "confirm")]
    assert len(confirmed) == 2
    assert confirmed[0]["model"] == "forest"
    assert "C" not in confirmed[0]
    assert confirmed[1] == old


def test_a_grid_trains_each_setting_of_each_branch_once(tmp_path: Path) -> None:
    study = branching_study(space=LISTS, search=Grid())
    paths = prepared(study, tmp_path)
    crash_after(9, study, paths)
    run_inline(study, paths)
    done = load_run(paths.root)
    assert params_of(done) == study.settings()
    assert len(summary_table(done)) == 12
    assert (summary_table(done)["n"] == 2).all()


def small(params: Any) -> bool:
    return params.get("max_depth", 0) * params["rate"] < 0.8


def test_a_grid_leaves_out_what_is_not_valid_and_counts_it(tmp_path: Path) -> None:
    study = branching_study(space=LISTS, search=Grid(valid=small), seeds_per_trial=1)
    assert "test_branching_search.small leaves 9 of 12 combinations" in plan_text(study)
    assert study.planned == 18
    done = run(study, tmp_path)
    assert params_of(done)[::2] == [each for each in study.settings() if small(each)]
    assert done.spec["search"] == {
        "kind": "grid", "valid": "test_branching_search.small", "refused": 3,
    }  # fmt: skip
    assert left_out_by(done) == "3 combinations that test_branching_search.small refuses"
    assert len(settings_table(done)) == 9
    assert status_table(done).iloc[0][["trials", "seeds"]].tolist() == [18, 18]


@pytest.mark.parametrize("kind", [Random, Optuna])
def test_draws_that_are_not_valid_are_drawn_again_and_counted(kind: Any, tmp_path: Path) -> None:
    study = branching_study(search=kind(trials=16, valid=lambda params: params["model"] == "svm"))
    assert "leaves about" in plan_text(study)
    done = run(study, tmp_path / "whole")
    assert {each["model"] for each in params_of(done)} == {"svm"}
    refused = sum(map(len, done.refused.values()))
    assert refused > 3
    assert left_out_by(done).startswith(f"{refused} of {refused + 16} draws, which ")
    paths = prepared(study, tmp_path / "cut")
    assert crash_after(33, study, paths)
    run_inline(study, paths)
    assert params_of(load_run(paths.root)) == params_of(done)
    assert load_run(paths.root).refused == done.refused


def test_a_search_without_valid_draws_what_it_always_did(tmp_path: Path) -> None:
    every = branching_study(search=Random(trials=5, valid=lambda params: True))
    assert params_of(run(every, tmp_path / "a")) == params_of(
        run(branching_study(search=Random(trials=5)), tmp_path / "b")
    )


def test_valid_may_take_its_params_apart(tmp_path: Path) -> None:
    def takes_apart(params: Any) -> bool:
        return params.pop("model") == "svm"

    done = run(branching_study(search=Random(trials=4, valid=takes_apart)), tmp_path)
    assert set(done.trials["model"]) == {"svm"}


def test_what_cannot_be_valid_is_said_before_anything_starts() -> None:
    def problem(search: Any, **changes: Any) -> str:
        with pytest.raises(StudyError) as caught:
            branching_study(search=search, **changes)
        return str(caught.value)

    assert "valid refuses all 12 combinations" in problem(
        Grid(valid=lambda params: False), space=LISTS
    )
    assert "valid raises KeyError ('C') for {'rate': 0.1, 'model': 'forest'" in problem(
        Grid(valid=lambda params: params["C"] > 1), space=LISTS
    )
    assert "search: valid=3 must be a function of a setting" in problem(Random(trials=1, valid=3))
    assert "is a setting that valid refuses" in problem(
        Random(
            trials=1,
            valid=lambda params: params["rate"] > 0.1,
            points_to_evaluate=[{"rate": 0.1, "model": "svm", "C": 1.0}],
        )
    )


def test_a_search_that_finds_nothing_valid_ends_with_one_line(tmp_path: Path) -> None:
    study = branching_study(search=Random(trials=1, valid=lambda params: params["rate"] > 1))
    with pytest.raises(StudyError, match="valid refused 1000 settings in a row"):
        run(study, tmp_path)


def test_a_changed_space_takes_out_points_that_are_not_valid_any_more() -> None:
    study = branching_study(
        space={"layers": [1, 2, 4], "width": [64, 128, 256]},
        search=Random(
            trials=4,
            valid=lambda params: params["layers"] * params["width"] <= 512,
            points_to_evaluate=[{"layers": 4, "width": 128}, {"layers": 1, "width": 64}],
        ),
    )
    assert study.override({"width": 256}).search.points_to_evaluate == [{"layers": 1, "width": 256}]


def lists(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    hidden = config["hidden"]
    assert hidden is None or (type(hidden) is list and all(type(each) is int for each in hidden))
    assert config["norm"] is True or type(config["norm"]) is int
    assert config["optimizer"] in ({"name": "adam"}, {"name": "sgd", "momentum": [0.9]})
    for epoch in range(1, config["epochs"] + 1):
        yield (
            {"epoch": epoch, "score": [len(hidden or []) + float(config["norm"])] * len(seeds)},
            None,
        )


VALUES = {
    "hidden": [[64], [64, 32], None, []],
    "norm": [True, 1, 2],
    "optimizer": [{"name": "adam"}, {"name": "sgd", "momentum": (0.9,)}],
}


@pytest.mark.parametrize("search", [Grid(), *SEARCHES], ids=lambda search: type(search).__name__)
def test_values_may_be_lists_and_mappings(search: Any, tmp_path: Path) -> None:
    study = branching_study(trainable=lists, space=VALUES, search=search)
    paths = prepared(study, tmp_path)
    crash_after(9, study, paths)
    run_inline(study, paths)
    done = load_run(paths.root)
    assert set(done.trials["status"]) == {"completed"}
    drawn = len(done.trials) + len(done.repeated)
    assert drawn == (24 if search.exhaustive else 12), "a setting that was drawn again counts"
    params = [each.trial.params for each in trial_records(done)]
    repeats = [row["params"] for row in done.repeated]
    assert sorted(map(repr, params + repeats)) == sorted(map(repr, params_of(done)))


def test_branches_beside_a_name_of_a_column(tmp_path: Path) -> None:
    """A choice that is called as a column of ours is told apart within conditions too."""
    space = {"status": BRANCHES["model"], "rate": [0.1]}

    def train(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
        for epoch in range(1, config["epochs"] + 1):
            yield {"epoch": epoch, "score": [config.get("C", 0.5)] * len(seeds)}, None

    done = run(branching_study(trainable=train, space=space, search=Random(trials=6)), tmp_path)
    assert done.spec["space"]["C"]["when"] == {"status (parameter)": ["svm"]}
    assert params_of(done)[0].keys() >= {"status", "rate"}
