"""A space with branches as one mapping of its parameters.

A mapping in the place of a list is a choice with parameters of its own: branch -> its parameters,
lists, ranges, or further choices. A name may stand in several branches of one choice, with the same
values: it is one parameter then.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import combinations as pairs
from itertools import starmap
from math import prod
from typing import Any

from analysis.records.space import combinations, is_one_of
from trainables.limits import Limit, problems
from tuning.spec.space import describe, listed
from tuning.spec.values import is_name, is_scalar, shown

Path = tuple[tuple[str, Any], ...]
"""The choices above a parameter, the outermost first, each with the branch that it is in."""


def is_choice(values: Any) -> bool:
    return isinstance(values, Mapping)


def listed_within(space: Mapping[Any, Any]) -> dict[Any, Any]:
    """A space with a list in the place of everything that is one (``space.listed``), within
    branches too.
    """
    return {key: _listed(values) for key, values in space.items()}


def _listed(values: Any) -> Any:
    values = listed(values)
    if not is_choice(values):
        return values
    return {branch: listed_within(own) if is_choice(own) else own for branch, own in values.items()}


def parameters(space: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of a space with its list or range; of a choice, the list of its branches. A
    choice stands before what is in its branches.
    """
    found: dict[str, Any] = {}
    for _, key, values in _places(space):
        found.pop(key, None)  # the last place counts: all choices above have come then
        found[key] = list(values) if is_choice(values) else values
    return found


def conditions(space: Mapping[str, Any]) -> dict[str, dict[str, list[Any]]]:
    """Parameter of a branch -> choice -> the branches in which it is active."""
    found: dict[str, dict[str, list[Any]]] = {}
    for path, key, _ in _places(space):
        for choice, branch in path[-1:]:
            branches = found.setdefault(key, {}).setdefault(choice, [])
            branches += [] if is_one_of(branches, branch) else [branch]
    return found


def space_record(space: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A space as ``study.json`` has it."""
    when = conditions(space)
    return {
        key: describe(values) | ({"when": when[key]} if key in when else {})
        for key, values in parameters(space).items()
    }


def places(space: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Every name of a space with its values, as often as it stands there."""
    return [(key, values) for _, key, values in _places(space)]


def extremes(space: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """As ``space_record``, with both ends in the place of a range."""
    return {
        key: domain if "values" in domain else {**domain, "values": [domain["low"], domain["high"]]}
        for key, domain in space_record(space).items()
    }


def first_setting(space: Mapping[str, Any]) -> dict[str, Any]:
    """The first value of each list, the lower end of each range, of what is active then."""
    first = {key: {**each, "values": each["values"][:1]} for key, each in extremes(space).items()}
    return combinations(first)[0]


def settings_count(space: Mapping[str, Any]) -> int:
    """How many settings a space of lists has."""
    return prod(
        sum(map(settings_count, values.values())) if is_choice(values) else len(values)
        for values in space.values()
    )


def branch_problems(key: str, values: Mapping[Any, Any], limits: Mapping[str, Limit]) -> list[str]:
    """What is wrong with the branches of a choice: one sentence each."""
    if not values:
        return [f"space: {key} has no branch: give at least one with its parameters."]
    found = [
        f"space: {key}: {shown(branch)} cannot be a branch: give text, a number, True, False or"
        " None."
        for branch in values
        if not is_scalar(branch)
    ]
    found += [
        f"space: {problem}"
        for branch in values
        if is_scalar(branch)
        for problem in problems({key: branch}, limits)
    ]
    for branch, own in values.items():
        if not is_choice(own):
            found.append(
                f"space: {key}: {shown(branch)}={shown(own)} must map the names of the parameters"
                " of this branch to lists or ranges, {} where it has none; a mapping is a choice"
                f" among its keys, so parameters that go together stand beside {key}, not in it."
            )
        else:
            found += [
                f"space: {key}: {shown(branch)}: {shown(name)} must be a name."
                for name in own
                if not is_name(name)
            ]
    return found


def clashes(space: Mapping[str, Any]) -> list[str]:
    """Names that stand for different parameters, or for one that would be active twice: one
    sentence each. The rest of the space must be sound.
    """
    places: dict[str, list[tuple[Path, Any]]] = {}
    for path, key, values in _places(space):
        places.setdefault(key, []).append((path, values))
    found = {
        key: next(filter(None, starmap(_clash, pairs(of_name, 2))), None)
        for key, of_name in places.items()
    }
    return [f"space: {key!r} {problem}" for key, problem in found.items() if problem]


def _clash(one: tuple[Path, Any], other: tuple[Path, Any]) -> str | None:
    (first, values), (second, others) = one, other
    where = f"{_words(first)} and {_words(second)}"
    if not _exclude_each_other(first, second):
        return f"stands {where}, which can be active at once; call one otherwise."
    if _as_text(values) != _as_text(others):
        return (
            f"has other values {where}; give both the same ones, or each its own name (with the"
            " branch in it, say)."
        )
    return None


def _exclude_each_other(first: Path, second: Path) -> bool:
    """Whether the paths part at one choice, into two of its branches."""
    return any(
        one[0] == other[0] and not is_one_of([one[1]], other[1])
        for one, other in zip(first, second, strict=False)
    )


def _words(path: Path) -> str:
    return (
        ("in " + ", ".join(f"{key}={shown(branch)}" for key, branch in path)) if path else "outside"
    )


def _as_text(values: Any) -> str:
    return json.dumps(_told(values), sort_keys=True)


def _told(values: Any) -> Any:
    if not is_choice(values):
        return describe(values)
    return [
        [branch, {key: _told(each) for key, each in own.items()}] for branch, own in values.items()
    ]


def _places(space: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, str, Any]]:
    """Every place of a name in a space, but for what ``branch_problems`` refuses."""
    for key, values in space.items():
        if path and not is_name(key):
            continue
        yield path, key, values
        if is_choice(values):
            for branch, own in values.items():
                if is_choice(own):
                    yield from _places(own, (*path, (key, branch)))
