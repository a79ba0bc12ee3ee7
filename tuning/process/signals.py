"""What becomes of a signal that asks this process to end: Ctrl-C, the end of a batch job, a
terminal that is closed.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS_TO_END = 3.0
"""What a session may take to end after a signal, before it is left behind."""


class Interrupted(KeyboardInterrupt):
    """A signal asked this process to end: ``by``. A plain KeyboardInterrupt was raised by
    somebody's code.
    """

    def __init__(self, by: int) -> None:
        self.by = signal.Signals(by)
        super().__init__(self.by.name)

    @property
    def code(self) -> int:
        """The exit code of a command that it ends."""
        return 128 + self.by


def interrupt(number: int, frame: FrameType | None) -> None:
    """A handler that raises ``Interrupted``."""
    raise Interrupted(number)


@contextmanager
def handled(handler: Any, *others: signal.Signals) -> Iterator[None]:
    """Have ``handler`` called at each signal that asks this process to end, and at ``others``, for
    the time of the block.

    A SIGHUP that is ignored stays so: ``nohup`` promises it. Processes that are forked meanwhile,
    those of a pool say, end by signals as they would without us.
    """
    hung_up = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
    numbers = [number for number in (*ENDING, *others) if hung_up or number != signal.SIGHUP]
    before = {number: signal.signal(number, handler) for number in numbers}
    outermost = before.keys() - _outside.keys()
    _outside.update({number: before[number] for number in outermost})
    try:
        yield
    finally:
        for number, was in before.items():
            signal.signal(number, was)
        for number in outermost:
            del _outside[number]


_outside: dict[signal.Signals, Any] = {}
"""The handlers that ours stand in for."""


def _forked() -> None:
    """What a forked process is told is not for this one to hear."""
    signal.set_wakeup_fd(-1)
    for number, was in _outside.items():
        signal.signal(number, was)


os.register_at_fork(after_in_child=_forked)


class Interruption:
    """Ends a session of trials at a signal: at the first one as soon as Tune's loop comes round, at
    the second one at once.

    Later ones change nothing: they would tear what is being put away.
    """

    def __init__(self) -> None:
        self.by: signal.Signals | None = None
        self._stop_fit: Any = None
        self._over = False
        self._left = threading.Event()

    @contextmanager
    def ends_session(self, at_worst: Callable[[Interrupted], None]) -> Iterator[None]:
        """Handle signals for the time of the block.

        ``at_worst`` is called, in a thread, where the block goes on for long after a signal. Ray
        waits a minute for processes of its own that got the signal as well, and no exception
        reaches this one then.
        """
        read, write = os.pipe()
        os.set_blocking(write, False)
        threading.Thread(target=self._watch, args=(read, at_worst), daemon=True).start()
        before = signal.set_wakeup_fd(write)
        try:
            with handled(self._note, signal.SIGUSR1):
                yield
        finally:
            signal.set_wakeup_fd(before)
            self._left.set()
            os.close(write)

    def fit_begins(self) -> None:
        """To be called by a fit that is set up: Tune's own handler, which ends the fit and saves
        its state, is ours to call.
        """
        self._stop_fit = signal.signal(signal.SIGUSR1, self._note)

    def fit_ended(self) -> None:
        self._stop_fit = None

    def session_ended(self) -> None:
        """From here on a signal is noted, and no more."""
        self._over = True

    def _note(self, number: int, frame: FrameType | None) -> None:
        first, self.by = self.by is None, self.by or signal.Signals(number)
        if self._over:
            return
        if first and self._stop_fit:
            self._stop_fit(number, frame)
        else:
            self._over = True
            raise Interrupted(self.by)

    def _watch(self, read: int, at_worst: Callable[[Interrupted], None]) -> None:
        """Wait for a signal, or the end of the session. ``read``: where the numbers of signals
        arrive, also while the main thread is in C code and no handler is called.
        """
        with os.fdopen(read, "rb", buffering=0) as numbers:
            while (number := numbers.read(1)) and number[0] not in (*ENDING, signal.SIGUSR1):
                pass
            if number and not self._left.wait(SECONDS_TO_END):
                at_worst(Interrupted(self.by or number[0]))
            self._left.wait()
