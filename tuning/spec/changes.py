"""A study with other values, as ``Study.override`` gives it."""

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tuning.spec.branches import conditions, is_choice, listed_within, parameters
from tuning.spec.components import Budget, Confirm, Folds, UntilSettled
from tuning.spec.errors import StudyError, unknown_name
from tuning.spec.numbers import is_count
from tuning.spec.reporting import Report
from tuning.spec.scheduling import Asha, Scheduling
from tuning.spec.settings import moved_within
from tuning.spec.space import as_values, text
from tuning.spec.value_validation import values_problems
from tuning.spec.values import holds, shown

if TYPE_CHECKING:
    from tuning.spec.study import Study

EXAMPLES: Mapping[str, tuple[type[Scheduling | Confirm | Budget], Mapping[str, Any]]] = {
    "scheduler": (Asha, {"grace_period": 1, "reduction_factor": 3}),
    "confirm": (Confirm, {"top": 3, "seeds": 5}),
    "budget": (Budget, {"time": "45m"}),
}
"""Fields of a study that are changed by a mapping of their own fields."""


def with_changes(study: "Study", changes: Mapping[str, Any]) -> "Study":
    """See ``Study.override``."""
    _refuse_unknown(study, changes)
    plain = {key: changes[key] for key in ("epochs", "seeds") if key in changes}
    if isinstance(study.seeds, Folds) and "seeds" in plain:
        plain["seeds"] = dataclasses.replace(study.seeds, seeds=plain["seeds"])
    if "seeds" in plain:
        plain["seeds"] = _seeds(study.seeds, plain["seeds"])
    parts = {key: _part(study, key, changes[key]) for key in EXAMPLES if key in changes}
    share = {key: changes[key] for key in ("cpus", "gpus") if key in changes}
    if "budget" in parts:
        share["budget"] = parts.pop("budget") or Budget()
    space = _space(study, study.space, changes)
    return dataclasses.replace(
        study,
        space=space,
        fixed={key: changes.get(key, value) for key, value in study.fixed.items()},
        resources=dataclasses.replace(study.resources, **share),
        search=study.search if study.search.exhaustive else _search(study, space, changes),
        report=_report(study.report, space, changes),
        **plain,
        **parts,
    )


def _report(report: Report, space: Mapping[str, Any], changes: Mapping[str, Any]) -> Report:
    """Without its comparison where a change leaves one arm alone, which is compared with none."""
    arms = report.compare.parameter if report.compare else ""
    left = parameters(space).get(arms) if arms in changes else None
    alone = isinstance(left, list) and len(left) == 1
    return dataclasses.replace(report, compare=None) if alone else report


def _refuse_unknown(study: "Study", changes: Mapping[str, Any]) -> None:
    own = ["epochs", "seeds", *EXAMPLES, "cpus", "gpus"]
    own += [] if study.search.exhaustive else ["trials"]
    own += ["warm_start"] if _is_warm(study) else []
    known = [*parameters(study.space), *study.fixed, *own]
    unknown = [
        _REFUSED.get(key) or unknown_name("key", key, known) for key in changes if key not in known
    ]
    if unknown:
        raise StudyError([f"Study {study.name!r}: {problem}" for problem in unknown])


_REFUSED = {
    "trials": "trials: a grid trains every setting of its space; only a search has a number of"
    " them, as search=Optuna(trials=20) in the study.",
    "warm_start": "warm_start: only a search that learns by Optuna begins with earlier runs, as"
    " search=Optuna(trials=20) in the study.",
}


def _is_warm(study: "Study") -> bool:
    """Whether its search can begin with earlier runs."""
    return any(each.name == "warm_start" for each in dataclasses.fields(study.search))


def _space(study: "Study", space: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The space with the changed values of its keys, within branches too. Of a choice that is given
    values, these branches stay.
    """
    return {
        key: _branches(study, key, values, changes)
        if is_choice(values)
        else _values(study, key, values, changes[key])
        if key in changes
        else values
        for key, values in space.items()
    }


def _branches(
    study: "Study", key: str, branches: Mapping[Any, Any], changes: Mapping[str, Any]
) -> Any:
    wanted = as_values(changes[key]) if key in changes else list(branches)
    if is_choice(changes.get(key)):
        return listed_within({key: changes[key]})[key]
    kept = {
        branch: _space(study, own, changes)
        for branch, own in branches.items()
        if holds(wanted, branch)
    }
    if not isinstance(wanted, list) or len(kept) != len(wanted):
        raise StudyError(
            f"Study {study.name!r}: {key}={shown(changes[key])} must be one or several of its"
            f" branches, each once: {text(list(branches))}."
        )
    return kept


def _values(study: "Study", key: str, values: Any, change: Any) -> Any:
    """The list or range that is given; a list without lists for a key whose values are lists could
    be one of these, or several.
    """
    new = as_values(change)
    plain = isinstance(new, list) and new and not any(map(_is_list, new))
    if isinstance(values, list) and any(values) and all(map(_is_list, values)) and plain:
        raise StudyError(
            f"Study {study.name!r}: the values of {key} are lists, and {shown(change)} holds none;"
            f" for one such value give [{shown(new)}]."
        )
    return new


def _is_list(value: Any) -> bool:
    return value is None or isinstance(value, list)


def _search(study: "Study", space: Mapping[str, Any], changes: Mapping[str, Any]) -> Any:
    """The search of a changed study: what it tries first stays within the space. A setting whose
    branch is gone is left out, and so is one that does not go together any more.
    """
    changed = {
        key: values
        for key, values in parameters(space).items()
        if key in changes and not values_problems(key, values, {})
    }
    choices = {choice for of in conditions(study.space).values() for choice in of}
    there = [
        setting
        for setting in study.search.points_to_evaluate
        if all(
            key not in setting or holds(changed[key], setting[key]) for key in choices & {*changed}
        )
    ]
    moved = {
        "points_to_evaluate": [
            setting
            for setting in moved_within(changed, there)
            if not changed or study.search.allows(setting)
        ]
    }
    return dataclasses.replace(
        study.search,
        trials=changes.get("trials", study.search.trials),
        **({"warm_start": changes["warm_start"]} if "warm_start" in changes else {}),
        **(moved if study.search.points_to_evaluate else {}),
    )


def _part(study: "Study", key: str, change: Any) -> Any:
    kind, example = EXAMPLES[key]
    if change is None:
        return None
    given = getattr(study, key) or kind()
    known = {each.name for each in dataclasses.fields(given)} - {"baselines", "own"}
    if not isinstance(change, Mapping) or not set(change) <= known:
        raise StudyError(
            f"Study {study.name!r}: {key}={change!r} must be like {json.dumps(example)}, or null."
        )
    if isinstance(given, Confirm) and "seeds" in change:
        change = {**change, "seeds": _seeds(given.seeds, change["seeds"])}
    return dataclasses.replace(given, **change)


def _seeds(given: Any, wanted: Any) -> Any:
    """Of seeds that stop themselves, a number is the most that there may be."""
    return given.up_to(wanted) if isinstance(given, UntilSettled) and is_count(wanted) else wanted
