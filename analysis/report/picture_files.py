"""Pictures as files: SVG and PNG."""

import re
from pathlib import Path

from analysis.charts.picture import Picture
from analysis.charts.style import style
from analysis.report.export import write_aside


def file_names(picture: Picture) -> tuple[str, str]:
    """The names of the files of a picture."""
    return f"{picture.name}.svg", f"{picture.name}.png"


def write_picture(folder: Path, picture: Picture) -> list[Path]:
    """Write ``<name>.svg`` and ``<name>.png`` (twice the size of the SVG), black on white."""
    import vl_convert

    svg = _tidy(picture.svg(style("black", "white")))
    png = vl_convert.svg_to_png(svg, scale=2)
    first, second = file_names(picture)
    return [write_aside(folder / first, svg), write_aside(folder / second, png)]


def _tidy(svg: str) -> str:
    """The same picture without what only makes it long (all digits of a coordinate, an opacity of
    1), its gradients and clips numbered from 0: Vega counts on through the process, so the second
    report would differ from the first.
    """
    svg = svg.replace(' opacity="1"', "")
    for kind in ("gradient_", r'(?:(?<=id=")|(?<=url\(#))clip'):
        svg = _renumbered(svg, kind)
    return re.sub(r'(?<=transform=")[^"]*|(?<= d=")[^"]*', _short_coordinates, svg)


def _renumbered(svg: str, kind: str) -> str:
    old = list(dict.fromkeys(re.findall(rf"{kind}(\d+)", svg)))
    return re.sub(rf"({kind})(\d+)", lambda match: f"{match[1]}{old.index(match[2])}", svg)


def _short_coordinates(match: re.Match[str]) -> str:
    return re.sub(r"\d+\.\d{3,}", lambda digits: f"{float(digits[0]):.2f}", match[0])
