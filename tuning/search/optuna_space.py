"""The space of a study for Optuna, and settings drawn from it."""

from collections.abc import Callable, Mapping
from typing import Any

from analysis.records.schema import Status
from analysis.records.space import as_declared, is_active
from tuning.spec.branches import conditions, parameters
from tuning.spec.space import distribution
from tuning.spec.study import Study, StudyError

MOST_REFUSED = 1_000
"""So many settings in a row may be refused as not valid."""
UNKNOWN = "stopped by hand before its first epoch"
"""What a trial is marked with that says nothing, though Optuna takes it for failed."""


def is_unknown(status: str, score: float | None) -> bool:
    """Whether nothing is known of a trial that has ended so, as ``UNKNOWN`` says."""
    return status == Status.STOPPED and score is None


class OptunaSpace:
    """The space of a study as Optuna has it: see ``needs_texts`` for the values that it is given
    as texts.
    """

    def __init__(self, study: Study) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._search, self._pruned = study.search, optuna.trial.TrialState.PRUNED
        self._create = optuna.trial.create_trial
        self.refusals = 0
        """How many settings Optuna was told of that were not tried."""
        self.points = list(study.search.points_to_evaluate)
        """Settings to try before any other."""
        values = parameters(study.space)
        self._texts = {key: texts_of(each) for key, each in values.items() if needs_texts(each)}
        self.distributions = {
            key: distribution(list(self._texts[key]) if key in self._texts else each)
            for key, each in values.items()
        }
        self._when = conditions(study.space)

    def draw(
        self, told: Any, number: int, sampler: Callable[[int], Any]
    ) -> tuple[Any, dict[str, Any], list[dict[str, Any]]]:
        """Trial ``number``, counted from 1, from the Optuna study ``told``: one of the
        ``points``, or as ``sampler`` of a seed draws it; again where the setting is not valid,
        and in the end at random, for a sampler may insist. Returns Optuna's trial, its params, and
        those that were refused before it, which Optuna takes for stopped before they began: so it
        learns to leave them alone.

        Raises:
            StudyError: a thousand settings in a row are not valid.
        """
        from optuna.samplers import RandomSampler

        if number <= len(self.points):
            told.enqueue_trial(self.for_optuna(self.points[number - 1]))
        refused: list[dict[str, Any]] = []
        while len(refused) < MOST_REFUSED:
            seed = self._seed(number, len(refused))
            led = len(refused) < MOST_REFUSED / 10
            told.sampler = sampler(seed) if led else RandomSampler(seed=seed)
            asked = self._suggested(told.ask())
            if self._search.allows(params := self.params(asked)):
                return asked, params, refused
            refused.append(params)
            self.refusals += 1
            told.tell(asked, state=self._pruned)
        raise StudyError(
            f"search: valid refused {MOST_REFUSED} settings in a row: make the space smaller, so"
            " that more of it is valid."
        )

    def known(self, params: Mapping[str, Any], **facts: Any) -> Any:
        """A trial of an earlier session as Optuna keeps it."""
        return self._create(
            params=self.for_optuna(params),
            distributions={key: self.distributions[key] for key in params},
            **facts,
        )

    def refused(self, params: Mapping[str, Any]) -> Any:
        """A setting that was not valid, as ``draw`` tells Optuna of it."""
        self.refusals += 1
        return self.known(params, state=self._pruned)

    def _seed(self, number: int, refused: int) -> int:
        """Of the random state of a draw."""
        from trainables.loop import derive_seed

        purpose = f"search/{refused}" if refused else "search"
        return derive_seed(self._search.seed, purpose, number) % 2**32

    def _suggested(self, asked: Any) -> Any:
        """A trial of Optuna's with a value for each active parameter."""
        for key, domain in self.distributions.items():
            when = self._when.get(key)
            if not when or is_active(when, self.params(asked)):
                _suggest(asked, key, domain)
        return asked

    def params(self, asked: Any) -> dict[str, Any]:
        """The values of a trial of Optuna's as the study has them."""
        return {
            key: self._texts.get(key, {}).get(value, value) for key, value in asked.params.items()
        }

    def conditions(self) -> dict[str, dict[str, list[Any]]]:
        """Of a parameter of a branch, choice -> the branches in which it is active, as Optuna has
        them.
        """
        return {
            key: {
                choice: [self.for_optuna({choice: branch})[choice] for branch in branches]
                for choice, branches in when.items()
            }
            for key, when in self._when.items()
        }

    def for_optuna(self, params: Mapping[str, Any]) -> dict[str, Any]:
        from analysis.stats.identity import identity

        return {
            key: identity(as_declared({"values": [*self._texts[key].values()]}, value))
            if key in self._texts
            else value
            for key, value in params.items()
        }


def needs_texts(values: Any) -> bool:
    """Whether Optuna is given texts for the values of a list: it keeps no lists and mappings, and
    takes values for one that Python calls equal, True and 1 say.
    """
    return isinstance(values, list) and (
        any(isinstance(value, (list, dict)) for value in values) or len(set(values)) < len(values)
    )


def texts_of(values: list[Any]) -> dict[str, Any]:
    from analysis.stats.identity import identity

    return {identity(value): value for value in values}


def _suggest(asked: Any, key: str, domain: Any) -> None:
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(domain, CategoricalDistribution):
        asked.suggest_categorical(key, domain.choices)
        return
    suggest = asked.suggest_int if isinstance(domain, IntDistribution) else asked.suggest_float
    suggest(key, domain.low, domain.high, step=domain.step, log=domain.log)
