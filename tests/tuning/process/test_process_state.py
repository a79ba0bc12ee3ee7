"""What one trial changes of its process, and the next one must not find; of torch:
``test_torch_state``.
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

import numpy as np
import pytest
from process_changes import Change, assert_put_back


def with_handler(logger: logging.Logger) -> None:
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.setLevel(logging.DEBUG)


def mask_of_files() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


CHANGES: dict[str, Change] = {
    "folder": (lambda: os.chdir("/"), os.getcwd),
    "new variable": (lambda: os.environ.update(A_NEW_ONE="1"), lambda: os.environ.get("A_NEW_ONE")),
    "removed variable": (lambda: os.environ.pop("PATH"), lambda: os.environ.get("PATH")),
    "time zone": (
        lambda: (os.environ.update(TZ="Asia/Tokyo"), time.tzset()),
        lambda: time.localtime(0).tm_hour,
    ),
    "sys.path": (lambda: sys.path.insert(0, "/nowhere"), lambda: list(sys.path)),
    "sys.path, another list": (lambda: setattr(sys, "path", ["/nowhere"]), lambda: list(sys.path)),
    "sys.argv": (lambda: setattr(sys, "argv", ["x"]), lambda: list(sys.argv)),
    "recursion": (lambda: sys.setrecursionlimit(5000), sys.getrecursionlimit),
    "excepthook": (lambda: setattr(sys, "excepthook", print), lambda: sys.excepthook),
    "signal handler": (
        lambda: signal.signal(signal.SIGUSR2, lambda *_: None),
        lambda: signal.getsignal(signal.SIGUSR2),
    ),
    "faulthandler": (faulthandler.disable, faulthandler.is_enabled),
    "file mode mask": (lambda: os.umask(0o777), mask_of_files),
    "time-out": (lambda: socket.setdefaulttimeout(3), socket.getdefaulttimeout),
    "locale": (
        lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8"),
        lambda: locale.setlocale(locale.LC_ALL),
    ),
    "garbage collection": (gc.disable, gc.isenabled),
    "thresholds": (lambda: gc.set_threshold(1, 2, 3), gc.get_threshold),
    "decimal": (
        lambda: setattr(decimal.getcontext(), "prec", 3),
        lambda: decimal.getcontext().prec,
    ),
    "warnings": (lambda: warnings.simplefilter("ignore"), lambda: list(warnings.filters)),
    "numpy errors": (lambda: np.seterr(all="ignore"), np.geterr),
    "numpy printing": (lambda: np.set_printoptions(precision=2), np.get_printoptions),
    "start method": (
        lambda: multiprocessing.set_start_method("spawn", force=True),
        lambda: multiprocessing.get_start_method(allow_none=True),
    ),
    "root logger": (
        lambda: with_handler(logging.root),
        lambda: (logging.root.level, list(logging.root.handlers)),
    ),
    "a logger": (
        lambda: with_handler(logging.getLogger("a.b")),
        lambda: list(logging.getLogger("a.b").handlers),
    ),
    "logging off": (lambda: logging.disable(logging.ERROR), lambda: logging.root.manager.disable),
    "switch interval": (lambda: sys.setswitchinterval(0.25), sys.getswitchinterval),
    "digits": (lambda: sys.set_int_max_str_digits(1000), sys.get_int_max_str_digits),
    "stack size": (lambda: threading.stack_size(2**20), threading.stack_size),
    "timer": (
        lambda: signal.setitimer(signal.ITIMER_PROF, 1000),
        lambda: signal.getitimer(signal.ITIMER_PROF),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_next_trial_does_not_find_what_this_one_changed(what: str) -> None:
    assert_put_back(*CHANGES[what])
