"""What a value may be that a study is told: what the records keep exactly, and how it is shown."""

import json
import math
from collections.abc import Iterable
from typing import Any

LARGEST = 2**63 - 1
"""The largest whole number, of either sign: records, frames and Optuna hold 64 bits."""
MOST_SHOWN = 100
RULE = (
    "values are written to the records, so give finite numbers (whole ones within 64 bits), UTF-8"
    " text, True, False, None, or lists and mappings of these (a name to look up in the trainable,"
    " say)."
)


def plain(value: Any) -> Any:
    """A scalar of numpy, or an array or tensor without dimensions, as Python's own; all else as it
    is.
    """
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def as_json(value: Any) -> Any:
    """A value as it comes back from the records: lists for tuples, Python's own numbers for those
    of numpy. What holds itself stays as it is.
    """
    try:
        return _as_json(value)
    except RecursionError:
        return value


def _as_json(value: Any) -> Any:
    if type(value) in (list, tuple):
        return [_as_json(each) for each in value]
    if type(value) is dict:
        return {key: _as_json(each) for key, each in value.items()}
    return plain(value)


def own(value: Any) -> Any:
    """``value`` with lists, tuples, sets and mappings of its own, at any depth: whoever is given it
    may change them. What else they hold, arrays for example, is shared. What holds itself stays as
    it is.
    """
    try:
        return _own(value)
    except RecursionError:
        return value


def _own(value: Any) -> Any:
    if type(value) in (list, tuple):
        return type(value)(map(_own, value))
    if type(value) is dict:
        return {key: _own(each) for key, each in value.items()}
    return value.copy() if type(value) is set else value


def is_scalar(value: Any) -> bool:
    """Whether ``value`` is a number, text, True, False or None that the records keep exactly, its
    type included.
    """
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is int:
        return abs(value) <= LARGEST
    return value is None or type(value) is bool or (type(value) is str and is_text(value))


def is_kept(value: Any) -> bool:
    """As ``is_scalar``, or lists of such values and mappings of text to them."""
    return is_scalar(value) or (
        type(value) in (list, dict) and _is_written(value) and _is_json(value)
    )


def _is_written(value: Any) -> bool:
    """Whether JSON can write it, which refuses what holds itself."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _is_json(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str and is_text(key) for key in value) and all(
            map(_is_json, value.values())
        )
    return all(map(_is_json, value)) if type(value) is list else is_scalar(value)


def is_text(value: Any) -> bool:
    """Whether ``value`` is text that UTF-8 can write: the name of a file need not be."""
    return isinstance(value, str) and value == value.encode(errors="replace").decode()


def is_name(value: Any) -> bool:
    """Whether ``value`` can stand in a table as a name."""
    return is_text(value) and value != "" and value.isprintable()


def is_kept_whole(value: Any) -> bool:
    """As ``is_kept``, or tuples, or mappings of numbers: what a fixed value may be."""
    return _is_written(value) and _all_kept(value)


def _all_kept(value: Any) -> bool:
    if isinstance(value, dict):
        return all(is_scalar(key) and _all_kept(each) for key, each in value.items())
    return all(map(_all_kept, value)) if isinstance(value, (list, tuple)) else is_scalar(value)


def holds(values: Iterable[Any], value: Any) -> bool:
    """Whether ``value`` is one of ``values``, or equals a number of them: 1.0 does 1, True does
    not.
    """
    return is_kept(value) and _identity(value) in [
        _identity(each) for each in values if is_kept(each)
    ]


def holds_twice(values: Iterable[Any]) -> bool:
    """Whether two of ``values`` are the same: 1, 1.0 and True are three."""
    found = [json.dumps(value, sort_keys=True) for value in values if is_kept(value)]
    return len(set(found)) < len(found)


def _identity(value: Any) -> tuple[str, Any]:
    """Equal for values that are the same: 1 is 1.0 and is not True."""
    if isinstance(value, (list, dict)):
        return "nested", json.dumps(value, sort_keys=True)
    return "number" if type(value) in (int, float) else "", value


def shown(value: Any) -> str:
    """``value`` as Python writes it, in one line of bounded length; its type where it cannot be
    written.
    """
    try:
        return cut(repr(value))
    except Exception:  # a whole number of more than 4,300 digits, an object of the user's own
        return f"<{type(value).__name__}>"


def cut(text: str) -> str:
    """One line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_SHOWN else f"{line[: MOST_SHOWN - 3]}..."
