"""How many digits of a number are shown: as many as its own spread supports or, where it has none,
as many as tell it from the others.

Nothing is rounded to 0, 1 or -1 (of percentages: to 0 or 100) unless it is that.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from analysis.numerics.means import mean as mean_of

MISSING = "\u2013"  # an en dash
DIGITS = 3  # significant ones, at the least
BOUNDS = (0.0, 1.0, -1.0)
PERCENT_BOUNDS = (0.0, 100.0, -100.0)
LARGE, SMALL = 1e9, 1e-4  # from there on, and below, numbers are written with an exponent
NOISE = 1e-12  # of a number: a spread this small is a rounding error
MOST = 17  # significant digits that tell any two floats apart


def number(value: float, digits: int = DIGITS) -> str:
    """A number with ``digits`` significant digits, without zeros at its end; a dash where it is
    missing or not finite.
    """
    if not _is_number(value):
        return MISSING
    text = _significant(float(value), digits)
    if not _is_misleading(text, value, BOUNDS):
        return text
    while digits < MOST and _is_misleading(text, value, BOUNDS):
        digits += 1
        text = _significant(float(value), digits)
    return _significant(float(value), min(MOST, digits + 1))  # two digits of the distance


def fixed(value: float, decimals: int, bounds: Sequence[float] = BOUNDS) -> str:
    """A number with ``decimals`` decimals, more where it would read as one of ``bounds`` without
    being that; very large and very small numbers with an exponent and the same last digit; a dash
    where it is missing or not finite.
    """
    if not _is_number(value):
        return MISSING
    value = float(value) + 0.0  # 0 has no sign
    if _has_exponent(value):
        return f"{value:.{min(MOST - 1, max(1, decimals + _exponent(value)))}e}"
    decimals = max(0, decimals)
    while decimals < MOST + 4 and _is_misleading(f"{value:.{decimals}f}", value, bounds):
        decimals += 1
    return f"{value:,.{decimals}f}"


def percent(share: float, decimals: int = 2) -> str:
    """``0.1234`` as ``12.34 %``."""
    text = fixed(100 * share, decimals, PERCENT_BOUNDS)
    return text if text == MISSING else f"{text} %"


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign, ``digits`` significant digits."""
    text = number(abs(value), digits)
    return text if text == MISSING else f"{'-' if value < 0 else '+'}{text}"


def span(low: float, high: float, digits: int = 2) -> tuple[str, str]:
    """Both ends of a range with their signs, and with as many digits as tell them apart."""
    while (
        digits < MOST
        and abs(high - low) > NOISE * abs(low)
        and signed(low, digits) == signed(high, digits)
    ):
        digits += 1
    return signed(low, digits), signed(high, digits)


def mean_text(values: Sequence[float], digits: int = 4) -> str:
    """The mean of the numbers of some seeds, to the digits that its standard error supports,
    ``digits`` at the least.
    """
    numbers = np.asarray(values, dtype=float)
    if not len(numbers) or not np.isfinite(numbers).all():
        return MISSING
    mean, error = mean_of(numbers.tolist()), math.nan
    if len(numbers) > 1 and np.ptp(numbers):
        error = float(numbers.std(ddof=1)) / math.sqrt(len(numbers))
    if _has_spread(mean, error):
        digits = max(digits, decimals_for(mean, error) + _exponent(mean) + 1)
    return number(mean, digits)


def decimals_for(value: float, spread: float, decimals: int | None = None) -> int:
    """How many decimals a number with this standard deviation, or half-width of its interval,
    deserves: such that the spread has two significant digits (one where it begins with 4 or more),
    and the larger of both has three. Negative for large numbers. ``decimals``: at the least,
    instead of those three digits; the spread then has one digit, or two where it begins with 1.
    """
    real = _has_spread(value, spread)
    size = max(abs(value), spread if real else 0.0)
    least = decimals if decimals is not None else DIGITS - 1 - (_exponent(size) if size else 0)
    return max(least, _decimals(spread, 3.55 if decimals is None else 1.5)) if real else least


def rounded(
    values: Iterable[float], spreads: Iterable[float] | None = None, decimals: int | None = None
) -> list[str]:
    """Numbers of one kind as texts, each with its own digits. ``spreads``: of each, missing where
    it has none; ``decimals``: at the least, instead of three significant digits.
    """
    table = pd.DataFrame({"value": floats(values)})
    known = np.full(len(table), np.nan) if spreads is None else floats(spreads)
    return rounded_rows(table, ["value"], known, decimals)["value"].tolist()


def rounded_rows(
    table: pd.DataFrame, names: Sequence[str], spreads: np.ndarray, decimals: int | None = None
) -> pd.DataFrame:
    """The columns ``names`` as texts. What stands in one row has the same decimals: those that the
    first figure there deserves. ``spreads``: one per row, see ``spread_of``.
    """
    columns = {name: floats(table[name]) for name in names}
    lead = np.full(len(table), np.nan)
    for values in columns.values():
        lead = np.where(np.isnan(lead), values, lead)
    places = row_decimals(lead, spreads, decimals)
    # Given decimals are those of percentages.
    bounds = BOUNDS if decimals is None else PERCENT_BOUNDS
    texts = {
        name: [fixed(value, place, bounds) for value, place in zip(values, places, strict=True)]
        for name, values in columns.items()
    }
    return pd.DataFrame(texts, index=table.index, dtype=object)


def spread_of(
    table: pd.DataFrame, deviations: Sequence[str] = (), limits: Sequence[tuple[str, str]] = ()
) -> np.ndarray:
    """How far the figures of each row scatter, by the least of its standard deviations and the
    half-widths of its intervals that is not 0; missing where there is none.
    """
    least = np.full(len(table), np.nan)
    spreads = [floats(table[name]) for name in deviations]
    spreads += [(floats(table[high]) - floats(table[low])) / 2 for low, high in limits]
    for values in spreads:
        least = np.fmin(least, np.where(values > 0, values, np.nan))
    return least


def row_decimals(values: np.ndarray, spreads: np.ndarray, decimals: int | None = None) -> list[int]:
    """The decimals of each value: by its spread or, where it has none, such that values that differ
    read differently. As many values as can be have the same: one more or fewer than by their spread
    as long as that keeps a digit, up to two more where they have none.
    """
    places: list[int] = []
    bounds: list[tuple[int, int]] = []
    wanted: set[int] = set()
    for value, spread, gap in zip(values, spreads, _gaps(values), strict=True):
        size = value if _is_number(value) else 0.0
        least = decimals_for(size, spread, decimals)
        if _has_spread(size, spread):
            low = max(_decimals(spread, 0), least - 1 if decimals is None else decimals)
            bounds.append((low, least + 1))
        else:
            least = max(least, _decimals(gap, 1.000001)) if math.isfinite(gap) else least
            bounds.append((least, least + 2))
        places.append(least)
        if size == value and not _has_exponent(value):
            wanted.add(least)
    return _aligned(places, bounds, wanted)


def _aligned(places: list[int], bounds: list[tuple[int, int]], wanted: set[int]) -> list[int]:
    """As many places as can be alike: that one of ``wanted`` which most ``bounds`` allow."""

    def fitting(place: int) -> tuple[int, int, int]:
        fit = sum(low <= place <= high for low, high in bounds)
        return fit, places.count(place), place

    most = max(wanted, key=fitting, default=0)
    return [
        most if low <= most <= high else place
        for place, (low, high) in zip(places, bounds, strict=True)
    ]


def distinct_digits(values: Iterable[float], least: int = 6) -> int:
    """How many significant digits keep apart what a picture shows of ``values``: five of their
    range, ``least`` at the least.
    """
    column = floats(values)
    known = column[np.isfinite(column)]
    reach = float(known.max() / 2 - known.min() / 2) * 2 if len(known) else 0.0
    if not reach or not math.isfinite(reach):
        return least
    return min(MOST, max(least, least - 1 + _exponent(np.abs(known).max()) - _exponent(reach)))


def _gaps(values: np.ndarray) -> np.ndarray:
    """How far each value is from the nearest other one."""
    ordered = np.unique(values[np.isfinite(values)])
    with np.errstate(over="ignore"):
        steps = np.diff(ordered)
    steps[steps <= NOISE * np.abs(ordered[1:])] = np.inf  # rounding errors make no other value
    nearest = np.minimum(np.append(steps, np.inf), np.insert(steps, 0, np.inf))
    gaps = np.full(len(values), np.inf)
    finite = np.isfinite(values)
    gaps[finite] = nearest[np.searchsorted(ordered, values[finite])] if len(ordered) else []
    return gaps


def _has_spread(value: float, spread: float) -> bool:
    return _is_number(spread) and spread > NOISE * abs(value)


def _decimals(spread: float, two_below: float) -> int:
    """Those of the first digit of a spread, or of the second where it begins with less than
    ``two_below``.
    """
    mantissa, exponent = f"{spread:e}".split("e")
    return (1 if float(mantissa) < two_below else 0) - int(exponent)


def _significant(value: float, digits: int) -> str:
    value = (
        float(f"{value:.{digits - 1}e}") + 0.0 if abs(value) < 10**digits else value
    )  # 99.97 is 100; 0 has no sign
    return f"{value:,.0f}" if 10**digits <= abs(value) < LARGE else f"{value:.{digits}g}"


def _is_misleading(text: str, value: float, bounds: Sequence[float]) -> bool:
    return float(text.replace(",", "")) in bounds and float(text.replace(",", "")) != value


def _exponent(value: float) -> int:
    return int(f"{abs(value):e}".split("e")[1])


def _has_exponent(value: float) -> bool:
    return bool(value) and not SMALL <= abs(value) < LARGE


def _is_number(value: float) -> bool:
    return not pd.isna(value) and math.isfinite(value)


def floats(values: Iterable[float]) -> np.ndarray:
    """Numbers of any kind as floats; NaN for what is none."""
    column = pd.Series(list(values), dtype=object)
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
