"""What varies: a list of values to choose from, or one of Ray Tune's own ranges (``tune.uniform``,
``tune.randint`` and so on).
"""

import math
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

from trainables.limits import Limit, problems
from tuning.spec.values import RULE, as_json, cut, holds, is_kept, plain, shown

MOST_VALUES = 10**6
"""So many values a list may have, and so many seeds a setting."""
MOST_DRAWN = 2**53
"""The largest whole number of a range, of either sign: Optuna draws by way of floats, which hold no
larger one exactly.
"""
RANGES = "tune.uniform, quniform, loguniform, randint, qrandint, lograndint or choice"
WAYS_OUT = {
    "Normal": (
        "a normal distribution has no ends, which every search and the report need; give"
        " tune.uniform(mean - 3 * sd, mean + 3 * sd), or draw in the trainable"
    ),
    "CallSampler": (
        "tune.sample_from is code that no search can look into; calculate the value in the"
        " trainable from other parameters, give a mapping for parameters that depend on a choice,"
        " or search=...(valid=...) for settings that do not go together"
    ),
    "LogUniform": (
        "a logarithmic range cannot be quantised; give tune.loguniform (whole numbers:"
        " tune.lograndint) and round in the trainable, or a list of the values"
    ),
}
"""How a range of Ray that cannot be searched is drawn, and what to give in its place."""


def is_range(values: Any) -> bool:
    """Whether ``values`` is a range of Ray Tune. Asked without importing Ray, which a study of
    lists does not need.
    """
    return type(values).__module__.startswith("ray.tune.search.sample")


def listed(values: Any) -> Any:
    """A list, a tuple, a ``range``, an array, ``tune.choice`` or ``tune.grid_search`` as the list
    of its values, as JSON has them; anything else as it is.
    """
    values = getattr(values, "categories", values) if is_range(values) else values
    if type(values) is dict and list(values) == ["grid_search"]:  # what tune.grid_search gives
        return listed(values["grid_search"])
    values = values.tolist() if getattr(values, "ndim", 0) and hasattr(values, "tolist") else values
    if isinstance(values, (list, tuple)) or (
        isinstance(values, range) and not values[MOST_VALUES:]
    ):
        return [as_json(value) for value in values]
    return plain(values)


def distribution(values: Any) -> Any:
    """A list, or a range that has no ``range_problems``, as a distribution of Optuna."""
    from optuna.distributions import CategoricalDistribution

    if not is_range(values):
        return CategoricalDistribution(tuple(values))
    from ray.tune.search.optuna import OptunaSearch

    return OptunaSearch.convert_search_space({"values": values})["values"]


def _way_of(values: Any) -> str:
    """How a range of Ray is drawn, as ``WAYS_OUT`` may have it."""
    sampler = values.get_sampler()
    quantised = hasattr(sampler, "q")
    name = type(sampler.get_sampler() if quantised else sampler).__name__.strip("_")
    return "" if name == "LogUniform" and not quantised else name


def ray_domains(values: Mapping[str, Any]) -> dict[str, Any]:
    """Lists and ranges for a searcher of Ray's, which knows ranges and choices, but no lists."""
    from ray import tune

    return {key: each if is_range(each) else tune.choice(each) for key, each in values.items()}


def describe(values: Any) -> dict[str, Any]:
    """A list or a range for the record: ``values``, or ``kind`` ("float" or "int"), ``low``,
    ``high`` (included), ``log`` and ``step``.
    """
    values = listed(values)
    if not is_range(values):
        return {"values": values}
    drawn = distribution(values)
    kind = "int" if type(drawn).__name__ == "IntDistribution" else "float"
    return {
        "kind": kind,
        "low": plain(drawn.low),
        "high": plain(drawn.high),
        "log": drawn.log,
        "step": drawn.step,
    }


def text(values: Any) -> str:
    """A list or a range in words, for a terminal."""
    return described_text(describe(values))


def described_text(facts: Mapping[str, Any]) -> str:
    """What ``describe`` gives, in words."""
    from analysis.stats.labels import show, value_labels  # brings pandas

    if "values" in facts:
        return ", ".join(value_labels(facts["values"]).values())
    step = f", in steps of {show(facts['step'])}" if facts["step"] not in (None, 1) else ""
    whole = "whole numbers " if facts["kind"] == "int" else ""
    return (
        f"{whole}{show(facts['low'])} to"
        f" {show(facts['high'])}{', logarithmic' if facts['log'] else ''}{step}"
    )


def ends(values: Any) -> list[Any]:
    """The values that limits and sizes are judged by: all of a list, both ends of a range."""
    facts = describe(values)
    return facts["values"] if "values" in facts else [facts["low"], facts["high"]]


def nearest(values: Any, value: Any) -> Any:
    """``value`` where it is in the list or range, else what is nearest to it there: of what is no
    number, the first.
    """
    found = ends(values)
    if holds(found, value) or not all(type(each) in (int, float) for each in (value, *found)):
        return value if holds(found, value) else found[0]
    return (
        min(max(value, found[0]), found[-1])
        if is_range(values)
        else min(found, key=lambda each: abs(each - value))
    )


def value_problems(
    values: Mapping[str, Any], limits: Mapping[str, Limit], kept: Callable[[Any], bool] = is_kept
) -> list[str]:
    """Which values break their limits, or could not be recorded: one sentence each. ``kept`` says
    what can be.
    """
    # A limit is asked about plain values alone, for it may not know what to do with others; it says
    # best what is wrong with a NaN.
    fit = {
        key: value
        for key, value in values.items()
        if kept(value) or (key in limits and type(value) is float)
    }
    return problems(fit, limits) + [
        f"{key}={shown(value)}; {RULE}" for key, value in values.items() if key not in fit
    ]


def range_problems(key: str, values: Any, limits: Mapping[str, Limit]) -> list[str]:
    """What is wrong with a range of Ray Tune: one sentence each."""
    bounds = [
        shown(bound)
        for bound in (getattr(values, name, 0) for name in ("lower", "upper"))
        if not isinstance(bound, Real)
    ]
    if bounds:
        return [
            f"space: {key} is a range whose ends are {' and '.join(bounds)}; give finite numbers."
        ]
    if way_out := WAYS_OUT.get(_way_of(values)):
        return [f"space: {key} is a range that cannot be searched: {way_out}."]
    try:
        low, high = ends(values)
    except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
        return [
            f"space: {key} is a range that cannot be searched ({cut(str(error))}); give a list, or"
            f" {RANGES}."
        ]
    if max(-low, high) > MOST_DRAWN if type(low) is int else not math.isfinite(high - low):
        return [
            f"space: {key} is a range from {shown(low)} to {shown(high)}; whole numbers go to 2**53"
            " at the most, others to 1e307."
        ]
    return [
        f"space: {problem}" for value in (low, high) for problem in problems({key: value}, limits)
    ]


def as_values(value: Any) -> Any:
    """A list or a range as it is, and anything else as the only value of a list."""
    value = listed(value)
    return value if is_range(value) or isinstance(value, list) else [as_json(value)]
