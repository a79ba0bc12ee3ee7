"""Arms that are branches with parameters of their own."""

import pytest
from branching_studies import LISTS, branching_study
from inline_runs import run

from analysis import compare_arms
from analysis.records.load import Run
from analysis.report.build import write_report
from analysis.report.claims import claim
from analysis.report.sections.reading import reading
from analysis.stats.compared import arm_pairs, compared
from analysis.stats.findings import find
from analysis.stats.planned import planned_pairs
from analysis.stats.tables import setting_numbers
from tuning import Compare, Grid, Report


@pytest.fixture(scope="module")
def of_branches(tmp_path_factory: pytest.TempPathFactory) -> Run:
    compare = Compare(parameter="model", baseline="svm", metrics=["score"])
    report = Report(compare=compare)
    study = branching_study(space=LISTS, search=Grid(), seeds=3, report=report)
    return run(study, tmp_path_factory.mktemp("arms"))


def test_branches_are_paired_where_they_agree_in_what_both_have(of_branches: Run) -> None:
    table = compare_arms(of_branches)
    # At each rate, every forest and the one mean against both SVMs
    assert list(zip(table["arm"], table["at"], strict=True)) == [
        (arm, f"rate {rate}, C {c}{own}")
        for rate in (0.1, 0.2)
        for c in (1, 10)
        for arm, own in [
            *(("forest", f", max_depth {depth}") for depth in (2, 4, 8)),
            ("mean", ""),
        ]
    ]
    assert set(table["n"]) == {3}
    first = table.iloc[0]
    # C = 1 gives 0.8, depth 2 gives 0.6, both with 0.1 / 100 of the rate, and 15 / 16 after epoch 4
    assert first["baseline_mean"] == pytest.approx(0.801 * 15 / 16 + 0.001)
    assert first["difference"] == pytest.approx(-0.2 * 15 / 16)


def test_what_is_planned_is_what_is_compared(of_branches: Run) -> None:
    spec, numbers = of_branches.spec, setting_numbers(of_branches)
    pairs, family = planned_pairs(spec["space"], numbers, spec["compare"])
    what = compared(of_branches)
    assert what is not None
    arms = arm_pairs(of_branches, what)[["baseline_setting", "arm_setting"]].to_numpy()
    assert sorted(map(tuple, pairs[family == 1])) == sorted(map(tuple, arms))


def test_the_report_says_at_which_parameters(of_branches: Run) -> None:
    write_report(of_branches)
    page = of_branches.report.read_text()
    at = "forest against svm at rate 0.1, C 1, max_depth 2"
    assert f"<details><summary>{at}</summary>" not in page
    assert f"<h3>{at}</h3>" in page
    assert f"<details><summary>{at.replace('0.1', '0.2')}</summary>" in page


def test_many_comparisons_are_counted_and_the_best_setting_is_named(of_branches: Run) -> None:
    assert claim(find(of_branches)) == (
        "forest is better than svm by score in 0 of 12 comparisons, worse in 0, no evidence of a"
        " difference in 12; mean is better than svm by score in 0 of 4 comparisons, worse in 0, no"
        " evidence of a difference in 4; largest difference: mean against svm at rate 0.1, C 1,"
        " 0.4707 against 0.7519, -0.281, n = 3 paired seeds. Highest mean: rate 0.2, model forest,"
        " max_depth 8 with mean score 0.8466 [0.8377, 0.8491], n = 3, not distinguishable from 11"
        " other settings."
    )
    sentence = "The sentence at the top allows for the choice"
    assert sentence in " ".join(reading(find(of_branches)).points)


def test_arms_of_a_parameter_within_a_branch(of_branches: Run) -> None:
    table = compare_arms(of_branches, "C", baseline=10)
    assert table["at"].tolist() == ["rate 0.1, model svm", "rate 0.2, model svm"]


def test_metrics_of_a_comparison_are_recorded_ones_each_once(of_branches: Run) -> None:
    once = compare_arms(of_branches, "C", metrics=[of_branches.metric])
    assert compare_arms(of_branches, "C", metrics=of_branches.metric).equals(once)
    assert compare_arms(of_branches, "C", metrics=2 * [of_branches.metric]).equals(once)
    with pytest.raises(ValueError, match="'acurracy' given; there is"):
        compare_arms(of_branches, "C", metrics=["acurracy"])
