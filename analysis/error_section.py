"""What went wrong in which trial, for a report: a few trials one by one, many of the same error as one entry."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis import page
from analysis.runs import Run
from analysis.wording import count, describe, last_line

SHOWN = 20
"""Kinds of errors, and trials of each kind, that are shown; a large search can have thousands of them."""


def error_section(run: Run) -> str:
    """Every kind of error, the most frequent first, with the trials that it ended and their tracebacks; empty where there is none."""
    ended = run.trials[run.trials["error"].notna()]
    if ended.empty:
        return ""
    kinds = [rows for _, rows in ended.groupby(["status", ended["error"].map(last_line)], sort=False)]
    shown = sorted(kinds, key=len, reverse=True)[:SHOWN]
    return "\n".join(["\n<h3>Errors</h3>", *(_kind(run, rows) for rows in shown), _more(len(kinds) - len(shown), "kind")])


def _kind(run: Run, rows: pd.DataFrame) -> str:
    errors = [_error(run, row) for row in rows.head(SHOWN).to_dict("records")]
    if len(errors) == 1:
        return errors[0]
    first = rows.iloc[0]
    # No count in the summary: an open entry of a live page is known by it.
    return page.folded(f"{first['status']}: {last_line(first['error'])}", "\n".join([*errors, _more(len(rows) - len(errors), "trial")]))


def _error(run: Run, row: Mapping[Any, Any]) -> str:
    named = f"{row['trial']} ({describe(row, run.parameters)}), {row['status']}: {last_line(row['error'])}"
    return page.details(named, row["error"])


def _more(left: int, noun: str) -> str:
    return page.paragraph(f"{count(left, noun)} more; all errors are in trials.jsonl of the run.") if left else ""
