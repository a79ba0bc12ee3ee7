"""Samplers and settings that are drawn again: what is trained, recorded and built again."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from drawn_studies import BRANCHES, FEW, cut_off_anywhere, drawing
from inline_runs import run

from tuning import Optuna, Random, StudyError

needs_cmaes = pytest.mark.skipif(
    importlib.util.find_spec("cmaes") is None, reason="the package cmaes is not installed"
)


@pytest.mark.parametrize("search", [Random(trials=12), Optuna(trials=12, n_startup_trials=4)])
def test_a_setting_drawn_again_is_answered_from_the_records(tmp_path: Path, search: Any) -> None:
    found = run(drawing(search, **FEW), tmp_path)
    assert sorted(found.trials["kind"]) == ["a", "bb", "ccc"]
    assert set(found.trials["status"]) == {"completed"}
    assert len(found.epochs) == 3 * 2
    assert len(found.repeated) == 9
    first = {row["kind"]: row["trial"] for row in found.trials.to_dict("records")}
    assert all(row["same_as"] == first[row["params"]["kind"]] for row in found.repeated)
    assert found.spec["trials"] == 3
    assert found.recorded["trials"] == 12


def test_optuna_is_told_of_each_draw_what_its_setting_gave(tmp_path: Path) -> None:
    import optuna

    found = run(drawing(Optuna(trials=8, n_startup_trials=2), **FEW), tmp_path)
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(found.paths.optuna))
    )
    (known,) = optuna.get_all_study_summaries(storage)
    trials = optuna.load_study(study_name=known.study_name, storage=storage).trials
    assert len(trials) == 8
    for trial in trials:
        assert trial.value == pytest.approx(0.1 * len(trial.params["kind"]) + 0.02)


def test_a_setting_with_another_seed_is_no_repeat(tmp_path: Path) -> None:
    study = drawing(Random(trials=2), space={"kind": ["a"]}, seeds=[3, 4])
    found = run(study, tmp_path)
    assert found.trials["seeds"].tolist() == [[3, 4]]
    assert len(found.repeated) == 1


SEARCHES = {
    "random": Random(trials=5),
    "tpe": Optuna(trials=5, n_startup_trials=2),
    "gp": Optuna(trials=4, n_startup_trials=2, sampler="gp"),
    "nsga2": Optuna(trials=5, n_startup_trials=3, sampler="nsga2"),
    "qmc": Optuna(trials=5, sampler="qmc"),
}


@pytest.mark.parametrize("name", [*SEARCHES, pytest.param("cmaes", marks=needs_cmaes)])
def test_a_search_cut_off_after_any_row_draws_what_it_would_have_drawn(
    tmp_path: Path, name: str
) -> None:
    def search() -> Any:
        return SEARCHES.get(name) or Optuna(trials=5, n_startup_trials=2, sampler=name)

    cut_off_anywhere(drawing(search(), epochs=1), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tpe", "gp", "nsga2", "qmc"])
def test_a_search_over_branches_draws_what_it_would_have_drawn(tmp_path: Path, name: str) -> None:
    search = Optuna(trials=6, n_startup_trials=2, sampler=name)
    cut_off_anywhere(drawing(search, **BRANCHES, epochs=1), tmp_path)


def test_repeats_survive_a_crash_after_any_row(tmp_path: Path) -> None:
    cut_off_anywhere(drawing(Optuna(trials=5, n_startup_trials=2), **FEW), tmp_path)


def test_a_function_of_the_user_makes_the_sampler(tmp_path: Path) -> None:
    from optuna.samplers import RandomSampler

    def sampler(seed: int) -> Any:
        return RandomSampler(seed=seed)

    study = drawing(Optuna(trials=5, sampler=sampler))
    cut_off_anywhere(study, tmp_path, step=3)
    found = run(study, tmp_path / "named")
    assert found.recorded["search"]["sampler"].endswith("sampler")


@pytest.mark.parametrize(
    ("sampler", "words"),
    [
        (
            "tpes",
            "sampler='tpes' must be 'auto', 'tpe', 'gp', 'cmaes', 'nsga2', 'qmc' or a function",
        ),
        (3, "sampler=3 must be 'auto', 'tpe'"),
        (dict, "or a function from a seed to a sampler"),
    ],
)
def test_a_sampler_that_is_none_is_refused(sampler: Any, words: str) -> None:
    with pytest.raises(StudyError, match=r"^Study 'drawing': search: ") as refused:
        drawing(Optuna(trials=5, sampler=sampler))
    assert words in str(refused.value)


def test_a_sampler_whose_package_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StudyError, match="needs the package cmaes: pip install cmaes"):
        drawing(Optuna(trials=5, sampler="cmaes"))


def test_a_function_that_makes_no_sampler_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"must return a sampler of Optuna; it returned a int"):
        run(drawing(Optuna(trials=5, sampler=lambda seed: seed)), tmp_path)
