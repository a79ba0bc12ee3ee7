"""The trainable as an object of Python: how it is called in the records, and what can be seen of it
before it runs.
"""

import dis
import inspect
from enum import Enum
from functools import partial
from itertools import pairwise
from types import FunctionType
from typing import Any

from tuning.spec.values import shown

SIGNATURE = (
    "a function train(config, seeds, resume=None) that yields, train(config, seed, report) that"
    " calls report, or train(config) of Ray Tune"
)
CONTRACT = (
    "it must yield (metrics, state) after every epoch, metrics a mapping, state None where there is"
    " nothing to go on from"
)
FROM_RAY = "from_ray"
"""The attribute of a trainable that holds the one of Ray Tune's that it stands for."""


class Contract(Enum):
    """How a trainable hands over its epochs, and what to do where it does not."""

    GENERATOR = "yielded nothing{}: it must yield (metrics, state) after every epoch."
    PUSH = "reported nothing{}: it must call report(epoch=..., ...) after every epoch."
    RAY = "reported nothing{}: it must call tune.report({{...}}) after every epoch."


def contract_of(trainable: Any) -> Contract:
    """How that trainable is called: one with ``report`` calls it; one that takes the configuration
    alone, or a class of Ray Tune's, is written for Ray Tune.
    """
    if hasattr(trainable, FROM_RAY) or _is_ray_class(trainable):
        return Contract.RAY
    names = _parameters(trainable)
    yields = inspect.isgeneratorfunction(_function(trainable))
    if "report" in names and (names.index("report") == 2 or not yields):
        return Contract.PUSH
    alone = binds(trainable, {}) and not binds(trainable, {}, [0], None)
    alone = alone and not isinstance(trainable, type)
    return Contract.RAY if alone else Contract.GENERATOR


def takes(function: Any, name: str) -> bool:
    """Whether a function has a parameter of that name."""
    return name in _parameters(function)


def name_of(function: Any) -> str:
    """``module.name``, with the arguments of a partial; of an object that can be called, its
    class.
    """
    if isinstance(function, partial):
        given = [
            *map(shown, function.args),
            *(f"{key}={shown(value)}" for key, value in function.keywords.items()),
        ]
        return f"functools.partial({', '.join([name_of(function.func), *given])})"
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def module_of(function: Any) -> str:
    """The name of the module that the function is written in: of a partial, that of what it
    calls.
    """
    return (
        module_of(function.func)
        if isinstance(function, partial)
        else str(getattr(function, "__module__", None))
    )


def trainable_problem(trainable: Any) -> str | None:
    """Why that cannot train, as far as can be seen before it runs."""
    if not callable(trainable):
        return f"trainable={shown(trainable)} must be {SIGNATURE}."
    if module_of(trainable) == "ray.tune.trainable.util":
        return (
            "trainable was made by tune.with_parameters: give functools.partial(train, data=data),"
            " or Task(train=train, load=...), which reads data once for all trials."
        )
    function, contract = _function(trainable), contract_of(trainable)
    if contract is Contract.RAY and isinstance(trainable, type):
        return None
    if isinstance(function, type) and not hasattr(function, "__iter__"):
        return (
            f"trainable={name_of(trainable)} is a class: give an object of it that can be called,"
            f" or {SIGNATURE}."
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return (
            f"trainable={name_of(trainable)} is an async function: leave `async` out; {CONTRACT}."
        )
    if contract is Contract.PUSH:
        return _push_problem(trainable)
    if contract is Contract.RAY:
        return None
    if not binds(trainable, {}, [0], None):
        return (
            "trainable must take (config, seeds, resume=None); (config, seed, report), where it"
            " calls report after every epoch; or (config), where it calls tune.report."
        )
    if isinstance(function, FunctionType) and _returns_none(function):
        return (
            f"trainable={name_of(trainable)} has no `yield`: {CONTRACT}. A function of Ray Tune"
            " that takes more than config is given as from_ray(...)."
        )
    return None


def _function(called: Any) -> Any:
    """What runs when that is called: where it is a partial, a method or an object, the function
    behind it.
    """
    if isinstance(called, partial):
        return _function(called.func)
    if inspect.ismethod(called):
        return _function(called.__func__)
    call = type(called).__call__
    return call if isinstance(call, FunctionType) else called


def _parameters(function: Any) -> list[str]:
    try:
        return [*inspect.signature(function).parameters]
    except (TypeError, ValueError):
        return []


def _push_problem(trainable: Any) -> str | None:
    names = _parameters(trainable)
    if not binds(trainable, {}, 0, None) or names.index("report") != 2 or "seeds" in names:
        return (
            f"trainable takes ({', '.join(names)}): one that calls report takes (config, seed,"
            " report), and resume=None behind them if it can go on from a state. It trains one"
            " seed."
        )
    if inspect.isgeneratorfunction(_function(trainable)):
        return f"trainable={name_of(trainable)} takes report, and yields: leave one of both out."
    return None


def _is_ray_class(trainable: Any) -> bool:
    """Whether that is a class of Ray Tune's that has a ``step`` of its own."""
    return isinstance(trainable, type) and any(
        (base.__module__, base.__name__) == ("ray.tune.trainable.trainable", "Trainable")
        and trainable.step is not base.step  # type: ignore[attr-defined]
        for base in trainable.__mro__
    )


def binds(called: Any, *arguments: Any) -> bool:
    """Whether it can be called with these, as far as that can be seen before."""
    try:
        inspect.signature(called).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # it is built in and has no signature
        return True
    return True


def _returns_none(function: FunctionType) -> bool:
    """Whether a function is no generator and returns None wherever it returns."""
    if inspect.isgeneratorfunction(function):
        return False
    steps = [
        (before, step)
        for before, step in pairwise(dis.get_instructions(function))
        if step.opname.startswith("RETURN_")
    ]
    # Python 3.12 has one step for what takes two in others: to load None, and to return it.
    constants = [
        step if step.opname == "RETURN_CONST" else None if step.is_jump_target else before
        for before, step in steps
    ]
    return bool(steps) and all(
        step and step.opname in ("RETURN_CONST", "LOAD_CONST") and step.argval is None
        for step in constants
    )
