"""The space of a study as ``study.json`` has it: for each parameter ``values``, or a range.

A parameter of a branch has ``when`` beside it: choice -> the branches in which it is active. Where
it is not, a setting has no value for it, which is something else than None.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Domain = Mapping[str, Any]
When = Mapping[str, Iterable[Any]]


def is_active(when: When | None, setting: Mapping[str, Any]) -> bool:
    """Whether a parameter is active in a setting, which holds the choices above it already."""
    return not when or any(
        choice in setting and is_one_of(branches, setting[choice])
        for choice, branches in when.items()
    )


def as_declared(domain: Domain, value: Any) -> Any:
    """A value as the space has it: of a list, the number that is written as ``value``, 1 or 1.0,
    else the one that equals it; of a range, a number of its kind. Any other value as it is.
    """
    if type(value) not in (int, float):
        return value
    if domain.get("kind") == "float":
        return float(value)
    if domain.get("kind") == "int" and float(value).is_integer():
        return int(value)
    equal = [each for each in domain.get("values", ()) if is_one_of([each], value)]
    return next((each for each in equal if repr(each) == repr(value)), (*equal, value)[0])


def declared(space: Mapping[str, Domain], setting: Mapping[str, Any]) -> dict[str, Any]:
    """A setting, or a part of one, with the values ``as_declared``."""
    return {
        key: as_declared(space[key], value) if key in space else value
        for key, value in setting.items()
    }


def is_one_of(values: Iterable[Any], value: Any) -> bool:
    """Whether ``value`` is one of the scalars ``values``: 1 is 1.0 and is not True."""
    return isinstance(value, (str, int, float, type(None))) and any(
        isinstance(each, bool) == isinstance(value, bool) and each == value for each in values
    )


def combinations(space: Mapping[str, Domain]) -> list[dict[str, Any]]:
    """Every setting of a space of lists, with its active parameters alone; the last one moves
    fastest. A choice stands before the parameters of its branches in ``space``.
    """
    settings: list[dict[str, Any]] = [{}]
    for key, domain in space.items():
        settings = [
            setting | chosen
            for setting in settings
            for chosen in (
                [{key: value} for value in domain["values"]]
                if is_active(domain.get("when"), setting)
                else [{}]
            )
        ]
    return settings


def active(space: Mapping[str, Domain], values: Mapping[str, Any]) -> dict[str, Any]:
    """The setting that values for all parameters, active or not, stand for."""
    setting: dict[str, Any] = {}
    for key, domain in space.items():
        if is_active(domain.get("when"), setting):
            setting[key] = values[key]
    return setting
