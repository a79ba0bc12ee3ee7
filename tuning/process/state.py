"""What a trial may change of its process without meaning the next one: found out before it, put
back after it.

Put back are: working folder, environment variables, ``sys.path`` and ``sys.argv``, recursion limit,
hooks of ``sys``, signal handlers, locale, time zone, file mode mask, garbage collection, warnings
filters, loggers, numpy's error handling and print options, the start method of multiprocessing, the
default time-out of sockets; of torch its default dtype and device, threads, deterministic flags,
matrix precision, grad and anomaly modes, print options. Random generators are seeded anew for every
trial. What stays: imports, caches and other values of modules, and threads that still run:
``Resources(fresh_process=True)`` gives every trial a process of its own.
"""

import decimal
import faulthandler
import gc
import locale
import logging
import multiprocessing
import os
import random
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np

from tuning.engine.ray_reporting import reports_refused
from tuning.process.torch_state import seed_torch, torch_defaults, torch_state

Undo = Callable[[], object]


@contextmanager
def process_restored(seeds: Sequence[int], gpus: float) -> Iterator[None]:
    """What a trial of these seeds is trained in: the global random generators depend on the seeds
    alone, Ray's own way to report is refused, and without ``gpus`` there are none. After the block
    the process is as it was.
    """
    undo = [
        take()
        for take in (_system, _python, _signals, _numpy, _multiprocessing, _loggers, torch_state)
    ]
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
        _seed(seeds)
        yield


def hide_gpus() -> None:
    """From what looks for CUDA from now on. Nothing hides MPS: a trainable finds 0 under
    ``config["gpus"]``.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


def _seed(seeds: Sequence[int]) -> None:
    """A trainable that seeds nothing itself is repeatable, too, and no trial depends on the one
    before.
    """
    seed = min(seeds)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    seed_torch(seed)


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
    path, arguments, depth = list(sys.path), list(sys.argv), sys.getrecursionlimit()
    hooks = {
        name: getattr(sys, name)
        for name in ("excepthook", "displayhook", "unraisablehook", "stdin")
    }
    tracing, profiling, timeout = sys.gettrace(), sys.getprofile(), socket.getdefaulttimeout()
    place, collects, thresholds = (
        locale.setlocale(locale.LC_ALL),
        gc.isenabled(),
        gc.get_threshold(),
    )

    def undo() -> None:
        sys.path[:], sys.argv[:] = path, arguments
        sys.setrecursionlimit(depth)
        for name, value in hooks.items():
            setattr(sys, name, value)
        if sys.gettrace() is not tracing:
            sys.settrace(tracing)
        if sys.getprofile() is not profiling:
            sys.setprofile(profiling)
        socket.setdefaulttimeout(timeout)
        locale.setlocale(locale.LC_ALL, place)
        (gc.enable if collects else gc.disable)()
        gc.set_threshold(*thresholds)

    return undo


def _signals() -> Undo:
    """Handlers, which the main thread alone can set."""
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    faults = faulthandler.is_enabled()

    def undo() -> None:
        if faulthandler.is_enabled() != faults:
            (faulthandler.enable if faults else faulthandler.disable)()
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                if handler is not None and signal.getsignal(number) is not handler:
                    signal.signal(number, handler)

    return undo


def _numpy() -> Undo:
    errors, printing = np.geterr(), np.get_printoptions()
    call = np.geterrcall()

    def undo() -> None:
        np.seterr(**errors)
        np.seterrcall(call)
        np.set_printoptions(**printing)

    return undo


def _multiprocessing() -> Undo:
    method = multiprocessing.get_start_method(allow_none=True)
    return lambda: multiprocessing.set_start_method(method, force=True)


def _loggers() -> Undo:
    """Handlers above all: one that a trial made writes to what its standard output was."""
    known = {logger: _settings(logger) for logger in _all_loggers()}
    disabled = logging.root.manager.disable

    def undo() -> None:
        for logger in _all_loggers():
            level, propagate, off, handlers, filters = known.get(
                logger, (logging.NOTSET, True, False, [], [])
            )
            if logger.level != level:
                logger.setLevel(level)
            logger.propagate, logger.disabled = propagate, off
            logger.handlers[:], logger.filters[:] = handlers, filters
        logging.disable(disabled)

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
