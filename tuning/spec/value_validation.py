"""What can be wrong with the values of a study: those of its space, and the fixed ones."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainables.limits import Limit
from tuning.spec.branches import branch_problems, clashes, is_choice, parameters, places
from tuning.spec.callables import Contract, contract_of
from tuning.spec.components import Folds
from tuning.spec.space import (
    is_range,
    range_problems,
    value_problems,
)
from tuning.spec.values import holds_twice, is_kept, is_kept_whole, shown

if TYPE_CHECKING:
    from tuning.spec.study import Study


GIVEN = ("epochs", "test", "gpus", "loaded")
"""What the study itself puts into the configuration of a trial."""


SET = ("seeds", "trials", "confirm", "budget", "cpus", "gpus")
"""What ``--set`` changes of a study, beside its keys and ``epochs``."""


PUBLISHED = ("mean", "std", "metric")
"""What a published row says beside a setting."""


def study_value_problems(study: "Study") -> list[str]:
    """What is wrong with the keys and values of space and fixed."""
    names = parameters(study.space)
    keys = {**names, **study.fixed}
    published = PUBLISHED if study.report.published else ()
    own = ["fold"] if isinstance(study.seeds, Folds) else []
    if "seed" in keys and contract_of(study.task.train) is Contract.RAY:
        own.append("seed")
    taken = (*GIVEN, *SET, *published, *own)
    found = [
        f"{key!r} is the study's own word and cannot be a key of space or fixed; call it otherwise."
        for key in keys
        if key in taken
    ]
    found += [
        f"{key!r} is in space and in fixed; keep one of them."
        for key in names
        if key in study.fixed
    ]
    return (
        found
        + space_problems(study)
        + value_problems(study.fixed, study.task.limits, is_kept_whole)
    )


def space_problems(study: "Study") -> list[str]:
    """What is wrong with the space: with each parameter, and, where all are sound, with names that
    stand for several.
    """
    limits = study.task.limits
    found = [
        problem
        for key, values in places(study.space)
        for problem in (
            branch_problems(key, values, limits)
            if is_choice(values)
            else values_problems(key, values, limits)
        )
    ]
    return list(dict.fromkeys(found)) or clashes(study.space)


def values_problems(key: str, values: Any, limits: Mapping[str, Limit]) -> list[str]:
    """What is wrong with the values of a key of the space, a list or a range."""
    if is_range(values):
        return range_problems(key, values, limits)
    if not isinstance(values, list) or not values:
        return [f"space: {key}={shown(values)} must be a list with at least one value."]
    twice = [f"space: {key}={shown(values)} holds a value twice."] if holds_twice(values) else []
    # A list of a thousand tuples is one mistake.
    odd = [value for value in values if not is_kept(value)][:1]
    return twice + [
        problem
        for value in [*filter(is_kept, values), *odd]
        for problem in value_problems({key: value}, limits)
    ]
