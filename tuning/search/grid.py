"""Every combination of the listed values."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tuning.runs.trial_record import TrialRecord, params_key
from tuning.search.base import Planned
from tuning.spec.study import Study, Trial, trial_id


class GridSearcher(Planned):
    """The trials of a grid that the records lack."""

    def __init__(self, study: Study, past: Iterable[TrialRecord] = ()) -> None:
        super().__init__(trials_left(study.trials(), list(past)))


def trials_left(planned: Sequence[Trial], past: Sequence[TrialRecord]) -> list[Trial]:
    """What is still to be trained: cut-off trials, to go on with, then the planned ones whose seeds
    no trial of the setting had yet, but for one that was left out for others to be trained again.

    Where a study was extended, a planned trial may have the id of another one that is there: then
    it gets the next free one.
    """
    seen = {
        (params_key(one.trial.params), seed)
        for one in past
        if not one.retrain
        for seed in one.trial.seeds
    }
    taken = {one.trial.id for one in past}
    trials = [*planned, *(one.trial for one in past)]
    prefix = "c" if any(trial.phase == "confirm" for trial in trials) else ""
    free = itertools.count(
        max([int(name.removeprefix(prefix)) for name in taken] + [len(planned)]) + 1
    )
    left = [one.trial for one in past if one.cut_off]
    for trial in planned:
        key = params_key(trial.params)
        seeds = [seed for seed in trial.seeds if (key, seed) not in seen]
        if seeds:
            name = trial.id if trial.id not in taken else trial_id(next(free), prefix=prefix)
            left.append(replace(trial, id=name, seeds=seeds))
    return left
