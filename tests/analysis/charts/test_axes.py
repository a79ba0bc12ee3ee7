"""Axes on which settings can be told apart."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analysis.charts.axes import axis, scale, tick_format

OUTLIER = [1.43, 0.61, 0.72, 48213.0]


@pytest.mark.parametrize(
    ("values", "format_"),
    [
        ([0.99950, 0.99990], ",.5~f"), ([0.5, 1.0], ",.2~f"), ([0, 5], ",.1~f"),
        ([48_000, 49_000], ",.0~f"), ([1e-9, 5e-9], ".1~e"),
        ([-1e300], ".2~e"), ([6e19, 6.0001e19], ".5~e"), ([], "~g"), ([0.0, 0.0], "~g"),
        ([np.nan, np.inf], "~g"),
    ],
)  # fmt: skip
def test_ticks_have_the_digits_that_tell_them_apart(values, format_):
    assert tick_format(values) == format_


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e3), st.integers(3, 9))
def test_ticks_within_any_range_read_differently(low, reach, ticks):
    found = tick_format([low, low + reach])
    decimals = int(found[2:].split("~")[0]) if found.endswith("f") else None
    if decimals is not None and low + reach > low:
        step = 10.0 ** np.floor(np.log10(reach / 6))
        assert round(low, decimals) != round(low + step, decimals)


def test_one_large_value_makes_a_logarithmic_axis():
    assert scale(OUTLIER).to_dict() == {"type": "log"}
    assert axis(OUTLIER).to_dict()["values"] == [
        0.1,
        1.0,
        10.0,
        100.0,
        1_000.0,
        10_000.0,
        100_000.0,
    ]
    assert scale(OUTLIER[:3]).to_dict() == {"zero": False}
    assert "values" not in axis(OUTLIER[:3]).to_dict()


def test_beside_negative_values_the_middle_of_the_axis_is_linear():
    values = [0.9, 0.8, -0.1, -48213.0]
    assert scale(values).to_dict()["type"] == "symlog"
    ticks = axis(values).to_dict()["values"]
    assert ticks == sorted(ticks)
    assert 0.0 in ticks
    assert min(ticks) <= -1_000


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=9))
@example([8.988465674311579e307, 8.98846567431158e307])
def test_any_values_have_an_axis(values):
    scale(values).to_dict()
    ticks = axis(values).to_dict().get("values", [])
    assert len(ticks) < 40
    assert np.isfinite(ticks).all()
