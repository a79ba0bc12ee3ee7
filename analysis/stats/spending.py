"""Where the time of a run went, and what its trials took of their machines. Frames in, frames
out.
"""

import pandas as pd

from analysis.records.costs import PARTS
from analysis.records.load import Run

LOST, IDLE = "lost", "idle"
SHORTEST = 0.1
"""Seconds: of fewer, a processor's clock that ticks a hundred times a second says too little."""
SUMS = ("seconds", *PARTS, "waiting", "sampled", "cpu", "gpu", "energy", "gpu_energy")
PEAKS = ("memory", "memory_total", "gpu_memory", "gpu_total")


def slot_ledger(run: Run) -> pd.DataFrame:
    """What the slots of a run did from the start of each session to the last word of its trials;
    empty where that was not recorded.

    Columns: ``part`` (of ``PARTS``; ``LOST``: of attempts that failed, since their last report;
    ``IDLE``: no trial was in the slot), ``seconds`` (of all slots together), ``share``. Before
    the first trial of a session, all its slots read the data or start.
    """
    costs = run.costs.dropna(subset=["opened", "began", "seconds", "slots"])
    parts = pd.Series(0.0, index=[*PARTS, LOST, IDLE])
    for _, session in costs.groupby("session"):
        parts = parts.add(_of_session(session), fill_value=0.0)
    # Which session they are of is not recorded, and does not matter for the sum.
    parts[LOST] = min(run.lost, parts[IDLE])
    parts[IDLE] -= parts[LOST]
    parts = parts[[*PARTS, LOST, IDLE]]
    rows = parts.rename_axis("part").rename("seconds").reset_index()
    total = rows["seconds"].sum()
    return rows.assign(share=rows["seconds"] / total) if total else rows.assign(share=0.0).head(0)


def _of_session(costs: pd.DataFrame) -> pd.Series:
    first = costs.iloc[0]
    slots = costs["slots"].max()
    until = (costs["began"] + costs["seconds"]).max()
    parts = costs[list(PARTS)].sum()
    parts["data"] += slots * first["reading"]
    parts["start"] += slots * first["starting"]
    left = slots * (until - first["opened"]) - parts.sum()
    return pd.concat([parts, pd.Series({IDLE: max(0.0, left)})])


def trial_costs(run: Run) -> pd.DataFrame:
    """One row per trial that says what it cost, all the times that it was in a process
    together.

    Columns: ``trial, starts`` (how often it was); the sums ``SUMS`` and the maxima ``PEAKS`` of
    ``Run.costs``, missing where nothing was told; ``cores`` and ``gpus`` (how many it used on
    average while it was sampled; no ``cores`` of less than ``SHORTEST``).
    """
    costs = run.costs[run.costs["trial"].isin(set(run.trials["trial"]))]
    trials = costs.groupby("trial")
    frame = trials[list(SUMS)].sum(min_count=1).join(trials[list(PEAKS)].max())
    frame.insert(0, "starts", trials.size())
    frame["cores"] = (frame["cpu"] / frame["sampled"]).where(frame["sampled"] >= SHORTEST)
    frame["gpus"] = frame["gpu"] / frame["sampled"]
    return frame.reset_index()
