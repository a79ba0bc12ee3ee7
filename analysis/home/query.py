"""Which rows of the list of runs are asked for, and in which order."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Row = Mapping[str, Any]
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_CONDITION = re.compile(r"\s*([\w.](?:[\w. ]*[\w.])?)\s*(<=|>=|==|!=|<|>|=)\s*(.*?)\s*")
_AGO = re.compile(r"(\d+)([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
TEXT = (
    "run", "study", "question", "state", "started", "metric", "mode", "data", "code", "note",
    "best_kind",
)  # fmt: skip
NUMBERS = (
    "planned", "awaited", "completed", "pruned", "diverged", "failed", "stopped by hand",
    "unfinished", "best", "best_low", "best_high", "best_n", "seeds", "epochs", "hours",
)  # fmt: skip


def wanted(
    study: str | None, tags: Iterable[str], since: str | None, where: Iterable[str]
) -> Callable[[Row], bool]:
    """Whether a row is of that study, has all the ``tags``, was started ``since`` and meets every
    condition of ``where``.

    Raises:
        ValueError: as ``condition`` and ``started_since``.
    """
    conditions = [condition(text) for text in where]
    if since is not None:
        conditions.append(started_since(since))
    asked = set(tags)
    return lambda row: (
        study in (None, row.get("study"))
        and asked <= set(row.get("tags", ()))
        and all(meets(row) for meets in conditions)
    )


def condition(text: str) -> Callable[[Row], bool]:
    """Whether a row meets a condition such as ``best > 0.95``, ``state == running`` or
    ``best_params.width == 64``. A row without the value meets none.

    Raises:
        ValueError: it is no condition, or on no column.
    """
    match = _CONDITION.fullmatch(text)
    if not match or not match[3]:
        raise ValueError(
            f"{text!r} is no condition. Give one as COLUMN OPERATOR VALUE, 'best > 0.95' say; the"
            f" operators are {', '.join(_OPERATORS)}."
        )
    name, compare, wanted = match[1], _OPERATORS[match[2]], match[3].strip("'\"")
    _check(name)
    return lambda row: _meets(_value(row, name), compare, wanted)


def started_since(text: str, now: datetime | None = None) -> Callable[[Row], bool]:
    """Whether a run was started at that time or later: an ISO date or time (UTC, unless it says
    otherwise), or how long ago, as ``30m``, ``12h``, ``7d``, ``2w``.

    Raises:
        ValueError: it is neither.
    """
    if ago := _AGO.fullmatch(text.strip()):
        first = (now or datetime.now(UTC)) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    else:
        first = _moment(text)
    return lambda row: bool(row.get("started")) and _moment(row["started"]) >= first


def ordered(rows: Iterable[Row], column: str) -> list[Row]:
    """Rows by a column, the smallest first; with a ``-`` before its name the largest. Rows without
    a value come last.

    Raises:
        ValueError: there is no such column.
    """
    name = column.removeprefix("-")
    _check(name)
    known = [row for row in rows if _value(row, name) is not None]
    unknown = [row for row in rows if _value(row, name) is None]
    is_text = any(isinstance(_value(row, name), str) for row in known)
    key = (lambda row: str(_value(row, name))) if is_text else (lambda row: _value(row, name))
    return sorted(known, key=key, reverse=column.startswith("-")) + unknown


def columns() -> Sequence[str]:
    """The columns that can be asked for, but for those of parameters, ``best_params.NAME``."""
    return (*TEXT, *NUMBERS)


def _check(name: str) -> None:
    if name not in columns() and not name.startswith("best_params."):
        raise ValueError(
            f"the list has no column {name!r}. It has {', '.join(columns())} and"
            " best_params.NAME for each parameter."
        )


def _value(row: Row, name: str) -> Any:
    column, _, key = name.partition(".")
    value = row.get(column)
    return (value or {}).get(key) if key else value


def _meets(value: Any, compare: Callable[[Any, Any], bool], wanted: str) -> bool:
    if value is None:
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return compare(value, float(wanted))
        except ValueError:
            return False
    return compare(str(value), wanted)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no time. Give a date as 2026-01-31, a time as 2026-01-31T12:00, or how"
            " long ago as 30m, 12h, 7d or 2w."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
