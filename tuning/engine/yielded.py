"""What a trainable yields, checked and made what the records keep."""

import contextlib
import inspect
import math
import numbers
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from tuning.spec.callables import CONTRACT
from tuning.spec.errors import did_you_mean
from tuning.spec.study import Study, Trial
from tuning.spec.values import LARGEST, is_name, shown


class NotReported(ValueError):
    """Raised when what a trainable yields cannot be recorded. Before any epoch of a study was, it
    is taken to be so in every trial.
    """


def iterated(returned: Any) -> Iterator[Any]:
    """What calling a trainable gave, as an iterator: a generator, or anything else that gives one
    epoch after the other.
    """
    if not isinstance(returned, (str, bytes, Mapping)) and not is_epoch(returned):
        with contextlib.suppress(TypeError):
            return iter(returned)
    if inspect.iscoroutine(returned):
        returned.close()
    raise NotReported(f"the trainable returned {kinds(returned)} instead of yielding; {CONTRACT}.")


def checked_metrics(item: Any, study: Study, trial: Trial) -> dict[str, Any]:
    """The metrics of one epoch as plain numbers and lists; its ``arrays``, empty where it has none;
    and its ``device`` if it has one.

    Raises:
        NotReported: with all that is wrong.
    """
    if not is_epoch(item):
        raise NotReported(f"the trainable yielded {kinds(item)}; {CONTRACT}.")
    if found := [problem for name in item[0] if (problem := _name_problem(name))]:
        raise NotReported("; ".join(found))
    given = {str.__str__(name): value for name, value in item[0].items()}
    arrays, found = _arrays(given.pop("arrays", {}))
    device = {"device": given.pop("device")} if "device" in given else {}
    found += [
        f"'device' is {shown(on)}; it must be text that says on what the trial calculates"
        for on in device.values()
        if not is_name(on)
    ]
    metrics = {
        name: _numbers(value, missing=name not in study.decisive) for name, value in given.items()
    }
    for name in ("epoch", study.metric):
        if name not in metrics:
            near = did_you_mean(name, metrics)
            found.append(
                f"the trainable does not report {name!r}{near} It reports"
                f" {', '.join(map(repr, metrics)) or 'nothing'}"
            )
    epoch = plain(given.get("epoch", 1))
    if type(epoch) is not int or not 1 <= epoch <= LARGEST:
        found.append(f"epoch is {shown(epoch)}; it must be a whole number, 1 after the first")
    found += [
        problem
        for name, value in metrics.items()
        if name != "epoch" and (problem := _number_problem(name, value, len(trial.seeds)))
    ]
    found += _one_for_all(study.metric, metrics.get(study.metric), len(trial.seeds))
    if found:
        raise NotReported("; ".join(found))
    return metrics | {"arrays": arrays} | device


def _one_for_all(name: str, value: Any, seeds: int) -> list[str]:
    """One number for several seeds would be counted as if each seed had given it."""
    if seeds < 2 or not isinstance(value, (int, float)) or not math.isfinite(value):
        return []
    return [
        f"metric {name!r} is one number, and the trial has {seeds} seeds: yield a list with one"
        " number per seed, or give each trial one (seeds=1 in a search, seeds_per_trial=1 in a"
        " grid)"
    ]


def _name_problem(name: Any) -> str | None:
    return (
        None
        if is_name(name)
        else f"a metric is called {shown(name)}; its name must be text that can be printed"
    )


def _numbers(value: Any, missing: bool) -> Any:
    """A metric as a number or a list of numbers; as it is where it is none. ``missing``: whether
    None is a number that is missing.
    """
    value = plain(value)
    return (
        [_number(each, missing) for each in value]
        if isinstance(value, list)
        else _number(value, missing)
    )


def _number(value: Any, missing: bool) -> Any:
    """Whole numbers that 64 bits do not hold are measurements like others: a float, infinite beyond
    what that holds.
    """
    if value is None and missing:
        return math.nan
    if isinstance(value, int) and -LARGEST <= value <= LARGEST:
        return int(value)
    if not isinstance(value, (numbers.Real, Decimal)):
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value == abs(value) else -math.inf


def plain(value: Any) -> Any:
    """Tensors, arrays, their scalars and lists of these as Python numbers and lists of their own:
    the trainable may write to its own later.
    """
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _arrays(given: Any) -> tuple[dict[str, Any], list[str]]:
    """What an epoch recorded besides numbers as numpy arrays, and what is wrong with it."""
    if not isinstance(given, Mapping):
        return {}, [f"'arrays' is {type(given).__name__}; it must map names to arrays"]
    arrays = {name: _array(value) for name, value in given.items()}
    return arrays, [
        problem for name, array in arrays.items() if (problem := _array_problem(name, array))
    ]


def _array(value: Any) -> np.ndarray | None:
    """None where the array would hold objects: it could be written, and never read again."""
    # numpy refuses tensors on a GPU or with a gradient, and takes a column of text for objects:
    # their lists are plain.
    for convert in (np.asarray, lambda value: np.asarray(plain(value))):
        with contextlib.suppress(TypeError, ValueError, RuntimeError):
            array = convert(value)
            if not array.dtype.hasobject:
                return array.copy()
    return None


# What numpy calls its own arguments where it writes arrays by name.
_NO_NAMES = ("file", "allow_pickle")


def _array_problem(name: Any, array: np.ndarray | None) -> str | None:
    if not is_name(name) or name in _NO_NAMES:
        return (
            f"an array is called {shown(name)}; its name must be text that can be printed, and"
            f" neither {' nor '.join(map(repr, _NO_NAMES))}"
        )
    return (
        f"array {name!r} must hold numbers, text or truth values, in rows of one length"
        if array is None
        else None
    )


def _number_problem(name: str, value: Any, seeds: int) -> str | None:
    values = value if isinstance(value, (list, tuple)) else [value]
    if isinstance(value, (list, tuple)) and len(value) != seeds:
        from analysis.text.format import count  # brings pandas

        return f"metric {name!r} has {count(len(value), 'value')} for {count(seeds, 'seed')}"
    wrong = [each for each in values if not isinstance(each, (int, float))]
    return (
        f"metric {name!r} is {shown(wrong[0])}, not a number or one number per seed"
        if wrong
        else None
    )


def is_epoch(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], Mapping)


def kinds(item: Any) -> str:
    if isinstance(item, tuple):
        return f"({', '.join(map(kinds, item[:9]))})"
    return "None" if item is None else type(item).__name__
