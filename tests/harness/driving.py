"""A run in a process of its own, which can be killed and waited for."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from commands import ENVIRONMENT, STUDY

from analysis import Run, load_run

MARK = "STUDY_OF_TEST"
"""In the environment of all processes that a test starts: others may run studies at the same time.
"""


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*STUDY, *arguments],
        cwd=folder,
        env={**ENVIRONMENT, MARK: str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder: Path, *arguments: str) -> Run:
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return load_run(folder / out.splitlines()[-1])


def wait_until(fact: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Until ``fact`` holds or the process has ended."""
    while not fact() and (process is None or process.poll() is None):
        time.sleep(0.02)


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()
