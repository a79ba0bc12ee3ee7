"""What the claims about grids, arms and searches have in common."""

import pandas as pd

from analysis.records.schema import Status
from analysis.text.format import count, listing
from analysis.text.rounding import MISSING, span


def sentence(*sentences: str) -> str:
    """Sentences with a capital and a full stop each; empty ones are left out."""
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in sentences if text)


def missing(statuses: pd.DataFrame) -> str:
    """Which planned trials stand behind nothing, and which were stopped early, as the study wants
    it; empty where all completed.
    """
    trials = statuses.set_index("status")["trials"]
    ends = {Status.PRUNED: "early by design", Status.STOPPED: "by hand"}
    rest = trials.drop(["planned", Status.COMPLETED, *ends], errors="ignore")
    rest = rest[rest > 0]
    parts = [
        f"{stopped} {'was' if stopped == 1 else 'were'} stopped {how}"
        for status, how in ends.items()
        if (stopped := trials.get(status, 0))
    ]
    if len(rest):
        absent = listing(f"{amount} {status}" for status, amount in rest.items())
        stand = "stands" if rest.sum() == 1 else "stand"
        parts.append(f"{absent} {stand} behind no number here")
    if not parts:
        return ""
    planned = count(trials["planned"], "planned trial")
    return "; ".join([f"{trials[Status.COMPLETED]} of {planned} completed", *parts])


def range_text(rows: pd.DataFrame, low: str, high: str) -> str:
    """From the least of a column to the most of another."""
    return " to ".join(dict.fromkeys(span(rows[low].min(), rows[high].max())))


def sign_text(text: str) -> str:
    """A rounded difference with its sign."""
    return text if text.startswith(("-", MISSING)) else f"+{text}"
