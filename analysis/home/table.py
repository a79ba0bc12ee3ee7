"""The list of runs as a table in a terminal."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from analysis.home.index import ended
from analysis.text.format import amount_words

Row = Mapping[str, Any]


def table(rows: Sequence[Row], path: Callable[[str], str]) -> list[str]:
    """A line per run below a line of headings, columns that nothing stands in left out. ``path``
    says how the folder of a run is written.
    """
    if not rows:
        return ["no runs"]
    columns = {
        "run": [path(row["run"]) for row in rows],
        "state": [row["state"] for row in rows],
        "started": [row.get("started", "")[:16].replace("T", " ") for row in rows],
        "trials": [_trials(row) for row in rows],
        "best": [_best(row) for row in rows],
        "epochs": [f"{row['epochs']:,}" if "epochs" in row else "" for row in rows],
        "time": [_time(row) for row in rows],
        "tags": [" ".join(row.get("tags", ())) for row in rows],
    }
    right = ("epochs", "time")
    shown = {name: texts for name, texts in columns.items() if any(texts)}
    widths = {name: max(map(len, [name, *texts])) for name, texts in shown.items()}
    lines = zip(*([name, *map(visible, texts)] for name, texts in shown.items()), strict=True)
    return [
        "  ".join(
            text.rjust(widths[name]) if name in right else text.ljust(widths[name])
            for name, text in zip(shown, line, strict=True)
        ).rstrip()
        for line in lines
    ]


def _trials(row: Row) -> str:
    """``12 of 12, 1 failed``: those that ended, of those planned."""
    if "problem" in row:
        return ""
    lost = [f"{row[name]} {name}" for name in ("diverged", "failed", "dropped") if row[name]]
    return ", ".join([f"{ended(row)} of {row['planned']}", *lost])


def _time(row: Row) -> str:
    return amount_words("seconds", 3600 * row["hours"]) if "hours" in row else ""


def _best(row: Row) -> str:
    if not row.get("best_text"):
        return ""
    kind = f" ({row['best_kind']})" if row["best_kind"] != "mean" else ""
    return f"{row['metric']} {row['best_text']}{kind}"


def visible(text: str) -> str:
    """Without what a terminal takes for an order: a run folder may be of anybody."""
    return "".join(each if each.isprintable() else "?" for each in text)
