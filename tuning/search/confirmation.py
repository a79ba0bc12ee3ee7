"""The best settings of a search, trained again on fresh seeds."""

from collections.abc import Mapping
from typing import Any

from tuning.runs.history import History
from tuning.search.base import Planned
from tuning.search.grid import trials_left
from tuning.spec.study import Study, Trial, trial_id


class ConfirmationSearcher(Planned):
    """The trials of the confirmation that the records lack; the search has ended."""

    def __init__(self, study: Study, history: History) -> None:
        super().__init__(
            trials_left(confirmations(study, history.to_confirm()), history.begun("confirm"))
        )


def confirmations(study: Study, settings: Mapping[str, Mapping[str, Any]]) -> list[Trial]:
    """The trials that confirm ``settings``, as ``History.to_confirm`` has them, on fresh seeds, all
    of them on the same ones. Settings take turns: where a confirmation is cut off, each has as
    many seeds as the others, or one trial fewer.
    """
    pairs = [
        (params, seeds)
        for seeds in study.parts(study.fresh_seeds, study.seeds_per_trial)
        for params in settings.values()
    ]
    return [
        Trial(id=trial_id(number, prefix="c"), params=params, seeds=seeds, phase="confirm")
        for number, (params, seeds) in enumerate(pairs, start=1)
    ]
