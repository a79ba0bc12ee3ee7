"""Spans of time as people write them: ``45m``, ``1h30m``."""

import math
import re
from typing import Any

from tuning.spec.values import shown

UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SPAN = re.compile("".join(rf"(?:([0-9]+(?:\.[0-9]+)?){unit})?" for unit in UNITS))


def seconds_of(span: Any) -> float:
    """``"45m"``, ``"1h30m"``, ``"2d"`` or a number of seconds, in seconds; NaN where it is none of
    these.
    """
    if type(span) in (int, float):
        return float(span)
    found = _SPAN.fullmatch(span.replace(" ", "")) if isinstance(span, str) else None
    amounts = found.groups() if found else ()
    if not any(amounts):
        return math.nan
    return sum(float(amount or 0) * of for amount, of in zip(amounts, UNITS.values(), strict=True))


def span_problem(name: str, span: Any) -> str | None:
    """What is wrong with a span that must be longer than nothing, in a sentence."""
    if 0 < seconds_of(span) < math.inf:
        return None
    return f"{name}={shown(span)} must be a span above 0: 90s, 45m, 1h30m, 2d, or seconds."
