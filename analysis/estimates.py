"""How good it was what a run said of the time it would take: each estimate held against when the session really ended."""

import pandas as pd

from analysis import page
from analysis.export import readable
from analysis.run_paths import RunPaths
from analysis.tail import Tail
from analysis.wording import count

SHOWN = (0.1, 0.25, 0.5, 0.75, 0.9)
COLUMNS = ["session", "passed", "left", "low", "high", "actual"]


def estimate_table(paths: RunPaths) -> pd.DataFrame:
    """One row per estimate of the sessions that ended by themselves: ``session`` (from 1), and in seconds ``passed`` (since its first
    line), ``left, low, high`` (as it was said) and ``actual`` (what was left in truth)."""
    rows: list[dict[str, float]] = []
    session: list[dict[str, float]] = []
    number, began = 0, 0.0
    for _, said in Tail(paths.estimates).new():
        if said.get("began"):
            session, number, began = [], number + 1, said["at"]
        elif said.get("ended"):
            rows += [{**row, "actual": said["at"] - row["at"]} for row in session]
            session = []
        else:
            session.append(
                {"session": number, "passed": said["at"] - began, "at": said["at"], **{k: said[k] for k in ("left", "low", "high")}}
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def estimates_section(table: pd.DataFrame) -> str:
    """What was said at some moments, and how often the range held the truth, as markup; empty where nothing was said."""
    if table.empty:
        return ""
    inside = ((table["low"] <= table["actual"]) & (table["actual"] <= table["high"])).sum()
    off = ((table["left"] - table["actual"]).abs() / (table["passed"] + table["actual"])).median()
    made = f"{count(len(table), 'estimate')} of the time left {'was' if len(table) == 1 else 'were'} made"
    told = (
        f"On the way, {made}, each with a range meant to hold the truth four times in five: it did {inside} of {len(table)} "
        f"times. Half of them were off by {off:.1%} of the session's time or less. Seconds:"
    )
    return page.paragraph(told) + page.table(readable(shown_estimates(table)))


def shown_estimates(table: pd.DataFrame) -> pd.DataFrame:
    """The estimates nearest to some shares of the last session's time, whole seconds."""
    last = table[table["session"] == table["session"].max()].reset_index(drop=True)
    share = last["passed"] / (last["passed"] + last["actual"])
    rows = last.loc[sorted({int((share - wanted).abs().idxmin()) for wanted in SHOWN})].reset_index(drop=True)
    names = {"passed": "passed", "left": "said to be left", "low": "from", "high": "to", "actual": "really left"}
    return rows[list(names)].rename(columns=names).round().astype(int)
