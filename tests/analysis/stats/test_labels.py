"""Every value of a parameter has a text of its own."""

import json
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from run_folders import Trial, scores, write_run

from analysis import load_run
from analysis.live.state import Watched
from analysis.report.build import write_report
from analysis.stats.identity import identity
from analysis.stats.labels import LONGEST, Growing, describe, label, unambiguous, value_labels
from analysis.stats.tables import summary_table

ALIKE = [None, "none", True, "True", 1.5, "1.5", 0.12345671, 0.12345672, 1234567.0, 1234568.0]
TOLD = [
    "none",
    '"none"',
    "True",
    '"True"',
    "1.5",
    '"1.5"',
    "0.12345671",
    "0.12345672",
    "1234567",
    "1234568",
]

texts = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["none", '"none"', "True", "1", "1.5", "nan", "é", "e\u0301", " a", "a", "x" * 200]
    ),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)
values_of_all_kinds = st.lists(st.one_of(scalars, st.lists(scalars, max_size=3)), max_size=12)


def test_values_that_print_alike_are_told_apart():
    assert list(value_labels(ALIKE).values()) == TOLD


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1, 2, None], ["1", "2", "none"]),
        ([1.0, 2.0, math.nan], ["1", "2", "none"]),
        (["none", "some"], ["none", "some"]),
        ([True, 1], ["True", "1"]),
        ([1, 1.0000001], ["1", "1.0000001"]),
        ([0.9999999], ["0.9999999"]),
        ([1e-05, 0.001], ["1e-05", "0.001"]),
        ([1 / 3], ["0.333333"]),
        (["", " ", "a "], ['""', '" "', '"a "']),
        ([[64, 64], "[64, 64]"], ["[64, 64]", '"[64, 64]"']),
        (["a, b 1"], ['"a, b 1"']),
        ([1e300, -5e-324], ["1e+300", "-4.94066e-324"]),
    ],
)
def test_a_value_reads_as_it_was_given(values, told):
    assert list(value_labels(values).values()) == told


@given(values_of_all_kinds)
def test_the_labels_of_any_distinct_values_differ(values):
    found = value_labels(values)
    assert len(set(found.values())) == len(found) == len({identity(value) for value in values})


@given(values_of_all_kinds, values_of_all_kinds)
def test_labels_that_come_one_by_one_differ_too(listed, later):
    growing = Growing({"values": listed})
    found = {identity(value): growing.of(value) for value in [*listed, *later]}
    assert len(set(found.values())) == len(found)
    assert [growing.of(value) for value in later] == [found[identity(value)] for value in later]


def test_long_texts_are_cut_in_the_middle_and_stay_apart():
    first, last = value_labels(["a" * 100 + "1" + "b" * 100, "a" * 100 + "2" + "b" * 100]).values()
    assert first != last
    assert max(len(first), len(last)) < LONGEST + 10
    assert first.startswith("aaa")
    assert "\u2026bbb" in first


def test_drawn_values_are_short_but_those_that_would_read_alike():
    drawn = {
        "learning_rate": {"kind": "float", "low": 0.0, "high": 1.0, "log": False, "step": None}
    }
    growing = Growing(drawn["learning_rate"])
    assert [growing.of(value) for value in (0.00102345, 0.5, 0.00102399)] == [
        "0.00102",
        "0.5",
        "0.001024",
    ]


def run_of(tmp_path, values=ALIKE, **spec):
    trials = [
        Trial(params={"v": value}, epochs=scores([place + 0.1, place + 0.2, place + 0.3]))
        for place, value in enumerate(values)
    ]
    return load_run(write_run(tmp_path, trials, space={"v": {"values": list(values)}}, **spec))


def test_whole_numbers_stay_whole_beside_none(tmp_path):
    run = run_of(tmp_path, [3, 4, None])
    assert [label(run, "v", value) for value in summary_table(run)["v"]] == ["3", "4", "none"]
    assert describe(run, {"v": 3.0}) == "v 3"


def test_a_part_of_a_run_tells_values_as_the_whole_does(tmp_path):
    space = {"rate": {"kind": "float", "low": 0.0, "high": 1.0, "log": False, "step": None}}
    trials = [
        Trial(params={"rate": 0.50011}, epochs=scores([0.1]), seeds=[0]),
        Trial(params={"rate": 0.50012}, epochs=scores([0.2]), seeds=[1], phase="confirm"),
    ]
    run = load_run(write_run(tmp_path, trials, space=space, seeds=[0]))
    parts = [run, run.phase("search"), run.phase("confirm"), run.phase("search").phase("search")]
    assert {label(part, "rate", 0.50011) for part in parts} == {"0.50011"}
    assert {label(part, "rate", 0.50012) for part in parts} == {"0.50012"}


def test_tables_pictures_and_the_live_page_tell_all_settings_apart(tmp_path):
    run = run_of(tmp_path)
    page = write_report(run).read_text()
    for text in TOLD:
        shown = str(escape(text))
        assert f">{shown}</td>" in page
        assert json.dumps(f"v {text}") in page
    rows = (run.paths.tables / "summary.md").read_text().splitlines()[-len(TOLD) :]
    assert len({row.split("|")[1] for row in rows}) == len(TOLD)
    watched = Watched(run.paths.root)
    watched.refresh()
    assert sorted(trial.setting[0] for trial in watched.trials.values()) == sorted(TOLD)


def test_a_csv_file_tells_apart_what_would_read_alike_and_leaves_the_rest(tmp_path):
    run = run_of(tmp_path)
    kept = unambiguous(run, summary_table(run))["v"].tolist()
    assert [str(value) for value in kept[1:]] == [
        "none",
        "True",
        '"True"',
        "1.5",
        '"1.5"',
        *map(str, ALIKE[6:]),
    ]
    assert pd.isna(kept[0])
    plain = run_of(tmp_path / "plain", ["a", "b"])
    assert unambiguous(plain, summary_table(plain))["v"].tolist() == ["a", "b"]
