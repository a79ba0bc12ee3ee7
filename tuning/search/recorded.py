"""Trials that are given, one after the other: those of a run that was."""

from collections.abc import Sequence
from typing import Any

from tuning.search.base import Planned
from tuning.spec.components import spec
from tuning.spec.searches import Search
from tuning.spec.study import Study
from tuning.spec.trial import Trial


@spec
class Recorded(Search):
    """Begin ``listed`` trials in their order."""

    driver_only = ("listed",)
    trials: int
    seed: int = 0
    listed: Sequence[Trial]

    def searcher(self, study: Study, *past: Any) -> Planned:
        return Planned(self.listed)
