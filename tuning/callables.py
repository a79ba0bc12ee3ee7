"""The trainable as an object of Python: how it is called in the records, and what can be seen of it before it runs."""

import dis
import inspect
from functools import partial
from itertools import pairwise
from types import FunctionType
from typing import Any

from tuning.values import shown

SIGNATURE = "a function train(config, seeds, resume=None)"
CONTRACT = "it must yield (metrics, state) after every epoch, metrics a mapping"


def name_of(function: Any) -> str:
    """``module.name``, with the arguments of a partial; of an object that can be called, its class."""
    if isinstance(function, partial):
        given = [*map(shown, function.args), *(f"{key}={shown(value)}" for key, value in function.keywords.items())]
        return f"functools.partial({', '.join([name_of(function.func), *given])})"
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def module_of(function: Any) -> str:
    """The name of the module that the function is written in: of a partial, that of what it calls."""
    return module_of(function.func) if isinstance(function, partial) else str(getattr(function, "__module__", None))


def trainable_problem(trainable: Any) -> str | None:
    """Why that cannot train, as far as can be seen before it runs."""
    if not callable(trainable):
        return f"trainable={shown(trainable)} must be {SIGNATURE}."
    function = _function(trainable)
    if isinstance(function, type) and not hasattr(function, "__iter__"):
        return f"trainable={name_of(trainable)} is a class: give an object of it that can be called, or {SIGNATURE}."
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return f"trainable={name_of(trainable)} is an async function: leave `async` out; {CONTRACT}."
    if not _takes_three(trainable):
        return "trainable must take (config, seeds, resume=None)."
    if isinstance(function, FunctionType) and _returns_none(function):
        return f"trainable={name_of(trainable)} has no `yield`: {CONTRACT}."
    return None


def _function(called: Any) -> Any:
    """What runs when that is called: where it is a partial, a method or an object, the function behind it."""
    if isinstance(called, partial):
        return _function(called.func)
    if inspect.ismethod(called):
        return _function(called.__func__)
    call = type(called).__call__
    return call if isinstance(call, FunctionType) else called


def _takes_three(trainable: Any) -> bool:
    try:
        inspect.signature(trainable).bind({}, [0], None)
    except (TypeError, ValueError):
        return False
    return True


def _returns_none(function: FunctionType) -> bool:
    """Whether a function is no generator and returns None wherever it returns."""
    if inspect.isgeneratorfunction(function):
        return False
    steps = [(before, step) for before, step in pairwise(dis.get_instructions(function)) if step.opname.startswith("RETURN_")]
    # Python 3.12 has one step for what takes two in others: to load None, and to return it.
    constants = [step if step.opname == "RETURN_CONST" else None if step.is_jump_target else before for before, step in steps]
    return bool(steps) and all(step and step.opname in ("RETURN_CONST", "LOAD_CONST") and step.argval is None for step in constants)
