"""The fields of a study before they are checked: values of numpy as Python's own, and what is of a
wrong kind altogether.
"""

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tuning.spec.branches import listed_within
from tuning.spec.callables import binds
from tuning.spec.components import (
    Budget,
    Confirm,
    Folds,
    Recovery,
    Resources,
    UntilSettled,
)
from tuning.spec.mirroring import Mirrors
from tuning.spec.misplaced import misplaced
from tuning.spec.reporting import Compare, Published, Report
from tuning.spec.scheduling import Scheduling
from tuning.spec.searches import Random, Search
from tuning.spec.space import listed
from tuning.spec.values import as_json, is_name, plain, shown

if TYPE_CHECKING:
    from tuning.spec.study import Study


def _of(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def _are_named(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(is_name, value))


def _are_limits(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        hasattr(rule, "problem") and not isinstance(rule, type) for rule in value.values()
    )


_NONE = type(None)
_Kind = tuple[Callable[[Any], bool], str, Any]


def _function_of(*names: str) -> _Kind:
    def is_right(value: Any) -> bool:
        return value is None or (callable(value) and binds(value, *names))

    return is_right, f"must be a function of ({', '.join(names)}), or None", None


_KINDS: Mapping[str, _Kind] = {
    "name": (_of(str), "must be text", ""),
    "question": (_of(str), "must be text", ""),
    "space": (_are_named, "must map names to lists or ranges", {}),
    "metric": (is_name, "must be the name of a reported metric", ""),
    "fixed": (_are_named, "must map names to values", {}),
    "search": (
        _of(Search),
        "must be Grid(), Random(trials=...), Optuna(trials=...), RayTune(..., trials=...) or an"
        " object with ask(history) and tell(trial)",
        Random(trials=1),
    ),
    "scheduler": (
        _of(Scheduling, _NONE),
        "must be Asha(), Hyperband(), Median(), Patience(), an object with goes_on(trial, epoch,"
        " value, history), or None",
        None,
    ),
    "confirm": (_of(Confirm, _NONE), "must be Confirm(), or None", None),
    "resources": (_of(Resources), "must be Resources(cpus=..., gpus=...)", Resources()),
    "recovery": (_of(Recovery), "must be Recovery(max_failures=..., ...)", Recovery()),
    "report": (_of(Report), "must be Report(target=..., ...)", Report()),
    "mirrors": (_of(Mirrors), "must be Mirrors(wandb=..., ...)", Mirrors()),
    "smoke": (_are_named, "must map names to values", {}),
}
"""Field -> whether a value is of its kind, how that reads, and what the other checks take in the
place of a wrong one.
"""

_REPORT_KINDS: Mapping[str, _Kind] = {
    "compare": (_of(Compare, _NONE), "must be Compare(...), or None", None),
    "published": (_of(Published, _NONE), "must be Published(...), or None", None),
    "tables": (_of(Mapping), "must map titles to lists of rows", {}),
}

_TASK_KINDS: Mapping[str, _Kind] = {
    "limits": (_are_limits, "must map names to rules, as Whole(1) of trainables.limits is one", {}),
    **dict.fromkeys(("describe", "load"), _function_of("config")),
    "state_bytes": _function_of("config", "seeds"),
    "export": _function_of("config", "state", "folder"),
    "network": _function_of("config", "state"),
}


_Part = TypeVar("_Part")


def in_right_fields(study: "Study") -> tuple["Study", list[str]]:
    """The study with neutral values in the place of those of a wrong kind, so that the rest of it
    can be checked; and one sentence for each of these.
    """
    rest, wrong = _in_right_fields(study, _KINDS)
    report, wrong_of_report = _in_right_fields(rest.report, _REPORT_KINDS)
    task, wrong_of_task = _in_right_fields(study.task, _TASK_KINDS)
    object.__setattr__(rest, "report", report)
    object.__setattr__(rest, "trainable", task)
    return rest, [*wrong, *(f"report: {problem}" for problem in wrong_of_report), *wrong_of_task]


def _in_right_fields(part: _Part, kinds: Mapping[str, _Kind]) -> tuple[_Part, list[str]]:
    rest, wrong = copy.copy(part), []
    for name, (is_right, words, neutral) in kinds.items():
        value = getattr(part, name)
        if not is_right(value):
            wrong.append(f"{name}={shown(value)} {misplaced(name, value) or words}.")
            object.__setattr__(rest, name, neutral)
    return rest, wrong


def plain_fields(study: "Study") -> dict[str, Any]:
    """The fields of a study by name, with Python's own values in the place of numpy's and lists in
    that of ``tune.choice``.
    """
    values = {each.name: plain(getattr(study, each.name)) for each in dataclasses.fields(study)}
    values["search"] = _search(values["search"])
    values["scheduler"] = _scheduling(values["scheduler"])
    mapped = {
        name: values[name] for name in ("space", "smoke") if isinstance(values[name], Mapping)
    }
    lists = {name: _lists(mapping) for name, mapping in mapped.items()}
    fixed = (
        {"fixed": {key: plain(value) for key, value in study.fixed.items()}}
        if isinstance(study.fixed, Mapping)
        else {}
    )
    specs = {
        name: _plain_spec(value) for name, value in values.items() if isinstance(value, _SPECS)
    }
    return values | {"seeds": listed(values["seeds"])} | lists | fixed | specs


def _search(given: Any) -> Any:
    """An object of the user's that can be asked and told, as a search."""
    if isinstance(given, (Search, type)) or not all(
        callable(getattr(given, name, None)) for name in ("ask", "tell")
    ):
        return given
    from tuning.search.own import OwnSearch

    trials: Any = getattr(given, "trials", None)
    return OwnSearch(own=given, trials=trials)


def _scheduling(given: Any) -> Any:
    """An object of the user's that stops trials, as a scheduling."""
    if isinstance(given, (Scheduling, type)) or not callable(getattr(given, "goes_on", None)):
        return given
    from tuning.search.own_scheduler import OwnScheduling

    return OwnScheduling(own=given)


def _lists(mapping: Mapping[Any, Any]) -> dict[Any, Any]:
    try:
        return listed_within(mapping)
    except RecursionError:  # it holds itself, and is refused as it is
        return dict(mapping)


_SPECS = (
    *(Search, Scheduling, Confirm, Folds, UntilSettled),
    *(Resources, Budget, Recovery, Report, Published, Compare, Mirrors),
)


def _plain_spec(spec: Any) -> Any:
    values = {each.name: getattr(spec, each.name) for each in dataclasses.fields(spec)}
    return dataclasses.replace(spec, **{name: _plain_part(each) for name, each in values.items()})


def _plain_part(value: Any) -> Any:
    try:
        return _plain_within(value)
    except RecursionError:  # it holds itself, and is refused as it is
        return value


def _plain_within(value: Any) -> Any:
    if isinstance(value, _SPECS):
        return _plain_spec(value)
    if type(value) is dict:
        return as_json(value)
    return type(value)(map(_plain_within, value)) if type(value) in (list, tuple) else plain(value)
