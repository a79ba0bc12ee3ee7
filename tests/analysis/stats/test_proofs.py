"""What the analysis claims, on simulated studies whose truth is known: short forms of ``python -m
benchmarks.proofs``.
"""

import numpy as np
import pytest
from scipy import stats

from analysis.numerics.intervals import t_intervals
from benchmarks.choices import best_of
from benchmarks.fold_proofs import coverage
from benchmarks.proofs import (
    DRAWS,
    arms_alarms,
    coefficient_coverage,
    mean_coverage,
    settings_alarms,
)
from benchmarks.search_proofs import correlation_errors, hand_ranks, search_ranks

pytestmark = pytest.mark.slow


def within(share, expected, studies, errors=3.5):
    """Whether a share counted over so many studies may well be ``expected``."""
    return abs(share - expected) <= errors * np.sqrt(expected * (1 - expected) / studies)


@pytest.mark.parametrize("draw", DRAWS)
def test_equal_settings_differ_in_one_study_of_twenty(draw):
    assert within(settings_alarms(DRAWS[draw], 600, 20), 0.05, 600)


def test_equal_arms_differ_in_one_study_of_twenty():
    assert within(arms_alarms(DRAWS["normal"], 200, 12), 0.05, 200)


@pytest.mark.parametrize("seeds", [10, 20, 50])
@pytest.mark.parametrize("draw", ["normal", "clumps"])
def test_bootstrap_intervals_hold_the_mean(draw, seeds):
    assert 0.92 <= mean_coverage(DRAWS[draw], 600, seeds) <= 0.975


def test_t_intervals_hold_the_mean_with_five_seeds():
    assert within(mean_coverage(DRAWS["normal"], 600, 5, t_intervals), 0.95, 600)


def test_a_plain_bootstrap_of_ten_seeds_is_too_narrow_which_is_why_ours_is_wider():
    samples = DRAWS["normal"](np.random.default_rng(10), (600, 10))
    plain = stats.bootstrap(
        (samples,), np.mean, axis=1, n_resamples=999, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert np.mean((plain.low <= 0.9) & (plain.high >= 0.9)) < 0.93


@pytest.mark.parametrize(
    ("method", "kind"), [("spearman", "bowl"), ("pearson", "line"), ("eta", "groups")]
)
def test_intervals_of_coefficients_hold_the_truth(method, kind):
    assert 0.89 <= coefficient_coverage(method, kind, 150, 30) <= 1


def test_importances_of_a_stopped_search_are_in_the_true_order_and_the_naive_ones_are_not():
    found = search_ranks(6, 120, "exponential").astype(float)
    assert found["ours"].mean() >= 0.9
    assert found["ours_first"].sum() == 0
    assert found["naive"].mean() < 0.7


def test_extrapolated_correlations_are_nearer_to_the_truth_than_any_other_way():
    errors = correlation_errors(6, 120, "exponential")
    assert (errors["extrapolated"] < 0.1).all()
    for other in ("survivors", "weighted", "naive"):
        assert (errors["extrapolated"] < errors[other]).all()


@pytest.mark.parametrize(("settings", "seeds", "studies"), [(2, 5, 150), (4, 5, 150), (12, 20, 20)])
def test_the_best_of_equal_settings_is_better_than_another_in_one_study_of_twenty_at_most(
    settings, seeds, studies
):
    alarms, held = best_of(DRAWS["normal"], studies, settings, seeds, student=True)
    assert alarms <= 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / studies)
    assert held >= 0.93 - 3.5 * np.sqrt(0.07 * 0.93 / studies)


def test_holm_alone_forgets_that_the_best_was_picked():
    """Which is why the best is not judged by it: 30 settings of 20 seeds, t statistics of the best
    against each other one.
    """
    values = np.random.default_rng(0).normal(size=(200, 30, 20))
    best = values[np.arange(200), values.mean(axis=2).argmax(axis=1)]
    p = stats.ttest_1samp(best[:, None] - values, 0, axis=2).pvalue
    smallest = np.nanmin(p, axis=1)
    assert np.mean(smallest <= 0.05 / 29) > 0.15
    assert np.mean(smallest <= 0.05 / (30 * 29 / 2)) <= 0.05


def test_the_corrected_variance_holds_for_folds_and_the_plain_one_does_not():
    found = coverage(data_sets=300, folds=5, repetitions=4)
    assert found["corrected"][0] >= 0.93
    assert found["corrected"][1] <= 0.09
    assert found["plain"][0] < 0.8
    assert found["plain"][1] > 0.15


@pytest.mark.parametrize("looks_bad", [False, True])
def test_importances_are_those_of_the_truth_where_a_person_stopped_every_fifth_trial(looks_bad):
    assert hand_ranks(4, 120, (), looks_bad)["ours"].mean() >= 0.9
