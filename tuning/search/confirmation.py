"""The best settings of a search, trained again on fresh seeds."""

from collections.abc import Mapping
from typing import Any

from tuning.runs.history import History, params_key
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
    of them on the same ones; of those that stop themselves all that there may be, block after
    block. Settings take turns: where a confirmation is cut off, each has as many seeds as the
    others, or one trial fewer.
    """
    pairs = [
        (params, seeds)
        for block in study.fresh_parts
        for seeds in block
        for params in settings.values()
    ]
    return [
        Trial(id=trial_id(number, prefix="c"), params=params, seeds=seeds, phase="confirm")
        for number, (params, seeds) in enumerate(pairs, start=1)
    ]


def likely_confirmations(study: Study, settings: Mapping[str, Mapping[str, Any]]) -> list[Trial]:
    """The trials of the confirmation that time is reserved for. Of a race these are the first seeds
    of all settings, and all that there may be of two: the best, and the one nearest to it.
    """
    every = confirmations(study, settings)
    first = max(study.fresh_parts[0][-1])
    last = [*settings][:2]
    return [each for each in every if max(each.seeds) <= first or params_key(each.params) in last]
