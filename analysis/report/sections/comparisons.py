"""What the parameters of a grid do: each of their values against the first one."""

from functools import partial

import pandas as pd

from analysis.numerics.power import settled_text
from analysis.numerics.sign_flips import seeds_for_sign_flips
from analysis.records.load import Run
from analysis.report.export import readable_tests
from analysis.report.section import Section, Table, TableFile
from analysis.stats.findings import Findings
from analysis.stats.labels import label, written
from analysis.text.format import count

SHOWN_ROWS = 200  # longer tables stand in their CSV file alone
UNSHOWN = ["first_setting", "value_setting", "paired", "supported", "seeds_needed", "lost"]
SETTLE = "seeds to settle"

_NEEDED = (
    " Seeds to settle: how many paired seeds would show the difference seen, were it the true one,"
    " in four studies of five."
)
_CLOSED = " Each row is as it was when it closed."


def comparisons(findings: Findings) -> Section | None:
    """A row per value and combination of the other parameters."""
    if not findings.over_seeds:
        return None
    rows = findings.comparisons.head(SHOWN_ROWS)
    frame = _readable(findings.run, rows)
    pairing = (
        ""
        if rows["paired"].all()
        else " Where they share fewer than two seeds, the seeds are compared unpaired."
    )
    note = (
        f"Difference of mean {findings.run.metric}, value minus the first one, over the seeds that"
        f" both settings have.{pairing} Shaded rows are supported: their corrected interval"
        " excludes 0 and their Holm-corrected p-value is at most 0.05."
        + (_CLOSED if len(findings.settled) else _NEEDED if SETTLE in frame else "")
        + _too_few(findings)
    )
    table = Table(
        frame=frame,
        note=note,
        marked=list(rows["supported"]),
        words=["parameter", "at"],
        dense=True,
    )
    return Section(
        anchor="comparisons",
        title="What the parameters do",
        tables=[table],
        files=[TableFile("comparisons", _written(findings))],
    )


def _too_few(findings: Findings) -> str:
    """Where no row can be supported, however large its difference."""
    rows = findings.comparisons.dropna(subset=["p"])
    if len(findings.settled) or findings.run.folds > 1 or not rows["paired"].all():
        return ""
    most, needed = rows["n"].max(), seeds_for_sign_flips(len(rows)) if len(rows) else 0
    if not most < needed:
        return ""
    tests = f"{count(len(rows), 'sign-flip test')} {'needs' if len(rows) == 1 else 'need'}"
    return (
        f" With {count(int(most), 'seed')} no row can be supported, however large its difference:"
        f" {tests} {needed} seeds."
    )


def _readable(run: Run, rows: pd.DataFrame) -> pd.DataFrame:
    text = readable_tests(rows, "p (Holm)").drop(columns=UNSHOWN, errors="ignore")
    for name in ("first", "value"):
        text[name] = list(map(partial(label, run), rows["parameter"], rows[name]))
    settled = list(map(settled_text, rows["seeds_needed"]))
    text = text.assign(**{SETTLE: settled}) if any(settled) else text
    return text if len(run.parameters) > 1 else text.drop(columns="at")


def _written(findings: Findings) -> pd.DataFrame:
    rows = findings.comparisons.drop(columns=["first_setting", "value_setting"])
    for name in ("first", "value"):
        values = map(partial(written, findings.run), rows["parameter"], rows[name])
        rows[name] = pd.Series(list(values), index=rows.index, dtype=object)
    return rows
