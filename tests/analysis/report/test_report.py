"""The report as a whole: complete, self-contained, safe against hostile text, always the same."""

import json
import re
import subprocess
import sys

import pytest
from report_pages import HOSTILE, files_of, page_of
from run_folders import Trial, scores, write_run, xor_like

from analysis import load_run, write_report
from analysis.report import page as markup


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The folder where the bundled scripts are kept between the tests of this module."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, cache):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


@pytest.fixture(scope="module")
def grid(tmp_path_factory, cache):
    """The folder of a grid, and its page."""
    folder = xor_like(tmp_path_factory.mktemp("grid"), seeds=12, epochs=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        return folder, page_of(folder)


def test_a_full_report_has_every_file_and_links_only_to_those(grid):
    folder, page = grid
    report = folder / "report"
    written = set(files_of(report))
    names = ["mean", "solved", "seeds", "curves", "boundaries", "correlations"]
    tables = {
        "correlations.csv",
        "correlations.tex",
        "correlations.md",
        "summary.csv",
        "summary.tex",
        "summary.md",
        "seeds.csv",
        "published.csv",
        "statuses.csv",
        "comparisons.csv",
    }
    assert written == {"index.html", ".files.json"} | {
        f"charts/{name}.{kind}" for name in names for kind in ("svg", "png")
    } | {f"tables/{name}" for name in tables}
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    anchors = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert [
        link for link in links if not (link in written or link.removeprefix("#") in anchors)
    ] == []
    assert (report / "index.html").stat().st_size < 3_000_000


def test_it_begins_with_question_answer_data_n_and_command(grid):
    text = grid[1].text
    parts = [
        "Does width or depth help a small network learn continuous XOR?",
        "with mean accuracy",
        "bowls, generated; training 40; evaluation 20; sha256 abab",
        "12 settings, 12 seeds each",
        "study run bowls",
        "Trials",
        "How to read this",
        "packages.torch",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


def test_the_page_shows_the_numbers_of_the_table(tmp_path):
    text = page_of(
        write_run(
            tmp_path,
            [Trial(params={"width": 1}, epochs=scores([0.25, 0.5, 0.75], parameters=12810))],
        )
    ).text
    assert "1 12,810 3 0.500 0.250 0.500 -0.121 1.121" in text
    assert "2 \u2013 0 \u2013 \u2013 \u2013 \u2013 \u2013" in text


def test_nothing_is_loaded_from_anywhere(grid):
    folder, page = grid
    loaded = [
        (tag, name)
        for tag, attributes in page.elements
        for name in attributes
        if name in ("src", "srcset", "action", "data", "poster")
    ]
    assert loaded == []
    assert [
        tag
        for tag, _ in page.elements
        if tag in ("link", "iframe", "object", "embed", "base", "img")
    ] == []
    assert [
        attributes["href"]
        for tag, attributes in page.elements
        if "href" in attributes and "//" in attributes["href"]
    ] == []
    policy = next(
        attributes["content"]
        for tag, attributes in page.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "http" not in policy
    styles = re.findall(
        r"<style>(.*?)</style>", (folder / "report" / "index.html").read_text(), re.DOTALL
    )
    assert not any("url(" in style or "@import" in style for style in styles)


def test_each_chart_has_its_data_and_the_scripts_stand_there_once(grid):
    _, page = grid
    places = [
        attributes["data-spec"] for _, attributes in page.elements if "data-spec" in attributes
    ]
    data = [
        attributes["id"]
        for tag, attributes in page.elements
        if tag == "script" and attributes.get("type") == "application/json"
    ]
    assert (
        places
        == data
        == [
            f"spec-{name}"
            for name in ("mean", "solved", "seeds", "curves", "boundaries", "correlations")
        ]
    )
    assert len(page.scripts) == len(data) + 3
    assert len(json.loads(page.scripts[2])["datasets"]["facts"]) == 12 * 12


def test_hostile_text_is_shown_and_never_run(tmp_path):
    space = {HOSTILE: {"values": [HOSTILE, "b"]}}
    trials = [
        Trial(params={HOSTILE: HOSTILE}, epochs=scores([0.5, 0.6, 0.7])),
        Trial(params={HOSTILE: "b"}, epochs=[], status="failed", error=f"Traceback\n{HOSTILE}"),
    ]
    texts = {
        "question": HOSTILE,
        "command": HOSTILE,
        "data": {HOSTILE: HOSTILE},
        "fixed": {HOSTILE + "2": HOSTILE},
    }
    published = {
        "source": HOSTILE,
        "note": HOSTILE,
        "runs": 3,
        "rows": [{HOSTILE: HOSTILE, "mean": 0.5, "std": 0.1}],
    }
    page = page_of(
        write_run(
            tmp_path,
            trials,
            space=space,
            published=published,
            provenance={HOSTILE: {HOSTILE: HOSTILE}},
            **texts,
        )
    )
    assert [tag for tag, _ in page.elements if tag == "img"] == []
    assert [
        name for _, attributes in page.elements for name in attributes if name.startswith("on")
    ] == []
    assert [script for script in page.scripts if script.lstrip().startswith("alert")] == []
    assert page.text.count(HOSTILE) > 10
    assert f"Traceback {HOSTILE}" in page.text
    assert HOSTILE in json.dumps(json.loads(page.scripts[0]))
    tex = (tmp_path / "report" / "tables" / "summary.tex").read_text()
    assert "<script>" not in tex
    assert r"\$\%\_\&" in tex


def test_hostile_metric_name(tmp_path):
    trial = Trial(params={"width": 1}, epochs=[{HOSTILE: [0.5, 0.6]}] * 2, seeds=[0, 1])
    page = page_of(write_run(tmp_path, [trial], metric=HOSTILE))
    assert f"mean {HOSTILE} 0.55" in page.text
    assert len(page.scripts) == 6


def test_data_in_scripts_cannot_end_them():
    text = markup.in_script({"a": "</script><!--&"})
    assert json.loads(text) == {"a": "</script><!--&"}
    assert not set("<>&") & set(text)


def test_failed_trials_are_shown_with_their_error(tmp_path):
    failed = Trial(
        params={"width": 2},
        epochs=[],
        status="failed",
        error="Traceback (most recent call last):\n  File x\nValueError: no such width\n",
    )
    text = page_of(
        write_run(tmp_path, [Trial(params={"width": 1}, epochs=scores([0.5, 0.6, 0.7])), failed])
    ).text
    assert "t0001 (width 2), failed: ValueError: no such width" in text
    assert "Traceback (most recent call last): File x ValueError: no such width" in text
    assert "failed 1 3 1 x ValueError: no such width" in text
    assert "1 of 2 planned trials completed; 1 failed stands behind no number here." in text


def test_a_run_without_any_result_still_gets_a_page(tmp_path):
    page = page_of(
        write_run(tmp_path, [Trial(params={"width": 1}, epochs=[], status="running")], trials=2)
    )
    assert "No trial has completed with a number" in page.text
    assert "This run is not complete" in page.text
    assert not any("vega" in script for script in page.scripts)
    assert not (tmp_path / "report" / "charts").exists()


def test_what_a_study_does_not_say_is_said_and_empty_values_can_be_seen(tmp_path):
    text = page_of(
        write_run(
            tmp_path,
            [Trial(params={"width": 1}, epochs=scores([0.5, 0.6]), seeds=[0, 1])],
            data={},
            fixed={"root": ""},
        )
    ).text
    assert "Data not stated by the study n" in text
    assert "Fixed root '' Command" in text


def test_a_torn_line_is_said(tmp_path):
    write_run(tmp_path, [Trial(params={"width": 1}, epochs=scores([0.5, 0.6, 0.7]))])
    with (tmp_path / "epochs.jsonl").open("a") as file:
        file.write('{"trial": "t00')
    assert "The last line of epochs.jsonl is torn" in page_of(tmp_path).text


def test_same_run_same_bytes(grid):
    folder, _ = grid
    before = files_of(folder / "report")
    write_report(load_run(folder))
    assert files_of(folder / "report") == before


def test_the_scripts_are_bundled_anew_where_nothing_can_be_kept(tmp_path, monkeypatch, cache):
    kept = markup.vega_script()
    (bundle,) = (cache / "tune-studies").iterdir()
    assert kept.startswith(bundle.read_text(encoding="utf-8"))
    file = tmp_path / "no folder"
    file.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    assert markup.vega_script() == kept
    assert "</script" not in kept
    assert "vegaEmbed" in kept


def test_reading_alone_loads_no_drawing_and_no_statistics():
    code = (
        "import sys, analysis; print([name for name in ('altair', 'vl_convert', 'scipy', 'ray',"
        " 'torch') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=markup.__file__.rsplit("/", 2)[0],
    )
    assert done.stdout.strip() == "[]"


def test_printed_tables_are_not_cut_off_and_headings_stay_with_what_follows(grid):
    text = (grid[0] / "report" / "index.html").read_text()
    style = text.split("<style>")[1].split("</style>")[0]
    printed = style[style.rindex("@media print") :]
    assert re.search(r"\.scroll[^{]*\{ overflow: visible; \}", printed)
    assert re.search(r"h2[^{]*\{ break-after: avoid; \}", printed)
    assert float(re.search(r"\.dense table \{ font-size: ([\d.]+)pt", printed)[1]) < 7
    assert not re.search(r"\bth\b[^{}]*\{[^}]*overflow-wrap", style)  # "architectu re"
