"""Search libraries that Ray Tune has a searcher for: HyperOpt, Ax, HEBO, BayesOpt, Nevergrad."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from typing import Any

from analysis.records.space import is_active
from tuning.process.terminal import say
from tuning.runs.trial_record import TrialRecord, params_key
from tuning.search.calling import answer, checked_params
from tuning.search.optuna_space import needs_texts, texts_of
from tuning.search.redrawn import drawn_again
from tuning.spec.branches import conditions, parameters
from tuning.spec.callables import name_of
from tuning.spec.components import spec
from tuning.spec.errors import StudyError
from tuning.spec.searches import Search
from tuning.spec.space import ray_domains
from tuning.spec.study import Study
from tuning.spec.trial import Trial, trial_id

SUGGESTED = ("suggest", "on_trial_complete", "set_search_properties")
AGAIN = 50
"""So often a searcher is asked that gives nothing although no trial runs."""


@spec
class RayTune(Search):
    """Let a searcher of Ray Tune choose settings by what earlier ones gave:
    ``RayTune(lambda seed: HyperOptSearch(random_state_seed=seed), trials=50)``. Space, metric and
    mode are those of the study; leave them out.

    As in Ray Tune, a trial that was stopped early is told by its last value. A session that goes on
    asks and tells a new searcher all that the records have, in their order: it must draw the same
    settings for the same seed.
    """

    driver_only = ("make",)
    learns = True
    make: Callable[[int], Any] = field(kw_only=False)
    """From a seed to a searcher."""
    trials: int
    """How many settings to try, 1 or more."""
    seed: int = 0
    """Given to ``make``; the random states of Python and NumPy that the searcher sees begin with it
    too.
    """

    @property
    def how(self) -> str:
        return f"chosen by a searcher of Ray Tune ({name_of(self.make)})"

    def problems(self) -> list[str]:
        if callable(self.make) and not isinstance(self.make, type):
            return []
        name = getattr(self.make, "__name__", type(self.make).__name__)
        return [
            f"RayTune takes a function from a seed to a searcher, as in RayTune(lambda seed: {name}"
            "(...), trials=...): each session needs a new one, which draws the same again."
        ]

    def searcher(
        self, study: Study, past: Iterable[TrialRecord] = (), *journal: Any
    ) -> "RaySearcher":
        return RaySearcher(study, self, list(past))


class RaySearcher:
    """Translates between a searcher of Ray's and ours."""

    def __init__(self, study: Study, search: RayTune, past: Sequence[TrialRecord]) -> None:
        self._study, self._search = study, search
        self._begin()
        if not past:
            first = self.ask()
            self._begin()
            again = self.ask()
            if first and again and params_key(first.params) != params_key(again.params):
                raise StudyError(
                    f"{self._name} draws other settings for the same seed, and could not be brought"
                    " back to what it knew after a crash: give it the seed, as in RayTune(lambda"
                    " seed: HyperOptSearch(random_state_seed=seed), trials=...)."
                )
            self._begin()
        elif not drawn_again(self, past):
            self._begin()
            say(
                f"note: {self._name} draws other settings than the records have (its package has"
                " changed, say, or several trials ran at once): of the trials so far it knows"
                " nothing from here on."
            )
        self._asked = len(past)
        self._cut_off += [each.trial for each in past if each.cut_off]

    def _begin(self) -> None:
        """A new searcher, which knows nothing."""
        study, seed = self._study, self._search.seed
        self._state = _state_of(seed)
        with self._own_random_state():
            self._ray = answer("search: RayTune", self._search.make, seed)
            self._name = f"search: RayTune: {type(self._ray).__name__}"
            if lacking := [name for name in SUGGESTED if not hasattr(self._ray, name)]:
                raise StudyError(f"{self._name} is no searcher of Ray Tune: no {lacking[0]}.")
            values = parameters(study.space)
            self._texts = {key: texts_of(each) for key, each in values.items() if needs_texts(each)}
            space = ray_domains(values | {key: list(of) for key, of in self._texts.items()})
            taken = answer(
                self._name, self._ray.set_search_properties, study.metric, study.mode, space
            )
        if not taken:
            raise StudyError(
                f"{self._name} has a space, a metric or a mode already: leave them out, those of"
                " the study are taken."
            )
        self._asked = 0
        self._cut_off: list[Trial] = []
        self._running: dict[str, Any] = {}

    def ask(self) -> Trial | None:
        if self._cut_off:
            return self._cut_off.pop(0)
        if self._asked >= self._search.trials:
            return None
        name = trial_id(self._asked + 1, self._search.trials)
        given = self._suggested(name)
        if not isinstance(given, Mapping):  # nothing now, or nothing ever
            return None
        self._asked += 1
        self._running[name] = None
        params = checked_params(self._name, self._active(given), self._study)
        return Trial(id=name, params=params, seeds=self._study.seed_list)

    def _active(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What it gives, as the study has it: it knows no branches, and of lists their texts."""
        when, params = conditions(self._study.space), dict[str, Any]()
        for key in parameters(self._study.space):
            if key in given and is_active(when.get(key), params):
                params[key] = self._texts.get(key, {}).get(given[key], given[key])
        return params

    def _suggested(self, name: str) -> Any:
        for _ in range(1 if self._running else AGAIN):
            with self._own_random_state():
                given = answer(self._name, self._ray.suggest, name)
            if given is not None:
                return given
        return None

    def report(self, trial: Trial, epoch: int, score: float) -> None:
        if trial.id in self._running:
            result = {
                "trial_id": trial.id,
                "training_iteration": epoch,
                self._study.metric: score,
            }
            self._running[trial.id] = result
            with self._own_random_state():
                answer(self._name, self._ray.on_trial_result, trial.id, result)

    def tell(self, trial: Trial, status: str) -> None:
        if trial.id not in self._running:
            return  # of an earlier session, which this searcher does not know
        result = self._running.pop(trial.id)
        failed = status in ("failed", "diverged") or result is None
        with self._own_random_state():
            answer(
                self._name,
                lambda: self._ray.on_trial_complete(
                    trial.id, result=None if failed else result, error=failed
                ),
            )

    def learn(self, record: TrialRecord) -> None:
        """Nothing: such a searcher can be told of its own settings alone."""

    @contextmanager
    def _own_random_state(self) -> Iterator[None]:
        """The random states of the process are the searcher's own meanwhile: some have no other."""
        import numpy as np

        outside = random.getstate(), np.random.get_state()
        random.setstate(self._state[0])
        np.random.set_state(self._state[1])
        try:
            yield
        finally:
            self._state = random.getstate(), np.random.get_state()
            random.setstate(outside[0])
            np.random.set_state(outside[1])


def _state_of(seed: int) -> tuple[Any, Any]:
    import numpy as np

    return random.Random(seed).getstate(), np.random.RandomState(seed % 2**32).get_state()
