"""A trial as the rows of its record: iterate the trainable and check what it yields. Needs no Ray."""

import contextlib
import inspect
import math
import numbers
import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from tuning.callables import CONTRACT
from tuning.study import Study, Trial, did_you_mean
from tuning.values import LARGEST, is_name, shown


class NotReported(ValueError):
    """Raised when what a trainable yields cannot be recorded. Before any epoch of a study was, it is taken to be so in every trial."""


class NotKept(ValueError):
    """Raised when the state that a trainable yields could not be read back. It would be so in every trial: the study stops."""


class Exited(RuntimeError):
    """Raised when a trainable calls ``sys.exit``: that ends one trial, not the process that trains it."""


def iterate(study: Study, trial: Trial, data: Mapping[str, Any], resume: Any = None) -> Iterator[tuple[dict[str, Any], Any]]:
    """The epochs of a trial as rows for the record, each with the state after it; ``data`` is what ``study.read_data()`` gave.

    Raises:
        NotReported: the trainable yields something that cannot be recorded, or ends before the last epoch of the study.
        Exited: the trainable calls ``sys.exit``.
    """
    started, last, decisive = time.monotonic(), 0, study.decisive
    for item in _items(study, {**study.config(trial.config, trial.phase), **data}, trial.seeds, resume):
        if last == study.epochs:
            print(f"note: the trainable goes on after epoch {last}, the last one; what it yields there is not recorded.")
            break
        metrics = _checked(item, study, trial)
        arrays, epoch = metrics.pop("arrays"), metrics.pop("epoch")
        device = {"device": metrics.pop("device")} if "device" in metrics else {}
        if problem := _order_problem(epoch, last, study.epochs):
            raise NotReported(problem)
        now = time.monotonic()
        row = {
            "trial": trial.id,
            "epoch": epoch,
            "metrics": metrics,
            "arrays": arrays,
            "diverged": [name for name, value in metrics.items() if name in decisive and not np.all(np.isfinite(value))],
            "seconds": round(now - started, 6),
            "at": round(time.time(), 3),
            **device,
        }
        yield row, item[1]
        last, started = epoch, time.monotonic()
    if last < study.epochs:
        raise NotReported(_ended_early(last, study.epochs, resumed=resume is not None))


def _order_problem(epoch: int, last: int, epochs: int) -> str | None:
    if epoch <= last:
        return f"the trainable yielded epoch {epoch} after epoch {last}: each epoch is yielded once, in order."
    if epoch > epochs:
        before = f" after epoch {last}" if last else ""
        return f"the trainable yielded epoch {epoch}{before}, and the last one is {epochs}: it may leave epochs out, but not that one."
    return None


def _ended_early(last: int, epochs: int, resumed: bool) -> str:
    if last:
        return f"the trainable ended after epoch {last} of {epochs}: it may leave epochs out, but must yield the last one."
    where = " after the state that it was to go on from" if resumed else ""
    return f"the trainable yielded nothing{where}: it must yield (metrics, state) after every epoch."


def _items(study: Study, config: Mapping[str, Any], seeds: Sequence[int], resume: Any) -> Iterator[Any]:
    items: Iterator[Any] | None = None
    while True:
        try:
            if items is None:
                items = _iterated(study.trainable(config, seeds, resume))
            item = next(items)
        except StopIteration:
            return
        except SystemExit as error:
            raise Exited(f"the trainable called sys.exit({'' if error.code is None else repr(error.code)}).") from error
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:  # it would pass for an order to this process
            raise Exited(f"the trainable raised {type(error).__name__}: {error}") from error
        yield item


def _iterated(returned: Any) -> Iterator[Any]:
    """What calling a trainable gave, as an iterator: a generator, or anything else that gives one epoch after the other."""
    if not isinstance(returned, (str, bytes, Mapping)) and not _is_epoch(returned):
        with contextlib.suppress(TypeError):
            return iter(returned)
    if inspect.iscoroutine(returned):
        returned.close()
    raise NotReported(f"the trainable returned {_kinds(returned)} instead of yielding; {CONTRACT}.")


def _is_epoch(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], Mapping)


def _kinds(item: Any) -> str:
    if isinstance(item, tuple):
        return f"({', '.join(map(_kinds, item[:9]))})"
    return "None" if item is None else type(item).__name__


def _checked(item: Any, study: Study, trial: Trial) -> dict[str, Any]:
    """The metrics of one epoch as plain numbers and lists; its ``arrays``, empty where it has none; and its ``device`` if it has one.

    Raises:
        NotReported: with all that is wrong.
    """
    if not _is_epoch(item):
        raise NotReported(f"the trainable yielded {_kinds(item)}; {CONTRACT}.")
    if found := [problem for name in item[0] if (problem := _name_problem(name))]:
        raise NotReported("; ".join(found))
    given = {str.__str__(name): value for name, value in item[0].items()}
    arrays, found = _arrays(given.pop("arrays", {}))
    device = {"device": given.pop("device")} if "device" in given else {}
    found += [
        f"'device' is {shown(on)}; it must be text that says on what the trial calculates" for on in device.values() if not is_name(on)
    ]
    metrics = {name: _numbers(value, missing=name not in study.decisive) for name, value in given.items()}
    for name in ("epoch", study.metric):
        if name not in metrics:
            near = did_you_mean(name, metrics)
            found.append(f"the trainable does not report {name!r}{near} It reports {', '.join(map(repr, metrics)) or 'nothing'}")
    epoch = _plain(given.get("epoch", 1))
    if type(epoch) is not int or not 1 <= epoch <= LARGEST:
        found.append(f"epoch is {shown(epoch)}; it must be a whole number, 1 after the first")
    found += [problem for name, value in metrics.items() if (problem := _number_problem(name, value, len(trial.seeds)))]
    if found:
        raise NotReported("; ".join(found))
    return metrics | {"arrays": arrays} | device


def _name_problem(name: Any) -> str | None:
    return None if is_name(name) else f"a metric is called {shown(name)}; its name must be text that can be printed"


def _numbers(value: Any, missing: bool) -> Any:
    """A metric as a number or a list of numbers; as it is where it is none. ``missing``: whether None is a number that is missing."""
    value = _plain(value)
    return [_number(each, missing) for each in value] if isinstance(value, list) else _number(value, missing)


def _number(value: Any, missing: bool) -> Any:
    """Whole numbers that 64 bits do not hold are measurements like others: a float, infinite beyond what that holds."""
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


def _plain(value: Any) -> Any:
    """Tensors, arrays, their scalars and lists of these as Python numbers and lists of their own: the trainable may write to its own
    later."""
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _arrays(given: Any) -> tuple[dict[str, Any], list[str]]:
    """What an epoch recorded besides numbers as numpy arrays, and what is wrong with it."""
    if not isinstance(given, Mapping):
        return {}, [f"'arrays' is {type(given).__name__}; it must map names to arrays"]
    arrays = {name: _array(value) for name, value in given.items()}
    return arrays, [problem for name, array in arrays.items() if (problem := _array_problem(name, array))]


def _array(value: Any) -> np.ndarray | None:
    """None where the array would hold objects: it could be written, and never read again."""
    # numpy refuses tensors on a GPU or with a gradient, and takes a column of text for objects: their lists are plain.
    for convert in (np.asarray, lambda value: np.asarray(_plain(value))):
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
            f"an array is called {shown(name)}; its name must be text that can be printed, and neither {' nor '.join(map(repr, _NO_NAMES))}"
        )
    return f"array {name!r} must hold numbers, text or truth values, in rows of one length" if array is None else None


def _number_problem(name: str, value: Any, seeds: int) -> str | None:
    values = value if isinstance(value, (list, tuple)) else [value]
    if isinstance(value, (list, tuple)) and len(value) != seeds:
        return f"metric {name!r} has {len(value)} values for {seeds} seeds"
    wrong = [each for each in values if not isinstance(each, (int, float))]
    return f"metric {name!r} is {shown(wrong[0])}, not a number or one number per seed" if wrong else None
