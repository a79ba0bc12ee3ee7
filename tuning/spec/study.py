"""What a study is: frozen keyword-only specs that check themselves, all problems at once."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import field
from html import escape
from typing import Any, Literal

from analysis.records.space import combinations
from trainables import Task, Trainable
from tuning.spec.branches import settings_count, space_record
from tuning.spec.changes import with_changes
from tuning.spec.components import Budget as Budget
from tuning.spec.components import Confirm as Confirm
from tuning.spec.components import Folds as Folds
from tuning.spec.components import Recovery as Recovery
from tuning.spec.components import Resources as Resources
from tuning.spec.components import UntilSettled as UntilSettled
from tuning.spec.components import in_blocks, spec
from tuning.spec.errors import StudyError as StudyError
from tuning.spec.fields import plain_fields
from tuning.spec.mirroring import Mirrors as Mirrors
from tuning.spec.mirroring import WandbMode as WandbMode
from tuning.spec.optuna_search import Optuna as Optuna
from tuning.spec.reporting import Compare as Compare
from tuning.spec.reporting import Published as Published
from tuning.spec.reporting import Report as Report
from tuning.spec.scheduling import Asha as Asha
from tuning.spec.scheduling import Scheduling as Scheduling
from tuning.spec.searches import Grid as Grid
from tuning.spec.searches import Random as Random
from tuning.spec.searches import Search as Search
from tuning.spec.trial import Trial as Trial
from tuning.spec.trial import trial_id as trial_id
from tuning.spec.trial import trial_of as trial_of
from tuning.spec.trial import turn as turn
from tuning.spec.validation import study_problems
from tuning.spec.values import shown


@spec
class Study:
    """A question, and the trials that answer it.

    Raises:
        StudyError: on construction, with every problem found.
    """

    name: str
    """Letters, digits, ``_`` and ``-``: names the folder below ``results/``."""
    question: str
    """What the study is to answer, one sentence."""
    trainable: Trainable | Task
    """A generator function ``train(config, seeds, resume=None)``, a partial of one, or an object
    called like it (see ``trainables``); a function that calls ``report``, or one of Ray Tune's
    (``docs/bring.md``); or a ``Task``: one with what else belongs to its data and its model.
    """
    space: Mapping[str, Any]
    """What varies: each key with the list of its values or, where the search is no grid, a range of
    Ray Tune (see ``tuning.spec.space``). A value is a finite number, a whole number within 64 bits,
    text, True, False, None, or lists and mappings of these (``tuning.spec.values``). A mapping in
    the place of a list is a choice whose branches have parameters of their own: ``{"svm": {"C":
    [1, 10]}, "forest": {"max_depth": [2, 4, 8]}}`` (``tuning.spec.branches``). The trainable is
    given the name of the branch, and its parameters beside it.
    """
    metric: str
    """The name of the metric, as the trainable reports it, that settings are compared by."""
    mode: Literal["max", "min"] = "max"
    """Whether a larger or a smaller metric is better."""
    epochs: int
    """Epochs of each trial, 1 or more."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """What does not vary: given to the trainable beside the setting."""
    search: Search = Grid()
    """How settings are chosen from the space: ``Grid``, ``Random``, ``Optuna``, ``RayTune``, or an
    object with ``ask(history) -> params | None``, ``tell(trial)`` and the most ``trials`` to ask
    for.
    """
    scheduler: Scheduling | None = None
    """Which trials are ended early: ``Asha``, ``Hyperband``, ``Median``, ``Patience``, or an object
    with ``goes_on(trial, epoch, value, history) -> bool``; None trains every trial to the end.
    """
    confirm: Confirm | None = None
    """Which settings are trained again on fresh seeds after the search; None for none."""
    seeds: int | Sequence[int] | Folds | UntilSettled = 5
    """The seeds of every setting, from 0 to 2**63 - 1; a number n means 0 to n - 1. Or ``Folds``
    for a cross-validation, or ``UntilSettled``.
    """
    seeds_per_trial: int = 1
    """How many seeds one trial trains; more than 1 pays where the trainable trains them as one
    stacked network. Where trials are stopped early or settings are searched, a trial takes all
    seeds of the search: no seed is stopped alone.
    """
    resources: Resources = Resources()
    """What one trial takes, and what all of them may: their ``Budget``."""
    recovery: Recovery = Recovery()
    """What becomes of a trial that fails or hangs."""
    report: Report = Report()
    """What the report shows beside what every study's report shows."""
    mirrors: Mirrors = Mirrors()
    """Where a run is shown besides its own records, unless its options say otherwise."""
    smoke: Mapping[str, Any] = field(default_factory=dict)
    """Overrides that make a run of seconds, for ``--smoke``: values, ``epochs`` or ``seeds``."""

    def __post_init__(self) -> None:
        for name, value in plain_fields(self).items():
            object.__setattr__(self, name, value)
        found = study_problems(self)
        if found:
            raise StudyError([f"Study {shown(self.name)}: {problem}" for problem in found])

    def _repr_html_(self) -> str:
        """What a notebook shows of it: what ``study show`` prints."""
        from tuning.spec.plan import plan_text

        return f"<pre>{escape(plan_text(self))}</pre>"

    @property
    def task(self) -> Task:
        """The trainable, with what else belongs to it."""
        return self.trainable if isinstance(self.trainable, Task) else Task(train=self.trainable)

    @property
    def budget(self) -> Budget:
        return self.resources.budget

    @property
    def folds(self) -> int:
        """How many folds a cross-validation has; 1 where the study is none."""
        return self.seeds.folds if isinstance(self.seeds, Folds) else 1

    @property
    def settles(self) -> UntilSettled | None:
        """By what the study's seeds stop themselves; None where their number is fixed."""
        return self.seeds if isinstance(self.seeds, UntilSettled) else None

    @property
    def races(self) -> UntilSettled | None:
        """By what the seeds of the confirmation stop themselves; None where that is fixed."""
        seeds = self.confirm.seeds if self.confirm else None
        return seeds if isinstance(seeds, UntilSettled) else None

    @property
    def seed_list(self) -> list[int]:
        if isinstance(self.seeds, (Folds, UntilSettled)):
            return list(range(self.seeds.most))
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(self.seeds)

    @property
    def fresh_seeds(self) -> list[int]:
        """The seeds of the confirmation: those that follow the largest of the search."""
        first = max(self.seed_list) + 1
        return list(range(first, first + (self.confirm.most if self.confirm else 0) * self.folds))

    @property
    def fresh_parts(self) -> list[list[Sequence[int]]]:
        """The seeds of each trial of a confirmed setting, block after block."""
        return in_blocks(self.fresh_seeds, self.races, self.seeds_per_trial)

    @property
    def rungs(self) -> list[int]:
        """The epochs at which trials of the search are compared with each other, ascending."""
        return self.scheduler.rungs(self.epochs) if self.scheduler else []

    def judges(self, before: int, epoch: int) -> bool:
        """Whether a trial may be ended that reports ``epoch``, and reported ``before`` last."""
        return self.scheduler is not None and self.scheduler.judges(before, epoch, self.epochs)

    @property
    def decisive(self) -> set[str]:
        """The metrics that must be finite."""
        return {self.metric, "loss", *self.task.must_be_finite}

    @property
    def planned_settings(self) -> int:
        """How many settings the search tries."""
        if not self.search.exhaustive:
            return self.search.trials
        return len(self.settings()) if self.search.valid else settings_count(self.space)

    @property
    def planned(self) -> int:
        """How many trials the search has; at least, where its seeds stop themselves."""
        each = len(self._seeds_of_trials()[0]) if self.search.exhaustive else 1
        return self.planned_settings * each

    @property
    def planned_confirmations(self) -> int:
        """How many trials the confirmation has; at least, where its seeds stop themselves."""
        settings = self.confirm.settings(self.planned_settings) if self.confirm else 0
        return settings * len(self.fresh_parts[0])

    def score(self, metrics: Mapping[str, Any]) -> float:
        """The study's metric of one epoch, mean over the seeds of the trial: what trials are judged
        by. Of a diverged one, any number.
        """
        from analysis.numerics.means import mean  # brings numpy

        value = metrics[self.metric]
        return mean(value) if isinstance(value, list) else float(value)

    def config(self, setting: Mapping[str, Any], phase: str = "search") -> dict[str, Any]:
        """All that the trainable is given for ``setting``, but for what ``load`` reads. ``test``:
        whether test data may be looked at, as in a confirmation, and in a grid that trains every
        setting to the end and is the whole study. ``gpus``: as in ``resources``.
        """
        chooses = self.confirm or self.scheduler or not self.search.exhaustive
        given = {
            "epochs": self.epochs,
            "test": not chooses or phase == "confirm",
            "gpus": self.resources.gpus,
        }
        return {**self.fixed, **setting, **given}

    def settings(self) -> list[dict[str, Any]]:
        """Every combination of the space's values that is valid, the last key moving fastest, each
        with its active parameters. Only a grid has such a list.
        """
        return [each for each in combinations(space_record(self.space)) if self.search.allows(each)]

    def trials(self) -> list[Trial]:
        """Every setting of a grid over all its seeds, ``seeds_per_trial`` at a time; block after
        block, where seeds are added in blocks.
        """
        settings = self.settings()
        pairs = [
            pair for block in self._seeds_of_trials() for pair in itertools.product(settings, block)
        ]
        return [
            Trial(id=trial_id(i, len(pairs)), params=setting, seeds=part)
            for i, (setting, part) in enumerate(pairs, start=1)
        ]

    def _seeds_of_trials(self) -> list[list[Sequence[int]]]:
        """The seeds of each trial of one setting, block after block."""
        together = len(self.seed_list) if self.scheduler else self.seeds_per_trial
        return in_blocks(self.seed_list, self.settles, together)

    def override(self, changes: Mapping[str, Any]) -> "Study":
        """The same study with other values: of fixed keys, of space keys (one value or a list), or
        of ``epochs``, ``seeds``, ``cpus`` and ``gpus`` (of each trial), ``trials`` (of a search),
        ``scheduler`` (a mapping of fields of ``Asha``, or None), ``confirm`` (a mapping with
        ``top``, ``seeds`` or both, or None) or ``budget`` (a mapping of fields of ``Budget``, or
        None). Settings that a search tries first stay within the space: of a key that is given
        other values, they take the nearest of these.

        Raises:
            StudyError: an unknown key, or a value that is not allowed.
        """
        return with_changes(self, changes)
