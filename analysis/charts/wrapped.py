"""Long labels over several lines, where a picture as it is would cut them: settings that begin
alike stay apart, and rows are as high as their labels.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

LETTER = 0.5
"""How wide a letter is on average, in the size of its font."""
FEWEST = 8
"""Letters of a line, at the least."""


def wrapped(spec: Any, size: float) -> Any:
    """A Vega-Lite specification whose labels with a ``labelLimit`` are broken into lines of about
    that width, and whose steps have room for them; ``size``: of the letters, in pixels.
    """
    return _wrapped(spec, size, max(_lines(spec, size), default=1))


def _wrapped(part: Any, size: float, lines: int) -> Any:
    if isinstance(part, list):
        return [_wrapped(each, size, lines) for each in part]
    if not isinstance(part, Mapping):
        return part
    done = {
        key: each if key == "datasets" else _wrapped(each, size, lines)
        for key, each in part.items()
    }
    if isinstance(step := _part(part, "height").get("step"), (int, float)):
        done["height"] = {"step": max(step, lines * (size + 2) + size / 2)}
    if limit := part.get("labelLimit"):
        pattern = f"regexp('{_pattern(limit, size)}', 'g')"
        broken = rf"split(trim(replace('' + datum.label, {pattern}, '$1\n')), '\n')"
        done = {**done, "labelLimit": 0, "labelExpr": broken}
    return done


def _lines(part: Any, size: float) -> Iterator[int]:
    """How many lines each label along a vertical axis takes that is named in its order."""
    if isinstance(part, list):
        for each in part:
            yield from _lines(each, size)
    if not isinstance(part, Mapping):
        return
    place = _part(part, "y")
    limit, order = _part(place, "axis").get("labelLimit"), place.get("sort")
    if limit and isinstance(order, list):
        yield from lines_of(order, limit, size)
    for key, each in part.items():
        if key != "datasets":
            yield from _lines(each, size)


def lines_of(labels: Iterable[Any], limit: float, size: float) -> Iterator[int]:
    """How many lines each label takes."""
    return (len(re.findall(_pattern(limit, size), str(label))) for label in labels)


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, Mapping) else {}


def _pattern(limit: float, size: float) -> str:
    """What a line takes: all that is left, or up to a comma, or a space, or of a longer word as
    much as fits.
    """
    most = max(FEWEST, int(limit / (LETTER * size)))
    return f"(.{{1,{most}}}$|.{{1,{most - 1}}},(?= )|.{{1,{most}}}(?= )|.{{{most}}}) ?"
