"""What the sessions of a run spent of its budget, as ``study.json`` and the epochs say."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import study_command
from analysis.records.load import Run
from tuning.spec.components import Budget

NOTHING: Mapping[str, float] = {"seconds": 0.0, "epochs": 0, "trials": 0}


@dataclass(frozen=True)
class Allowance:
    """What a session may spend; None where there is no limit. ``total``: seconds of the whole
    budget, of which earlier sessions may have spent some.
    """

    seconds: float | None = None
    epochs: float | None = None
    trials: float | None = None
    total: float = 0.0
    since: float = 0.0
    """Seconds since the session began, which are not in ``seconds`` any more."""

    @classmethod
    def of(cls, session: Mapping[str, Any]) -> "Allowance":
        """What is left to a session by now; ``session``: its record in ``study.json``."""
        if not (given := session.get("budget")):
            return cls()
        since = time.time() - datetime.fromisoformat(session["started"]).timestamp()
        spent = {**given["before"], "seconds": given["before"]["seconds"] + since}
        left = {
            name: None if given[name] is None else max(0.0, given[name] - spent[name])
            for name in NOTHING
        }
        return cls(**left, total=given["seconds"] or 0.0, since=since)


def budget_record(budget: Budget, run: Run | None = None, renewed: bool = False) -> dict[str, Any]:
    """What a session that begins notes of its budget, none where there is no limit: ``before`` is
    what earlier sessions of ``run`` spent of it, and the start of this command. ``renewed``:
    whether it begins anew.
    """
    limits = budget.limits()
    if not any(limit is not None for limit in limits.values()):
        return {}
    last = (run.recorded.get("sessions") or [{}])[-1] if run and not renewed else {}
    spent = _spent(last, run)
    spent["seconds"] += time.time() - study_command.begun if study_command.begun else 0.0
    return {"budget": {**limits, "before": spent}}


def _spent(session: Mapping[str, Any], run: Run | None) -> dict[str, float]:
    """Of the budget, up to the end of ``session``. One that was killed left no word of that: then
    up to its last epoch.
    """
    noted = session.get("budget")
    if run is None or not noted:
        return dict(NOTHING)
    spent = noted.get("spent") or _recorded_since(session["started"], run)
    return {name: noted["before"][name] + spent[name] for name in NOTHING}


def _recorded_since(started: str, run: Run) -> dict[str, float]:
    begun = datetime.fromisoformat(started).timestamp()
    later = run.epochs[run.epochs["at"] >= begun]
    if later.empty:
        return dict(NOTHING)
    first = run.epochs.groupby("trial")["at"].min()
    return {
        "seconds": float(later["at"].max()) - begun,
        "epochs": len(later[["trial", "epoch"]].drop_duplicates()),
        "trials": int((first >= begun).sum()),
    }


def with_spent(spec: Mapping[str, Any], spent: Mapping[str, Any]) -> dict[str, Any]:
    """``study.json``, whose last session is over and spent that."""
    *earlier, last = spec["sessions"]
    return {**spec, "sessions": [*earlier, {**last, "budget": {**last["budget"], **spent}}]}
