"""What varies: a list of values to choose from, or one of Ray Tune's own ranges (``tune.uniform``, ``tune.randint`` and so on)."""

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

from analysis.labels import show, value_labels
from trainables.limits import Limit, problems
from tuning.values import RULE, cut, holds, is_kept, plain, shown

MOST_VALUES = 10**6
"""So many values a list may have, and so many seeds a setting."""
MOST_DRAWN = 2**53
"""The largest whole number of a range, of either sign: Optuna draws by way of floats, which hold no larger one exactly."""
RANGES = "tune.uniform, quniform, loguniform, randint, qrandint, lograndint or choice"


def is_range(values: Any) -> bool:
    """Whether ``values`` is a range of Ray Tune. Asked without importing Ray, which a study of lists does not need."""
    return type(values).__module__.startswith("ray.tune.search.sample")


def listed(values: Any) -> Any:
    """A list, a tuple, a ``range``, an array of one dimension or ``tune.choice`` as the list of its values, with Python's own numbers;
    anything else as it is."""
    values = getattr(values, "categories", values) if is_range(values) else values
    values = values.tolist() if getattr(values, "ndim", 0) and hasattr(values, "tolist") else values
    if isinstance(values, (list, tuple)) or (isinstance(values, range) and not values[MOST_VALUES:]):
        return [plain(value) for value in values]
    return plain(values)


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
    values = listed(values)
    if not is_range(values):
        return {"values": values}
    drawn = distribution(values)
    kind = "int" if type(drawn).__name__ == "IntDistribution" else "float"
    return {"kind": kind, "low": plain(drawn.low), "high": plain(drawn.high), "log": drawn.log, "step": drawn.step}


def text(values: Any) -> str:
    """A list or a range in words, for a terminal."""
    facts = describe(values)
    if "values" in facts:
        return ", ".join(value_labels(facts["values"]).values())
    step = f", in steps of {show(facts['step'])}" if facts["step"] not in (None, 1) else ""
    whole = "whole numbers " if facts["kind"] == "int" else ""
    return f"{whole}{show(facts['low'])} to {show(facts['high'])}{', logarithmic' if facts['log'] else ''}{step}"


def ends(values: Any) -> list[Any]:
    """The values that limits and sizes are judged by: all of a list, both ends of a range."""
    facts = describe(values)
    return facts["values"] if "values" in facts else [facts["low"], facts["high"]]


def nearest(values: Any, value: Any) -> Any:
    """``value`` where it is in the list or range, else what is nearest to it there: of what is no number, the first."""
    found = ends(values)
    if holds(found, value) or not all(type(each) in (int, float) for each in (value, *found)):
        return value if holds(found, value) else found[0]
    return min(max(value, found[0]), found[-1]) if is_range(values) else min(found, key=lambda each: abs(each - value))


def value_problems(values: Mapping[str, Any], limits: Mapping[str, Limit], kept: Callable[[Any], bool] = is_kept) -> list[str]:
    """Which values break their limits, or could not be recorded: one sentence each. ``kept`` says what can be."""
    # A limit is asked about plain values alone, for it may not know what to do with others; it says best what is wrong with a NaN.
    fit = {key: value for key, value in values.items() if kept(value) or (key in limits and type(value) is float)}
    return problems(fit, limits) + [f"{key}={shown(value)}; {RULE}" for key, value in values.items() if key not in fit]


def setting_problems(setting: Any, space: Mapping[str, Any], limits: Mapping[str, Limit]) -> list[str]:
    """What is wrong with a whole setting that is to be tried beside the space, or in it: one sentence each."""
    if not isinstance(setting, Mapping):
        return [f"{shown(setting)} is no setting: it must map each of {', '.join(space)} to a value."]
    if set(setting) != set(space):
        return [f"has values for {', '.join(map(str, setting)) or 'nothing'}; it needs one for each of {', '.join(space)}."]
    return value_problems(setting, limits)


def outside_problems(setting: Mapping[str, Any], space: Mapping[str, Any]) -> list[str]:
    """Which values of a whole setting are not in the space: one sentence each."""
    return [
        f"{key}={shown(value)} is not in the space: {text(space[key])}." for key, value in setting.items() if not _within(space[key], value)
    ]


def _within(values: Any, value: Any) -> bool:
    """Whether a value is in the list, or can be drawn from the range."""
    facts = describe(values)
    if "values" in facts:
        return holds(facts["values"], value)
    if type(value) not in ((int,) if facts["kind"] == "int" else (int, float)) or not facts["low"] <= value <= facts["high"]:
        return False
    steps = (value - facts["low"]) / facts["step"] if facts["step"] else 0
    return abs(steps - round(steps)) < 1e-8


def range_problems(key: str, values: Any, limits: Mapping[str, Limit]) -> list[str]:
    """What is wrong with a range of Ray Tune: one sentence each."""
    bounds = [shown(bound) for bound in (getattr(values, name, 0) for name in ("lower", "upper")) if not isinstance(bound, Real)]
    if bounds:
        return [f"space: {key} is a range whose ends are {' and '.join(bounds)}; give finite numbers."]
    try:
        low, high = ends(values)
    except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
        return [f"space: {key} is a range that cannot be searched ({cut(str(error))}); give a list, or {RANGES}."]
    if max(-low, high) > MOST_DRAWN if type(low) is int else not math.isfinite(high - low):
        return [f"space: {key} is a range from {shown(low)} to {shown(high)}; whole numbers go to 2**53 at the most, others to 1e307."]
    return [f"space: {problem}" for value in (low, high) for problem in problems({key: value}, limits)]


def moved_within(space: Mapping[str, Any], settings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The settings, each once, with the nearest value that ``space`` has for each of its keys."""
    moved = [{key: nearest(space[key], value) if key in space else value for key, value in setting.items()} for setting in settings]
    return [setting for number, setting in enumerate(moved) if setting not in moved[:number]]


def as_values(value: Any) -> Any:
    """A list or a range as it is, and anything else as the only value of a list."""
    value = listed(value)
    return value if is_range(value) or isinstance(value, list) else [value]
