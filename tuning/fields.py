"""The fields of a study before they are checked: values of numpy as Python's own, and what is of a wrong kind altogether."""

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tuning.space import listed
from tuning.specs import Asha, Compare, Confirm, Grid, Optuna, Published, Random, Resources
from tuning.values import is_name, plain, shown

if TYPE_CHECKING:
    from tuning.study import Study


def _of(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def _are_named(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(is_name, value))


def _are_limits(value: Any) -> bool:
    return isinstance(value, Mapping) and all(hasattr(rule, "problem") and not isinstance(rule, type) for rule in value.values())


def _is_function(value: Any) -> bool:
    return value is None or callable(value)


_NONE = type(None)
_FUNCTION = (_is_function, "must be a function, or None", None)
_KINDS: Mapping[str, tuple[Callable[[Any], bool], str, Any]] = {
    "name": (_of(str), "must be text", ""),
    "question": (_of(str), "must be text", ""),
    "space": (_are_named, "must map names to lists or ranges", {}),
    "metric": (is_name, "must be the name of a reported metric", ""),
    "fixed": (_are_named, "must map names to values", {}),
    "search": (_of(Grid, Random, Optuna), "must be Grid(), Random(trials=...) or Optuna(trials=...)", Random(trials=1)),
    "stopping": (_of(Asha, _NONE), "must be Asha(), or None", None),
    "confirm": (_of(Confirm, _NONE), "must be Confirm(), or None", None),
    "resources": (_of(Resources), "must be Resources(cpus=..., gpus=...)", Resources()),
    "limits": (_are_limits, "must map names to rules, as Whole(1) of trainables.limits is one", {}),
    **dict.fromkeys(("data", "load", "state_bytes", "export"), _FUNCTION),
    "published": (_of(Published, _NONE), "must be Published(...), or None", None),
    "compare": (_of(Compare, _NONE), "must be Compare(...), or None", None),
    "tables": (_of(Mapping), "must map titles to lists of rows", {}),
    "smoke": (_are_named, "must map names to values", {}),
}
"""Field -> whether a value is of its kind, how that reads, and what the other checks take in the place of a wrong one."""


def in_right_fields(study: "Study") -> tuple["Study", list[str]]:
    """The study with neutral values in the place of those of a wrong kind, so that the rest of it can be checked; and one sentence for
    each of these."""
    wrong = [name for name, (is_right, _, _) in _KINDS.items() if not is_right(getattr(study, name))]
    rest = copy.copy(study)
    for name in wrong:
        object.__setattr__(rest, name, _KINDS[name][2])
    return rest, [f"{name}={shown(getattr(study, name))} {_KINDS[name][1]}." for name in wrong]


def plain_fields(study: "Study") -> dict[str, Any]:
    """The fields of a study by name, with Python's own values in the place of numpy's and lists in that of ``tune.choice``."""
    values = {each.name: plain(getattr(study, each.name)) for each in dataclasses.fields(study)}
    mapped = {name: values[name] for name in ("space", "smoke") if isinstance(values[name], Mapping)}
    lists = {name: {key: listed(value) for key, value in mapping.items()} for name, mapping in mapped.items()}
    fixed = {"fixed": {key: plain(value) for key, value in study.fixed.items()}} if isinstance(study.fixed, Mapping) else {}
    specs = {name: _plain_spec(value) for name, value in values.items() if isinstance(value, _SPECS)}
    return values | lists | fixed | specs | {"seeds": listed(values["seeds"])}


_SPECS = (Random, Optuna, Asha, Confirm, Resources, Published, Compare)


def _plain_spec(spec: Any) -> Any:
    return dataclasses.replace(spec, **{each.name: _plain_within(getattr(spec, each.name)) for each in dataclasses.fields(spec)})


def _plain_within(value: Any) -> Any:
    if type(value) is dict:
        return {key: _plain_within(each) for key, each in value.items()}
    return type(value)(map(_plain_within, value)) if type(value) in (list, tuple) else plain(value)
