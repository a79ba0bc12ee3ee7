"""A picture as a file for a paper."""

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from analysis.charts.columns import heightened, layouts
from analysis.charts.picture import DOTS, Picture
from analysis.report.export import latex

SPEC: dict[str, Any] = {
    "data": {"values": [{"x": 1, "y": 2, "c": "a"}, {"x": 2, "y": 1, "c": "b"}]},
    "mark": {"type": "point", "filled": True},
    "width": 300,
    "encoding": {
        "x": {"field": "x", "type": "quantitative"},
        "y": {"field": "y", "type": "quantitative"},
        "color": {
            "field": "c",
            "legend": None,
            "scale": {"domain": ["a", "b"], "range": ["#0072B2", "#D55E00"]},
        },
    },
}
PICTURE = Picture(name="dots", title="Dots", note="", spec=SPEC)


def size(svg: str) -> tuple[float, float]:
    found = re.search(r'width="([\d.]+)" height="([\d.]+)"', svg)
    assert found
    return float(found[1]), float(found[2])


def letters(svg: str) -> float:
    """The size in points at which the labels of the axes are seen."""
    scale = size(svg)[0] / float(re.findall(r'viewBox="0 0 ([\d.]+)', svg)[0])
    return float(re.findall(r'font-size="([\d.]+)px"', svg)[0]) * scale


def saved(tmp_path: Path, **options: Any) -> str:
    return PICTURE.save(tmp_path / "p.svg", **options).read_text()


def test_a_pdf_is_as_wide_as_it_was_asked_for(tmp_path: Path) -> None:
    pdf = PICTURE.save(tmp_path / "p.pdf", width=3.3).read_bytes()
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert pdf.startswith(b"%PDF")
    assert box
    assert float(box[1]) == pytest.approx(3.3 * 72, abs=0.01)


def test_a_png_has_enough_dots(tmp_path: Path) -> None:
    png = PICTURE.save(tmp_path / "p.png", width=2).read_bytes()
    assert Image.open(io.BytesIO(png)).size[0] == pytest.approx(2 * DOTS, abs=2)


@pytest.mark.parametrize(("width", "points"), [(3.3, 8), (6.5, 10), (3.3, 14), (None, 20)])
def test_letters_have_the_size_that_was_asked_for(
    width: float | None, points: float, tmp_path: Path
) -> None:
    svg = saved(tmp_path, width=width, font_size=points)
    assert letters(svg) == pytest.approx(points, rel=0.05)
    if width:
        assert size(svg)[0] == pytest.approx(width * 72, abs=0.01)


def test_long_labels_stay_whole_and_rows_have_room_for_them(tmp_path: Path) -> None:
    labels = [f"model forest, leaf {leaf}, max_features 0.33" for leaf in range(12)] + ["x" * 99]
    axis = {"labelLimit": 400}
    spec = {
        "data": {"values": [{"label": label, "x": 1} for label in labels]},
        "mark": "point",
        "width": 480,
        "height": {"step": 20},
        "encoding": {
            "y": {"field": "label", "type": "nominal", "sort": labels, "axis": axis, "title": None},
            "x": {"field": "x", "type": "quantitative"},
        },
    }
    narrow = replace(PICTURE, spec=spec)
    svg = narrow.save(tmp_path / "p.svg", width=3.3, font_size=8).read_text()
    lines = [*re.findall(r">([^<>]+)</t", svg)]
    rows = [line for line in lines if line.startswith("model forest")]
    assert len(rows) == 12
    assert lines.count("max_features 0.33") == 12
    assert "".join(line for line in lines if set(line) == {"x"}) == "x" * 100, "and the axis title"
    most = sum(set(line) == {"x"} for line in lines) - 1
    assert size(svg)[1] >= 13 * most * 8
    assert letters(svg) == pytest.approx(8, rel=0.05)


def test_letters_shrink_with_the_picture_else(tmp_path: Path) -> None:
    assert letters(saved(tmp_path)) == 12
    half = size(saved(tmp_path))[0] / 2 / 72
    assert letters(saved(tmp_path, width=half)) == pytest.approx(6, rel=0.01)


def test_fonts_and_colours_are_the_users(tmp_path: Path) -> None:
    svg = saved(tmp_path, font="Times New Roman", colors=["#112233"])
    assert 'font-family="Times New Roman"' in svg
    assert "#112233" in svg
    assert "#0072B2" not in svg
    assert "#D55E00" in svg


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("p.gif", {}, r"p\.gif must end in one of \.pdf, \.png, \.svg\."),
        ("p.pdf", {"width": 0}, r"0 is no size: give inches and points above 0\."),
        ("p.pdf", {"font_size": float("nan")}, r"nan is no size"),
        ("p.pdf", {"width": "3.3in"}, r"'3\.3in' is no size: give inches and points above 0\."),
    ],
)
def test_what_cannot_be_saved(name: str, options: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says):
        PICTURE.save(tmp_path / name, **options)
    assert not list(tmp_path.iterdir())


def test_a_picture_shows_itself_in_a_notebook() -> None:
    shown = PICTURE._repr_mimebundle_()
    assert shown["image/svg+xml"].startswith("<svg")
    assert shown["text/plain"] == "Dots"


def test_a_table_of_numbers_has_its_words_to_the_left() -> None:
    table = pd.DataFrame(
        {"net": ["cnn", "ffn"], "n": [5, 1200], "loss": [0.12345, None], "std": ["± 1", "\u2013"]}
    )
    lines = latex(table, "x", columns=["net", "loss", "n", "std"], decimals=2).splitlines()
    assert lines[3] == r"\begin{tabular}{lrrr}"
    assert lines[7:9] == [r"cnn & 0.12 & 5 & ± 1 \\", r"ffn & -- & 1,200 & -- \\"]
    assert r"0.12345" in latex(table, "x")


def test_decimals_round_figures_and_never_parameters() -> None:
    alpha = pd.Series([0.01, 0.3], dtype=object)
    table = pd.DataFrame({"alpha": alpha, "rmse_mean": [50.46, 56.29]})
    lines = latex(table, "x", decimals=1).splitlines()
    assert lines[7:9] == [r"0.01 & 50.5 \\", r"0.3 & 56.3 \\"]


def test_parameters_have_as_many_digits_as_tell_them_apart() -> None:
    rates = pd.Series([0.1 + 0.2, 0.3, 0.12345678], dtype=object)
    lines = latex(pd.DataFrame({"lr": rates}), "x", decimals=1).splitlines()
    assert lines[7:10] == [r"0.30000000000000004 \\", r"0.3 \\", r"0.123457 \\"]


FACETS: dict[str, Any] = {
    "data": {"name": "facts"},
    "columns": 3,
    "facet": {"field": "panel", "type": "nominal"},
    "spec": {"mark": "point", "width": 260, "height": 60, "encoding": SPEC["encoding"]},
    "datasets": {
        "facts": [
            {"x": 1, "y": 2, "c": "a", "panel": f"panel number {place}"} for place in range(4)
        ]
    },
}


def test_panels_stand_in_as_few_columns_as_letters_need() -> None:
    assert [layout["columns"] for layout in layouts(FACETS)] == [3, 2, 1]
    assert list(layouts(SPEC)) == [SPEC]


@pytest.mark.parametrize(("width", "tall"), [(3.3, True), (12, False)])
def test_a_narrow_picture_is_a_column(width: float, tall: bool, tmp_path: Path) -> None:
    svg = replace(PICTURE, spec=FACETS).save(tmp_path / "p.svg", width=width, font_size=8)
    across, high = size(svg.read_text())
    assert (high > across) == tall


def test_panels_grow_with_their_letters_until_they_are_square() -> None:
    heights = [heightened(FACETS, larger)["spec"]["height"] for larger in (0.5, 2, 9)]
    assert heights == [60, 120, 260]
    titled = {**FACETS, "facet": {**FACETS["facet"], "header": {"labelLimit": 60}}}
    low = {**titled, "spec": {**FACETS["spec"], "height": 20}}
    heights = [heightened(low, larger)["spec"]["height"] for larger in (1, 2)]
    assert heights == [4 * 2 * 12, 4 * 2 * 24], "titles of two lines take a fifth"
    assert heightened({**SPEC, "height": {"step": 20}}, 9)["height"] == {"step": 20}
    alone = {**SPEC, "height": 100}
    assert [heightened(alone, larger)["height"] for larger in (1.5, 2.25)] == [100, 150]
