"""What a study is: frozen keyword-only specs that check themselves, all problems at once."""

import dataclasses
import inspect
import itertools
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from trainables import Config, Trainable
from trainables.limits import Limit, problems
from tuning.specs import Compare as Compare
from tuning.specs import Grid as Grid
from tuning.specs import Published as Published
from tuning.specs import Resources as Resources
from tuning.specs import StudyError as StudyError
from tuning.specs import Trial as Trial
from tuning.specs import did_you_mean as did_you_mean

# Keys that a configuration may not use, because the study itself says them.
RESERVED = ("epochs", "loaded", "seeds", "seed", "epoch", "trial", "status", "seconds", "node", "error", "attempt", "at", "n")


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
    """A generator function ``train(config, seeds, resume=None)``: see ``trainables``."""
    space: Mapping[str, Sequence[Any]]
    """What varies: each key with the list of its values."""
    metric: str
    """The name of the metric, as the trainable reports it, that settings are compared by."""
    mode: Literal["max", "min"] = "max"
    """Whether a larger or a smaller metric is better."""
    epochs: int
    """Epochs of each trial, 1 or more."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """What does not vary: given to the trainable beside the setting."""
    search: Grid = Grid()
    """How settings are chosen from the space."""
    seeds: int | Sequence[int] = 5
    """The seeds of every setting; a number n means 0 to n - 1."""
    seeds_per_trial: int = 1
    """How many seeds one trial trains; more than 1 pays where the trainable trains them as one stacked network."""
    resources: Resources = Resources()
    """What one trial takes."""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """What the values of keys may be (``trainables.limits``)."""
    data: Callable[[Config], Mapping[str, Any]] | None = None
    """Says what the data are (name, counts, checksum) before anything starts; a ValueError from it stops the study."""
    load: Callable[[Config], Any] | None = None
    """Reads the data, once for the whole study: the trainable finds them as ``config["loaded"]``. They may not depend on the setting."""
    solved: float | None = None
    """A seed counts as solved when its metric reaches this."""
    published: Published | None = None
    """Numbers of others, to stand beside ours."""
    compare: Compare | None = None
    """Arms to be compared seed by seed."""
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Facts known beforehand, as titled tables: shown by ``study show`` and in the report."""
    smoke: Mapping[str, Any] = field(default_factory=dict)
    """Overrides that make a run of seconds, for ``--smoke``: keys of the study's values, ``epochs`` or ``seeds``."""

    def __post_init__(self) -> None:
        found = [*_shape_problems(self), *_value_problems(self)]
        if found:
            raise StudyError([f"Study {self.name!r}: {problem}" for problem in found])

    @property
    def seed_list(self) -> list[int]:
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(self.seeds)

    def config(self, setting: Mapping[str, Any]) -> dict[str, Any]:
        """All that the trainable is given for ``setting``, but for what ``load`` reads."""
        return {**self.fixed, **setting, "epochs": self.epochs}

    def read_data(self) -> dict[str, Any]:
        """What ``load`` reads, under the key that trainables find it by; empty without ``load``.

        Raises:
            StudyError: the data are missing or damaged.
        """
        return {"loaded": self._ask_data(self.load)} if self.load else {}

    def describe_data(self) -> dict[str, Any]:
        """What ``data`` says; empty without it.

        Raises:
            StudyError: the data are missing or damaged.
        """
        return dict(self._ask_data(self.data)) if self.data else {}

    def _ask_data(self, function: Callable[[Config], Any]) -> Any:
        try:
            return function(self.config(self.settings()[0]))
        except (ValueError, OSError) as error:
            raise StudyError([f"Study {self.name!r}: {line}" for line in str(error).splitlines()]) from None

    def settings(self) -> list[dict[str, Any]]:
        """Every combination of the space's values, the last key moving fastest."""
        return [dict(zip(self.space, values, strict=True)) for values in itertools.product(*self.space.values())]

    def trials(self) -> list[Trial]:
        """Every setting over all its seeds, ``seeds_per_trial`` at a time."""
        seeds, step = self.seed_list, self.seeds_per_trial
        parts = [seeds[start : start + step] for start in range(0, len(seeds), step)]
        pairs = list(itertools.product(self.settings(), parts))
        digits = max(4, len(str(len(pairs))))
        return [Trial(id=f"{i:0{digits}}", config=setting, seeds=part) for i, (setting, part) in enumerate(pairs, start=1)]

    def override(self, changes: Mapping[str, Any]) -> "Study":
        """The same study with other values: of fixed keys, of ``epochs`` or ``seeds``, or of space keys (one value or a list).

        Raises:
            StudyError: an unknown key, or a value that is not allowed.
        """
        known = [*self.space, *self.fixed, "epochs", "seeds"]
        unknown = [f"unknown key {key!r}{did_you_mean(key, known)} Known: {', '.join(known)}." for key in changes if key not in known]
        if unknown:
            raise StudyError([f"Study {self.name!r}: {problem}" for problem in unknown])
        own = {key: changes[key] for key in ("epochs", "seeds") if key in changes}
        space = {key: _as_list(changes[key]) if key in changes else values for key, values in self.space.items()}
        fixed = {key: changes.get(key, value) for key, value in self.fixed.items()}
        return dataclasses.replace(self, space=space, fixed=fixed, **own)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _shape_problems(study: Study) -> list[str]:
    """What is wrong with the study itself, before any single value."""
    return [
        message
        for broken, message in (
            (not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", str(study.name)), "name must be letters, digits, '_' or '-', 100 at most."),
            (not callable(study.trainable), f"trainable={study.trainable!r} must be a function train(config, seeds, resume=None)."),
            (
                callable(study.trainable) and not _takes_config_and_seeds(study.trainable),
                "trainable must take (config, seeds, resume=None).",
            ),
            (study.mode not in ("max", "min"), f"mode={study.mode!r} must be 'max' or 'min'."),
            (not study.metric or not isinstance(study.metric, str), f"metric={study.metric!r} must be the name of a reported metric."),
            (not study.space, "space is empty: give at least one key with the values to try."),
            (not _is_count(study.epochs), f"epochs={study.epochs!r} must be a whole number, 1 or more."),
            (
                not _are_seeds(study.seeds),
                f"seeds={study.seeds!r} must be a whole number, 1 or more, or a list of different whole numbers.",
            ),
            (not _is_count(study.seeds_per_trial), f"seeds_per_trial={study.seeds_per_trial!r} must be a whole number, 1 or more."),
            (not 0 < study.resources.cpus < math.inf, f"resources: cpus={study.resources.cpus!r} must be above 0."),
            (not 0 <= study.resources.gpus < math.inf, f"resources: gpus={study.resources.gpus!r} must be 0 or more."),
        )
        if broken
    ]


def _value_problems(study: Study) -> list[str]:
    """What is wrong with the keys and values of space and fixed."""
    found = [
        f"{key!r} is the study's own word and cannot be a key of space or fixed."
        for key in RESERVED
        if key in {**study.space, **study.fixed}
    ]
    found += [f"{key!r} is in space and in fixed; keep one of them." for key in study.space if key in study.fixed]
    for key, values in study.space.items():
        if not isinstance(values, (list, tuple)) or not values:
            found.append(f"space: {key}={values!r} must be a list with at least one value.")
            continue
        if any(value in values[:i] for i, value in enumerate(values)):
            found.append(f"space: {key}={list(values)!r} holds a value twice.")
        found += [
            f"space: {key} holds {value!r}; {_PLAIN}" for value in values if isinstance(value, (list, tuple, dict)) or not _is_json(value)
        ]
        found += [problem for value in values for problem in problems({key: value}, study.limits)]
    if study.compare and study.compare.baseline not in study.space.get(study.compare.parameter, ()):
        found.append(f"compare: baseline={study.compare.baseline!r} is no value of {study.compare.parameter!r} in the space.")
    found += [f"fixed: {key}={value!r}; {_PLAIN}" for key, value in study.fixed.items() if key not in study.limits and not _is_json(value)]
    return found + problems(study.fixed, study.limits)


_PLAIN = "values are written to the records, so give finite numbers, text, True, False or None (a name to look up in the trainable, say)."


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _takes_config_and_seeds(trainable: Trainable) -> bool:
    try:
        inspect.signature(trainable).bind({}, [0])
    except (TypeError, ValueError):
        return False
    return True


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _are_seeds(seeds: Any) -> bool:
    if isinstance(seeds, (list, tuple)):
        return (
            bool(seeds) and len(set(seeds)) == len(seeds) and all(isinstance(s, int) and not isinstance(s, bool) and s >= 0 for s in seeds)
        )
    return _is_count(seeds)
