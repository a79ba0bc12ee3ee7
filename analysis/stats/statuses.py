"""How many trials ended how, and by which errors."""

from collections import Counter
from typing import Any

import pandas as pd

from analysis.records.dropped import begun_trials
from analysis.records.load import Run
from analysis.records.schema import Status
from analysis.stats.tables import is_grid, settings_table
from analysis.text.errors import headline
from analysis.text.format import count

KINDS = 10  # so many kinds of errors are named in a table
REASONS = 3
RARE = (Status.PAUSED, Status.STOPPED, Status.DROPPED)


def status_table(run: Run) -> pd.DataFrame:
    """One row per status: ``status, trials, seeds, errors``; first the planned ones, last those
    never started. No trial is missing; those of ``RARE`` have a row where there are some.

    ``errors``: the headlines of the errors, each with how often it came; the most frequent of many.
    """
    trials = begun_trials(run)
    rows = [
        _row(status, trials[trials["status"] == status])
        for status in Status
        if status not in RARE or (trials["status"] == status).any()
    ]
    planned = max(int(run.spec.get("trials") or 0), len(run.trials)) + len(run.dropped)
    waiting = planned - len(trials)
    begun = sum(row["seeds"] for row in rows)
    seeds = max(begun, _planned_seeds(run, planned)) if waiting else begun
    first = {"status": "planned", "trials": planned, "seeds": seeds, "errors": ""}
    last = {"status": "not started", "trials": waiting, "seeds": seeds - begun, "errors": ""}
    return pd.DataFrame([first, *rows, last])


def ended_themselves(run: Run) -> str:
    """A sentence on the trials that ended complete before the last epoch, by themselves or by
    ``Patience``; empty where none did.
    """
    reasons = run.trials.loc[run.trials["status"] == Status.COMPLETED, "reason"].dropna()
    if reasons.empty:
        return ""
    kinds = Counter(reasons)
    listed = "; ".join(f"{times} x {reason}" for reason, times in kinds.most_common(REASONS))
    more = f"; {count(len(kinds) - REASONS, 'other reason')}" if len(kinds) > REASONS else ""
    return (
        f"{count(len(reasons), 'completed trial')} ended before epoch"
        f" {run.spec['epochs']}, the last one ({listed}{more}): at later epochs their last value"
        " counts."
    )


def _planned_seeds(run: Run, trials: int) -> int:
    """How many networks were to be trained: all seeds of every setting of a grid, the first block
    of them where they stop themselves, or of every trial of a search.
    """
    search, seeds = run.spec["search"], len(run.spec["seeds"])
    if settles := run.spec.get("until_settled"):
        seeds = settles["at_least"]
    if is_grid(run):
        twice = run.dropped.loc[run.dropped["retrain"].astype(bool), "seeds"]
        return len(settings_table(run)) * seeds + int(twice.map(len).sum())
    valid_alone = search.get("kind") == "grid" and search.get("valid")
    per_setting = -(-seeds // run.spec["seeds_per_trial"]) if valid_alone else 1
    return trials // per_setting * seeds


def _row(status: Status, trials: pd.DataFrame) -> dict[str, Any]:
    kinds = Counter(headline(error) for error in trials["error"] if isinstance(error, str))
    lines = [f"{times} x {line}" for line, times in kinds.most_common(KINDS) if line]
    lines += [f"{count(len(kinds) - KINDS, 'kind')} more"] if len(kinds) > KINDS else []
    return {
        "status": str(status),
        "trials": len(trials),
        "seeds": int(trials["seeds"].map(len).sum()),
        "errors": "; ".join(lines),
    }
