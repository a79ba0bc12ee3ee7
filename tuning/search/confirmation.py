"""The best settings of a search, trained again on fresh seeds."""

from tuning.runs.history import History
from tuning.search.base import Planned
from tuning.search.grid import trials_left
from tuning.spec.study import Study, Trial, trial_id


class ConfirmationSearcher(Planned):
    """The trials of the confirmation that the records lack; the search has ended."""

    def __init__(self, study: Study, history: History) -> None:
        super().__init__(trials_left(confirmations(study, history), history.begun("confirm")))


def confirmations(study: Study, history: History) -> list[Trial]:
    """The trials that confirm the best settings of the search on fresh seeds, all settings on the
    same ones.
    """
    pairs = [
        (params, seeds)
        for params in history.to_confirm().values()
        for seeds in study.parts(study.fresh_seeds, study.seeds_per_trial)
    ]
    return [
        Trial(id=trial_id(number, prefix="c"), params=params, seeds=seeds, phase="confirm")
        for number, (params, seeds) in enumerate(pairs, start=1)
    ]
