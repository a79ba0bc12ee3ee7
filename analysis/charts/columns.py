"""Pictures of several panels in fewer columns, for a narrow place."""

from collections.abc import Iterator, Mapping
from typing import Any

from analysis.charts.style import FONT_SIZE
from analysis.charts.wrapped import lines_of

AT_EASE = 1.5
"""So much larger letters leave a single panel enough of its height."""
TITLE = 4
"""A panel is so many times as high as its title, at the least."""


def layouts(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A Vega-Lite specification as it is, then with fewer and fewer columns of panels."""
    yield spec
    if "columns" in spec:
        for columns in range(min(spec["columns"], _panels(spec)) - 1, 0, -1):
            yield {**spec, "columns": columns}


def heightened(spec: Mapping[str, Any], larger: float) -> Mapping[str, Any]:
    """The specification with panels as much higher as its letters are larger, which would take
    their height else, until they are square or have room enough below their titles; a picture of
    one panel has some height to spare.
    """
    if "spec" in spec:
        titles = FONT_SIZE * larger * max(_title_lines(spec, FONT_SIZE * larger), default=0)
        return {**spec, "spec": _higher(spec["spec"], max(1.0, larger), TITLE * titles)}
    if "concat" in spec:
        return {**spec, "concat": [_higher(panel, max(1.0, larger)) for panel in spec["concat"]]}
    return _higher(spec, max(1.0, larger / AT_EASE))


def _panels(spec: Mapping[str, Any]) -> int:
    return len(spec["concat"]) if "concat" in spec else len(_titles(spec))


def _titles(spec: Mapping[str, Any]) -> set[Any]:
    rows = spec["datasets"][spec["data"]["name"]]
    return {row[spec["facet"]["field"]] for row in rows}


def _title_lines(spec: Mapping[str, Any], size: float) -> Iterator[int]:
    """How many lines the title of each panel takes; those of rows and columns stand beside all."""
    if limit := spec["facet"].get("header", {}).get("labelLimit"):
        yield from lines_of(_titles(spec), limit, size)


def _higher(panel: Mapping[str, Any], larger: float, least: float = 0) -> Mapping[str, Any]:
    width, height = panel.get("width"), panel.get("height")
    if not (isinstance(width, int | float) and isinstance(height, int | float)):
        return panel
    return {**panel, "height": max(height, least, min(width, height * larger))}
