"""A trial as the rows of its record: iterate the trainable and check what it yields. Needs no
Ray.
"""

import time
import traceback
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import Any

import numpy as np

from tuning.engine.contracts import called
from tuning.engine.yielded import NotReported, checked_metrics, iterated
from tuning.process.signals import Interrupted
from tuning.spec.callables import contract_of
from tuning.spec.study import Study, Trial
from tuning.spec.values import own, shown


class NotKept(ValueError):
    """Raised when the state that a trainable yields could not be read back. It would be so in every
    trial: the study stops.
    """


class Exited(RuntimeError):
    """Raised when a trainable calls ``sys.exit``: that ends one trial, not the process that trains
    it.
    """


class Returning:
    """Goes through a generator once; ``returned`` is then what it returned."""

    def __init__(self, generator: Generator[Any, None, Any]) -> None:
        self._generator, self.returned = generator, None

    def __iter__(self) -> Iterator[Any]:
        self.returned = yield from self._generator

    def close(self) -> None:
        self._generator.close()


def iterate(
    study: Study, trial: Trial, data: Mapping[str, Any], resume: Any = None
) -> Generator[tuple[dict[str, Any], Any], None, str | None]:
    """The epochs of a trial as rows for the record, each with the state after it; ``data`` is what
    ``read_data(study)`` gave. Returns why the trial ended itself before the last epoch of the
    study; None where it did not.

    Raises:
        NotReported: the trainable yields something that cannot be recorded, or ends before the last
        epoch of the study without saying why.
        Exited: the trainable calls ``sys.exit``.
    """
    started, last = time.monotonic(), 0
    with closing(Returning(_items(study, trial, data, resume))) as items:
        for item in items:
            if last == study.epochs:
                print(
                    f"note: the trainable goes on after epoch {last}, the last one; what it yields"
                    " there is not recorded."
                )
                return None
            row = _row(study, trial, item)
            if problem := _order_problem(row["epoch"], last, study.epochs):
                raise NotReported(problem)
            now = time.monotonic()
            yield row | {"seconds": round(now - started, 6), "at": round(time.time(), 3)}, item[1]
            last, started = row["epoch"], time.monotonic()
    return None if last == study.epochs else _reason(items.returned, last, study, resume)


def _row(study: Study, trial: Trial, item: Any) -> dict[str, Any]:
    metrics = checked_metrics(item, study, trial)
    arrays, epoch = metrics.pop("arrays"), metrics.pop("epoch")
    device = {"device": metrics.pop("device")} if "device" in metrics else {}
    return {
        "trial": trial.id,
        "epoch": epoch,
        "metrics": metrics,
        "arrays": arrays,
        "diverged": [
            name
            for name, value in metrics.items()
            if name in study.decisive and not np.all(np.isfinite(value))
        ],
        **device,
    }


def _order_problem(epoch: int, last: int, epochs: int) -> str | None:
    if epoch <= last:
        return (
            f"the trainable yielded epoch {epoch} after epoch {last}: each epoch is yielded once,"
            " in order."
        )
    if epoch > epochs:
        before = f" after epoch {last}" if last else ""
        return (
            f"the trainable yielded epoch {epoch}{before}, and the last one is {epochs}: it may"
            " leave epochs out, but not that one."
        )
    return None


def _reason(returned: Any, last: int, study: Study, resume: Any) -> str:
    """Why a trial ended itself after epoch ``last``, which is 0 where it yielded nothing."""
    if isinstance(returned, str) and returned.strip() and (last or resume is not None):
        return " ".join(returned.split())[:LONGEST_REASON]
    raise NotReported(_ended_early(returned, last, study, resumed=resume is not None))


def _ended_early(returned: Any, last: int, study: Study, resumed: bool) -> str:
    epochs = study.epochs
    if returned is not None and (last or resumed):
        return (
            f"the trainable returned {shown(returned)} before epoch {epochs}, the last one: what"
            f" it returns there is the reason why it ends, {REASON}."
        )
    if last:
        return (
            f"the trainable ended after epoch {last} of {epochs}: it may leave epochs out, but must"
            f" report the last one, or return the reason why it ends, {REASON}."
        )
    where = " after the state that it was to go on from" if resumed else ""
    return f"the trainable {contract_of(study.task.train).value.format(where)}"


LONGEST_REASON = 300
"""Characters of a reason that are recorded."""
REASON = 'as in `return "no improvement for 5 epochs"`'


def _items(
    study: Study, trial: Trial, data: Mapping[str, Any], resume: Any
) -> Generator[Any, None, Any]:
    """What the trainable yields, and returns."""
    items: Iterator[Any] | None = None
    config = own({**study.config(trial.params, trial.phase), **data})
    try:
        while True:
            try:
                if items is None:
                    items = iterated(called(study, trial, config, resume))
                item = next(items)
            except StopIteration as ended:
                return ended.value
            except SystemExit as error:
                code = "" if error.code is None else repr(error.code)
                raise Exited(f"the trainable called sys.exit({code}).") from error
            except (Exception, KeyboardInterrupt):
                raise
            except BaseException as error:  # it would pass for an order to this process
                raise Exited(f"the trainable raised {type(error).__name__}: {error}") from error
            yield item
    finally:
        _close(items)


def _close(items: Iterator[Any] | None) -> None:
    """Have the trainable clean up. What it raises there changes nothing of how its trial ended: it
    goes to the log.
    """
    try:
        getattr(items, "close", _nothing)()
    except Interrupted:
        raise
    except BaseException:
        print("note: the trial had ended already when the trainable raised, while cleaning up:")
        traceback.print_exc()


def _nothing() -> None:
    """There is nothing to close."""
