"""A run that crashes after any row, and is resumed, equals one that was never interrupted."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
from inline_runs import crash_after, left_by_kills, prepared, run
from searched_studies import searched_study

from analysis import Run, load_run
from benchmarks.chaos import told
from tuning.engine import reporter
from tuning.engine.backends.inline import run_inline
from tuning.spec.study import Asha, Confirm, Grid, Optuna, Random, Study

CONFIRM = Confirm(top=2, seeds=2, baselines={"published": {"x": 0.9, "kind": "a"}})
SMALL: dict[str, Any] = {"epochs": 3, "checkpoint_seconds": 0, "confirm": None}
GRID: dict[str, Any] = {"space": {"x": [0.3, 0.9, 0.5], "kind": ["a"]}, "search": Grid()}
STUDIES = {
    "grid": searched_study(**SMALL | GRID | {"scheduler": None, "seeds": 2, "seeds_per_trial": 1}),
    "random": searched_study(**SMALL | {"search": Random(trials=3), "scheduler": None}),
    "optuna": searched_study(
        **SMALL | {"search": Optuna(trials=4, n_startup_trials=2), "scheduler": None, "epochs": 2}
    ),
    "asha": searched_study(
        **SMALL
        | {
            "search": Optuna(trials=6, n_startup_trials=2),
            "scheduler": Asha(grace_period=1, reduction_factor=2),
        }
    ),
    "confirm": searched_study(
        **SMALL | GRID | {"scheduler": Asha(grace_period=2, reduction_factor=2), "confirm": CONFIRM}
    ),
}


@pytest.fixture(autouse=True)
def _every_epoch_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """And kept: so that a crash finds a checkpoint after each."""
    monkeypatch.setattr(reporter, "SECONDS_BETWEEN_REPORTS", -1.0)
    # The machine does not crash with the run: nothing need be safe on its disk.
    monkeypatch.setattr(os, "fsync", lambda number: None)


def outcome(read: Run) -> dict[str, Any]:
    """All that a run came to, but for clocks and attempts."""
    trials = read.trials[["trial", "phase", "status", "rung", "seeds", "epochs", "x", "kind"]]
    epochs = read.epochs[["trial", "epoch", "seed", "score"]]
    setting, weights = (read.paths.best / f"{name}.json" for name in ("setting", "weights"))
    return {
        "trials": trials.fillna(0).values.tolist(),
        "epochs": epochs.values.tolist(),
        "best": json.loads(setting.read_text()),
        "weights": json.loads(weights.read_text()),
        "told": (
            [(each.state.name, each.params, each.intermediate_values) for each in told(read)]
            if read.paths.optuna.exists()
            else None
        ),
        "kept": sorted(path.name for path in read.paths.checkpoints.iterdir()),
    }


@pytest.mark.parametrize("name", STUDIES)
def test_stopped_after_any_row_and_resumed_a_run_equals_one_that_went_on(
    name: str, tmp_path: Path
) -> None:
    study = STUDIES[name]
    whole, left = left_by_kills(study, tmp_path)
    expected = outcome(whole)
    assert {"completed"} <= set(whole.trials["status"])
    assert ("pruned" in set(whole.trials["status"])) == (study.scheduler is not None)
    for after, paths in enumerate(left):
        run_inline(study, paths)
        again = load_run(paths.root)
        assert outcome(again) == expected, f"stopped after row {after}"
        assert again.trials["attempt"].max() <= 2


def test_a_run_that_crashes_again_and_again_ends_as_if_it_never_had(tmp_path: Path) -> None:
    study = STUDIES["asha"]
    expected = outcome(run(study, tmp_path / "whole"))
    paths = prepared(study, tmp_path / "again")
    # The start, the epoch that came with the checkpoint, one that is new, and the end.
    crashed = [crash_after(4, study, paths) for _ in range(20)]
    assert sum(crashed) > 5
    assert not crashed[-1]
    assert outcome(load_run(paths.root)) == expected


def test_a_line_that_was_torn_is_written_again(tmp_path: Path) -> None:
    """Of an epoch, the row before which no later checkpoint is: that comes once the row is safe."""
    study = STUDIES["asha"]
    expected = outcome(run(study, tmp_path / "whole"))
    for after in (3, 6, 10):
        paths = prepared(study, tmp_path / str(after))
        assert crash_after(after, study, paths)
        last = max((paths.trials, paths.epochs), key=lambda path: path.stat().st_mtime_ns)
        last.write_bytes(last.read_bytes()[:-7])
        run_inline(study, paths)
        assert outcome(load_run(paths.root)) == expected


def test_more_trials_go_on_where_a_search_ended(tmp_path: Path) -> None:
    def of(trials: int) -> Study:
        return dataclasses.replace(
            STUDIES["asha"], search=Optuna(trials=trials, n_startup_trials=2)
        )

    expected = outcome(run(of(6), tmp_path / "whole"))
    paths = prepared(of(6), tmp_path / "extended")
    run_inline(of(3), paths)
    run_inline(of(6), paths)
    found = outcome(load_run(paths.root))
    assert {key: found[key] for key in ("trials", "epochs", "best", "weights")} == {
        key: expected[key] for key in ("trials", "epochs", "best", "weights")
    }


def test_resuming_a_finished_run_trains_nothing(tmp_path: Path) -> None:
    study = STUDIES["confirm"]
    paths = run(study, tmp_path).paths
    before = paths.epochs.read_bytes(), paths.trials.read_bytes()
    run_inline(study, paths)
    assert (paths.epochs.read_bytes(), paths.trials.read_bytes()) == before


@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_a_trial_goes_on_from_its_last_checkpoint_that_is_whole(
    damaged: int, tmp_path: Path
) -> None:
    study = dataclasses.replace(STUDIES["random"], search=Random(trials=1), epochs=6)
    expected = outcome(run(study, tmp_path / "whole"))
    paths = prepared(study, tmp_path / "crashed")
    assert crash_after(5, study, paths)
    last = sorted((paths.checkpoints / "0001").glob("*.pt"), reverse=True)
    assert len(last) == 2
    for checkpoint in last[:damaged]:
        checkpoint.write_bytes(checkpoint.read_bytes()[:-10])
    paths.log("0001").unlink(missing_ok=True)
    run_inline(study, paths)
    assert outcome(load_run(paths.root)) == expected
    log = paths.log("0001")
    went_on = [f"goes on after epoch {int(path.name[:6])}\n" for path in last]
    assert (log.read_text() if log.exists() else "") == [*went_on, ""][damaged]


def test_damage_to_optunas_journal_costs_no_number(tmp_path: Path) -> None:
    study = STUDIES["asha"]
    expected = outcome(run(study, tmp_path / "whole"))
    paths = prepared(study, tmp_path / "crashed")
    assert crash_after(12, study, paths)
    journal = paths.optuna.read_bytes()
    paths.optuna.write_bytes(journal[: len(journal) // 2])
    run_inline(study, paths)
    again = outcome(load_run(paths.root))
    assert {**again, "told": None} == {**expected, "told": None}
