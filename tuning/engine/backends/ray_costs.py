"""Time that Tune takes, by ways of its own that it has no option for, and a study need not pay."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ALL = 1_000_000
"""More processes than there are."""


class IdleProcesses:
    """Keeps processes that have nothing to train for a moment, until no trial is to come.

    Tune ends all of them but one while no trial waits: where a search ends on several slots, the
    first trials of the confirmation would wait for others to start, imports included.
    """

    def __init__(self) -> None:
        self._kept: Any = None

    def keep(self, tune_controller: Any, finished: bool) -> None:
        """To be called at every step; ``finished``: whether no trial is to come."""
        cache = tune_controller._tune_controller._actor_cache
        if self._kept is None and not finished and (trials := tune_controller.get_trials()):
            self._kept = trials[0].placement_group_factory
            cache.increase_max(self._kept, ALL)
        elif finished and self._kept is not None:
            cache.decrease_max(self._kept, ALL)
            self._kept = None


@contextmanager
def callbacks_uncounted() -> Iterator[None]:
    """For its usage report Tune counts callbacks by kind, and imports wandb and MLflow, where they
    are installed, to know theirs: a second or two.
    """
    from ray.air._internal import usage

    before: Any = usage.tag_callbacks
    usage.tag_callbacks = lambda callbacks: False
    try:
        yield
    finally:
        usage.tag_callbacks = before
