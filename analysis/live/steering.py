"""Orders that the page of a run gives. Who may is settled before: see ``auth.guard``."""

import json

from analysis.live.state import Watched
from analysis.records.orders import END, KEPT, PAUSE, STOP, give


def given(run: Watched, text: str) -> tuple[int, str]:
    """Give the order that ``text`` asks for, as JSON with ``do`` and ``trial``; returns the status
    of the answer, as HTTP has it, and the answer in a sentence.
    """
    try:
        asked = json.loads(text)
    except ValueError:
        asked = None
    asked = asked if isinstance(asked, dict) else {}
    do, trial = asked.get("do"), asked.get("trial")
    if do not in (STOP, PAUSE, END):
        return 400, f"An order says as do one of {STOP}, {PAUSE}, {END}."
    if do == STOP and not (isinstance(trial, str) and trial in run.trials):
        return 404, "There is no such trial."
    if do == PAUSE and not run.is_running:
        return 409, "The run is not running, so there is nothing to pause."
    order = give(run.paths, do, trial=trial if do == STOP else None, way="page")
    when = "the session takes it within seconds" if run.is_running else f"the run is {KEPT}"
    return 202, f"{order.words}: {when}."
