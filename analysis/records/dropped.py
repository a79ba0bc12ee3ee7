"""Trials that people left out of a run: their rows stay, marked, and count nowhere."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.records.columns import Columns
from analysis.records.frames import TRIAL_COLUMNS, trials_frame
from analysis.records.schema import Status
from analysis.text.format import count

if TYPE_CHECKING:
    from analysis.records.load import Run

Row = dict[str, Any]
NAMED = 5


def dropped_of(rows: Sequence[Row]) -> set[str]:
    """The trials that the rows of ``trials.jsonl`` leave out."""
    last = {row["trial"]: row["status"] for row in rows}
    return {trial for trial, status in last.items() if status == Status.DROPPED}


def dropped_frame(spec: Mapping[str, Any], rows: Sequence[Row], columns: Columns) -> pd.DataFrame:
    """One row per trial that is left out: the columns of ``Run.trials``, and ``retrain``: whether
    its seeds are to be trained again, by another trial. ``spec``: the content of
    ``study.json``.
    """
    names = dropped_of(rows)
    last = {row["trial"]: row for row in rows if row["trial"] in names}
    frame = trials_frame(spec, list(last.values()), columns)
    return frame.assign(retrain=[bool(last[name].get("retrain")) for name in frame["trial"]])


def no_trials() -> pd.DataFrame:
    """Of a run of which none is left out."""
    return pd.DataFrame(columns=[*TRIAL_COLUMNS, "retrain"])


def begun_trials(run: "Run") -> pd.DataFrame:
    """The trials of a run, with those that are left out."""
    return pd.concat([run.trials, run.dropped]) if len(run.dropped) else run.trials


def unreplaced(run: "Run", phase: str) -> int:
    """How many trials of a phase are left out without another one in their place."""
    return int(((run.dropped["phase"] == phase) & ~run.dropped["retrain"].astype(bool)).sum())


def dropped_note(run: "Run") -> str | None:
    """How many trials are left out, and which, in a sentence or two; None where there are none."""
    names = run.dropped["trial"].tolist()
    if not names:
        return None
    seeds = int(run.dropped["seeds"].map(len).sum())
    listed = ", ".join(names[:NAMED]) + ", ..." * (len(names) > NAMED)
    note = (
        f"{count(len(names), 'trial')} of {count(len(names) + len(run.trials), 'trial')} ({listed};"
        f" {count(seeds, 'seed')}) {'was' if len(names) == 1 else 'were'} left out by hand: no"
        " number here rests on them."
    )
    return note + _network_note(run, names)


def _network_note(run: "Run", names: Sequence[str]) -> str:
    """Where the exported network is one that is left out."""
    try:
        trial = json.loads((run.paths.best / "setting.json").read_bytes())["trial"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f" The network in report/best is that of {trial}." if trial in names else ""
