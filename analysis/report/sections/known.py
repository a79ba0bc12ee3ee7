"""Facts that a study brings along."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.report.export import amount
from analysis.report.section import Section, Table
from analysis.stats.fidelity import is_number
from analysis.stats.findings import Findings


def known(findings: Findings) -> Section | None:
    """Its tables, beside each other."""
    content = findings.run.spec.get("tables")
    return known_of(content) if content else None


def known_of(content: Mapping[str, Sequence[Mapping[str, Any]]]) -> Section:
    """Tables of facts by their titles: rows of names and values."""
    tables = [_table(title, rows) for title, rows in content.items()]
    return Section(anchor="known", title="Known beforehand", tables=tables, beside=True)


def _table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    names = dict.fromkeys(key for row in rows for key in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    frame = pd.DataFrame({name: list(map(_fact, values)) for name, values in columns.items()})
    words = [name for name, values in columns.items() if not all(map(is_number, values))]
    return Table(title=title, frame=frame, words=words)


def _fact(value: Any) -> str:
    """A value of a table of facts: lists joined by x, numbers with their thousands marked."""
    if isinstance(value, list | tuple):
        return " x ".join(map(_fact, value))
    return "" if value is None else amount(value)
