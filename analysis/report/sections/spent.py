"""What a search spent and what stopping saved."""

import pandas as pd

from analysis.report.export import Figures, readable
from analysis.report.section import Section, Table, TableFile
from analysis.stats.cost import ALL
from analysis.stats.findings import Findings
from analysis.stats.search_trials import upfront_share
from analysis.text.rounding import MISSING, fixed, number


def rungs(findings: Findings) -> Section | None:
    """What became of the trials that reached each rung."""
    search = findings.search
    if search is None:
        return None
    text = readable(search.rungs, [Figures(["best"]), Figures(["passed_at"])]).rename(
        columns={"went_on": "went on", "passed_at": "passed at"}
    )
    rung = (
        "an epoch at which trials are compared: stopped there, or before the next"
        if search.run.judged_anywhere
        else "an epoch at which the worse are stopped"
    )
    note = (
        f"What became of the trials that reached each rung, {rung}. best: the best"
        f" {search.run.metric} at that epoch; passed at: the worst there of the trials that went"
        " on, for the first trials pass more easily than later ones; others failed, diverged, ended"
        " themselves, were stopped by hand or are not finished there."
    )
    silent = [
        f" Ranks at epoch {rung} say nothing about those at epoch {after} (rank correlation"
        f" {fixed(told.rank, 2)}, n = {told.n}; over all that reached it at most"
        f" {fixed(told.highest, 2)}): at such a rung Asha stops nobody, once that is sure."
        for rung, after, told in search.silent_rungs
    ]
    return Section(
        anchor="rungs",
        title="Rungs",
        tables=[Table(frame=text, note=note + "".join(silent))],
        files=[TableFile("rungs", search.rungs)],
    )


def cost_table(findings: Findings) -> Section | None:
    """Epochs and seconds by phase and end state."""
    if findings.search is None:
        return None
    search = findings.search
    rows = search.cost_table
    note = "Epochs and seconds that the trials spent, as their epochs were timed. " + (
        "Saved is what trials that were pruned, stopped by hand, diverged or ended themselves would"
        " have needed to the full length; its seconds are an estimate: the epochs left, at the mean"
        " seconds per epoch of that very trial."
        if upfront_share(search.run) is None
        else "Nothing counts as saved: a trial spends its time before its first epoch is reported."
    )
    words, marked = ["phase", "ended"], list(rows["phase"] == ALL)
    return Section(
        anchor="cost_table",
        title="What it took",
        tables=[Table(frame=_readable(rows), note=note, marked=marked, words=words)],
        files=[TableFile("cost_table", rows)],
    )


def _readable(rows: pd.DataFrame) -> pd.DataFrame:
    amounts = ("trials", "epochs", "seconds", "epochs_saved", "seconds_saved")
    shown = {name: rows[name].map(_amount) for name in amounts}
    ended = rows["status"].mask(rows["status"] == ALL, "")
    text = pd.DataFrame({"phase": rows["phase"], "ended": ended, **shown}, dtype=object)
    return text.rename(
        columns={"epochs_saved": "epochs saved", "seconds_saved": "seconds saved (estimate)"}
    )


def _amount(value: float) -> str:
    if pd.isna(value):
        return MISSING
    return f"{value:,.0f}" if value >= 10 or value == int(value) else number(value, 2)
