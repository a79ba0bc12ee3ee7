"""Settings drawn at random."""

from collections.abc import Iterable
from itertools import chain

from tuning.runs.trial_record import TrialRecord
from tuning.search.base import Planned
from tuning.search.optuna_space import OptunaSpace
from tuning.spec.study import Random, Study, Trial, trial_id


class RandomSearcher(Planned):
    """Cut-off trials, then those that were not drawn yet. Optuna draws and is told nothing: a draw
    depends on the seed of the search and the number of the trial alone.
    """

    def __init__(self, study: Study, past: Iterable[TrialRecord] = ()) -> None:
        assert isinstance(study.search, Random)
        self._study, self._search, self._space = study, study.search, OptunaSpace(study)
        records = list(past)
        numbers = range(len(records) + 1, self._search.trials + 1)
        cut_off = (each.trial for each in records if each.cut_off)
        super().__init__(chain(cut_off, map(self._draw, numbers)))

    def _draw(self, number: int) -> Trial:
        import optuna

        _, params, refused = self._space.draw(
            optuna.create_study(), number, lambda seed: optuna.samplers.RandomSampler(seed=seed)
        )
        return Trial(
            id=trial_id(number, self._search.trials),
            params=params,
            seeds=self._study.seed_list,
            refused=refused,
        )
