"""Which network is written for others to use, and which checkpoints are kept for it."""

import json
from pathlib import Path

from run_folders import Trial, write_run
from searched_studies import searched_study

from analysis import load_run
from analysis.records.load import RunPaths
from tuning import Confirm, Grid
from tuning.engine import checkpoints
from tuning.engine.best import export_best
from tuning.runs.history import History
from tuning.runs.store import Folder
from tuning.search.confirmation import confirmations

SPACE = {
    "x": {"kind": "float", "low": 0.0, "high": 1.0, "log": False, "step": None},
    "kind": {"values": ["a", "b"]},
}


def confirmed(folder: Path, *trials: tuple[str, float, int, float]) -> RunPaths:
    """A run with these trials of the confirmation: id, x, seed, score."""
    written = [
        Trial(
            name=name,
            phase="confirm",
            params={"x": x, "kind": "a"},
            seeds=[seed],
            epochs=[{"score": [score]}] * 8,
        )
        for name, x, seed, score in trials
    ]
    write_run(folder, written, space=SPACE, metric="score", epochs=8, seeds=[0], fixed={})
    return RunPaths(folder)


def keep(paths: RunPaths, *names: str, epoch: int = 8) -> Folder:
    kept_in = Folder.at(paths.checkpoints)
    for name in names:
        checkpoints.save(kept_in / name, epoch, {"epoch": epoch, "total": [name]}, [])
    return kept_in


def export(paths: RunPaths, kept_in: Folder) -> None:
    study = searched_study()
    export_best(study, History.of(study, load_run(paths.root)), paths, kept_in)


def exported(paths: RunPaths) -> tuple[str, list[str], list[str]]:
    """The trial that was written, its weights, and whose checkpoints are there."""
    setting, weights = (
        json.loads((paths.best / f"{name}.json").read_text()) for name in ("setting", "weights")
    )
    return setting["trial"], weights, sorted(path.name for path in paths.checkpoints.iterdir())


def test_of_the_setting_with_the_best_mean_the_best_trial_is_written_and_kept_alone(
    tmp_path: Path,
) -> None:
    paths = confirmed(
        tmp_path,
        ("c0001", 0.1, 1, 0.9),
        ("c0002", 0.1, 2, 0.1),
        ("c0003", 0.2, 1, 0.6),
        ("c0004", 0.2, 2, 0.7),
    )
    export(paths, keep(paths, "c0001", "c0002", "c0003", "c0004"))
    assert exported(paths) == ("c0004", ["c0004"], ["c0004"])


def test_after_more_seeds_another_setting_may_be_the_best_of_which_only_these_are_kept(
    tmp_path: Path,
) -> None:
    """Before, 0.1 was the best, and of 0.2 nothing was kept."""
    paths = confirmed(
        tmp_path,
        ("c0001", 0.1, 1, 0.9),
        ("c0002", 0.2, 1, 0.8),
        ("c0003", 0.1, 2, 0.1),
        ("c0004", 0.2, 2, 0.7),
    )
    export(paths, keep(paths, "c0001", "c0003", "c0004"))
    assert exported(paths) == ("c0004", ["c0004"], ["c0004"])


def test_weights_of_an_earlier_epoch_are_not_taken_for_those_that_were_measured(
    tmp_path: Path,
) -> None:
    paths = confirmed(tmp_path, ("c0001", 0.1, 1, 0.9), ("c0002", 0.1, 2, 0.8))
    keep(paths, "c0001", epoch=7)
    export(paths, keep(paths, "c0002"))
    assert exported(paths) == ("c0002", ["c0002"], ["c0002"])


def test_a_trial_that_was_cut_off_keeps_what_it_goes_on_from(tmp_path: Path) -> None:
    paths = confirmed(tmp_path, ("c0001", 0.1, 1, 0.9), ("c0002", 0.1, 2, 0.8))
    with paths.trials.open("a") as file:
        row = {"trial": "c0003", "phase": "confirm", "params": {"x": 0.1, "kind": "a"}}
        file.write(json.dumps(row | {"seeds": [3], "attempt": 1, "status": "running"}) + "\n")
    export(paths, keep(paths, "c0001", "c0002", "c0003"))
    assert exported(paths) == ("c0001", ["c0001"], ["c0001", "c0003"])


def test_settings_are_confirmed_by_their_mean_over_seeds_not_by_their_luckiest_one(
    tmp_path: Path,
) -> None:
    scores = {0.1: [0.8, 0.8, 0.8], 0.2: [0.95, 0.3, 0.3], 0.3: [0.8, 0.8, 0.8]}
    trials = [(x, seed, score) for x, each in scores.items() for seed, score in enumerate(each)]
    written = [
        Trial(
            name=f"{number:04}",
            phase="search",
            params={"x": x, "kind": "a"},
            seeds=[seed],
            epochs=[{"score": [score]}] * 8,
        )
        for number, (x, seed, score) in enumerate(trials)
    ]
    run = load_run(
        write_run(
            tmp_path, written, space=SPACE, metric="score", epochs=8, seeds=[0, 1, 2], fixed={}
        )
    )
    study = searched_study(
        space={"x": [0.1, 0.2, 0.3], "kind": ["a"]},
        search=Grid(),
        scheduler=None,
        seeds=3,
        confirm=Confirm(top=2, seeds=2),
        seeds_per_trial=1,
    )
    assert [
        (trial.params["x"], list(trial.seeds))
        for trial in confirmations(study, History.of(study, run).to_confirm())
    ] == [
        (0.1, [3]),
        (0.3, [3]),
        (0.1, [4]),
        (0.3, [4]),
    ]
