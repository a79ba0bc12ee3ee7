"""Orders that the page of a run gives. Who may is settled before: see ``auth.guard``."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from analysis.live.state import Watched
from analysis.records.orders import ADD, END, KEPT, PAUSE, SECONDS_TO_ANSWER, STOP, Order, give
from analysis.records.space import Domain

Check = Callable[[Mapping[str, Any], Mapping[str, Domain]], Sequence[str]]
"""What speaks against adding a setting to the search of a space as ``study.json`` has it."""
MOST_CHOICES = 200
SECONDS_BETWEEN_LOOKS = 0.1


async def given(run: Watched, text: str, check: Check) -> tuple[int, str]:
    """Give the order that ``text`` asks for, as JSON with ``do``, ``trial`` and ``params``; returns
    the status of the answer, as HTTP has it, and what became of the order, in a sentence or more.
    """
    try:
        asked = json.loads(text)
    except ValueError:
        asked = None
    asked = asked if isinstance(asked, dict) else {}
    do = str(asked.get("do"))
    needed = {STOP: ["trial"], ADD: ["params"], PAUSE: [], END: []}.get(do)
    if needed is None:
        return 400, f"An order says as do one of {STOP}, {ADD}, {PAUSE}, {END}."
    facts = {key: asked.get(key) for key in needed}
    if refusal := _refusal(run, do, facts, check):
        return refusal
    order = give(run.paths, do, way="page", **facts)
    if not run.is_running:
        return 202, f"{order.words}: the run is {KEPT}."
    return await _answered(run, order)


def _refusal(
    run: Watched, do: str, facts: Mapping[str, Any], check: Check
) -> tuple[int, str] | None:
    trial, params = facts.get("trial"), facts.get("params")
    if do == STOP and not (isinstance(trial, str) and trial in run.trials):
        return 404, "There is no such trial."
    if do == PAUSE and not run.is_running:
        return 409, "The run is not running, so there is nothing to pause."
    if do != ADD:
        return None
    if not isinstance(params, dict):
        return 400, "A setting maps the name of each parameter to a value."
    problems = check(params, run.spec["space"])
    return (422, " ".join(problems)) if problems else None


async def _answered(run: Watched, order: Order) -> tuple[int, str]:
    until = time.monotonic() + SECONDS_TO_ANSWER
    while order.id not in run.steering.answers and time.monotonic() < until:
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    answer = run.steering.answers.get(order.id)
    return 202 if answer is None or answer["done"] else 409, order.outcome(answer)


def fields(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a form for a setting asks for, ``name, when, choices`` per parameter: the values of a
    list as JSON, None where one types them. Empty where the search has every setting.
    """
    if (spec.get("search") or {}).get("kind") == "grid":
        return []
    return [
        {"name": key, "when": domain.get("when"), "choices": _choices(domain)}
        for key, domain in spec["space"].items()
    ]


def _choices(domain: Domain) -> list[str] | None:
    values = domain.get("values", ())
    return list(map(json.dumps, values)) if 0 < len(values) <= MOST_CHOICES else None
