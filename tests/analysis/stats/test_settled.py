"""When comparisons close, and what is said of them then."""

from pathlib import Path

import numpy as np
import pytest
from run_folders import Trial, scores, write_run

from analysis import Run, best_vs_rest, comparison_table, load_run, write_report
from analysis.numerics.looks import Looks
from analysis.numerics.sequential import intervals, p_values
from analysis.stats.arms import compare_arms
from analysis.stats.planned import planned_pairs
from analysis.stats.settled import settled
from analysis.stats.settled_table import settled_paths, settled_table, settled_words
from analysis.stats.settling import (
    CENSORED,
    EQUAL,
    LOST,
    MOST,
    OPEN,
    SUPPORTED,
    Rule,
    settle,
)
from analysis.stats.tables import summary_table

RULE = {"smallest": 0.2, "at_least": 6, "at_most": 18, "futility": 0.0}
LOOKS = Looks((6, 12, 18))
PAIRS, ONE_FAMILY = np.array([[0, 1], [0, 2]]), np.zeros(2, dtype=int)


def values(seeds: int = 18) -> np.ndarray:
    """Three settings: the second is better than the first, the third its equal."""
    noise = np.random.default_rng(4).normal(0, 0.05, (3, seeds))
    return np.array([[0.3], [0.7], [0.3]]) + noise


def settled_run(folder: Path, seeds: tuple[int, int, int] = (12, 12, 12), **spec: object) -> Run:
    trials = [
        Trial(params={"width": width}, epochs=scores(row[:n]), seeds=range(n))
        for width, row, n in zip((1, 2, 3), values(), seeds, strict=True)
    ]
    space = {"width": {"values": [1, 2, 3]}}
    about = {"seeds": list(range(18)), "until_settled": RULE, "space": space}
    return load_run(write_run(folder, trials, **{**about, **spec}))


def closed(values: np.ndarray, ended: np.ndarray | None = None) -> list[str]:
    ended = np.ones_like(values, dtype=bool) if ended is None else ended
    return settle(Rule.of(RULE), values, ended, PAIRS, ONE_FAMILY).reasons.tolist()


def test_a_comparison_closes_once_it_is_supported_or_too_small_to_matter():
    found = settle(Rule.of(RULE), values(), np.ones((3, 18), dtype=bool), PAIRS, ONE_FAMILY)
    assert found.reasons.tolist() == [SUPPORTED, EQUAL]
    assert found.looks.tolist() == [2, 2]
    assert found.needed == set()
    noisy = np.random.default_rng(1).normal(0.5, 0.5, (3, 18))
    assert closed(noisy) == [MOST, MOST]


def test_what_is_not_trained_yet_is_not_looked_at():
    ended = np.ones((3, 18), dtype=bool)
    ended[2, 11] = False
    found = settle(Rule.of(RULE), values(), ended, PAIRS, ONE_FAMILY)
    assert found.reached == 1
    assert found.reasons.tolist() == [OPEN, OPEN]
    assert found.needed == {0, 1, 2}


def test_what_comes_after_a_look_changes_nothing_of_it():
    later = values()
    later[:, 12:] = 9.0
    assert closed(later) == [SUPPORTED, EQUAL]


def test_a_setting_without_a_number_closes_and_one_that_lost_a_seed_does_not():
    lost = values()
    lost[1, :] = np.nan
    lost[2, 3] = np.nan
    assert closed(lost) == [LOST, MOST]


def test_what_closed_is_out_of_the_way_of_the_others():
    """Holm's method counts one test less, though the settings of the first have no more seeds."""
    rng = np.random.default_rng(4)
    numbers = np.zeros((4, 18))
    numbers[1] = 1 + rng.normal(0, 0.05, 18)
    numbers[3] = rng.normal(0.4, 0.5, 18)
    p = p_values(numbers[[3]], LOOKS, np.ones((1, 3), dtype=bool))[0, -1]
    assert 0.025 < p < 0.05
    numbers[:2, 12:] = np.nan
    ended, pairs = ~np.isnan(numbers), np.array([[0, 1], [2, 3]])
    found = settle(Rule(LOOKS, 1e-9), numbers, ended, pairs, ONE_FAMILY)
    assert found.reasons.tolist() == [SUPPORTED, SUPPORTED]
    assert found.looks.tolist() == [2, 3]


def test_each_comparison_of_a_grid_is_planned_once():
    space = {"a": {"values": [1, 2, 3]}, "b": {"values": ["x", "y"]}}
    numbers = {(a, b): 2 * i + j for i, a in enumerate("123") for j, b in enumerate(('"x"', '"y"'))}
    pairs, families = planned_pairs(space, numbers, {"parameter": "b", "baseline": "y"})
    assert pairs.tolist() == [[0, 2], [1, 3], [0, 4], [1, 5], [1, 0], [3, 2], [5, 4]]
    assert families.tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_tables_have_the_intervals_of_the_look_at_which_a_comparison_closed(tmp_path):
    found = settled_run(tmp_path, (18, 18, 12))
    differences = values()[[1, 2]] - values()[0]
    taken = np.array([[True, True, False]] * 2)
    for table, errors in (
        (comparison_table(found), [0.025, 0.05]),
        (settled_table(found), [0.025, 0.025]),
    ):
        ends = ("low", "high") if "low" in table else ("corrected_low", "corrected_high")
        limits = intervals(differences, LOOKS, taken, np.array(errors))[:, 1]
        assert table[list(ends)].to_numpy() == pytest.approx(limits, abs=1e-9)
        assert table["n"].tolist() == [12, 12]
        expected = differences[:, :12].mean(axis=1)
        assert table["difference"].to_numpy() == pytest.approx(expected)
    assert comparison_table(found)["supported"].tolist() == [True, False]
    assert settled_table(found)["closed"].tolist() == [SUPPORTED, EQUAL]
    assert settled_paths(found)["seeds"].tolist() == [6, 12, 6, 12]
    assert best_vs_rest(found)["n"].tolist() == [18, 12], "all that both settings have"


def test_means_of_arms_are_of_the_seeds_at_which_they_closed(tmp_path):
    table = compare_arms(settled_run(tmp_path, (18, 18, 12)), "width")
    assert table["n"].tolist() == [12, 12]
    assert table["baseline_mean"].tolist() == pytest.approx([values()[0, :12].mean()] * 2)


def test_a_comparison_with_a_setting_that_was_stopped_by_hand_is_censored(tmp_path):
    trials = [
        Trial(params={"width": width}, epochs=scores(row), seeds=range(18))
        for width, row in enumerate(values()[:2], start=1)
    ]
    trials.append(
        Trial(params={"width": 3}, epochs=scores([0.3]), seeds=[0], status="stopped by hand")
    )
    about = {
        "seeds": list(range(18)),
        "until_settled": RULE,
        "space": {"width": {"values": [1, 2, 3]}},
    }
    found = settled(load_run(write_run(tmp_path, trials, **about)))
    assert found.reasons.tolist() == [SUPPORTED, CENSORED]


def test_means_have_the_level_of_their_look(tmp_path):
    table = summary_table(settled_run(tmp_path))
    sample, level = values()[0, :12], LOOKS.levels(np.array([0.05]))[0, 1]
    from scipy import stats

    expected = stats.ttest_1samp(sample, 0).confidence_interval(1 - level)
    assert table.loc[0, ["ci_low", "ci_high"]].tolist() == pytest.approx(list(expected))


def test_a_run_without_the_rule_has_no_such_table(tmp_path):
    found = load_run(write_run(tmp_path, [Trial(params={"width": 1}, epochs=scores([1, 2, 3]))]))
    assert settled_table(found).empty
    assert settled_words(found) == ""


def test_the_report_says_when_each_comparison_closed(tmp_path):
    found = settled_run(tmp_path)
    page = write_report(found).read_text()
    assert "2 comparisons: 1 supported and 1 smaller than 0.2; 36 of at most 54 seeds" in page
    assert (tmp_path / "report" / "charts" / "settled.svg").exists()
    rows = (tmp_path / "report" / "tables" / "settled.csv").read_text().splitlines()
    assert [row.split(",")[1:3] for row in rows[1:]] == [["supported", "12"], ["equal", "12"]]
    assert "This run is not complete" not in page


def test_a_run_in_the_middle_of_its_first_block_has_a_report(tmp_path):
    found = settled_run(tmp_path, (6, 6, 3))
    assert settled_table(found)["closed"].tolist() == [OPEN, OPEN]
    assert np.isnan(settled_table(found)["difference"]).all()
    assert "2 comparisons: 2 open" in write_report(found).read_text()
