"""Whole settings against the space of a study."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.records.space import Domain, When, is_active
from trainables.limits import Limit
from tuning.spec.branches import conditions, parameters
from tuning.spec.space import describe, described_text, nearest, text, value_problems
from tuning.spec.values import holds, shown


def setting_problems(
    setting: Any, space: Mapping[str, Any], limits: Mapping[str, Limit]
) -> list[str]:
    """What is wrong with a whole setting that is to be tried beside the space, or in it: one
    sentence each.
    """
    if not isinstance(setting, Mapping):
        return [
            f"{shown(setting)} is no setting: it must map each of {', '.join(space)} to a value."
        ]
    when, values = conditions(space), parameters(space)
    choices = {choice: values[choice] for of in when.values() for choice in of}
    needed = {key: when.get(key) for key in values}
    return _name_problems(setting, needed, choices) or value_problems(setting, limits)


def outside_problems(setting: Mapping[str, Any], space: Mapping[str, Any]) -> list[str]:
    """Which values of a whole setting are not in the space: one sentence each."""
    values = parameters(space)
    return _outside(setting, {key: describe(values[key]) for key in setting})


def recorded_problems(setting: Mapping[str, Any], space: Mapping[str, Domain]) -> list[str]:
    """As both, of a space as ``study.json`` has it, which knows no limits."""
    needed = {key: domain.get("when") for key, domain in space.items()}
    choices = {choice: space[choice]["values"] for of in needed.values() for choice in of or ()}
    return _name_problems(setting, needed, choices) or _outside(setting, space)


def _name_problems(
    setting: Mapping[str, Any],
    when: Mapping[str, When | None],
    choices: Mapping[str, Sequence[Any]],
) -> list[str]:
    """Whether a setting has the active parameters and no other. ``when``: parameter -> where it is
    active; ``choices``: choice -> its branches.
    """
    found = [
        f"{key}={shown(setting[key])} is no branch of {key}: {text(branches)}."
        for key, branches in choices.items()
        if key in setting and not holds(branches, setting[key])
    ]
    needed = [key for key, of in when.items() if is_active(of, setting)]
    if not found and set(setting) != set(needed):
        given = [f"{key}={shown(setting[key])}" for key in choices if key in setting]
        found.append(
            f"has values for {', '.join(map(str, setting)) or 'nothing'};"
            f"{' with ' * bool(given)}{', '.join(given)} it needs one for each of"
            f" {', '.join(needed)}."
        )
    return found


def _outside(setting: Mapping[str, Any], space: Mapping[str, Domain]) -> list[str]:
    return [
        f"{key}={shown(value)} is not in the space: {described_text(space[key])}."
        for key, value in setting.items()
        if not _within(space[key], value)
    ]


def _within(facts: Domain, value: Any) -> bool:
    """Whether a value is in the list, or can be drawn from the range."""
    if "values" in facts:
        return holds(facts["values"], value)
    if (
        type(value) not in ((int,) if facts["kind"] == "int" else (int, float))
        or not facts["low"] <= value <= facts["high"]
    ):
        return False
    steps = (value - facts["low"]) / facts["step"] if facts["step"] else 0
    return abs(steps - round(steps)) < 1e-8


def moved_within(
    changed: Mapping[str, Any], settings: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The settings, each once, with the nearest value that ``changed``, parameters with lists or
    ranges, has for each of its keys.
    """
    moved = [
        {
            key: nearest(changed[key], value) if key in changed else value
            for key, value in setting.items()
        }
        for setting in settings
    ]
    return list({json.dumps(setting, sort_keys=True): setting for setting in moved}.values())
