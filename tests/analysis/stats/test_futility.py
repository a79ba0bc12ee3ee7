"""Comparisons that are unlikely to be settled: their predictive power, and that they close."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.numerics.futility import predictive_power
from analysis.numerics.looks import Looks
from analysis.numerics.multiplicity import corrected
from analysis.numerics.sequential import Seen, p_values
from analysis.stats.planned import all_pairs
from analysis.stats.settling import FUTILE, MOST, OPEN, SUPPORTED, Rule, Settled, settle

LOOKS = Looks((4, 8, 12, 16, 20))
RULE = Rule(LOOKS, smallest=0.3, futility=0.2)


def power(
    mean: float,
    error: float,
    share: float,
    beyond: float,
    smallest: float = 0.0,
    short_of: float = np.inf,
) -> float:
    """By how many standard errors both tests want at the end."""
    at = Seen(*(np.array([[each]]) for each in (10, mean, error)))
    apart, equal = 2 * stats.norm.sf(beyond), 2 * stats.norm.sf(short_of)
    return float(predictive_power(at, share, apart, smallest, equal)[0, 0])


def test_the_chance_by_hand():
    """Half of the seeds show a difference of one standard error: at the end there are to be 2, of a
    normal distribution with mean 2**0.5 and standard deviation 1.
    """
    above, below = 1 - NormalDist().cdf(2 - 2**0.5), NormalDist().cdf(-2 - 2**0.5)
    assert power(0.1, 0.1, 0.5, 2.0) == pytest.approx(above + below, abs=1e-12)
    # The standard error is 0.0707 then: within 0.3 by 1.5 of them is within 2.743 of them.
    inside = NormalDist().cdf(2.74264 - 2**0.5) - NormalDist().cdf(-2.74264 - 2**0.5)
    assert power(0.1, 0.1, 0.5, 30.0, 0.3, 1.5) == pytest.approx(inside, abs=1e-5)
    assert power(0.1, 0.1, 0.5, 2.0, 0.3, 1.5) == 1.0, "one of both is certain"


@pytest.mark.parametrize(("seen", "smallest"), [(0.1, 0.0), (0.1, 0.26), (-0.25, 0.2), (0.0, 0.25)])
def test_the_chance_is_what_studies_show_whose_truth_is_as_likely_as_any(seen, smallest):
    """Of true differences that are spread evenly, those whose first 10 seeds showed ``seen``, with
    the other 20 seeds; a seed has a standard deviation of 0.5.
    """
    rng, draws = np.random.default_rng(3), 400_000
    truths = seen + 0.5 / np.sqrt(10) * rng.standard_normal(draws)
    rest = truths + 0.5 / np.sqrt(20) * rng.standard_normal(draws)
    mean, error = np.abs(10 * seen + 20 * rest) / 30, 0.5 / np.sqrt(30)
    settled = (mean > 2.2 * error) | (mean < smallest - 1.7 * error)
    found = power(seen, 0.5 / np.sqrt(10), 1 / 3, 2.2, smallest, 1.7)
    assert 0.05 < found < 0.9
    assert found == pytest.approx(settled.mean(), abs=0.004)


@pytest.mark.parametrize(
    ("mean", "error", "share"), [(0.1, 0.1, 1.0), (0.0, 0.0, 0.5), (np.nan, np.nan, 0.5)]
)
def test_nothing_is_hopeless_at_the_last_look_nor_without_a_spread(mean, error, share):
    assert power(mean, error, share, 3.0) == 1.0


def unlike(*means: float, spread: float = 1.0) -> np.ndarray:
    """Settings whose differences from the first have exactly these means after every 4 seeds."""
    pattern = spread * np.array([-1.0, 1.0, -1.0, 1.0])
    return np.array([np.tile(mean + pattern * (mean != 0), 5) for mean in means])


def closing(
    values: np.ndarray, rule: Rule = RULE, families: np.ndarray | None = None, ended: int = 20
) -> Settled:
    """All settings against the first, once so many seeds of each have ended."""
    pairs = np.array([(0, n) for n in range(1, len(values))])
    families = np.zeros(len(pairs), dtype=int) if families is None else families
    there = np.ones_like(values, dtype=bool) & (np.arange(20) < ended)
    return settle(rule, values, there, pairs, families)


def test_a_comparison_closes_once_the_chance_is_below_the_threshold():
    found = closing(unlike(0, 0.35))
    assert (found.reasons.tolist(), found.looks.tolist()) == ([FUTILE], [4])
    needed, chances = 2.17477, []  # standard errors at the last look, at its level of 0.02965
    for size in (4, 8, 12, 16):
        error = np.std(unlike(0.35)[0, :size], ddof=1) / np.sqrt(size)
        chances.append(power(0.35, error, size / 20, needed, 0.3, needed))
    assert min(chances[:3]) > 0.2 > chances[3]
    more = replace(RULE, futility=chances[1] + 1e-6)
    assert closing(unlike(0, 0.35), more).looks.tolist() == [2]
    assert closing(unlike(0, 0.35), replace(RULE, futility=0.0)).reasons.tolist() == [MOST]


def test_it_is_judged_among_as_many_as_its_family_has():
    six = unlike(0, *[0.5] * 6)
    assert set(closing(six).reasons) == {FUTILE}
    assert set(closing(six).looks) == {3}
    assert set(closing(six, families=np.arange(6)).reasons) == {MOST}


def test_equal_differences_and_lost_seeds_are_never_hopeless():
    assert closing(unlike(0, 0.35, spread=0)).reasons.tolist() == [SUPPORTED]
    lost = unlike(0, 0.35)
    lost[1, 2] = np.nan
    found = closing(lost)
    assert (found.reasons.tolist(), found.looks.tolist()) == ([MOST], [5])


def test_where_others_are_supported_later_its_seeds_may_suffice_after_all():
    """The first is judged among two when it is given up, and alone once the second is supported."""
    values, rule = unlike(0, 0.62, 0.6), Rule(Looks((16, 20)), 1e-6, futility=0.8)
    values[2, 16:] += 1.5
    first = closing(values, rule, ended=16)
    assert (first.reasons.tolist(), first.needed) == ([FUTILE, OPEN], {0, 2})
    last = closing(values, rule)
    assert (last.reasons.tolist(), last.looks.tolist()) == ([SUPPORTED, SUPPORTED], [1, 2])


def test_a_race_keeps_both_settings_of_such_a_pair():
    pairs, family = all_pairs(range(3))
    values = np.random.default_rng(5).normal([[0.0], [0.1], [-3.0]], 1.0, (3, 20))
    rule = replace(RULE, smallest=1e-6, race=1)
    found = settle(rule, values, np.ones_like(values, dtype=bool), pairs, family)
    assert found.reasons.tolist() == [FUTILE, SUPPORTED, SUPPORTED]
    assert found.left == {2}
    assert found.looks.tolist() == [2, 3, 3]


@st.composite
def studies(draw: st.DrawFn) -> tuple[np.ndarray, Rule]:
    """The numbers of some settings, a few of them lost, and a rule."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    spread = draw(st.sampled_from([0.0, 0.5, 1.5]))
    values = rng.normal(0, spread, (draw(st.integers(2, 4)), 1)) + rng.normal(0, 1, 20)
    values += rng.normal(0, 1, values.shape)
    values = np.round(values, draw(st.sampled_from([0, 9])))
    values[rng.random(values.shape) < draw(st.sampled_from([0.0, 0.02]))] = np.nan
    smallest, race = draw(st.sampled_from([1e-9, 1.5])), draw(st.sampled_from([0, 1, -1]))
    return values, Rule(LOOKS, smallest, draw(st.sampled_from([0.2, 0.8])), race=race)


def settled_at(values: np.ndarray, rule: Rule, ended: int) -> Settled:
    there = np.ones_like(values, dtype=bool) & (np.arange(20) < ended)
    return settle(rule, values, there, *all_pairs(range(len(values))))


@settings(max_examples=40)
@given(studies())
def test_what_is_given_up_is_not_supported_and_what_is_closed_stays_so(drawn):
    values, rule = drawn
    found, before = settled_at(values, rule, 20), settled_at(values, rule, 12)
    taken = np.arange(5) < found.looks[:, None]
    p = p_values(values[found.pairs[:, 1]] - values[found.pairs[:, 0]], LOOKS, taken)
    last = pd.Series(p[np.arange(len(p)), found.looks - 1])
    lost = np.isnan(values[found.pairs]).any(axis=1) & (np.arange(20) < 4 * found.looks[:, None])
    last = last.mask(lost.any(axis=1), 1.0)
    told = corrected(last, rule.tests(last)) <= 0.05
    given_up = found.reasons == FUTILE
    assert not told[given_up].any()
    assert not lost[given_up].any()
    assert (found.looks[given_up] < 5).all()
    closed = before.reasons != OPEN
    assert (found.looks[closed] == before.looks[closed]).all()
    same = found.reasons[closed] == before.reasons[closed]
    after_all = (before.reasons[closed] == FUTILE) & (found.reasons[closed] == SUPPORTED)
    assert (same | after_all).all()


@settings(max_examples=40)
@given(studies())
def test_a_threshold_of_nothing_changes_nothing(drawn):
    values, rule = drawn
    never, hardly = (settled_at(values, replace(rule, futility=f), 20) for f in (0.0, 1e-300))
    assert FUTILE not in never.reasons
    assert never.reasons.tolist() == hardly.reasons.tolist()
    assert never.looks.tolist() == hardly.looks.tolist()
    assert never.left == hardly.left
