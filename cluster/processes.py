"""Which process this is, in words that another process can check: numbers of processes are used again."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def us() -> dict[str, Any]:
    """This process: ``host``, ``space`` (what its number belongs to), ``pid``, ``began``."""
    return {"host": socket.gethostname(), "space": _space(), "pid": os.getpid(), "began": began(os.getpid())}


def lives_here(process: Mapping[str, Any]) -> bool | None:
    """Whether a process that ``us`` described still runs; None if it is one of another machine or container."""
    if (process.get("host"), process.get("space")) != (socket.gethostname(), _space()):
        return None
    return began(process["pid"]) == process["began"]


def began(pid: int) -> str | None:
    """When a process began, in the system's own count, so that a later process of the same number is told apart; None if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return "alive" if not Path("/proc").is_dir() and _exists(pid) else None
    return None if fields[0] in "ZX" else fields[19]


def _space() -> str | None:
    """What numbers of processes belong to: containers of one machine have their own, and often all the same name."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
