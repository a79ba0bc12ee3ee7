"""What a run was allowed to spend, what it spent, and what was cut for it, in words."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.records.dropped import unreplaced
from analysis.records.schema import Phase, Status
from analysis.text.format import amount_words, count, listing

if TYPE_CHECKING:
    from analysis.records.load import Run

NAMED = 5
"""So many trials that were cut off are named."""
SLOW_START = 0.2
"""A first epoch is late after this share of the time of the budget."""


def budget_note(run: "Run") -> str | None:
    """``budget_words`` where something was cut or left out for the budget: how the run goes on."""
    budget = _budget(run)
    if not budget or not (_cut(run, budget) or _left_out(run)):
        return None
    return (
        f"the budget is spent: {budget_words(run)}. `study resume {run.paths.root} --max-time SPAN`"
        " goes on with another one."
    )


def budget_words(run: "Run") -> str:
    """The budget of the last session, what was spent, reserved, cut off and not begun, in one line;
    empty where there was none.
    """
    budget = _budget(run)
    if not budget:
        return ""
    limits = [
        amount_words(name, budget[name])
        for name in ("seconds", "epochs", "trials")
        if budget.get(name) is not None
    ]
    parts = [listing(limits)]
    if spent := budget.get("spent"):
        total = {name: budget["before"][name] + spent[name] for name in spent}
        used = [amount_words(n, total[n]) for n in total if budget.get(n) is not None]
        parts.append(f"spent before the report: {listing(used)}")
        parts += _slow_start(budget, bool(_cut(run, budget) or _left_out(run)))
    if reserved := _reserved(budget):
        parts.append(f"reserved: {reserved}")
    if cut := _cut(run, budget):
        parts.append(f"cut off: {_trials(cut)}")
    if left_out := _left_out(run):
        parts.append(f"not begun: {left_out}")
    return "; ".join(parts)


def _budget(run: "Run") -> Mapping[str, Any]:
    return (run.recorded.get("sessions") or [{}])[-1].get("budget") or {}


def _slow_start(budget: Mapping[str, Any], goes_on: bool) -> list[str]:
    """That much of the time went before the first epoch of the session ended: to the start of Ray
    and of processes, and to reading data. ``goes_on``: whether something was left to be trained.
    """
    limit, first = budget.get("seconds"), budget.get("first_epoch")
    if limit is None or not goes_on or "first_epoch" not in budget:
        return []
    if first is None:
        return ["no epoch ended in that time: Ray, processes and data take longer to start"]
    slow = first > SLOW_START * limit
    return [f"its first epoch ended after {amount_words('seconds', first)}"] if slow else []


def _reserved(budget: Mapping[str, Any]) -> str:
    reserved = budget.get("reserved") or {}
    amounts = [
        amount_words(name, amount)
        for name, amount in reserved.items()
        if name != "closing" and amount
    ]
    words = [f"{listing(amounts)} for the confirmation"] if amounts else []
    if "closing" in reserved:
        words.append(f"{amount_words('seconds', reserved['closing'])} for the report")
    return listing(words)


def _cut(run: "Run", budget: Mapping[str, Any]) -> list[str]:
    unfinished = set(run.trials["trial"][run.trials["status"] == Status.UNFINISHED])
    return [trial for trial in budget.get("cut") or [] if trial in unfinished]


def _left_out(run: "Run") -> str:
    """How many planned trials were not begun; of a confirmation, of as many as there can be."""
    planned = {
        Phase.SEARCH: run.spec.get("trials") or 0,
        Phase.CONFIRM: (run.spec.get("confirm") or {}).get("trials") or 0,
    }
    begun = run.trials["phase"].value_counts()
    planned[Phase.CONFIRM] -= unreplaced(run, Phase.CONFIRM)
    missing = {phase: planned[phase] - int(begun.get(phase, 0)) for phase in planned}
    return listing(
        f"{count(number, 'trial')} of the {'search' if phase is Phase.SEARCH else 'confirmation'}"
        for phase, number in missing.items()
        if number > 0
    )


def _trials(trials: list[str]) -> str:
    named = ", ".join(trials[:NAMED])
    return f"{count(len(trials), 'trial')} ({named}{', ...' * (len(trials) > NAMED)})"
