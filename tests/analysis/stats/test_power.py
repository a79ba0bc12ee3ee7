"""How many seeds would settle what is open: against the power of the t-test in theory, and
literals.
"""

import numpy as np
import pandas as pd
import pytest
from run_folders import Trial, digits_like, scores, write_run
from scipy import stats

from analysis import compare_arms, comparison_table, load_run
from analysis.numerics.power import SEEDS, seeds_needed, seeds_to_settle, settled_text


def sample_of(effect, seeds=40):
    """Differences whose mean is ``effect`` standard deviations."""
    drawn = np.random.default_rng(0).normal(size=seeds)
    return (drawn - drawn.mean()) / drawn.std() + effect


@pytest.mark.parametrize(("effect", "tests"), [(0.2, 1), (0.3, 1), (0.3, 10)])
def test_so_many_seeds_have_the_power_that_theory_says(effect, tests):
    seeds = seeds_to_settle([sample_of(effect)], tests)[0]
    limit = stats.t.ppf(1 - 0.025 / tests, seeds - 1)
    assert 1 - stats.nct.cdf(limit, seeds - 1, effect * np.sqrt(seeds)) == pytest.approx(
        0.8, abs=0.07
    )
    assert seeds in SEEDS


def test_the_sign_of_the_difference_does_not_matter():
    sample = sample_of(0.3)
    assert seeds_to_settle([sample], 1)[0] == seeds_to_settle([-sample], 1)[0]


def test_what_cannot_be_said():
    few, none, strong = (
        np.array([0.1, 0.2, 0.3, 0.1]),
        np.array([1.0, -1.0, 1.0, -1.0, 0.0]),
        np.full(6, 0.5),
    )
    found = seeds_to_settle([few, none, sample_of(0.01), strong], 1)
    assert np.isnan(found[0])
    assert np.isinf(found[1:3]).all()
    assert found[3] == 3
    assert [settled_text(seeds) for seeds in (np.nan, np.inf, 31.0)] == [
        "",
        "more than 400",
        "about 31",
    ]


def test_only_open_rows_have_a_number():
    table = pd.DataFrame({"p": [0.001, 0.4, np.nan], "supported": [True, False, False]})
    found = seeds_needed(table, [sample_of(2.0), sample_of(0.3), np.array([])])
    assert np.isnan(found[[0, 2]]).all()
    assert found[1] == seeds_to_settle([sample_of(0.3)], 2)[0]


def test_sign_flips_need_as_many_seeds_as_their_smallest_p_value_takes():
    table = pd.DataFrame({"p": [0.0625, 0.0625], "supported": [False, False]})
    strong = np.array([0.2, 0.21, 0.19, 0.2, 0.2])
    assert seeds_needed(table, [strong] * 2).tolist() == [3, 3]
    assert seeds_needed(table, [strong] * 2, flips=True).tolist() == [
        7,
        7,
    ]  # 2 / 2^7 is below 0.05 / 2, and 2 / 2^6 is not


def test_equal_differences_are_judged_by_sign_flips_wherever_they_stand():
    table = pd.DataFrame({"p": [0.0625, 0.0625], "supported": [False, False]})
    varied = np.array([0.2, 0.21, 0.19, 0.2, 0.2])
    assert seeds_needed(table, [np.full(5, 0.2), varied]).tolist() == [7, 3]


def test_the_tables_say_it(tmp_path):
    values = {
        1: [0.50, 0.60, 0.70, 0.80, 0.55, 0.65],
        2: [0.52, 0.59, 0.73, 0.79, 0.57, 0.66],
        3: [0.9] * 6,
    }
    trials = [
        Trial(params={"width": width}, epochs=scores(final), seeds=range(6))
        for width, final in values.items()
    ]
    run = load_run(
        write_run(tmp_path, trials, space={"width": {"values": [1, 2, 3]}}, seeds=list(range(6)))
    )
    table = comparison_table(run).set_index("value")
    differences = np.array(values[2]) - np.array(values[1])
    assert table.loc[2, "seeds_needed"] == seeds_to_settle([differences], 2)[0]
    assert not table.loc[2, "supported"]


def test_arms_of_any_study_and_what_cannot_be_compared(tmp_path):
    trials = [
        Trial(
            params={"width": width},
            epochs=scores([0.5 + width / 10 + place / 100 for place in range(5)]),
        )
        for width in (1, 2)
    ]
    trials = [Trial(params=trial.params, epochs=trial.epochs, seeds=range(5)) for trial in trials]
    run = load_run(
        write_run(
            tmp_path / "grid", trials, space={"width": {"values": [1, 2]}}, seeds=list(range(5))
        )
    )
    row = compare_arms(run, "width").iloc[0]
    assert (row["baseline"], row["arm"], row["n"], row["difference"]) == (
        1,
        2,
        5,
        pytest.approx(0.1),
    )
    assert compare_arms(run, "width", baseline=2)["difference"].iloc[0] == pytest.approx(-0.1)
    for arguments, message in (
        ((), "give one of its parameters, width"),
        (("depth",), "which has width"),
        (("width", 7), "never 7"),
    ):
        with pytest.raises(ValueError, match=message):
            compare_arms(run, *arguments)
    digits = compare_arms(load_run(digits_like(tmp_path / "digits", images=500, epochs=2)))
    assert digits["part"].tolist() == ["overall", *map(str, range(10))]
    assert digits.loc[digits["supported"], "seeds_needed"].isna().all()
