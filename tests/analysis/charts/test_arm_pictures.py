"""What the report of compared arms shows: confusions, misread images, tables, and that hostile
names stay text.
"""

import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report_pages import files_of, is_valid
from run_folders import Trial, digits_like, write_run

from analysis import load_run, write_report
from analysis.charts.pictures import OF_ARMS, draw
from analysis.report.page import section_html
from analysis.report.picture_files import write_picture
from analysis.report.sections.known import known_of
from analysis.stats.arms import arms_table
from analysis.stats.compared import compared
from analysis.stats.findings import find
from analysis.stats.predictions import (
    Predictions,
    confusion,
    gallery,
    misread_by_most,
    png,
    recorded_predictions,
)

HOSTILE = "</script><script>alert(1)</script>\"'`$%_&"
PICTURES = ["parts", "costs", "confusions", "gallery"]
BLANK = np.zeros((28, 28), np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return load_run(digits_like(tmp_path_factory.mktemp("digits"), images=1_000, epochs=3))


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def page(run):
    """The text of the page of ``run``, which is written."""
    return write_report(run).read_text(encoding="utf-8")


class Cells(HTMLParser):
    """The tables of a page as lists of rows of texts, header included."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.inside = [], False
        self.feed(text)

    def handle_starttag(self, tag, _):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.tables[-1][-1][-1] += data


def three_arms(folder, names, **spec):
    """Three images, labels 0, 1 and 2; the second arm misreads the last image, the third arm all of
    them.
    """
    labels = np.arange(3, dtype=np.uint8)
    told = np.array([[0, 1, 2], [0, 1, 1], [1, 2, 0]], dtype=np.uint8)
    arrays = {"labels": labels, "gallery_index": labels, "gallery_images": np.stack([BLANK] * 3)}
    trials = [
        Trial(
            params={"net": name},
            seeds=[0, 1],
            epochs=[{"accuracy": 0.5, "hits": 0.5, "parameters": 10 + place}] * 2,
            arrays={**arrays, "predictions": np.stack([told[place]] * 2)},
        )
        for place, name in enumerate(names)
    ]
    compare = {
        "parameter": "net",
        "baseline": names[0],
        "metrics": ["hits"],
        "parts": "class",
        "percent": False,
    }
    return write_run(
        folder, trials, **{"space": {"net": {"values": names}}, "compare": compare, **spec}
    )


def known_html(tables):
    return section_html(known_of(tables))


def drawn(run):
    return {picture.name: picture for picture in draw(find(run), OF_ARMS)}


def test_confusions_are_counted_over_all_seeds(run):
    _, (ffn, cnn) = recorded_predictions(run, compared(run))
    assert (ffn.name, ffn.predictions.shape, cnn.name) == ("ffn", (5, 1_000), "cnn")
    facts = confusion(ffn)
    plain = pd.crosstab(np.tile(ffn.labels, 5), ffn.predictions.ravel())
    for row in facts.to_dict("records"):
        assert row["count"] == plain.get(row["predicted"], pd.Series(dtype=int)).get(row["true"], 0)
    assert facts["count"].sum() == 5_000
    np.testing.assert_allclose(facts.groupby("true")["share"].sum(), 1)


def test_a_class_that_is_never_true_has_no_share():
    found = Predictions(
        name="a", labels=np.array([0, 0]), predictions=np.array([[0, 2]]), images={}
    )
    facts = confusion(found).set_index(["true", "predicted"])
    assert facts.loc[(0, 2), ["count", "share"]].tolist() == [1, 0.5]
    assert facts.loc[1, "share"].tolist() == [0, 0, 0]


def test_an_image_is_misread_when_more_than_half_of_the_seeds_misread_it():
    found = Predictions(
        name="a",
        labels=np.array([1, 1, 1]),
        predictions=np.array([[1, 0, 0], [1, 1, 0]]),
        images={},
    )
    assert misread_by_most(found).tolist() == [False, False, True]


def test_the_gallery_sorts_images_by_who_misreads_them():
    labels, images = np.array([4, 4, 4, 4]), dict.fromkeys(range(4), BLANK)
    old = Predictions(
        name="old",
        labels=labels,
        predictions=np.array([[9, 4, 9, 4], [9, 4, 9, 4], [1, 4, 4, 4]]),
        images=images,
    )
    new = Predictions(name="new", labels=labels, predictions=np.array([[4, 7, 6, 4]]), images={})
    facts, amounts = gallery(old, new)
    assert facts[["group", "index", "true", "read"]].to_numpy().tolist() == [
        ["only old", 0, 4, "9"],
        ["only new", 1, 4, "7"],
        ["both", 2, 4, "9 / 6"],
    ]
    assert amounts == {"only old": 1, "only new": 1, "both": 1}


def test_images_that_were_not_kept_are_counted_and_not_shown():
    labels = np.zeros(40, int)
    old = Predictions(
        name="old",
        labels=labels,
        predictions=np.ones((1, 40), int),
        images=dict.fromkeys(range(30), BLANK),
    )
    new = Predictions(name="new", labels=labels, predictions=labels[None], images={})
    facts, amounts = gallery(old, new)
    assert (len(facts), amounts["only old"]) == (24, 40)
    assert not facts.duplicated(["column", "row"]).any()


def test_a_png_holds_the_image():
    image = np.arange(28 * 20, dtype=np.uint8).reshape(28, 20)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png(image)))), image)


def test_ink_is_dark_in_the_gallery():
    ink = np.where(np.eye(28) > 0, 255, 0).astype(np.uint8)
    old = Predictions(
        name="old", labels=np.array([1]), predictions=np.array([[0]]), images={0: ink}
    )
    new = Predictions(name="new", labels=np.array([1]), predictions=np.array([[1]]), images={})
    address = gallery(old, new)[0].loc[0, "image"]
    shown = np.asarray(
        Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,"))))
    )
    assert (shown[0, 0], shown[0, 1]) == (0, 255)


def test_seeds_of_several_trials_make_one_arm(tmp_path):
    run = load_run(digits_like(tmp_path, images=200, epochs=2, per_trial=2))
    _, (ffn, _) = recorded_predictions(run, compared(run))
    assert ffn.predictions.shape == (5, 200)
    plain = np.vstack([run.arrays(trial)["predictions"] for trial in ("t0000", "t0001", "t0002")])
    np.testing.assert_array_equal(ffn.predictions, plain)
    table = arms_table(run, compared(run))
    assert table.loc[0, "baseline_mean"] == pytest.approx(100 * (plain == ffn.labels).mean())


def test_every_picture_is_valid_and_can_be_drawn(run, tmp_path):
    found = drawn(run)
    assert list(found) == PICTURES
    for picture in found.values():
        assert is_valid(picture)
        svg, image = write_picture(tmp_path, picture)
        without_images = re.sub(r"base64,[^\"]*", "", svg.read_text())  # may spell anything
        assert "NaN" not in without_images
        assert image.read_bytes().startswith(b"\x89PNG")
    svgs = {name: (tmp_path / f"{name}.svg").read_text() for name in found}
    for name, words in {
        "parts": ["overall", "digit", "test_accuracy (%)", "cnn"],
        "costs": ["109,386", "12,810", "parameters"],
        "confusions": ["read as digit", "true digit"],
        "gallery": ["Misread by only ffn", "Misread by both", "data:image/png;base64,"],
    }.items():
        assert [word for word in words if word not in svgs[name]] == []


def test_metrics_that_are_no_parts_have_an_axis_each(tmp_path):
    trials = [
        Trial(
            params={"net": net, "rate": rate},
            seeds=[0, 1],
            epochs=[{"rmse": [50.0, 60.0], "mae": [4.0, 5.0]}],
        )
        for net in "ab"
        for rate in (1, 2)
    ]
    space = {"net": {"values": ["a", "b"]}, "rate": {"values": [1, 2]}}
    compare = {"parameter": "net", "baseline": "a", "metrics": ["rmse", "mae"]}
    folder = write_run(tmp_path, trials, space=space, compare=compare, metric="rmse")
    found = drawn(load_run(folder))
    assert {name: picture.title for name, picture in found.items()} == {
        "parts": "Arms by rmse",
        "parts2": "Arms by mae",
    }
    for name, mean in (("parts", 55), ("parts2", 4.5)):
        facts = found[name].spec["datasets"]["facts"]
        assert [(row["part"], row["mean"]) for row in facts] == [
            ("rate 1", mean),
            ("rate 2", mean),
        ] * 2
        assert is_valid(found[name])
        assert f'"title": "{"rmse" if name == "parts" else "mae"}"' in json.dumps(found[name].spec)


def test_percentages_are_drawn_from_0_to_100_and_a_sentence_says_so(tmp_path):
    trials = [
        Trial(
            params={"net": name},
            seeds=[0, 1],
            epochs=[{"hits": scores, "parameters": weights}],
        )
        for name, weights, scores in (("a", 10, [0.001, 0.009]), ("b", 20, [0.981, 0.999]))
    ]
    compare = {"parameter": "net", "baseline": "a", "metrics": ["hits"], "parts": "class"}
    space = {"net": {"values": ["a", "b"]}}
    for percent in (True, False):
        folder = write_run(
            tmp_path / str(percent), trials, space=space, compare={**compare, "percent": percent}
        )
        run = load_run(folder)
        means = find(run).arms.means.set_index("arm")
        assert means.loc["a", "low"] < 0
        assert means.loc["b", "high"] > (100 if percent else 1)
        for name in ("parts", "costs"):
            picture = drawn(run)[name]
            facts = {row["arm"]: row for row in picture.spec["datasets"]["facts"]}
            assert (facts["a"]["low"] == 0, facts["b"]["high"] == 100) == (percent, percent)
            assert ("cut off at 0 and 100 %." in picture.note) == percent
            assert facts["a"]["limits"][0] in "-\u2212"


def test_right_answers_have_no_colour(run):
    facts = pd.DataFrame(drawn(run)["confusions"].spec["datasets"]["facts"])
    assert not facts.loc[facts["true"] == facts["predicted"], "wrong"].any()
    assert facts.loc[facts["wrong"], "count"].min() > 0


def test_three_arms_have_three_matrices_and_two_galleries(tmp_path):
    found = drawn(load_run(three_arms(tmp_path, ["a", "b", "c"])))
    assert list(found) == ["parts", "costs", "confusions", "gallery", "gallery2"]
    assert len(found["confusions"].spec["concat"]) == 3
    assert "Misread by only b: 1" in json.dumps(found["gallery"].spec)
    assert "Misread by only c: 3" in json.dumps(found["gallery2"].spec)


def test_arms_without_mistakes_have_no_gallery(tmp_path):
    labels = np.arange(3, dtype=np.uint8)
    arrays = {"labels": labels, "predictions": np.stack([labels])}
    trials = [
        Trial(params={"net": name}, seeds=[0], epochs=[{"accuracy": 1.0}], arrays=arrays)
        for name in "ab"
    ]
    compare = {"parameter": "net", "baseline": "a", "metrics": ["accuracy"]}
    found = drawn(
        load_run(
            write_run(tmp_path, trials, space={"net": {"values": ["a", "b"]}}, compare=compare)
        )
    )
    assert list(found) == ["parts", "confusions"]
    write_picture(tmp_path / "charts", found["confusions"])


def test_a_missing_arm_leaves_pictures_of_the_other(tmp_path):
    def fail(path):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        rows[1] |= {"status": "failed", "error": "ValueError: no"}
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    folder = digits_like(tmp_path, images=200, epochs=2)
    fail(folder / "trials.jsonl")
    run = load_run(folder)
    assert "cnn has no completed seed" in write_report(run).read_text()
    written = {path.stem for path in run.paths.charts.iterdir()}
    assert written & set(PICTURES) == {"parts", "confusions"}


def test_the_page_and_the_files_hold_the_same_numbers(run, page):
    tables = Cells(page).tables
    shown = next(table for table in tables if table[0][0] == "digit")
    stored = pd.read_csv(run.paths.tables / "arms.csv")
    assert (
        [row[0] for row in shown[1:]]
        == stored["part"].tolist()
        == ["overall", *map(str, range(10))]
    )
    for row, line in zip(shown[1:], stored.to_dict("records"), strict=True):
        assert (
            row[1] == f"{line['baseline_mean_percent']:.2f} \u00b1"
            f" {line['baseline_std_percentage_points']:.2f}"
        )
        assert float(row[3]) == pytest.approx(line["difference_percentage_points"], abs=0.005)
        assert (
            row[4]
            == f"{line['ci_low_percentage_points']:.2f} to {line['ci_high_percentage_points']:.2f}"
        )
    assert shown[0][-1] == "published difference (percentage points)"
    assert shown[6 + 0][-1] == f"+{stored.loc[5, 'published_difference_percentage_points']:.2f}"
    for name in ("arms.md", "arms.tex"):
        assert all(row[3] in (run.paths.tables / name).read_text() for row in shown[1:])
    costs = next(table for table in tables if table[0][0] == "architecture")
    assert costs[2][-4:] == ["88.29 % fewer", "37.5", "7.5", "9,020"]


def test_the_page_has_its_sections_and_stays_small(page):
    places = [
        page.find(f'<section id="{anchor}">')
        for anchor in ("trials", "arms", "costs", "summary", "pictures", "known", "reading")
    ]
    assert -1 not in places
    assert places == sorted(places)
    assert "comparisons" not in re.findall(
        '<section id="(.*?)">', page
    )  # the arms answer for the only parameter
    assert len(page) < 3_000_000
    assert "at least 9 seeds" in page
    assert "architecture cnn against ffn, by test_accuracy and by 10 digits" in page


def test_nested_lists_of_facts_are_products():
    cells = Cells(
        known_html(
            {
                "Layers": [
                    {"layer": "conv", "shape": [16, 13, 13], "parameters": 4640},
                    {"layer": "<i>"},
                ]
            }
        )
    ).tables[0]
    assert cells == [
        ["layer", "shape", "parameters"],
        ["conv", "16 x 13 x 13", "4,640"],
        ["<i>", "", ""],
    ]


def test_hostile_names_stay_text(tmp_path):
    known = {HOSTILE: [{HOSTILE: HOSTILE, "shape": [HOSTILE, 1]}]}
    rows = [{"net": HOSTILE, "metric": "hits", "mean": 0.4}]
    published = {"source": HOSTILE, "note": HOSTILE, "runs": 1, "rows": rows}
    run = load_run(three_arms(tmp_path, ["a", HOSTILE], tables=known, published=published))
    page = write_report(run).read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert page.count("&lt;/script&gt;&lt;script&gt;alert(1)") > 8
    svgs = list(run.paths.charts.glob("*.svg"))
    assert len(svgs) > 2
    assert not any("<script>" in svg.read_text() for svg in svgs)
    tex = (run.paths.tables / "arms.tex").read_text()
    assert r"\$\%\_\&" in tex
    assert "<script>" not in (run.paths.tables / "arms.md").read_text().replace(r"\<script\>", "")


def test_hostile_names_of_parts_and_metrics(tmp_path):
    metrics = [HOSTILE, f"{HOSTILE}_0", f"{HOSTILE}_1"]
    trials = [
        Trial(params={"net": name}, seeds=[0, 1], epochs=[dict.fromkeys(metrics, 0.5)] * 2)
        for name in "ab"
    ]
    compare = {
        "parameter": "net",
        "baseline": "a",
        "metrics": metrics,
        "parts": HOSTILE,
        "percent": True,
    }
    run = load_run(
        write_run(
            tmp_path, trials, space={"net": {"values": ["a", "b"]}}, compare=compare, metric=HOSTILE
        )
    )
    assert compared(run).names == ["overall", "0", "1"]
    page = write_report(run).read_text(encoding="utf-8")
    assert "<script>alert" not in page


def test_same_run_same_bytes(run, page):
    before = files_of(run.paths.report)
    write_report(load_run(run.paths.root))
    assert files_of(run.paths.report) == before
