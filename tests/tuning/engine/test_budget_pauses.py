"""Budgets of searches whose trials pause: what waits costs nothing, and the best is confirmed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inline_runs import run as trained
from launching import run as run_on_ray
from searched_studies import learn, searched_study

from analysis import Run
from tuning import Asha, Budget, Confirm, Random, Resources, Study, resume


def paused_study(**changes: Any) -> Study:
    """Rungs at epochs 1 and 3 of 9, one in three goes on; a confirmation of two trials of 9."""
    values: dict[str, Any] = {
        "search": Random(trials=30),
        "scheduler": Asha(grace_period=1, reduction_factor=3),
        "confirm": Confirm(top=2, seeds=2),
        "epochs": 9,
    }
    return searched_study(**values | changes)


def spent(run: Run) -> int:
    return len(run.epochs[["trial", "epoch"]].drop_duplicates())


def ends(run: Run) -> dict[str, int]:
    return run.phase("search").trials["status"].value_counts().to_dict()


def test_what_is_left_of_a_budget_goes_to_the_confirmation_and_paused_trials_wait(
    tmp_path: Path,
) -> None:
    study = paused_study(resources=Resources(budget=Budget(epochs=70)))
    run = trained(study, tmp_path)
    assert spent(run) == 70
    assert run.phase("confirm").trials["status"].tolist() == ["completed"] * 2
    assert ends(run)["completed"] >= 2
    assert ends(run)["paused"] >= 1
    # What was cut off at a rung, and what was to go on from one when nothing was left for it.
    assert ends(run)["unfinished"] == 2


def test_it_goes_on_without_one_and_gives_what_an_uninterrupted_search_gives(
    tmp_path: Path,
) -> None:
    whole = trained(paused_study(confirm=None), tmp_path)
    study = paused_study(confirm=None, resources=Resources(budget=Budget(epochs=40)))
    cut = trained(study, tmp_path)
    assert spent(cut) <= 40 < spent(whole)
    later = resume(cut, paused_study(confirm=None), backend="inline")
    about = ["trial", "x", "status", "rung", "epochs"]
    assert later.trials[about].equals(whole.trials[about])
    scores = ["trial", "epoch", "score"]
    assert later.epochs[scores].equals(whole.epochs[scores])


def slow_learn(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    yield from learn(config | {"pause": 0.2}, seeds, resume)


@pytest.mark.slow
@pytest.mark.usefixtures("private_ray")
def test_on_ray_it_ends_in_time_confirmed(tmp_path: Path) -> None:
    limit = Budget(time=45)
    study = paused_study(
        trainable=slow_learn, search=Random(trials=500), resources=Resources(budget=limit)
    )
    run = run_on_ray(study, tmp_path)
    session = run.recorded["sessions"][-1]["budget"]
    assert 20 < session["spent"]["seconds"] < 45
    assert len(run.phase("search").trials) < 500
    assert run.phase("confirm").trials["status"].tolist() == ["completed"] * 2
