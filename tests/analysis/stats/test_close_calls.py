"""Decisions right at their limits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from run_folders import Trial, scores, write_run

from analysis import Run, load_run
from analysis.stats.boundary import _is_best_there
from analysis.stats.fidelity import evidence
from analysis.stats.importance import _measured, _resamples, draw_settings
from analysis.stats.labels import Growing
from analysis.stats.lost import worst
from analysis.stats.statuses import status_table


def two(folder: Path, *values: list[float], **spec: object) -> Run:
    trials = [
        Trial(params={"width": width}, epochs=scores(row), seeds=range(len(row)))
        for width, row in enumerate(values, start=1)
    ]
    return load_run(write_run(folder, trials, **spec))


def test_trials_at_an_end_that_are_as_good_as_their_neighbours_are_no_better() -> None:
    assert not _is_best_there(np.array([0.1, 0.3]), pd.Series([1.0, 1.0]))
    assert _is_best_there(np.array([0.1, 0.3]), pd.Series([1.0, 0.9]))


def test_a_share_that_was_0_once_is_a_share(tmp_path: Path) -> None:
    run = two(tmp_path, [0.0, 0.5], [0.25, 1.0])
    assert worst([run], "accuracy") == 0.0
    assert worst([replace(run, spec={**run.spec, "mode": "min"})], "accuracy") == 1.0


def test_steps_are_drawn_up_to_the_end_and_not_beyond() -> None:
    step = {"kind": "float", "low": 0.0, "high": 0.3, "log": False, "step": 0.1}
    drawn = draw_settings({"share": step}, 200, np.random.default_rng(0))
    assert sorted({round(row["share"], 9) for row in drawn}) == [0.0, 0.1, 0.2, 0.3]


def test_two_values_are_enough_to_resample(tmp_path: Path) -> None:
    found = evidence(two(tmp_path, [0.25], [0.75], seeds=[0], search={"kind": "random"}))
    drawn = list(_resamples(found, _measured(found), True, 20))
    assert len(drawn) == 20
    for rows, values, variance in drawn:
        assert values.tolist() == pytest.approx([(0.25, 0.75)[row] for row in rows])
        assert variance.tolist() == [0.0, 0.0]


def test_a_text_that_reads_like_another_value_is_quoted_and_a_number_numbered() -> None:
    growing = Growing({"values": [None, "7"]})
    assert growing.of("none") == '"none"'
    assert growing.of(7) == "7 (1)"


def test_seeds_are_planned_for_the_settings_of_a_grid_that_are_valid(tmp_path: Path) -> None:
    grid = {"kind": "grid", "valid": "width is below 3"}
    run = two(tmp_path, [0.1], [0.2], search=grid, seeds=[0, 1, 2], seeds_per_trial=1, trials=6)
    assert status_table(run).set_index("status").loc["planned", ["trials", "seeds"]].tolist() == [
        6,
        6,
    ]
