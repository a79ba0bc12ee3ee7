"""A trial as the rows of its record: iterate the trainable and check what it yields. Needs no Ray."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tuning.study import Study, Trial, did_you_mean


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
    started, last = time.monotonic(), 0
    for item in _items(study, {**study.config(trial.config, trial.phase), **data}, trial.seeds, resume):
        if last == study.epochs:
            print(f"note: the trainable goes on after epoch {last}, the last one; what it yields there is not recorded.")
            break
        metrics = _checked(item, study, trial)
        arrays, epoch = metrics.pop("arrays"), metrics.pop("epoch")
        if problem := _order_problem(epoch, last, study.epochs):
            raise NotReported(problem)
        now = time.monotonic()
        row = {
            "trial": trial.id,
            "epoch": epoch,
            "metrics": metrics,
            "arrays": arrays,
            "diverged": [name for name, value in metrics.items() if name in study.decisive and not np.all(np.isfinite(value))],
            "seconds": round(now - started, 6),
            "at": round(time.time(), 3),
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
    items = iter(study.trainable(config, seeds, resume))
    while True:
        try:
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


def _checked(item: Any, study: Study, trial: Trial) -> dict[str, Any]:
    """The metrics of one epoch as plain numbers and lists, and its ``arrays``, empty where it has none.

    Raises:
        NotReported: with all that is wrong.
    """
    if not (isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], Mapping)):
        raise NotReported(f"the trainable yielded {type(item).__name__}; it must yield (metrics, state), metrics a mapping.")
    metrics = {name: _plain(value) for name, value in item[0].items() if name != "arrays"}
    arrays, found = _arrays(item[0].get("arrays", {}))
    for name in ("epoch", study.metric):
        if name not in metrics:
            near = did_you_mean(name, metrics)
            found.append(f"the trainable does not report {name!r}{near} It reports {', '.join(map(repr, metrics)) or 'nothing'}")
    epoch = metrics.get("epoch", 1)
    if not isinstance(epoch, int) or isinstance(epoch, bool) or epoch < 1:
        found.append(f"epoch is {epoch!r}; it must be a whole number, 1 after the first")
    found += [problem for name, value in metrics.items() if (problem := _number_problem(name, value, len(trial.seeds)))]
    if found:
        raise NotReported("; ".join(found))
    return metrics | {"arrays": arrays}


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
    if not isinstance(name, str) or name in _NO_NAMES:
        return f"an array is called {name!r}; its name must be text, and neither {' nor '.join(map(repr, _NO_NAMES))}"
    return f"array {name!r} must hold numbers, text or truth values, in rows of one length" if array is None else None


# Columns of the record beside the metrics.
_TAKEN = ("trial", "seed", "seconds", "at")


def _number_problem(name: str, value: Any, seeds: int) -> str | None:
    if name in _TAKEN:
        return f"{name!r} is a column of every record; give the metric another name"
    values = value if isinstance(value, (list, tuple)) else [value]
    if isinstance(value, (list, tuple)) and len(value) != seeds:
        return f"metric {name!r} has {len(value)} values for {seeds} seeds"
    wrong = [each for each in values if isinstance(each, bool) or not isinstance(each, (int, float))]
    return f"metric {name!r} is {wrong[0]!r}, not a number or one number per seed" if wrong else None
