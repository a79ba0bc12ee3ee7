"""What is said of a study that is wrong."""

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest of ``known``, or a full stop."""
    near = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else "."


class StudyError(ValueError):
    """Raised when a study, or what was asked of it, is wrong: one line per problem, with what is
    allowed.
    """

    def __init__(self, found: str | Sequence[str]) -> None:
        self.problems = [found] if isinstance(found, str) else list(found)
        super().__init__("\n".join(self.problems))


RENAMED = {
    "stopping": "scheduler",
    "retries": "max_failures",
    "stall_seconds": "stall_timeout",
    "solved": "target",
    "data": "describe",
    "also": "baselines",
    "first": "points_to_evaluate",
    "startup": "n_startup_trials",
    "min_epochs": "grace_period",
    "keep_one_in": "reduction_factor",
}
"""Fields of earlier versions, and what they are called now."""


def unknown_name(
    what: str, given: str, known: Collection[str], places: Mapping[str, str] = {}
) -> str:
    """A sentence on a name that is none of ``known``: how it is called now, where it belongs
    (``places``: of other names, as in "mirrors=Mirrors({})"), or what is near.
    """
    now = RENAMED.get(given, given)
    if now in known:
        answer = f": it is called {now!r} now."
    elif given == "dashboard":
        answer = ": it belongs to a session, as --dashboard or as run(..., dashboard=True)."
    elif now not in places:
        answer = f"{did_you_mean(given, known)} Known: {', '.join(known)}."
    elif now == given:
        answer = f": it belongs in {places[now].format(f'{now}=...')}."
    else:
        answer = f": it is called {now!r} now, in {places[now].format('...')}."
    return f"unknown {what} {given!r}{answer}"
