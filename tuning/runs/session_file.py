"""What is beside a run while it goes on: its live page, and the Ray that trains it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from analysis.live.own_process import environment, module_command
from analysis.records.load import RunPaths
from analysis.records.write import write_aside
from cluster.connect import whereabouts
from cluster.processes import is_us, us

Ready = Callable[[str, str], None]
"""Told the address of Ray's dashboard, and what is to know about it."""


@contextmanager
def page_served(paths: RunPaths, ready: Callable[[str], None]) -> Iterator[None]:
    """The live page of the run, served by a process of its own for the time of the block; ``ready``
    is told its address.

    The process ends with this one, however this one ends: its standard input closes.
    """
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    command = module_command("tuning.runs.page", str(paths.root))
    server = subprocess.Popen(
        command,
        env=environment(),
        stdin=pipe,
        stdout=pipe,
        stderr=nowhere,
        text=True,
        start_new_session=True,
    )
    assert server.stdout is not None
    assert server.stdin is not None
    threading.Thread(
        target=_tell_address, args=(server.stdout.readline, ready), daemon=True
    ).start()
    try:
        yield
    finally:
        server.stdin.close()


def _tell_address(read: Callable[[], str], ready: Callable[[str], None]) -> None:
    if address := read().strip():
        # Who may give orders is told a person alone, never written where output is kept.
        ready(address if sys.stderr.isatty() else address.partition("?")[0])


@contextmanager
def ray_noted(paths: RunPaths, ready: Ready | None) -> Iterator[None]:
    """Where the Ray of this session can be looked at, as ``session.json`` in the run folder for the
    time of the block; ``ready`` is told of its dashboard, if there is one. To be entered once Ray
    is there.
    """
    found: dict[str, Any] = whereabouts()
    write_aside(paths.session, json.dumps({**found, **us()}))
    if found["dashboard"] and ready:
        ready(found["dashboard"], _token_note(private=found["logs"] is not None))
    try:
        yield
    finally:
        forget_session(paths)


def forget_session(paths: RunPaths) -> None:
    """Remove what ``ray_noted`` wrote, unless a later session has written its own."""
    with suppress(OSError, ValueError):
        if is_us(json.loads(paths.session.read_bytes())):
            paths.session.unlink()


def _token_note(private: bool) -> str:
    """Which token the dashboard asks for. It is shown to a person alone, never written where output
    is kept.
    """
    if not private:
        return "it asks for the token of the cluster"
    if not sys.stderr.isatty():
        return "it asks for a token: set RAY_AUTH_TOKEN to one of yours before you start the study"
    return (
        f"token {os.environ.get('RAY_AUTH_TOKEN')}: whoever has it can run code as you; it ends"
        " with this study"
    )
