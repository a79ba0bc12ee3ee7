"""KEY=VALUE from the command line as values of a study."""

import json
import re
from collections.abc import Sequence
from typing import Any

from tuning.spec.errors import StudyError


def parse_overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """``["width=2", "depth=[0, 1]", "data=mnist"]`` as a mapping.

    A value is read as JSON (numbers, true, false, null, lists, "quoted text"), ``.5``, ``1.``,
    ``+5``, ``nan`` and ``inf`` as numbers, anything else as text.

    Raises:
        StudyError: with every pair that has no ``=``, no key or half a list, and every key given
        twice.
    """
    found, values = [], {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key, text = key.strip(), text.strip()
        if not (key and equals and text):
            found.append(f"--set {pair!r} must read KEY=VALUE, as in --set epochs=20.")
        elif key in values:
            found.append(f"--set {key} is given twice.")
        elif (value := _parse(text)) is _UNREADABLE:
            found.append(
                f"--set {pair!r}: the value cannot be read; lists are written [1, 2, 3], text with"
                ' blanks "in quotes".'
            )
        else:
            values[key] = value
    if found:
        raise StudyError(found)
    return values


_UNREADABLE = object()
# As Python and YAML have numbers, and JSON has not: .5, 1., +5. A leading zero is that of a text.
_WHOLE = "(0|[1-9][0-9]{0,999})"
_NUMBER = re.compile(rf"[+-]?({_WHOLE}\.?|{_WHOLE}?\.[0-9]+)([eE][+-]?[0-9]+)?")


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    if text[0] in '[{"':
        return _UNREADABLE
    if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return float(text)
    if _NUMBER.fullmatch(text):
        return float(text) if set(text) & set(".eE") else int(text)
    return {"True": True, "False": False, "None": None}.get(text, text)
