"""What went wrong in which trial, for a report: a few trials one by one, many of the same error as one entry."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis import page
from analysis.errors import SHOWN as CHARACTERS
from analysis.errors import headline, shortened
from analysis.labels import describe
from analysis.runs import Run
from analysis.wording import count

SHOWN = 20
"""Kinds of errors, and trials of each kind, that are shown; a large search can have thousands of them."""


def error_section(run: Run) -> str:
    """Every kind of error, the most frequent first, with the trials that it ended and their tracebacks; empty where there is none."""
    ended = run.trials[run.trials["error"].notna()]
    if ended.empty:
        return ""
    kinds = [rows for _, rows in ended.groupby(["status", ended["error"].map(headline)], sort=False)]
    shown = sorted(kinds, key=len, reverse=True)[:SHOWN]
    return "\n".join(["\n<h3>Errors</h3>", *(_kind(run, rows) for rows in shown), _more(len(kinds) - len(shown), "kind")])


def _kind(run: Run, rows: pd.DataFrame) -> str:
    shown = rows.head(SHOWN).to_dict("records")
    errors = [_error(run, row, CHARACTERS if place == 0 else CHARACTERS // SHOWN) for place, row in enumerate(shown)]
    if len(errors) == 1:
        return errors[0]
    first = rows.iloc[0]
    # No count in the summary: an open entry of a live page is known by it.
    return page.folded(f"{first['status']}: {headline(first['error'])}", "\n".join([*errors, _more(len(rows) - len(errors), "trial")]))


def _error(run: Run, row: Mapping[Any, Any], most: int) -> str:
    """One trial with at most so many characters of its error."""
    named = f"{row['trial']} ({describe(run, row)}), {row['status']}: {headline(row['error'])}"
    log = f" and logs/{row['trial']}.log" if run.paths.log(row["trial"]).exists() else ""
    return page.details(named, shortened(row["error"], most, f"more in trials.jsonl{log} of the run"))


def _more(left: int, noun: str) -> str:
    return page.paragraph(f"{count(left, noun)} more; all errors are in trials.jsonl of the run.") if left else ""
