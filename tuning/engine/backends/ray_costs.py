"""Time that Tune takes, by ways of its own that it has no option for, and a study need not pay."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tuning.spec.study import Study

ALL = 1_000_000
"""More processes than there are."""


class IdleProcesses:
    """Keeps processes that have nothing to train for a moment.

    Tune ends all of them but one while no trial waits: where a search ends on several slots, or a
    block of seeds, the trials that follow would wait for others to start, imports included.
    """

    def __init__(self) -> None:
        self._kept: Any = None

    def keep(self, tune_controller: Any, wanted: bool) -> None:
        """To be called at every step; ``wanted``: whether there will be trials for them."""
        cache = tune_controller._tune_controller._actor_cache
        if self._kept is None and wanted and (trials := tune_controller.get_trials()):
            self._kept = trials[0].placement_group_factory
            cache.increase_max(self._kept, ALL)
        elif self._kept is not None and not wanted:
            cache.decrease_max(self._kept, ALL)
            self._kept = None


def others_follow(study: Study, live: Sequence[Any]) -> bool:
    """Whether trials wait for the end of those that are ``live``: a confirmation, further seeds."""
    confirms = study.confirm and all(trial.config["phase"] == "search" for trial in live)
    return bool(confirms or study.settles or study.races)


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
