"""Spaces as ConfigSpace has them, for the rivals that want that."""

from collections.abc import Mapping
from typing import Any

from tuning.spec.space import describe


def config_space(space: Mapping[str, Any], seed: int) -> Any:
    from ConfigSpace import ConfigurationSpace

    found = ConfigurationSpace(seed=seed)
    for name, values in space.items():
        found.add(_parameter(name, describe(values)))
    return found


def _parameter(name: str, facts: Mapping[str, Any]) -> Any:
    from ConfigSpace import Categorical, Float, Integer

    if "values" in facts:
        return Categorical(name, facts["values"])
    kind = Float if facts["kind"] == "float" else Integer
    return kind(name, (facts["low"], facts["high"]), log=facts["log"])
