"""A recorded trial is trained again, number by number."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commands import invoke
from run_folders import Trial, write_run
from small_studies import scores, small_study

import tuning
from analysis import load_run
from tuning import StudyError
from tuning.engine.replay import Replayed, find_trial, replay, verdict
from tuning.runs.provenance import changed_since
from tuning.spec.loading import find_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = find_study("xor_width_depth")
    ran = tuning.run(
        study,
        results=tmp_path_factory.mktemp("replay"),
        backend="inline",
        **{**study.smoke, "width": [1, 12], "depth": [1]},
    )
    return ran.paths.root


def test_a_trial_is_replayed_bit_for_bit(folder: Path) -> None:
    for trial in load_run(folder).trials["trial"]:
        done = invoke("replay", str(folder), trial)
        assert done.exit_code == 0, done.stderr
        # 20 epochs, 10 seeds: accuracy, loss and parameters.
        assert (
            done.stdout.splitlines()[-1]
            == f"trial {trial}: all 600 numbers of 20 epochs are equal to the record, bit for bit."
        )
        assert done.stdout.splitlines()[0] == "epoch 1: all 30 numbers equal"


def test_a_number_that_was_changed_is_found(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    copy.mkdir()
    for name in ("study.json", "trials.jsonl", "epochs.jsonl"):
        (copy / name).write_text((folder / name).read_text())
    rows = [json.loads(line) for line in (copy / "epochs.jsonl").read_text().splitlines()]
    row = next(row for row in rows if row["epoch"] == 3)
    row["metrics"]["accuracy"][4] *= 1.5
    (copy / "epochs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = invoke("replay", str(copy), row["trial"])
    assert done.exit_code == 1
    assert "epoch 3: differs relatively: accuracy by up to 0.33" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(
        f"trial {row['trial']}: differs from the record in 1 of 20 epochs, first at epoch 3;"
    )


def grows(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for metrics, state in scores(config | {"epochs": 2}, seeds):
        yield (metrics if metrics["epoch"] == 1 else metrics | {"score": [math.inf, 4.01]}), state


def test_a_trial_that_diverged_to_infinity_is_replayed_bit_for_bit(tmp_path: Path) -> None:
    study = small_study(grows, space={"slope": [2]})
    epochs = [metrics for metrics, _ in grows({"slope": 2}, [0, 1])]
    trial = Trial(
        params={"slope": 2},
        epochs=[{key: one[key] for key in ("score", "parameters")} for one in epochs],
        seeds=[0, 1],
    )
    spec = {"metric": "score", "space": {"slope": {"values": [2]}}, "fixed": {}}
    run = load_run(write_run(tmp_path / "run", [replace(trial, status="diverged")], **spec))
    assert [epoch.line() for epoch in replay(study, run, "t0000")] == [
        f"epoch {epoch}: all 4 numbers equal" for epoch in (1, 2)
    ]


def test_one_number_is_no_plural() -> None:
    epoch = Replayed(epoch=1, numbers=1, differences={})
    assert epoch.line() == "epoch 1: the only number equal"
    assert verdict("01", [epoch]).startswith("trial 01: the only number of 1 epoch is equal to")
    assert verdict("01", [epoch, epoch]).startswith("trial 01: all 2 numbers of 2 epochs are equal")


def test_a_trial_that_is_not_there_is_one_line(folder: Path) -> None:
    done = invoke("replay", str(folder), "0007")
    assert done.exit_code == 2
    assert done.stderr.strip().endswith("has no trial '0007'. It has 0001 to 0002.")
    with pytest.raises(StudyError, match="has no trial '1'"):
        find_trial(load_run(folder), "1")


def test_a_trial_without_an_epoch_cannot_be_compared(folder: Path, tmp_path: Path) -> None:
    for name in ("study.json", "trials.jsonl"):
        (tmp_path / name).write_text((folder / name).read_text())
    run = load_run(tmp_path)
    with pytest.raises(StudyError, match="has no recorded epoch"):
        list(replay(find_study("xor_width_depth"), run, "0001"))


def test_what_numbers_depend_on_is_held_against_now(folder: Path) -> None:
    run = load_run(folder)
    assert changed_since(run.spec["provenance"], Path(__file__)) == []
    run.spec["provenance"]["packages"]["torch"] = "1.0"
    assert changed_since(run.spec["provenance"], Path(__file__))[0].startswith(
        "torch was 1.0, now it is "
    )


def test_the_verdict_counts_epochs_and_names_the_largest_difference() -> None:
    epochs = [
        Replayed(epoch=1, numbers=2, differences={}),
        Replayed(epoch=2, numbers=2, differences={"loss": 0.25, "accuracy": 0.5}),
    ]
    assert (
        verdict("0001", epochs)
        == "trial 0001: differs from the record in 1 of 2 epochs, first at epoch 2; the largest"
        " relative difference is 0.5."
    )
