"""How amounts, lists and sentences read."""

from collections.abc import Iterable, Sequence

import pandas as pd

from analysis.text.rounding import MISSING

LEVEL = 0.05


def p_text(value: float) -> str:
    """A p-value with as many decimals as matter: none but 0.05 itself reads as 0.05."""
    if pd.isna(value):
        return MISSING
    if 0.995 <= value < 1:
        return "> 0.99"
    if value < 0.01:
        return "< 0.0001" if value < 0.0001 else f"{value:.4f}"
    texts = (f"{value:.{decimals}f}" for decimals in (2, 3, 4, 5, 6))
    return next((text for text in texts if float(text) != LEVEL), str(LEVEL))


def count(amount: int, noun: str) -> str:
    """``1 seed``, ``2 seeds``, ``1,200 seeds``."""
    return f"{amount:,} {noun}" + ("" if amount == 1 else "s")


def amount_words(name: str, amount: float) -> str:
    """``45 min``, ``1,200 epochs``."""
    if name != "seconds":
        return count(round(amount), name.removesuffix("s"))
    if amount < 120:
        return f"{amount:.0f} s" if amount >= 10 else f"{amount:.2g} s"
    return f"{amount / 60:.3g} min" if amount < 7200 else f"{amount / 3600:.3g} h"


def whole(value: float) -> str:
    """``1,200``; a dash where it is missing."""
    return MISSING if pd.isna(value) else f"{int(value):,}"


def listing(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *rest, last = list(words) or [""]
    return f"{', '.join(rest)} and {last}" if rest else last


def epochs_text(epochs: Sequence[int]) -> str:
    """``epoch 2``, ``epochs 2 and 6``."""
    return f"epoch{'s' * (len(epochs) > 1)} {listing(map(str, epochs))}"


def joined(first: Iterable[str], last: Iterable[str], between: str) -> list[str]:
    """``mean ± std``, ``low to high``: the first alone where there is no last."""
    return [
        start if end == MISSING else f"{start}{between}{end}"
        for start, end in zip(first, last, strict=True)
    ]


def sentences(*texts: str | None) -> str:
    """Texts one after the other, each with a full stop; empty ones are left out."""
    return " ".join(text if text.endswith(".") else f"{text}." for text in texts if text)
