"""What a trial may change of its process without meaning the next one: found out before it, put
back after it.

Put back are: working folder, environment variables, ``sys.path`` and ``sys.argv``, limits and hooks
of ``sys``, the stack size of threads, signal handlers and timers, locale, time zone, file mode
mask, garbage collection, warnings filters, loggers, numpy's error handling and print options, the
start method of multiprocessing, the default time-out of sockets; of torch its default dtype and
device, threads, deterministic flags, precision of matrices and convolutions, autocast with the
weights that it has cast, denormals, kernels of attention, grad and anomaly modes, blocks that were
entered and not left, hooks of all modules, print options. Random generators are seeded anew for
every trial. What stays: imports, caches and other values of modules, and threads that still run:
``Resources(fresh_process=True)`` gives every trial a process of its own.
"""

import decimal
import faulthandler
import gc
import locale
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np

from tuning.engine.ray_reporting import reports_refused
from tuning.process.kept import Setting, Undo, attribute, kept
from tuning.process.random_state import seed_all
from tuning.process.torch_state import torch_defaults, torch_state


def _switch(is_on: Callable[[], bool], on: Undo, off: Undo) -> Setting:
    return is_on, lambda value: (on if value else off)()


_SETTINGS: tuple[Setting, ...] = (
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (sys.getswitchinterval, sys.setswitchinterval),
    (sys.get_int_max_str_digits, sys.set_int_max_str_digits),
    (sys.gettrace, sys.settrace),
    (sys.getprofile, sys.setprofile),
    *(attribute(sys, hook) for hook in ("excepthook", "displayhook", "unraisablehook", "stdin")),
    (threading.stack_size, threading.stack_size),
    (socket.getdefaulttimeout, socket.setdefaulttimeout),
    (partial(locale.setlocale, locale.LC_ALL), partial(locale.setlocale, locale.LC_ALL)),
    _switch(gc.isenabled, gc.enable, gc.disable),
    (gc.get_threshold, lambda thresholds: gc.set_threshold(*thresholds)),
    _switch(faulthandler.is_enabled, faulthandler.enable, faulthandler.disable),
    (
        partial(multiprocessing.get_start_method, allow_none=True),
        partial(multiprocessing.set_start_method, force=True),
    ),
    (lambda: logging.root.manager.disable, logging.disable),
    (np.geterr, lambda errors: np.seterr(**errors)),
    (np.geterrcall, np.seterrcall),
    (np.get_printoptions, lambda printing: np.set_printoptions(**printing)),
)


@contextmanager
def process_restored(seeds: Sequence[int], gpus: float) -> Iterator[None]:
    """What a trial of these seeds is trained in: the global random generators depend on the seeds
    alone, Ray's own way to report is refused, and without ``gpus`` there are none. After the block
    the process is as it was.
    """
    undo = [take() for take in (_system, _python, _signals, _loggers, torch_state)]
    had_torch = "torch" in sys.modules
    with ExitStack() as stack:
        for each in undo:
            stack.callback(each)
        if not had_torch:
            stack.callback(torch_defaults)
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(decimal.localcontext())
        stack.enter_context(reports_refused())
        if not gpus:
            hide_gpus()
        seed_all(min(seeds))  # a trainable that seeds nothing itself is repeatable, too
        yield


def hide_gpus() -> None:
    """From what looks for CUDA from now on. Nothing hides MPS: a trainable finds 0 under
    ``config["gpus"]``.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


def _system() -> Undo:
    folder, environment = os.getcwd(), dict(os.environ)
    mask = os.umask(0o022)
    os.umask(mask)

    def undo() -> None:
        with suppress(OSError):  # it is gone
            os.chdir(folder)
        for key in os.environ.keys() - environment:
            del os.environ[key]
        os.environ.update(environment)
        time.tzset()
        os.umask(mask)

    return undo


def _python() -> Undo:
    path, arguments, settings = list(sys.path), list(sys.argv), kept(_SETTINGS)

    def undo() -> None:
        sys.path[:], sys.argv[:] = path, arguments
        settings()

    return undo


def _signals() -> Undo:
    """Timers, and handlers, which the main thread alone can set."""
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    timers = kept(
        (partial(signal.getitimer, which), partial(_set_timer, which))
        for which in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    )

    def undo() -> None:
        timers()
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                if handler is not None and signal.getsignal(number) is not handler:
                    signal.signal(number, handler)

    return undo


def _set_timer(which: int, value: tuple[float, float]) -> None:
    signal.setitimer(which, *value)


def _loggers() -> Undo:
    """Handlers above all: one that a trial made writes to what its standard output was."""
    known = {logger: _settings(logger) for logger in _all_loggers()}

    def undo() -> None:
        for logger in _all_loggers():
            level, propagate, off, handlers, filters = known.get(
                logger, (logging.NOTSET, True, False, [], [])
            )
            if logger.level != level:
                logger.setLevel(level)
            logger.propagate, logger.disabled = propagate, off
            logger.handlers[:], logger.filters[:] = handlers, filters

    return undo


def _all_loggers() -> list[logging.Logger]:
    named = list(logging.root.manager.loggerDict.values())
    return [logging.root, *(each for each in named if isinstance(each, logging.Logger))]


def _settings(logger: logging.Logger) -> tuple[Any, ...]:
    return (
        logger.level,
        logger.propagate,
        logger.disabled,
        list(logger.handlers),
        list(logger.filters),
    )
