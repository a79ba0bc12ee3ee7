"""Levels, p-values and intervals that hold at every look."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.numerics.looks import Looks
from analysis.numerics.sequential import intervals, p_values, seen
from analysis.numerics.sign_flips import sign_flip_p_values
from benchmarks.looks_compared import obrien_fleming, pocock

LOOKS = Looks((5, 10, 15, 20, 25, 30))
ALL = np.ones((1, len(LOOKS.sizes)), dtype=bool)


@pytest.mark.parametrize(
    ("spending", "bounds"),
    [
        (obrien_fleming, [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        (pocock, [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
def test_the_levels_are_those_of_the_literature(spending, bounds):
    """Five equal looks at 5 %, as Lan and DeMets' program and rpact give them."""
    levels = Looks((1, 2, 3, 4, 5), spending).levels(np.array([0.05]))
    assert stats.norm.isf(levels[0] / 2) == pytest.approx(bounds, abs=2e-3)


def test_a_single_look_is_the_ordinary_test():
    once, sample = Looks((8,)), np.array([[0.3, 0.1, 0.4, 0.2, 0.3, -0.1, 0.2, 0.1]])
    assert once.levels(np.array([0.05, 0.01])).ravel() == pytest.approx([0.05, 0.01], rel=0.01)
    expected = max(stats.ttest_1samp(sample[0], 0).pvalue, sign_flip_p_values([sample[0]])[0])
    assert p_values(sample, once, ALL[:, :1])[0, 0] == pytest.approx(expected, rel=0.01)
    limits = intervals(sample, once, ALL[:, :1], np.array([0.05]))[0, 0]
    ordinary = stats.ttest_1samp(sample[0], 0).confidence_interval()
    assert limits == pytest.approx(list(ordinary), abs=0.002)


def test_equal_paths_cross_a_boundary_as_often_as_the_error_says():
    steps = np.random.default_rng(3).normal(size=(20_000, 30))
    sums = steps.cumsum(axis=1)[:, np.array(LOOKS.sizes) - 1] / np.sqrt(LOOKS.sizes)
    crossed = LOOKS.repeated(2 * stats.norm.sf(np.abs(sums))).min(axis=1) <= 0.05
    assert crossed.mean() == pytest.approx(0.05, abs=0.005)


def test_few_equal_differences_are_weak_evidence():
    same = np.full((1, 30), 0.25)
    found = p_values(same, LOOKS, ALL)[0]
    assert found[0] > 0.5
    assert found[-1] < 1e-6
    limits = intervals(same, LOOKS, ALL, np.array([0.05]))[0]
    assert np.isnan(limits[0]).all()
    assert limits[-1].tolist() == [0.25, 0.25]


def test_ties_alone_are_equal_and_never_different():
    ties = np.zeros((1, 30))
    assert (p_values(ties, LOOKS, ALL) == 1).all()
    assert p_values(ties, LOOKS, ALL, margin=0.01)[0, -1] < 1e-6


def test_a_difference_of_the_margin_is_not_called_equal():
    apart = 0.01 + np.random.default_rng(0).normal(0, 0.001, (1, 30))
    assert p_values(apart, LOOKS, ALL, margin=0.01)[0, -1] > 0.05
    assert p_values(apart, LOOKS, ALL, margin=0.02)[0, -1] < 0.05


def test_what_was_not_looked_at_says_nothing():
    sample = np.random.default_rng(1).normal(1, 0.2, (1, 30))
    taken = ALL.copy()
    taken[0, :2] = taken[0, 4:] = False
    found = p_values(sample, LOOKS, taken)[0]
    assert np.isnan(found).tolist() == [True, True, False, False, True, True]
    assert found[2:4].tolist() == p_values(sample, LOOKS, ALL)[0, 2:4].tolist()
    assert np.isnan(p_values(sample, LOOKS, ~ALL)).all()


def test_lost_seeds_are_left_out():
    sample = np.random.default_rng(2).normal(size=(1, 30))
    sample[0, [0, 7, 8]] = np.nan
    at = seen(sample, LOOKS, ALL)
    assert at.n.tolist() == [[4, 7, 12, 17, 22, 27]]
    left = sample[0, :10][~np.isnan(sample[0, :10])]
    assert (at.mean[0, 1], at.error[0, 1]) == pytest.approx((left.mean(), stats.sem(left)))
    nothing = seen(np.full((1, 30), np.nan), LOOKS, ALL)
    assert np.isnan(nothing.mean).all()


@given(
    st.lists(st.sampled_from([-0.5, -0.25, 0.0, 0.01, 0.25, 0.5]), min_size=30, max_size=30),
    st.sampled_from([0.05, 0.005]),
)
def test_a_supported_difference_has_an_interval_without_0(sample, error):
    rows = np.array([sample])
    found = p_values(rows, LOOKS, ALL)[0]
    low, high = intervals(rows, LOOKS, ALL, np.array([error]))[0].T
    supported = found <= error * 0.98  # levels are interpolated
    assert ((low > 0) | (high < 0) | np.isnan(low))[supported].all()
