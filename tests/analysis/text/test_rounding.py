"""Digits: as many as the spread supports, as many as tell values apart, never a value that it is
not.
"""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.text.rounding import (
    BOUNDS,
    MISSING,
    decimals_for,
    distinct_digits,
    fixed,
    mean_text,
    number,
    percent,
    rounded,
    rounded_rows,
    signed,
    span,
    spread_of,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
near_bounds = st.builds(
    lambda bound, off: bound + off, st.sampled_from([0.0, 1.0, -1.0]), st.floats(-1e-3, 1e-3)
)


def read(text: str) -> float:
    return float(text.replace(",", ""))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.99987, "0.99987"), (0.9999996, "0.9999996"), (0.9996, "0.9996"), (0.999, "0.999"),
        (1.0, "1"), (0.0, "0"), (-0.0, "0"),
        (1e-300, "1e-300"), (-1e300, "-1e+300"), (6e19, "6e+19"), (48213.0, "48,213"),
        (1.43, "1.43"),
        (math.nan, MISSING), (math.inf, MISSING), (None, MISSING),
    ],
)  # fmt: skip
def test_a_number_reads_as_nothing_that_it_is_not(value, text):
    assert number(value) == text


@given(st.one_of(finite, near_bounds), st.integers(1, 6), st.integers(-3, 9))
def test_nothing_is_rounded_to_a_bound_unless_it_is_one(value, digits, decimals):
    for text in (
        number(value, digits),
        fixed(value, decimals),
        *rounded([value]),
        *rounded([value], [abs(value) or 1.0]),
    ):
        assert (read(text) in BOUNDS) == (value in BOUNDS)
        assert len(text) < 40


@given(st.floats(0, 1))
def test_a_share_reads_as_none_or_all_only_where_it_is(share):
    text = percent(share)
    assert (text == "100.00 %") == (100 * share == 100)
    assert (read(text.removesuffix(" %")) == 0) == (share == 0)


def test_percentages_beside_their_interval():
    table = pd.DataFrame(
        {"mean": [99.996, 98.5], "std": [0.003, 0.2], "low": [99.994, 98.3], "high": [99.998, 98.7]}
    )
    shown = rounded_rows(
        table, ["mean", "std", "low", "high"], spread_of(table, ["std"], [("low", "high")]), 2
    )
    assert shown.iloc[0].tolist() == ["99.996", "0.003", "99.994", "99.998"]
    assert shown.iloc[1].tolist() == ["98.500", "0.200", "98.300", "98.700"]


def test_one_large_value_does_not_decide_for_the_others():
    assert rounded([1.43, 0.61, 0.72, 48213.0]) == ["1.430", "0.610", "0.720", "48,213"]
    assert rounded([1.43, 0.61, 0.72, 48213.0], [0.02, 0.01, 0.011, 721.0]) == [
        "1.430",
        "0.610",
        "0.720",
        "48,213",
    ]


@pytest.mark.parametrize(
    ("values", "spreads", "texts"),
    [
        # One beyond what its spread supports, two where it has none.
        ([0.9425, 0.9428, 0.928], [math.nan] * 3, ["0.9425", "0.9428", "0.9280"]),
        ([0.9435, 0.945], [0.0058, math.nan], ["0.944", "0.945"]),
        ([0.61, 0.9598], [0.05, 0.0022], ["0.6100", "0.9598"]),
        ([0.61, 0.9598761], [0.05, 0.000022], ["0.610", "0.959876"]),
        # One fewer, as most others have: the zeros tell nothing.
        ([0.0, 0.66, 0.72], [0.0185, 0.09, 0.09], ["0.000", "0.660", "0.720"]),
        ([math.nan, 12.3], [math.nan, 3.0], [MISSING, "12.3"]),
        ([8.34e-5, 0.00435, 0.0188], [math.nan] * 3, ["8.34e-05", "0.00435", "0.01880"]),
    ],
)
def test_a_column_has_the_same_decimals_where_spreads_allow_it(values, spreads, texts):
    assert rounded(values, spreads) == texts


@pytest.mark.parametrize(
    ("value", "spread", "decimals"),
    [
        (0.95980, 0.00047, 4), (0.95503, 0.0022, 4), (0.61, 0.05, 3), (512.0, 30.0, 0),
        (0.99987, 1.5e-6, 7), (0.5, 0.0, 3),
        (0.5, math.nan, 3), (0.5, 1e-17, 3), (0.0, 0.02, 4), (-1e300, math.nan, -298),
    ],
)  # fmt: skip
def test_decimals_follow_the_spread(value, spread, decimals):
    assert decimals_for(value, spread) == decimals


@given(st.floats(1e-3, 1e3), st.floats(1e-6, 0.3))
def test_a_spread_is_seen_with_a_digit_or_two(value, share):
    (shown,) = rounded([value], [value * share])
    assert abs(read(shown) - value) <= 0.15 * value * share


def test_interval_ends_keep_the_digits_of_the_mean():
    table = pd.DataFrame({"mean": [0.99987], "std": [3e-5], "low": [0.99985], "high": [0.99989]})
    assert rounded_rows(
        table, ["mean", "low", "high"], spread_of(table, ["std"], [("low", "high")])
    ).iloc[0].tolist() == [
        "0.999870",
        "0.999850",
        "0.999890",
    ]


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.floats(0.999, 1.0)), min_size=2, max_size=8))
def test_values_without_a_spread_are_told_apart_as_far_as_they_differ(values):
    texts = rounded(values)
    for one, other, first, last in zip(values, values[1:], texts, texts[1:], strict=False):
        if abs(one - other) > 1e-9 * max(abs(one), abs(other)):
            assert first != last


def test_rounding_errors_make_no_digits():
    assert rounded([0.1 + 0.2, 0.3, 0.4]) == ["0.300", "0.300", "0.400"]
    assert span(-0.1, -0.0999999999999999) == ("-0.1", "-0.1")


def test_what_is_missing_or_not_finite_is_a_dash():
    assert rounded([math.nan, math.inf, -math.inf, None, 1.5]) == [MISSING] * 4 + ["1.50"]
    assert fixed(math.nan, 2) == signed(math.nan) == percent(math.nan) == MISSING


@given(finite, finite)
def test_the_ends_of_a_range_are_told_apart(one, other):
    low, high = min(one, other), max(one, other)
    if abs(high - low) > 1e-9 * max(abs(low), abs(high)):
        first, last = span(low, high)
        assert first != last


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.0813] * 5, "0.0813"), ([6.0, 7.0], "6.5"), ([0.99987, 0.99988, 0.99987], "0.9998733"),
        ([0.9999996], "0.9999996"),
        ([1.0], "1"), ([48213.4], "48,213"), ([math.nan, 1.0], MISSING), ([], MISSING),
        ([-1e300], "-1e+300"), ([0.1, 0.1, 0.1], "0.1"),
    ],
)  # fmt: skip
def test_the_mean_of_seeds_has_the_digits_that_they_support(values, text):
    assert mean_text(values) == text


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1.0), st.integers(2, 20))
def test_a_picture_keeps_apart_what_differs_within_its_range(middle, reach, amount):
    values = middle + np.linspace(0, max(reach, 1e-9 * abs(middle)), amount)
    digits = distinct_digits(values)
    if digits < 17:
        assert len({float(f"{value:.{digits}g}") for value in values}) == len(set(values))
