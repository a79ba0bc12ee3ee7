"""Scores of several seeds, whose standard errors the model is given."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_runs import crash_after, prepared, run
from optuna.distributions import FloatDistribution
from searched_studies import searched_study

from analysis import load_run
from analysis.numerics.means import standard_error
from analysis.numerics.moderated import moderated
from tuning import Asha, Optuna
from tuning.engine.backends.inline import run_inline
from tuning.runs.history import History, TrialRecord
from tuning.search.gaussian import Seen, inputs_of, process_of
from tuning.search.optuna import OptunaSearcher
from tuning.search.unit_cube import UnitCube

LINE = UnitCube({"x": FloatDistribution(0.0, 1.0)})


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ([1.0, 2.0, 3.0], 1 / math.sqrt(3)),
        ([0.5, 0.7], 0.1),
        ([3.0], math.nan),
        ([3.0, 3.0, 3.0], math.nan),
        ([1.0, math.inf], math.nan),
        ([1.0, math.nan], math.nan),
    ],
)
def test_the_standard_error_of_a_mean(values: list[float], error: float) -> None:
    assert standard_error(values) == pytest.approx(error, nan_ok=True)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=6), st.randoms())
def test_the_order_of_seeds_changes_no_bit_of_it(values: list[float], rng: Any) -> None:
    before = standard_error(values)
    rng.shuffle(values)
    assert standard_error(values) == before or math.isnan(before)


def test_variances_that_differ_by_chance_alone_are_one() -> None:
    rng = np.random.default_rng(0)
    measured = 4.0 * rng.chisquare(2, 400) / 2
    found = moderated(measured, degrees=2)
    assert found.std() < 0.2 * measured.std()
    assert found.mean() == pytest.approx(4.0, rel=0.15)


def test_variances_that_differ_more_are_nearer_to_the_truth_than_they_were() -> None:
    rng = np.random.default_rng(0)
    truth = np.exp(rng.normal(0, 1.5, 400))
    measured = truth * rng.chisquare(2, 400) / 2
    found = moderated(measured, degrees=2)
    assert np.array_equal(np.argsort(found), np.argsort(measured))

    def off(variances: np.ndarray) -> float:
        return float(np.mean(np.log(variances / truth) ** 2))

    assert off(found) < 0.6 * off(measured)
    assert off(found) < 0.9 * off(np.full(400, np.exp(np.log(truth).mean())))


def test_what_is_not_known_or_nothing_at_all() -> None:
    assert moderated(np.array([np.nan, np.nan]), degrees=2).tolist() == [0.0, 0.0]
    assert moderated(np.array([]), degrees=2).tolist() == []
    both = moderated(np.array([2.0, np.nan]), degrees=4)
    assert both[0] == both[1] > 0
    assert np.isfinite(moderated(np.array([0.0, 1.0, 1.0, 2.0]), degrees=2)).all()


def seen(errors: list[float]) -> Seen:
    """Values along a line, of which the one in the middle stands out."""
    points, scores = np.linspace(0, 1, 9)[:, None], np.zeros(9)
    scores[4], scores[0] = 1.0, 0.1
    return Seen(points, np.ones(9), scores, np.empty((0, 1)), np.array(errors), seeds=30)


def test_a_score_that_is_little_known_counts_for_little() -> None:
    def expected_in_the_middle(error: float) -> float:
        errors = [0.02] * 4 + [error] + [0.02] * 4
        model = process_of(LINE, seen(errors))
        mean, others = model.predict(inputs_of(LINE, np.array([[0.5], [0.75]])))
        return float(mean - others)

    sure, unsure = expected_in_the_middle(0.02), expected_in_the_middle(2.0)
    assert sure > 2.5  # in standard deviations of the scores
    assert unsure < 0.2 * sure


def noisy(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for epoch in range(1 + (resume or 0), config["epochs"] + 1):
        rng = [np.random.default_rng([seed, int(1e6 * config["x"])]) for seed in seeds]
        values = [
            1 - (config["x"] - 0.3) ** 2 + (config["x"] * one.normal() + 0.1 * epoch) / 9
            for one in rng
        ]
        yield {"epoch": epoch, "score": values}, epoch


STUDY = searched_study(
    noisy,
    search=Optuna(trials=14, n_startup_trials=5),
    scheduler=Asha(grace_period=2),
    confirm=None,
    seeds=3,
    export=None,
)


@pytest.mark.parametrize("rows", [20, 55, 61])
def test_a_search_that_was_killed_goes_on_with_the_errors_of_its_records(
    rows: int, tmp_path: Path
) -> None:
    whole = run(STUDY, tmp_path / "whole")
    paths = prepared(STUDY, tmp_path / "killed")
    assert crash_after(rows, STUDY, paths)
    begun_by_other_code = History.of(STUDY, load_run(paths.root), "other code").trials.values()
    assert not any(each.errors for each in begun_by_other_code if not each.ended)
    run_inline(STUDY, paths)
    columns = ["trial", "status", "epochs", "x", "kind"]
    again = load_run(paths.root)
    pd.testing.assert_frame_equal(again.trials[columns], whole.trials[columns])
    errors = History.of(STUDY, again).trials["0001"].errors
    values = again.epochs[(again.epochs["trial"] == "0001") & (again.epochs["epoch"] == 2)]
    plainly = values["score"].std(ddof=1) / math.sqrt(3)
    assert errors[2] == pytest.approx(plainly, rel=1e-9)


def test_errors_change_what_is_suggested_and_reach_the_model_live_and_recalled() -> None:
    """The same scores: the last trial is asked for with errors, and without any."""

    def last(errors: Any, live: bool) -> Any:
        told = dict[str, Any]()
        searcher = OptunaSearcher(STUDY, errors=lambda trial: told.get(trial, {}))
        records = []
        for number in range(8):
            trial = searcher.ask()
            assert trial is not None
            score = 1 - (trial.params["x"] - 0.3) ** 2
            told[trial.id] = {8: errors(number)} if errors else {}
            searcher.report(trial, 8, score)
            searcher.tell(trial, "completed")
            records.append(TrialRecord(trial=trial, status="completed", scores={8: score}))
        if not live:
            searcher = OptunaSearcher(STUDY, records, errors=lambda trial: told.get(trial, {}))
        asked = searcher.ask()
        assert asked is not None
        return asked.params

    def uneven(number: int) -> float:
        return 10.0 ** (number % 3 - 2)

    assert last(uneven, live=True) == last(uneven, live=False) != last(None, live=True)
