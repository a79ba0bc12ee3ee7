"""What a value may be that a study is told: what the records keep exactly, and how it is shown."""

import json
import math
from collections.abc import Iterable
from typing import Any

LARGEST = 2**63 - 1
"""The largest whole number, of either sign: records, frames and Optuna hold 64 bits."""
MOST_SHOWN = 100
RULE = (
    "values are written to the records, so give finite numbers (whole ones within 64 bits), UTF-8 text, "
    "True, False or None (a name to look up in the trainable, say)."
)


def plain(value: Any) -> Any:
    """A scalar of numpy, or an array or tensor without dimensions, as Python's own; all else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def is_kept(value: Any) -> bool:
    """Whether the records keep ``value`` exactly, its type included."""
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is int:
        return abs(value) <= LARGEST
    return value is None or type(value) is bool or (type(value) is str and is_text(value))


def is_text(value: Any) -> bool:
    """Whether ``value`` is text that UTF-8 can write: the name of a file need not be."""
    return isinstance(value, str) and value == value.encode(errors="replace").decode()


def is_name(value: Any) -> bool:
    """Whether ``value`` can stand in a table as a name."""
    return is_text(value) and value != "" and value.isprintable()


def is_kept_whole(value: Any) -> bool:
    """As ``is_kept``, or lists, tuples and dicts of such values."""
    try:
        json.dumps(value, allow_nan=False)  # refuses what holds itself
    except (TypeError, ValueError, RecursionError):
        return False
    return _all_kept(value)


def _all_kept(value: Any) -> bool:
    if isinstance(value, dict):
        return all(is_kept(key) and _all_kept(each) for key, each in value.items())
    return all(map(_all_kept, value)) if isinstance(value, (list, tuple)) else is_kept(value)


def holds(values: Iterable[Any], value: Any) -> bool:
    """Whether ``value`` is one of ``values``."""
    return is_kept(value) and _identity(value) in [_identity(each) for each in values if is_kept(each)]


def holds_twice(values: Iterable[Any]) -> bool:
    """Whether two of ``values`` are the same."""
    found = [_identity(value) for value in values if is_kept(value)]
    return len(set(found)) < len(found)


def _identity(value: Any) -> tuple[bool, Any]:
    """Equal for values that are the same: 1 is 1.0 and is not True."""
    return type(value) in (int, float), value


def shown(value: Any) -> str:
    """``value`` as Python writes it, in one line of bounded length; its type where it cannot be written."""
    try:
        return cut(repr(value))
    except Exception:  # a whole number of more than 4,300 digits, an object of the user's own
        return f"<{type(value).__name__}>"


def cut(text: str) -> str:
    """One line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_SHOWN else f"{line[: MOST_SHOWN - 3]}..."
