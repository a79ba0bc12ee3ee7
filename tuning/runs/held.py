"""What the functions of a study hold besides their source: closures, arguments of a partial,
attributes of an object.
"""

import contextlib
import enum
import hashlib
import inspect
import os
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tuning.spec.imports import file_of, is_own


class Held:
    """``values``: the name of each value that the functions hold, with a short hash of it;
    ``homes``: the files that the functions are defined in; ``files``: these, and those of functions
    and classes that they hold, with the names of their modules.

    Values count as far as they can be told the same way in every process: numbers, text,
    containers, arrays, tensors, functions, own objects by their attributes, and others by a text
    without an address in it. Of anything else its type counts. Paths below the folder of the
    study's file ``root`` count by what follows it: the folder may be moved.
    """

    def __init__(
        self, functions: Mapping[str, Callable[..., Any]], root: Path | None = None
    ) -> None:
        self._root, self._folder = root, str(root.parent if root else None) + os.sep
        self.files: dict[Path, str] = {}
        self.values: dict[str, str] = {
            role: _short(self._defined(function)) for role, function in functions.items()
        }
        self.homes = list(self.files)
        self._seen: dict[int, tuple[Any, str]] = {}
        for role, function in functions.items():
            for name, value in _parts(function):
                self.values[f"{role}: {name}"] = _short(self._told(value))

    def _told(self, value: Any) -> str:
        """A value as text that is the same in every process."""
        kind = type(value)  # for ``isinstance`` asks the value itself, which may raise
        if issubclass(kind, (str, Path)) and not issubclass(kind, enum.Enum):
            return (
                f"{'path' if issubclass(kind, Path) else 'text'}"
                f" {str(value).removeprefix(self._folder)!r}"
            )
        if value is None or kind in (bool, int, float, complex, bytes):
            return f"{kind.__name__} {value!r}"
        if id(value) not in self._seen:
            # Also what it holds may hold it. It is kept, so that no other value gets its id.
            self._seen[id(value)] = value, "itself"
            self._seen[id(value)] = value, self._told_safely(value)
        return self._seen[id(value)][1]

    def _told_safely(self, value: Any) -> str:
        try:
            return _short(self._nested(value))
        except Exception:  # of an object of whatever library
            return self._defined(type(value))

    def _nested(self, value: Any) -> str:
        kind = type(value).__name__
        if isinstance(value, enum.Enum):
            return f"{self._defined(type(value))}.{value.name}"
        if isinstance(value, types.ModuleType):
            return f"module {value.__name__}"
        if not isinstance(value, type) and (hasattr(value, "tolist") or hasattr(value, "to_numpy")):
            return _array(value)
        if isinstance(value, Mapping):
            return f"{kind} {[(self._told(key), self._told(each)) for key, each in value.items()]}"
        if isinstance(value, (list, tuple)):
            return f"{kind} {[self._told(each) for each in value]}"
        if isinstance(value, (set, frozenset)):
            return f"{kind} {sorted(self._told(each) for each in value)}"
        if isinstance(value, (type, partial, types.FunctionType, types.MethodType)):
            return (
                f"{self._defined(value)}"
                f" {[(name, self._told(each)) for name, each in _parts(value)]}"
            )
        told = self._defined(type(value))
        if (file := file_of(sys.modules.get(type(value).__module__))) and is_own(file):
            return f"{told} {[(name, self._told(each)) for name, each in _parts(value)]}"
        text = repr(value)
        return told if re.search("0x[0-9a-fA-F]+", text) else f"{told} {text}"

    def _defined(self, value: Any) -> str:
        """The name of a function or a class; where no file has its source, with that. Notes the
        file.
        """
        while isinstance(value, (partial, types.MethodType)):
            value = value.func if isinstance(value, partial) else value.__func__
        named = value if hasattr(value, "__qualname__") else type(value)
        file = file_of(sys.modules.get(named.__module__))
        if file:
            self.files.setdefault(file, named.__module__)
        # The name of the study's file may change.
        name = (
            named.__qualname__
            if file and file == self._root
            else f"{named.__module__}.{named.__qualname__}"
        )
        return (
            name
            if file or not isinstance(named, types.FunctionType)
            else f"{name} {_source(named)}"
        )


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What a function, a partial, a method or an object holds, by name."""
    if isinstance(value, partial):
        yield from _parts(value.func)
        yield from ((f"argument {place}", each) for place, each in enumerate(value.args, start=1))
        yield from value.keywords.items()
    elif isinstance(value, types.MethodType):
        yield from _parts(value.__func__)
        yield "self", value.__self__
    elif isinstance(value, types.FunctionType):
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            with contextlib.suppress(ValueError):  # nothing is in it yet
                yield name, cell.cell_contents
        yield from (
            (f"default {place}", each)
            for place, each in enumerate(value.__defaults__ or (), start=1)
        )
        yield from (value.__kwdefaults__ or {}).items()
        if file_of(sys.modules.get(value.__module__)) is None:  # no file holds what it uses
            used = sorted(_names(value.__code__) & value.__globals__.keys())
            yield from ((name, value.__globals__[name]) for name in used)
    elif isinstance(value, type):
        if file_of(sys.modules.get(value.__module__)) is None:
            yield from sorted(
                (name, each)
                for name, each in vars(value).items()
                if callable(each) or not name.startswith("__")
            )
    else:
        slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
        yield from getattr(value, "__dict__", {}).items()
        yield from ((name, getattr(value, name)) for name in slots if hasattr(value, name))


def _array(value: Any) -> str:
    """An array of numpy, a tensor or a frame by its numbers."""
    with contextlib.suppress(AttributeError, TypeError, RuntimeError):
        value = value.detach().cpu().numpy()
    value = value.to_numpy() if hasattr(value, "to_numpy") else value
    kind, shape = getattr(value, "dtype", type(value).__name__), getattr(value, "shape", ())
    plain = hasattr(value, "tobytes") and not getattr(kind, "hasobject", False)
    content = value.tobytes() if plain else repr(value.tolist()).encode()
    return f"array {kind} {tuple(shape)} {hashlib.sha256(content).hexdigest()}"


def _names(code: types.CodeType) -> set[str]:
    """The global names that a function may use, within others too."""
    inside = (_names(each) for each in code.co_consts if isinstance(each, types.CodeType))
    return {*code.co_names}.union(*inside)


def _source(function: types.FunctionType) -> str:
    """Of a function that was typed into an interpreter or a notebook: its source if that is kept,
    else its bytecode.
    """
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return _bytecode(function.__code__)


def _bytecode(code: types.CodeType) -> str:
    constants = [
        _bytecode(each) if isinstance(each, types.CodeType) else repr(each)
        for each in code.co_consts
    ]
    return f"{code.co_code.hex()} {code.co_names} {constants}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]
