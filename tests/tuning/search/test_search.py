"""Searches: who is asked, stopped, told, confirmed, and what is left behind."""

import json
import math
import os
from pathlib import Path

import pytest
from inline_runs import run
from ray import tune
from searched_studies import (
    diverge,
    keeps_what_cannot_be_read,
    learn,
    runs_out_of_memory,
    searched_study,
)

from analysis import Run, load_run
from benchmarks.chaos import told
from tuning import Asha, Confirm, Grid, Optuna, Random, Resources, StudyError
from tuning.engine import checkpoints
from tuning.engine.backends.inline import run_inline
from tuning.runs.store import Folder


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(searched_study(), tmp_path_factory.mktemp("searched"))


def test_every_trial_ends_completed_or_pruned_at_a_rung(searched: Run) -> None:
    trials = searched.phase("search").trials
    assert trials["trial"].tolist() == [f"{number:04}" for number in range(1, 13)]
    assert set(trials["status"]) == {"completed", "pruned"}
    pruned = trials[trials["status"] == "pruned"]
    assert set(pruned["rung"]) <= {2, 4}
    assert pruned["epochs"].tolist() == pruned["rung"].tolist()
    assert (trials.loc[trials["status"] == "completed", "epochs"] == 8).all()


def test_no_trial_trains_beyond_the_rung_it_is_stopped_at(searched: Run) -> None:
    last = searched.epochs.groupby("trial")["epoch"].max()
    trials = searched.trials.set_index("trial")
    assert last.to_dict() == trials["epochs"].to_dict()


def test_optuna_is_told_the_truth(searched: Run) -> None:
    trials = searched.phase("search").trials
    known = told(searched)
    assert [trial.state.name for trial in known] == [
        {"completed": "COMPLETE", "pruned": "PRUNED"}[s] for s in trials["status"]
    ]
    assert [trial.params["x"] for trial in known] == trials["x"].tolist()
    scores = searched.epochs.set_index(["trial", "epoch"])["score"].to_dict()
    for trial, name, last in zip(known, trials["trial"], trials["epochs"], strict=True):
        assert trial.last_step == last
        assert trial.value == pytest.approx(scores[name, last])
        assert trial.intermediate_values == pytest.approx(
            {epoch: scores[name, epoch] for epoch in range(1, last + 1)}
        )


def test_confirmation_trains_the_best_and_the_published_on_fresh_seeds(searched: Run) -> None:
    search, confirm = searched.phase("search"), searched.phase("confirm")
    final = (
        search.epochs[search.epochs["epoch"] == 8]
        .set_index("trial")["score"]
        .sort_values(ascending=False)
    )
    best = search.trials.set_index("trial").loc[final.index[:2]]
    assert confirm.trials["x"].tolist() == [*best["x"], 0.9]
    assert confirm.trials["seeds"].tolist() == [[1, 2, 3]] * 3
    assert set(confirm.trials["status"]) == {"completed"}


def test_test_numbers_are_looked_at_in_the_confirmation_alone(searched: Run) -> None:
    assert searched.phase("search").epochs["test_score"].isna().all()
    confirmed = searched.phase("confirm").epochs
    assert confirmed.loc[confirmed["epoch"] == 8, "test_score"].notna().all()


def test_the_best_network_is_exported_and_only_its_checkpoint_kept(searched: Run) -> None:
    confirmed = searched.phase("confirm").epochs
    means = confirmed[confirmed["epoch"] == 8].groupby("trial")["score"].mean()
    assert [folder.name for folder in searched.paths.checkpoints.iterdir()] == [means.idxmax()]
    assert (searched.paths.best / "weights.json").is_file()
    assert (searched.paths.best / "setting.json").is_file()


def test_random_search_draws_the_same_settings_for_the_same_seed_whatever_ends_first(
    tmp_path: Path,
) -> None:
    study = searched_study(search=Random(trials=6, seed=5), scheduler=None, confirm=None)
    first, second = run(study, tmp_path / "a"), run(study, tmp_path / "b")
    assert first.trials["x"].tolist() == second.trials["x"].tolist()
    other = run(
        searched_study(search=Random(trials=6, seed=6), scheduler=None, confirm=None),
        tmp_path / "c",
    )
    assert other.trials["x"].tolist() != first.trials["x"].tolist()


def test_values_of_ranges_stay_within_them(tmp_path: Path) -> None:
    space = {
        "x": tune.loguniform(0.01, 0.1),
        "kind": tune.choice(["a", "b"]),
        "layers": tune.randint(1, 3),
        "half": tune.quniform(0, 2, 0.5),
    }
    trials = run(
        searched_study(
            space=space, search=Random(trials=25), scheduler=None, confirm=None, epochs=1
        ),
        tmp_path,
    ).trials
    assert trials["x"].between(0.01, 0.1).all()
    assert set(trials["layers"]) == {1, 2}
    assert set(trials["kind"]) == {"a", "b"}
    assert set(trials["half"]) <= {0.0, 0.5, 1.0, 1.5, 2.0}


def test_a_grid_can_be_stopped_early_and_confirmed(tmp_path: Path) -> None:
    space = {"x": [0.3, 0.9, 0.1, 0.7], "kind": ["a"]}
    stopping, confirm = Asha(grace_period=2, reduction_factor=2), Confirm(top=1, seeds=2)
    read = run(
        searched_study(space=space, search=Grid(), scheduler=stopping, confirm=confirm, seeds=2),
        tmp_path,
    )
    assert read.phase("search").trials["seeds"].tolist() == [[0, 1]] * 4
    assert (read.phase("search").trials["status"] == "pruned").any()
    assert read.phase("confirm").trials["x"].tolist() == [0.3]
    assert read.phase("confirm").trials["seeds"].tolist() == [[2, 3]]


def test_a_diverged_trial_is_told_as_failed_and_not_retried(tmp_path: Path) -> None:
    read = run(searched_study(diverge, confirm=None, scheduler=None), tmp_path)
    far = read.trials["x"] > 0.5
    assert 0 < far.sum() < 12
    assert (read.trials.loc[far, "status"] == "diverged").all()
    assert (read.trials.loc[~far, "status"] == "completed").all()
    assert read.trials["attempt"].eq(1).all()
    assert [trial.state.name for trial in told(read)] == [
        "FAIL" if each else "COMPLETE" for each in far
    ]


def test_a_rung_whose_row_was_lost_is_judged_before_its_trial_goes_on(tmp_path: Path) -> None:
    """The driver died after the trial had kept its state and before it was told: the row is in the
    checkpoint alone.
    """
    one_by_one = Resources(cpus=os.cpu_count() or 1)
    settings = {
        "space": {"x": [0.3, 0.9], "kind": ["a"]},
        "search": Grid(),
        "scheduler": Asha(grace_period=4, reduction_factor=2, pauses=False),
        "confirm": None,
    }
    study = searched_study(**settings, epochs=5, resources=one_by_one)
    whole = run(study, tmp_path)
    assert whole.trials[["status", "epochs"]].values.tolist() == [["completed", 5], ["pruned", 4]]
    lines = {
        name: getattr(whole.paths, name).read_text().splitlines(keepends=True)
        for name in ("epochs", "trials")
    }
    rows = [
        {key: value for key, value in json.loads(line).items() if key != "attempt"}
        for line in lines["epochs"][5:]
    ]
    _, state = list(learn(study.config({"x": 0.9}), [0]))[3]
    kept = [row | {"arrays": {}, "diverged": []} for row in rows]
    checkpoints.save(Folder.at(whole.paths.checkpoints) / "0002", 4, state, kept)
    whole.paths.epochs.write_text("".join(lines["epochs"][:5]))
    whole.paths.trials.write_text("".join(lines["trials"][:-1]))
    run_inline(study, whole.paths)
    again = load_run(whole.paths.root)
    assert again.trials[["status", "epochs", "attempt"]].values.tolist() == [
        ["completed", 5, 1],
        ["pruned", 4, 2],
    ]
    columns = ["trial", "epoch", "seed", "score"]
    assert again.epochs[columns].values.tolist() == whole.epochs[columns].values.tolist()


def test_a_trial_that_fails_again_is_failed_after_as_many_retries_as_the_study_allows(
    tmp_path: Path,
) -> None:
    fixed = {"once": str(tmp_path / "once"), "fault": "raise_always"}
    study = searched_study(
        space={"x": [0.2, 0.7], "kind": ["a"]},
        search=Grid(),
        scheduler=None,
        confirm=None,
        fixed=fixed,
        max_failures=2,
    )
    read = run(study, tmp_path)
    assert read.trials["status"].tolist() == ["completed", "failed"]
    assert read.trials["attempt"].tolist() == [1, 3]
    assert "RuntimeError: too far to the right" in read.trials["error"][1]
    assert read.trials["epochs"][1] == 3


def test_two_studies_of_one_name_do_not_mix(tmp_path: Path) -> None:
    study = searched_study(search=Optuna(trials=3), scheduler=None, confirm=None)
    first, second = run(study, tmp_path), run(study, tmp_path)
    assert len(told(first)) == len(told(second)) == 3


def test_nothing_completes_nothing_is_confirmed_but_the_published(tmp_path: Path) -> None:
    always = {"once": str(tmp_path / "once"), "fault": "raise_always"}
    study = searched_study(
        space={"x": [0.6, 0.7], "kind": ["a"]},
        search=Grid(),
        scheduler=None,
        fixed=always,
        max_failures=0,
    )
    read = run(study, tmp_path)
    assert set(read.phase("search").trials["status"]) == {"failed"}
    assert read.phase("confirm").trials["x"].tolist() == [0.9]
    assert not math.isnan(read.spec["confirm"]["top"])


def test_confirm_keeps_to_its_own_seeds_even_where_the_search_has_a_list(tmp_path: Path) -> None:
    study = searched_study(
        seeds=[7, 3], search=Random(trials=2), scheduler=None, confirm=Confirm(top=1, seeds=2)
    )
    read = run(study, tmp_path)
    assert read.phase("confirm").trials["seeds"].tolist() == [[8, 9]]


def test_out_of_memory_is_failed_with_a_hint(tmp_path: Path) -> None:
    study = searched_study(
        runs_out_of_memory,
        space={"x": [0.2, 0.7], "kind": ["a"]},
        search=Grid(),
        scheduler=None,
        confirm=None,
        max_failures=0,
    )
    read = run(study, tmp_path)
    assert read.trials["status"].tolist() == ["completed", "failed"]
    assert (
        read.trials["error"][1]
        .splitlines()[-1]
        .startswith("CUDA out of memory: give each trial a larger share of a GPU")
    )


def test_a_state_that_cannot_be_read_back_stops_the_study_at_once(tmp_path: Path) -> None:
    study = searched_study(
        keeps_what_cannot_be_read,
        space={"x": [0.2], "kind": ["a"]},
        search=Grid(),
        scheduler=None,
        confirm=None,
    )
    with pytest.raises(StudyError, match="the state it yields cannot be kept"):
        run(study, tmp_path)
