"""A study and its data as they are sent to the processes that train the trials, and what keeps them
from it.
"""

import inspect
import pickle
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

import ray.cloudpickle

from tuning.spec.callables import name_of
from tuning.spec.data import read_data
from tuning.spec.study import Study, StudyError
from tuning.spec.values import cut, shown

_Part = tuple[str, Any]


def pickled(study: Study) -> bytes:
    """The study as it is sent to the processes that train the trials.

    Raises:
        StudyError: it holds an object that cannot be sent; the object is named.
    """
    try:
        return ray.cloudpickle.dumps(study)
    except Exception as error:  # an object may raise anything where it is pickled
        parts = [(each.name, getattr(study, each.name)) for each in fields(study)]
        raise StudyError(
            f"Study {study.name!r}: {_named(('study', study), parts, error)}"
        ) from None


def data_for_trials(study: Study) -> dict[str, Any]:
    """What ``read_data(study)`` gives, as trials get it: the arrays are read-only, for all trials
    of a node share them.

    Raises:
        StudyError: as ``read_data``, or it holds an object that cannot be sent; the object is
        named.
    """
    data, buffers = read_data(study), list[pickle.PickleBuffer]()
    try:
        content = ray.cloudpickle.dumps(data, protocol=5, buffer_callback=buffers.append)
    except Exception as error:  # an object may raise anything where it is pickled
        raise StudyError(
            f"Study {study.name!r}: {_named(('loaded', data), [('loaded', data['loaded'])], error)}"
        ) from None
    return pickle.loads(content, buffers=[buffer.raw().toreadonly() for buffer in buffers])


def _named(whole: _Part, parts: Iterable[_Part], error: Exception) -> str:
    """One sentence that names the part that cannot be sent; ``whole`` where each of them can."""
    name, value, error = _culprit(parts, set()) or (*whole, error)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    why = (
        f"{name} is a {kind}, which cannot be sent to the processes that train the trials"
        f" ({cut(str(error))})"
    )
    return f"{why}: create it inside the trainable."


def _error(value: Any) -> Exception | None:
    try:
        ray.cloudpickle.dumps(value)
    except Exception as error:  # an object may raise anything where it is pickled
        return error
    return None


def _culprit(parts: Iterable[_Part], seen: set[int]) -> tuple[str, Any, Exception] | None:
    """The innermost of these parts that cannot be pickled: its name, itself and why."""
    for name, value in parts:
        if id(value) not in seen and (error := _error(value)):
            seen.add(id(value))
            return _culprit(_parts(name, value), seen) or (name, value, error)
    return None


def _parts(name: str, value: Any) -> Iterator[_Part]:
    """What is pickled together with a value."""
    if isinstance(value, partial):
        yield from (
            (f"{name}.{part}", getattr(value, part)) for part in ("func", "args", "keywords")
        )
    elif isinstance(value, MethodType):
        yield from ((f"{name}.__self__", value.__self__), (f"{name}.__func__", value.__func__))
    elif isinstance(value, FunctionType):
        yield from _parts_of_function(value)
    elif isinstance(value, Mapping):
        yield from ((f"{name}[{shown(key)}]", each) for key, each in value.items())
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from ((f"{name}[{place}]", each) for place, each in enumerate(value))
    else:
        yield from ((f"{name}.{key}", each) for key, each in getattr(value, "__dict__", {}).items())
        if not isinstance(value, type):
            yield type(value).__name__, type(value)


def _parts_of_function(function: FunctionType) -> Iterator[_Part]:
    where = name_of(function)
    used = {
        name: function.__globals__[name]
        for name in _names(function.__code__)
        if name in function.__globals__
    }
    held = inspect.getclosurevars(function).nonlocals
    defaults = {
        "its defaults": function.__defaults__,
        "its keyword defaults": function.__kwdefaults__,
    }
    for name, value in {**used, **held, **defaults, **vars(function)}.items():
        yield f"{name} (in {where})", value


def _names(code: CodeType) -> set[str]:
    """The global names that a function may use, within others too."""
    return {*code.co_names}.union(
        *(_names(each) for each in code.co_consts if isinstance(each, CodeType))
    )
