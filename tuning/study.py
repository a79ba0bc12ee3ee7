"""What a study is: frozen keyword-only specs that check themselves, all problems at once."""

import dataclasses
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from analysis.means import mean
from trainables import Config, State, Trainable
from trainables.limits import Limit
from tuning import checks
from tuning.fields import plain_fields
from tuning.space import as_values, ends, moved_within
from tuning.specs import Asha as Asha
from tuning.specs import Compare as Compare
from tuning.specs import Confirm as Confirm
from tuning.specs import Grid as Grid
from tuning.specs import Optuna as Optuna
from tuning.specs import Published as Published
from tuning.specs import Random as Random
from tuning.specs import Resources as Resources
from tuning.specs import StudyError as StudyError
from tuning.specs import Trial as Trial
from tuning.specs import WandbMode as WandbMode
from tuning.specs import did_you_mean as did_you_mean
from tuning.specs import trial_id as trial_id
from tuning.values import shown


@dataclass(frozen=True, kw_only=True)
class Study:
    """A question, and the trials that answer it.

    Raises:
        StudyError: on construction, with every problem found.
    """

    name: str
    """Letters, digits, ``_`` and ``-``: names the folder below ``results/``."""
    question: str
    """What the study is to answer, one sentence."""
    trainable: Trainable
    """A generator function ``train(config, seeds, resume=None)``, a partial of one, or an object called like it: see ``trainables``."""
    space: Mapping[str, Any]
    """What varies: each key with the list of its values or, where the search is no grid, a range of Ray Tune (see ``tuning.space``).
    A value is a finite number, a whole number within 64 bits, text, True, False or None (``tuning.values``)."""
    metric: str
    """The name of the metric, as the trainable reports it, that settings are compared by."""
    mode: Literal["max", "min"] = "max"
    """Whether a larger or a smaller metric is better."""
    epochs: int
    """Epochs of each trial, 1 or more."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """What does not vary: given to the trainable beside the setting."""
    search: Grid | Random | Optuna = Grid()
    """How settings are chosen from the space."""
    stopping: Asha | None = None
    """How trials that fall behind are stopped early; None trains every trial to the end."""
    confirm: Confirm | None = None
    """Which settings are trained again on fresh seeds after the search; None for none."""
    seeds: int | Sequence[int] = 5
    """The seeds of every setting, from 0 to 2**63 - 1; a number n means 0 to n - 1."""
    seeds_per_trial: int = 1
    """How many seeds one trial trains; more than 1 pays where the trainable trains them as one stacked network. Where trials are stopped
    early or settings are searched, a trial takes all seeds of the search: no seed is stopped alone."""
    resources: Resources = Resources()
    """What one trial takes."""
    retries: int = 1
    """How often a trial that raised, or whose process died, is started again from its last checkpoint. A diverged one never is."""
    stall_seconds: float = 3600
    """A trial that reports no epoch for so long counts as hung: its process is ended, which counts as a failure."""
    checkpoint_seconds: float = 1
    """Epochs shorter than this share a checkpoint: after a crash, so much is trained again. More saves writing where states are large."""
    must_be_finite: Sequence[str] = ()
    """Metrics that end a trial as diverged once they are NaN or infinite, as the study's metric and one called ``loss`` always do. Others
    are then recorded as missing."""
    fresh_process: bool = False
    """Whether each trial gets a new process, which takes about a second. Without, one process trains many trials, and is put back into
    its first state between them but for imports, caches and running threads (``tuning.process_state``)."""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """What the values of keys may be (``trainables.limits``)."""
    data: Callable[[Config], Mapping[str, Any]] | None = None
    """Says what the data are (name, counts, checksum; a ``note`` is shown) before anything starts; a ValueError stops the study."""
    load: Callable[[Config], Any] | None = None
    """Reads the data, once for the whole study: the trainable finds them as ``config["loaded"]``. They may not depend on the setting."""
    state_bytes: Callable[[Config, Sequence[int]], int] | None = None
    """About how many bytes the state of a trial takes, so that a run that would not fit the disk is refused before it starts."""
    export: Callable[[Config, State, Path], None] | None = None
    """Writes the best network, given its state after the last epoch, into the folder ``report/best`` for others to use."""
    dashboard: bool = False
    """Whether Ray's own dashboard runs beside a study on this machine; it takes about 0.9 GB. A cluster has one anyway."""
    solved: float | None = None
    """A seed counts as solved when its metric reaches this."""
    published: Published | None = None
    """Numbers of others, to stand beside ours."""
    compare: Compare | None = None
    """Arms to be compared seed by seed."""
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Facts known beforehand, as titled tables: shown by ``study show`` and in the report."""
    wandb: WandbMode = "off"
    """Whether a run is mirrored to Weights & Biases, where ``--wandb`` says nothing: as files in its folder, or on the server."""
    tensorboard: bool = False
    """Whether a run writes event files for TensorBoard, where ``--tensorboard`` says nothing."""
    smoke: Mapping[str, Any] = field(default_factory=dict)
    """Overrides that make a run of seconds, for ``--smoke``: keys of the study's values, ``epochs`` or ``seeds``."""

    def __post_init__(self) -> None:
        for name, value in plain_fields(self).items():
            object.__setattr__(self, name, value)
        found = checks.study_problems(self)
        if found:
            raise StudyError([f"Study {shown(self.name)}: {problem}" for problem in found])

    @property
    def seed_list(self) -> list[int]:
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(self.seeds)

    @property
    def fresh_seeds(self) -> list[int]:
        """The seeds of the confirmation: those that follow the largest of the search."""
        first = max(self.seed_list) + 1
        return list(range(first, first + self.confirm.seeds)) if self.confirm else []

    @property
    def rungs(self) -> list[int]:
        """The epochs at which trials of the search may be stopped, ascending."""
        return self.stopping.rungs(self.epochs) if self.stopping else []

    def rung_between(self, before: int, epoch: int) -> int | None:
        """The rung at which a trial is judged that reports ``epoch``, and ``before`` was the last epoch that it reported: the last rung
        that it has reached since then. None where there is none, and at the last epoch, at which it is complete."""
        return max((rung for rung in self.rungs if before < rung <= epoch < self.epochs), default=None)

    @property
    def decisive(self) -> set[str]:
        """The metrics that must be finite."""
        return {self.metric, "loss", *self.must_be_finite}

    @property
    def planned(self) -> int:
        """How many trials the search has."""
        if not isinstance(self.search, Grid):
            return self.search.trials
        return math.prod(len(values) for values in self.space.values()) * len(self._seeds_of_trials())

    @property
    def planned_confirmations(self) -> int:
        """How many trials the confirmation has at the most: fewer where fewer settings complete."""
        if not self.confirm:
            return 0
        settings = min(self.confirm.top, self.planned) + len(self.confirm.also)
        return settings * len(self.parts(self.fresh_seeds, self.seeds_per_trial))

    def score(self, metrics: Mapping[str, Any]) -> float:
        """The study's metric of one epoch, mean over the seeds of the trial: what trials are judged by. Of a diverged one, any number."""
        value = metrics[self.metric]
        return mean(value) if isinstance(value, list) else float(value)

    def config(self, setting: Mapping[str, Any], phase: str = "search") -> dict[str, Any]:
        """All that the trainable is given for ``setting``, but for what ``load`` reads. ``test``: whether test data may be looked at, as in
        a confirmation, and in a grid that trains every setting to the end and is the whole study. ``gpus``: as in ``resources``."""
        chooses = self.confirm or self.stopping or not isinstance(self.search, Grid)
        given = {"epochs": self.epochs, "test": not chooses or phase == "confirm", "gpus": self.resources.gpus}
        return {**self.fixed, **setting, **given}

    def read_data(self) -> dict[str, Any]:
        """What ``load`` reads, under the key that trainables find it by; empty without ``load``.

        Raises:
            StudyError: the data are missing or damaged.
        """
        return {"loaded": self._ask_data(self.load)} if self.load else {}

    def describe_data(self) -> dict[str, Any]:
        """What ``data`` says; empty without it.

        Raises:
            StudyError: the data are missing or damaged, or it says no mapping.
        """
        said = self._ask_data(self.data) if self.data else {}
        if not isinstance(said, Mapping):
            raise StudyError(f"Study {self.name!r}: data returned {shown(said)}; it must return a mapping: name, counts, checksum.")
        return dict(said)

    def _ask_data(self, function: Callable[[Config], Any]) -> Any:
        try:
            return function(self.config({key: ends(values)[0] for key, values in self.space.items()}))
        except (ValueError, OSError) as error:
            raise StudyError([f"Study {self.name!r}: {line}" for line in str(error).splitlines()]) from None

    def settings(self) -> list[dict[str, Any]]:
        """Every combination of the space's values, the last key moving fastest. Only a grid has such a list."""
        return [dict(zip(self.space, values, strict=True)) for values in itertools.product(*self.space.values())]

    def trials(self) -> list[Trial]:
        """Every setting of a grid over all its seeds, ``seeds_per_trial`` at a time."""
        pairs = list(itertools.product(self.settings(), self._seeds_of_trials()))
        return [Trial(id=trial_id(i, len(pairs)), config=setting, seeds=part) for i, (setting, part) in enumerate(pairs, start=1)]

    def _seeds_of_trials(self) -> list[Sequence[int]]:
        """The seeds of each trial of one setting."""
        return self.parts(self.seed_list, len(self.seed_list) if self.stopping else self.seeds_per_trial)

    def parts(self, seeds: Sequence[int], together: int) -> list[Sequence[int]]:
        """``seeds`` cut into parts of ``together``; the last one may be shorter."""
        return [seeds[start : start + together] for start in range(0, len(seeds), together)]

    def override(self, changes: Mapping[str, Any]) -> "Study":
        """The same study with other values: of fixed keys, of space keys (one value or a list), or of ``epochs``, ``seeds``, ``cpus`` and
        ``gpus`` (of each trial), ``dashboard``, ``trials`` (of a search), ``stopping`` (a mapping of fields of ``Asha``, or None) or
        ``confirm`` (a mapping with ``top``, ``seeds`` or both, or None). Settings that a search tries first stay within the space: of a
        key that is given other values, they take the nearest of these.

        Raises:
            StudyError: an unknown key, or a value that is not allowed.
        """
        own = ["epochs", "seeds", "stopping", "confirm", "cpus", "gpus", "dashboard"]
        own += [] if isinstance(self.search, Grid) else ["trials"]
        known = [*self.space, *self.fixed, *own]
        unknown = [f"unknown key {key!r}{did_you_mean(key, known)} Known: {', '.join(known)}." for key in changes if key not in known]
        if unknown:
            raise StudyError([f"Study {self.name!r}: {problem}" for problem in unknown])
        others: dict[str, Any] = {key: changes[key] for key in ("epochs", "seeds", "dashboard") if key in changes}
        parts = {"stopping": (Asha, {"min_epochs": 1, "keep_one_in": 3}), "confirm": (Confirm, {"top": 3, "seeds": 5})}
        others |= {key: self._other(key, *parts[key], changes[key]) for key in parts if key in changes}
        others["resources"] = dataclasses.replace(self.resources, **{key: changes[key] for key in ("cpus", "gpus") if key in changes})
        space = {key: as_values(changes[key]) if key in changes else values for key, values in self.space.items()}
        if not isinstance(self.search, Grid):
            changed = {key: values for key, values in space.items() if key in changes and not checks.values_problems(key, values, {})}
            first = moved_within(changed, self.search.first)
            others["search"] = dataclasses.replace(self.search, trials=changes.get("trials", self.search.trials), first=first)
        fixed = {key: changes.get(key, value) for key, value in self.fixed.items()}
        return dataclasses.replace(self, space=space, fixed=fixed, **others)

    def _other(self, key: str, kind: type[Asha | Confirm], example: Mapping[str, int], change: Any) -> Any:
        if change is None:
            return None
        known = {each.name for each in dataclasses.fields(kind)} - {"also"}
        if not isinstance(change, Mapping) or not set(change) <= known:
            raise StudyError(f"Study {self.name!r}: {key}={change!r} must be like {json.dumps(example)}, or null.")
        return dataclasses.replace(getattr(self, key) or kind(), **change)


def trial_of(study: Study, config: Mapping[str, Any]) -> Trial:
    """The trial that a configuration of ``search.TrialSource`` stands for."""
    return Trial(id=config["trial"], config=config["setting"], seeds=config["seeds"] or study.seed_list, phase=config["phase"])
