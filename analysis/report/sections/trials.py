"""How the trials ended, and what went wrong in which of them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.records.frames import rows_of
from analysis.records.load import Run
from analysis.report.export import (
    readable,
)
from analysis.report.section import Entry, Section, Table, TableFile
from analysis.stats.findings import Findings
from analysis.stats.labels import describe, unambiguous
from analysis.stats.statuses import ended_themselves
from analysis.stats.tables import seed_table
from analysis.text.errors import SHOWN as CHARACTERS
from analysis.text.errors import headline, shortened
from analysis.text.format import count

SHOWN = 20
"""Kinds of errors, and trials of each kind, that are shown; a large search can have thousands of
them.
"""


def trials(findings: Findings) -> Section:
    """How many trials ended how, and their errors."""
    statuses = findings.statuses
    if findings.search is not None:
        statuses = statuses[statuses["trials"] > 0].reset_index(drop=True)
    note = ended_themselves(findings.run)
    table = Table(frame=readable(statuses), note=note, words=["phase", "status", "errors"])
    errors = errors_of(findings.run)
    return Section(anchor="trials", title="Trials", tables=[table], errors=errors)


def records(findings: Findings) -> Section:
    """Tables that stand in files alone."""
    files = [TableFile("statuses", findings.statuses)]
    files += [] if findings.over_seeds else [seeds_file(findings)]
    files += [TableFile("health", findings.health)] if len(findings.health) else []
    return Section(anchor="records", title="Records", files=files)


def seeds_file(findings: Findings) -> TableFile:
    """The metric of every seed; of a search those of both phases."""
    if findings.search is None:
        return TableFile("seeds", unambiguous(findings.run, findings.seeds))
    phases = [
        seed_table(findings.run.phase(phase)).assign(phase=phase) for phase in ("search", "confirm")
    ]
    return TableFile("seeds", unambiguous(findings.run, pd.concat(phases)))


def errors_of(run: Run) -> Entry | None:
    """Every kind of error, the most frequent first, with the trials that it ended and their
    tracebacks: a few trials one by one, many of the same error as one entry.
    """
    ended = run.trials[run.trials["error"].notna()]
    if ended.empty:
        return None
    groups = ended.groupby(["status", ended["error"].map(headline)], sort=False)
    kinds = sorted((rows for _, rows in groups), key=len, reverse=True)
    entries = [_kind(run, rows) for rows in kinds[:SHOWN]]
    return Entry("Errors", entries=entries, more=_more(len(kinds) - SHOWN, "kind"))


def _kind(run: Run, rows: pd.DataFrame) -> Entry:
    entries = [
        _error(run, row, CHARACTERS if place == 0 else CHARACTERS // SHOWN)
        for place, row in enumerate(rows_of(rows.head(SHOWN)))
    ]
    if len(entries) == 1:
        return entries[0]
    first = rows.iloc[0]
    # No count in the title: an open entry of a live page is known by it.
    title = f"{first['status']}: {headline(first['error'])}"
    return Entry(title, entries=entries, more=_more(len(rows) - SHOWN, "trial"))


def _error(run: Run, row: Mapping[Any, Any], most: int) -> Entry:
    """One trial with at most so many characters of its error."""
    title = f"{row['trial']} ({describe(run, row)}), {row['status']}: {headline(row['error'])}"
    log = f" and logs/{row['trial']}.log" if run.paths.log(row["trial"]).exists() else ""
    return Entry(title, shortened(row["error"], most, f"more in trials.jsonl{log} of the run"))


def _more(left: int, noun: str) -> str:
    if left <= 0:
        return ""
    return f"{count(left, noun)} more; all errors are in trials.jsonl of the run."
