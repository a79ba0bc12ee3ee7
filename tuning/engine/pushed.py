"""A function that calls ``report`` after every epoch, as a generator of epochs.

It runs in a thread of its own and takes turns with the one that asks for epochs: only one of the
two runs at any time. A framework that calls back can so hand over an epoch from deep inside.
"""

import contextvars
import ctypes
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

from tuning.process.signals import SECONDS_TO_END

SECONDS_DEAF = 0.2
"""For so long a signal may go unheard, at the most."""
Reported = tuple[dict[str, Any], Any]
Report = Callable[..., None]


class StopTrial(BaseException):
    """Raised by ``report`` where the trial is to end: what calls it cleans up, and lets it pass.
    Raised by a trainable itself, with a reason, it ends the trial as returning the reason does.

    No ``Exception``, so that code which catches those does not take it for a fault.
    """


def pushed(
    run: Callable[[Report], Any],
    around: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Generator[Reported, None, Any]:
    """What ``run(report)`` hands over with ``report(state=..., **metrics)``, as ``(metrics,
    state)``; returns what it returns. ``around``: a context for the times at which it runs.

    What ``run`` raises is raised here, with its own traceback. Closing the generator has
    ``report`` raise ``StopTrial``; an exception that comes from outside meanwhile, an interruption
    say, is raised in ``run`` as KeyboardInterrupt.
    """
    turns = _Turns(run, around)
    try:
        while (reported := turns.next()) is not None:
            yield reported
        return turns.returned
    finally:
        turns.stop()


class _Turns:
    def __init__(
        self, run: Callable[[Report], Any], around: Callable[[], AbstractContextManager[Any]]
    ) -> None:
        self._run, self._around = run, around
        # Plain locks, for a signal that comes while one is waited for leaves it whole.
        self._theirs, self._ours = threading.Lock(), threading.Lock()
        self._theirs.acquire()
        self._ours.acquire()
        self._reported: Reported | None = None
        self._error: BaseException | None = None
        self._stops = self._waits = self._over = False
        self.returned: Any = None
        # What holds for the thread that asks, numpy's handling of errors say, holds there.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._work,), daemon=True)

    def next(self) -> Reported | None:
        """Let it run until its next report; None once it has ended."""
        self._reported = None
        if self._thread.ident is None:
            self._thread.start()
        self._take_turns()
        if self._error:
            raise self._error
        return self._reported

    def stop(self) -> None:
        """Have it end, and wait until it has: as long as it takes where it stands in ``report``,
        else for seconds.
        """
        if self._over or self._thread.ident is None:
            return
        self._stops = True
        if self._waits:
            self._take_turns()
            if self._error:
                raise self._error
        else:  # an exception came while it ran
            _raise_in(self._thread, KeyboardInterrupt)
            with suppress(RuntimeError):  # it is its turn already
                self._theirs.release()
            self._thread.join(SECONDS_TO_END)

    def _take_turns(self) -> None:
        with self._around():
            self._waits = False
            self._theirs.release()
            # A signal that comes just before a lock is waited for is heard of only after that.
            while not self._ours.acquire(timeout=SECONDS_DEAF):
                pass
            self._waits = True
        if self._over:
            self._thread.join()

    def _work(self) -> None:
        self._theirs.acquire()
        try:
            self.returned = self._run(self._report)
        except StopTrial as end:
            self.returned = str(end) or None
        except BaseException as error:
            self._error = error
        finally:
            self._reported, self._over = None, True
            self._ours.release()

    def _report(self, *, state: Any = None, **metrics: Any) -> None:
        if not self._stops:
            self._reported = metrics, state
            self._ours.release()
            self._theirs.acquire()
        if self._stops:
            raise StopTrial


def _raise_in(thread: threading.Thread, kind: type[BaseException]) -> None:
    """Have that thread raise an exception as soon as it runs Python code."""
    assert thread.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(kind))
