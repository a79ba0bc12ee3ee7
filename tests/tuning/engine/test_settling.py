"""Seeds that stop themselves: which are trained, and that a crash changes nothing of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import launching
import pandas as pd
import pytest
from drawn_studies import cut_off_anywhere
from inline_runs import run
from settling_studies import noisy, settling

from analysis import Run
from tuning import Asha, Compare, Report, StudyError, UntilSettled
from tuning.runs.changes import extended


def seeds_of(found: Run) -> dict[str, list[int]]:
    return {
        kind: sorted(seed for seeds in rows["seeds"] for seed in seeds)
        for kind, rows in found.trials.groupby("kind")
    }


@pytest.mark.parametrize("together", [1, 3, 4, 9])
def test_seeds_are_added_for_those_settings_that_an_open_comparison_needs(
    tmp_path: Path, together: int
) -> None:
    found = run(settling(seeds_per_trial=together), tmp_path)
    spent = seeds_of(found)
    assert all(seeds == [*range(len(seeds))] for seeds in spent.values())
    assert len(spent["b"]) == 12, "supported, at the third look"
    assert len(spent["a"]) == len(spent["c"]) == 16, "equal, at the fourth"
    assert max(map(len, found.trials["seeds"])) == min(together, 4)


def test_noise_is_looked_at_until_there_are_no_more_seeds(tmp_path: Path) -> None:
    seeds = replace(settling().settles, futility=0)
    found = run(settling(fixed={"noise": 3.0}, seeds=seeds), tmp_path)
    assert seeds_of(found) == {kind: [*range(24)] for kind in "abc"}


def test_a_setting_without_any_number_is_given_up(tmp_path: Path) -> None:
    found = run(settling(space={"kind": ["a", "b", "d"]}), tmp_path)
    assert len(seeds_of(found)["d"]) == 4
    assert len(seeds_of(found)["b"]) == 12


def test_arms_are_settled_against_their_baseline(tmp_path: Path) -> None:
    compare = Compare(parameter="kind", baseline="b", metrics=["score"])
    found = run(settling(report=Report(compare=compare)), tmp_path)
    assert set(map(len, seeds_of(found).values())) == {12}, "both differ from b"


def test_a_crash_after_any_row_changes_nothing(tmp_path: Path) -> None:
    cut_off_anywhere(settling(epochs=2, seeds_per_trial=4), tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("private_ray")
def test_ray_trains_the_same_blocks(tmp_path: Path) -> None:
    study = settling(seeds_per_trial=2)
    on_ray, inline = launching.run(study, tmp_path / "ray"), run(study, tmp_path / "inline")
    for part, columns in (
        ("trials", ["trial", "status", "epochs"]),
        ("epochs", ["trial", "epoch", "seed", "score"]),
    ):
        frames = [
            getattr(each, part)[columns].sort_values(columns[:-1], ignore_index=True)
            for each in (on_ray, inline)
        ]
        pd.testing.assert_frame_equal(*frames)


def test_a_lost_seed_keeps_its_comparisons_open(tmp_path: Path) -> None:
    def loses_one(config: Any, seeds: Any, resume: Any = None) -> Any:
        for metrics, state in noisy(config, seeds):
            if 2 in seeds and config["kind"] == "b":
                metrics["score"][list(seeds).index(2)] = float("nan")
            yield metrics, state

    spent = seeds_of(run(settling(trainable=loses_one), tmp_path))
    assert len(spent["b"]) == 24
    assert len(spent["c"]) == 16


def test_a_run_that_is_settled_cannot_be_extended(tmp_path: Path) -> None:
    study = settling()
    found = run(study, tmp_path)
    with pytest.raises(StudyError, match="shares its error out over 24 seeds"):
        extended(study, study, found, trials=None, seeds=5)


def test_the_number_of_seeds_may_be_overridden(tmp_path: Path) -> None:
    assert settling().override({"seeds": 3}).seeds == UntilSettled(
        smallest=0.15, at_least=3, at_most=3
    )
    assert settling().override({"seeds": 50}).seeds == replace(settling().settles, at_most=50)
    found = run(settling().override({"seeds": 3}), tmp_path)
    assert found.recorded["until_settled"] == {
        "smallest": 0.15,
        "at_least": 3,
        "at_most": 3,
        "futility": 0.2,
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": UntilSettled(smallest=0)}, "smallest=0 must be a number above 0"),
        ({"seeds": UntilSettled(smallest=0.1, at_least=1)}, "at_least=1 must be .* 2 or more"),
        ({"seeds": UntilSettled(smallest=0.1, at_most=4)}, "at_most=4 must be .* 5 or more"),
        ({"epochs": 5, "scheduler": Asha(grace_period=1)}, "is for a grid whose trials"),
        ({"space": {"kind": ["a"]}}, "compares settings, and there is one"),
        (
            {"report": Report(compare=Compare(parameter="kind", baseline="a", metrics=["other"]))},
            "it must be the first of compare's metrics",
        ),
    ],
)
def test_what_cannot_be_settled_is_refused(changes: Any, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        settling(**changes)
