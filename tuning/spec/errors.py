"""What is said of a study that is wrong."""

import difflib
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # they know what a study is
    pass


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


PLACES = {
    name: place
    for place, names in {
        "trainable=Task(train=..., {})": (
            *("describe", "load", "limits"),
            *("must_be_finite", "state_bytes", "export"),
        ),
        "resources=Resources({})": ("cpus", "gpus", "fresh_process", "budget"),
        "recovery=Recovery({})": ("max_failures", "stall_timeout", "checkpoint_seconds"),
        "report=Report({})": ("compare", "published", "target", "tables"),
        "mirrors=Mirrors({})": ("wandb", "tensorboard", "mlflow"),
    }.items()
    for name in names
}
"""Where in a study the fields of its parts are given."""


def unknown_name(what: str, given: str, known: Collection[str]) -> str:
    """A sentence on a name that is none of ``known``: how it is called now, where it belongs, or
    what is near.
    """
    now = RENAMED.get(given, given)
    place = PLACES.get(now, "")
    if now in known:
        answer = f": it is called {now!r} now."
    elif given == "dashboard":
        answer = ": it belongs to a session, as --dashboard or as run(..., dashboard=True)."
    elif what != "field" or place.partition("=")[0] not in known:
        answer = f"{did_you_mean(given, known)} Known: {', '.join(known)}."
    elif now == given:
        answer = f": it belongs in {place.format(f'{now}=...')}."
    else:
        answer = f": it is called {now!r} now, in {place.format('...')}."
    return f"unknown {what} {given!r}{answer}"
