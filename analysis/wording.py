"""How values, settings and numbers read in tables, titles and sentences."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

MISSING = "\u2013"  # an en dash


def show(value: Any) -> str:
    """The value of a parameter as text: numbers with at most six significant digits, the rest as it is."""
    if value is pd.NA:
        return MISSING
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def number(value: float, digits: int = 3) -> str:
    """A measured number with ``digits`` significant digits; a dash where there is none."""
    if pd.isna(value):
        return MISSING
    value = float(f"{value:.{digits - 1}e}") + 0.0 if abs(value) < 10**digits else value  # 0 has no sign
    if 10**digits <= abs(value) < 10**9:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def p_text(value: float) -> str:
    """A p-value with as many decimals as matter."""
    if pd.isna(value):
        return MISSING
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.01 else f"{value:.2f}"


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign, ``digits`` significant digits."""
    text = number(abs(value), digits)
    return text if text == MISSING else f"{'-' if value < 0 else '+'}{text}"


def count(amount: int, noun: str) -> str:
    """``1 seed``, ``2 seeds``, ``1,200 seeds``."""
    return f"{amount:,} {noun}" + ("" if amount == 1 else "s")


def listing(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *rest, last = list(words) or [""]
    return f"{', '.join(rest)} and {last}" if rest else last


def describe(setting: Mapping[str, Any], keys: Iterable[str]) -> str:
    """``width 3, depth 1``: the values of ``keys`` in ``setting``."""
    return ", ".join(f"{key} {show(setting[key])}" for key in keys)


def last_line(error: str | None) -> str:
    """The last line of a traceback that says something."""
    lines = [line.strip() for line in (error or "").splitlines() if line.strip()]
    return lines[-1] if lines else ""


def sentences(*texts: str | None) -> str:
    """Texts one after the other, each with a full stop; empty ones are left out."""
    return " ".join(text if text.endswith(".") else f"{text}." for text in texts if text)


def in_numbers(column: pd.Series, decimals: int | None = None) -> list[str]:
    """A column of measurements as text, all with the same decimals: as many as given, or three significant digits of the largest one.

    A value that would read as zero without being zero is written with an exponent instead.
    """
    values = pd.to_numeric(column, errors="coerce").astype(float)
    decimals = _decimals(values.abs().max()) if decimals is None else decimals
    return [_fixed(value, decimals) for value in values]


def decimals_for(std: pd.Series | float, values: pd.Series) -> int:
    """How many decimals measurements with these standard deviations deserve: enough to show the least of those above 0 with one digit, and
    three significant digits of the largest value; six at most."""
    spread = pd.Series(std, dtype=float)
    least = spread[spread > 0].min()
    return max(_decimals(values.abs().max()), 0 if math.isnan(least) else min(6, math.ceil(-math.log10(least))))


def _decimals(largest: float) -> int:
    """Those of three significant digits."""
    return 2 if not largest or not math.isfinite(largest) else max(0, min(9, 3 - math.ceil(math.log10(largest))))


def _fixed(value: float, decimals: int) -> str:
    if math.isnan(value):
        return MISSING
    if value and abs(value) < 0.5 * 10**-decimals:
        return f"{value:.1e}"
    return f"{value:,.{decimals}f}"
