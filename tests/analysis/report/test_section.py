"""Sections of a page as they are shown."""

import pandas as pd

from analysis.report.page import section_html
from analysis.report.section import Section, Table

EMPTY = Table(frame=pd.DataFrame({"setting": []}), note="About what is not there.")
FULL = Table(frame=pd.DataFrame({"setting": ["width 3"]}))


def test_a_table_without_rows_is_not_shown() -> None:
    assert not Section(anchor="rungs", title="Rungs", tables=[EMPTY]).is_shown
    both = Section(anchor="rungs", title="Rungs", tables=[EMPTY, FULL])
    assert both.is_shown
    html = section_html(both)
    assert html.count("<table>") == 1
    assert EMPTY.note not in html


def test_columns_of_words_are_told_from_those_of_numbers() -> None:
    frame = pd.DataFrame(
        {
            "trial": ["0001", "0002"],
            "optimizer": ["adam", "\u2013"],
            "mean": ["0.93 \u00b1 0.02", "\u2013"],
            "from last values": ["0.10", ""],
        }
    )
    table = Table(frame=frame, words=["trial"], struck=["from last values"])
    assert table.kinds() == ["text", "word", "", "struck"]
