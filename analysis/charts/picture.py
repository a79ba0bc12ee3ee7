"""A picture of a report, in a notebook and for a paper."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from analysis.charts.columns import heightened, layouts
from analysis.charts.style import BLUE, COLOURS, FONT_SIZE, style
from analysis.charts.wrapped import wrapped
from analysis.records.write import write_aside

POINTS = 72
"""Points of an inch; a pixel of a picture is one where it is as large as the page shows it."""
DOTS = 300
"""Of an inch, in a PNG file."""
ENDINGS = (".pdf", ".png", ".svg")
LEAST, PAGE = 7.0, 9.0
"""Points of letters below which panels stand in fewer columns where no size was asked for, and
inches that a picture may be high by that.
"""
ROUNDS = 4
"""Larger letters make a picture wider, and a wider one is made smaller: after so many times the
letters have the size that was asked for, within a few percent.
"""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """``name`` is that of its files; ``note`` says what to know when reading it; ``spec`` is
    Vega-Lite without configuration; ``section``: the anchor of the section that shows it.
    """

    name: str
    title: str
    note: str
    spec: Mapping[str, Any]
    section: str = "pictures"

    def save(
        self,
        path: str | Path,
        *,
        width: float | None = None,
        font: str = "Helvetica, Arial, sans-serif",
        font_size: float | None = None,
        colors: Sequence[str] = (),
    ) -> Path:
        """Write the picture, black on white, as PDF, SVG or PNG: the ending of ``path`` says which.
        Returns the path.

        ``width``: in inches (3.3 is a column of many journals); None: as large as the report shows
        it. ``font``: as in CSS, one that is installed. ``font_size``: of the labels of the axes, in
        points; None: they grow and shrink with the picture. Labels too long for a line take
        several; panels stand in fewer columns where their letters would be too small. ``colors``:
        as in CSS, in place of the first of the report's own.

        Raises:
            ValueError: another ending, or a size that is not above 0.
        """
        target = Path(path)
        if target.suffix not in ENDINGS:
            raise ValueError(f"{target} must end in one of {', '.join(ENDINGS)}.")
        if wrong := [
            size for size in (width, font_size) if size is not None and not _is_size(size)
        ]:
            raise ValueError(f"{wrong[0]!r} is no size: give inches and points above 0.")
        given = dict(zip([BLUE, *COLOURS], [*colors[:1], *colors], strict=False))
        svg = self._fitted(width, font_size, {**style("black", "white"), "font": font}, given)
        return write_aside(target, _as_file(target.suffix, svg))

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        """For a notebook."""
        return {"image/svg+xml": self.svg(style("black", "white")), "text/plain": self.title}

    @property
    def shown(self) -> Mapping[str, Any]:
        """The specification with long labels over several lines."""
        return wrapped(self.spec, FONT_SIZE)

    def svg(self, config: Mapping[str, Any]) -> str:
        """The picture with a Vega-Lite configuration, its size in pixels."""
        return _svg(self.shown, config)

    def _fitted(
        self,
        width: float | None,
        font_size: float | None,
        config: Mapping[str, Any],
        colors: Mapping[str, str],
    ) -> str:
        """The picture, ``width`` inches wide, with letters of ``font_size`` points."""
        larger = 1.0
        narrow = self._narrowed(width, font_size or LEAST, config) if width else self.spec
        for _ in range(ROUNDS if font_size else 1):
            changed = heightened(_changed(narrow, larger, colors), larger)
            svg = _svg(wrapped(changed, FONT_SIZE * larger), _changed(config, larger, colors))
            scale = width * POINTS / _size(svg)[0] if width else 1.0
            if font_size:
                larger = font_size / (FONT_SIZE * scale)
        return _scaled(svg, scale)

    def _narrowed(
        self, width: float, font_size: float, config: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The picture with as many columns of panels as letters of ``font_size`` points allow, as
        far as a page has room for its rows.
        """
        narrow = self.spec
        for spec in layouts(self.spec):
            natural = _size(_svg(wrapped(spec, FONT_SIZE), config))
            scale = width * POINTS / natural[0]
            if spec is not self.spec and natural[1] * scale > PAGE * POINTS:
                break
            narrow = spec
            if FONT_SIZE * scale >= font_size:
                break
        return narrow


def _svg(spec: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    import vl_convert

    return str(vl_convert.vegalite_to_svg({**spec, "config": config}))


def _is_size(value: Any) -> bool:
    return isinstance(value, Real) and float(value) > 0


def _as_file(ending: str, svg: str) -> str | bytes:
    import vl_convert

    if ending == ".svg":
        return svg
    if ending == ".pdf":
        return bytes(vl_convert.svg_to_pdf(svg))
    return bytes(vl_convert.svg_to_png(svg, scale=DOTS / POINTS))


def _changed(value: Any, larger: float, colors: Mapping[str, str]) -> Any:
    """A specification with its letters, and the room that they take, ``larger``, and other
    colours.
    """
    if isinstance(value, Mapping):
        return {
            key: each * larger
            if key.lower().endswith(_GROWING) and isinstance(each, int | float)
            else _changed(each, larger, colors)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_changed(each, larger, colors) for each in value]
    return colors.get(value, value) if isinstance(value, str) else value


_GROWING = ("fontsize", "labelpadding", "labelseparation", "titlepadding", "offset")
_SIZE = re.compile(r'(<svg\b[^>]*?)\bwidth="([\d.]+)"([^>]*?)\bheight="([\d.]+)"')


def _size(svg: str) -> tuple[float, float]:
    found = _SIZE.search(svg)
    assert found
    return float(found[2]), float(found[4])


def _scaled(svg: str, scale: float) -> str:
    """The same picture, ``scale`` times as large: its viewBox stays."""
    width, height = (round(size * scale, 2) for size in _size(svg))
    return _SIZE.sub(rf'\g<1>width="{width}"\g<3>height="{height}"', svg, count=1)
