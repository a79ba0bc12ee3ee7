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
