"""On which devices, and in which precision, the trials of a run were trained."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from analysis.text.format import count

if TYPE_CHECKING:
    from analysis.records.load import Run


def trial_devices(rows: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    """What the last row of each trial in ``trials.jsonl`` says; without those that say nothing."""
    last = {row["trial"]: row.get("device") for row in rows}
    return {trial: device for trial, device in last.items() if device}


def trained_on(run: "Run") -> str:
    """The devices of a run, the most used one first, with the number of trials where there are
    several; empty where none was recorded.
    """
    if not run.devices:
        return ""
    devices = Counter(run.devices.get(trial, "not recorded") for trial in run.trials["trial"])
    if len(devices) == 1:
        return next(iter(devices))
    return "; ".join(
        f"{device} ({count(trials, 'trial')})" for device, trials in devices.most_common()
    )
