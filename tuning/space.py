"""What varies: a list of values to choose from, or one of Ray Tune's own ranges (``tune.uniform``, ``tune.randint`` and so on)."""

from collections.abc import Mapping, Sequence
from typing import Any

from trainables.limits import Limit, problems

RANGES = "tune.uniform, quniform, loguniform, randint, qrandint, lograndint or choice"


def is_range(values: Any) -> bool:
    """Whether ``values`` is a range of Ray Tune. Asked without importing Ray, which a study of lists does not need."""
    return type(values).__module__.startswith("ray.tune.search.sample")


def distribution(values: Any) -> Any:
    """A list or a range as a distribution of Optuna.

    Raises:
        ValueError: a range that Optuna cannot draw from.
    """
    from optuna.distributions import CategoricalDistribution

    if not is_range(values):
        return CategoricalDistribution(tuple(values))
    from ray.tune.search.optuna import OptunaSearch
    from ray.tune.search.sample import LogUniform, Quantized

    sampler = values.get_sampler()
    if isinstance(sampler, Quantized) and isinstance(sampler.get_sampler(), LogUniform):
        raise ValueError("a logarithmic range cannot be quantised")
    return OptunaSearch.convert_search_space({"values": values})["values"]


def describe(values: Any) -> dict[str, Any]:
    """A list or a range for the record: ``values``, or ``kind`` ("float" or "int"), ``low``, ``high`` (included), ``log`` and ``step``."""
    if not is_range(values):
        return {"values": list(values)}
    drawn = distribution(values)
    if hasattr(drawn, "choices"):
        return {"values": list(drawn.choices)}
    kind = "int" if type(drawn).__name__ == "IntDistribution" else "float"
    return {"kind": kind, "low": drawn.low, "high": drawn.high, "log": drawn.log, "step": drawn.step}


def text(values: Any) -> str:
    """A list or a range in words, for a terminal."""
    facts = describe(values)
    if "values" in facts:
        return ", ".join(map(str, facts["values"]))
    step = f", in steps of {facts['step']:g}" if facts["step"] not in (None, 1) else ""
    whole = "whole numbers " if facts["kind"] == "int" else ""
    return f"{whole}{facts['low']:g} to {facts['high']:g}{', logarithmic' if facts['log'] else ''}{step}"


def ends(values: Any) -> list[Any]:
    """The values that limits and sizes are judged by: all of a list, both ends of a range."""
    facts = describe(values)
    return facts["values"] if "values" in facts else [facts["low"], facts["high"]]


def is_among(value: Any, values: Sequence[Any]) -> bool:
    """Whether ``values`` hold ``value``. True is not 1, though Python calls them equal."""
    return any(isinstance(each, bool) == isinstance(value, bool) and each == value for each in values)


def nearest(values: Any, value: Any) -> Any:
    """``value`` where it is in the list or range, else what is nearest to it there: of what is no number, the first."""
    found = ends(values)
    if is_among(value, found) or not all(isinstance(each, int | float) for each in (value, *found)):
        return value if is_among(value, found) else found[0]
    return min(max(value, found[0]), found[-1]) if is_range(values) else min(found, key=lambda each: abs(each - value))


def setting_problems(setting: Mapping[str, Any], space: Mapping[str, Any], limits: Mapping[str, Limit]) -> list[str]:
    """What is wrong with a whole setting that is to be tried beside the space, or in it: one sentence each."""
    if set(setting) != set(space):
        return [f"has values for {', '.join(setting) or 'nothing'}; it needs one for each of {', '.join(space)}."]
    return problems(setting, limits)


def outside_problems(setting: Mapping[str, Any], space: Mapping[str, Any]) -> list[str]:
    """Which values of a whole setting are not in the space: one sentence each."""
    known = ((key, value, ends(space[key])) for key, value in setting.items() if key in space)
    return [
        f"{key}={value!r} is not in the space: {text(space[key])}."
        for key, value, found in known
        if not (found[0] <= value <= found[-1] if is_range(space[key]) and isinstance(value, int | float) else is_among(value, found))
    ]


def range_problems(key: str, values: Any, limits: Mapping[str, Limit]) -> list[str]:
    """What is wrong with a range of Ray Tune: one sentence each."""
    try:
        found = ends(values)
    except (ValueError, TypeError, AttributeError) as error:
        return [f"space: {key} is a range that cannot be searched ({error}); give a list, or {RANGES}."]
    return [f"space: {problem}" for value in found for problem in problems({key: value}, limits)]
