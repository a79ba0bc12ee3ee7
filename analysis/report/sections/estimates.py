"""How good it was what a run said of the time it would take: each estimate held against when the
session really ended.
"""

import pandas as pd

from analysis.records.follow import Tail
from analysis.records.paths import RunPaths
from analysis.report.export import readable
from analysis.report.section import Section, Table
from analysis.stats.findings import Findings
from analysis.text.format import count, listing

SHOWN = (0.1, 0.25, 0.5, 0.75, 0.9)
COLUMNS = ["session", "passed", "left", "low", "high", "actual"]


def estimates(findings: Findings) -> Section | None:
    """How good the estimates of the time left were."""
    return estimates_section(estimate_table(findings.run.paths))


def estimate_table(paths: RunPaths) -> pd.DataFrame:
    """One row per estimate of the sessions that ended by themselves: ``session`` (from 1), and in
    seconds ``passed`` (since its first line), ``left, low, high`` (as it was said) and ``actual``
    (what was left in truth).
    """
    rows: list[dict[str, float]] = []
    session: list[dict[str, float]] = []
    number, began = 0, 0.0
    for _, line in Tail(paths.estimates).new():
        at = line["at"]
        if line.get("began"):
            session, number, began = [], number + 1, at
        elif line.get("ended"):
            rows += [{**row, "actual": at - row["at"]} for row in session]
            session = []
        else:
            session.append({**line, "session": number, "passed": at - began})
    return pd.DataFrame(rows, columns=COLUMNS)


def estimates_section(table: pd.DataFrame) -> Section | None:
    """What was said at some moments, and how often the range held the truth; None where nothing was
    said.
    """
    if table.empty:
        return None
    inside = table["actual"].between(table["low"], table["high"]).sum()
    whole = table["passed"] + table["actual"]
    off = ((table["left"] - table["actual"]).abs() / whole).median()
    were = "was" if len(table) == 1 else "were"
    shown = shown_estimates(table)
    left = len(table) - len(shown)
    shares = listing(f"{share:.0%}".removesuffix("%") for share in SHOWN)
    cut = (
        f" The table has those nearest to {shares} % of the last session's time; the"
        f" {f'other {left} are' if left > 1 else 'other one is'} left out."
    )
    note = (
        f"On the way, {count(len(table), 'estimate')} of the time left {were} made, each with a"
        f" range meant to hold the truth four times in five: it did {inside} of {len(table)} times."
        f" Half of them were off by {off:.1%} of the session's time or less."
        f"{cut if left else ''} Seconds:"
    )
    return Section(
        anchor="estimates",
        title="How good the estimates of the time left were",
        tables=[Table(frame=readable(shown), note=note)],
    )


def shown_estimates(table: pd.DataFrame) -> pd.DataFrame:
    """The estimates nearest to some shares of the last session's time, whole seconds."""
    last = table[table["session"] == table["session"].max()]
    share = last["passed"] / (last["passed"] + last["actual"])
    rows = last.loc[sorted({(share - wanted).abs().idxmin() for wanted in SHOWN})]
    names = {"left": "said to be left", "low": "from", "high": "to", "actual": "really left"}
    shown = rows[COLUMNS[1:]].rename(columns=names).round().astype(int)
    return shown.reset_index(drop=True)
