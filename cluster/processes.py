"""Which process this is, in words that another process can check: numbers of processes are used
again.
"""

import os
import secrets
import socket
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


def us() -> dict[str, Any]:
    """This process: ``host``, ``space`` (what its number belongs to), ``pid``, ``began``, and a
    random ``token``.

    It stays what it is when it is first asked for: the host name of a laptop changes with its
    network.
    """
    return dict(_described(os.getpid()))  # a process that was forked is another one


@cache
def _described(pid: int) -> dict[str, Any]:
    facts = {"host": socket.gethostname(), "space": _space(), "pid": pid, "began": began(pid)}
    return facts | {"token": secrets.token_hex(8)}


def is_us(process: Any) -> bool:
    """Whether ``us`` described this process: the token says so, whatever the host is called now."""
    return isinstance(process, dict) and process.get("token") == us()["token"]


def lives_here(process: Mapping[str, Any]) -> bool | None:
    """Whether a process that ``us`` described still runs; None where that cannot be known.

    That it does is known where the system shows the same process in the same machine and container.
    That it does not, only where the host has the same name as well (machines made from one image
    may say that they are the same), and the process is not one that ``/proc`` hides from other
    users.
    """
    space, pid = process.get("space"), process.get("pid")
    if space is None or space != us()["space"] or type(pid) is not int or pid < 1:
        return None
    fields = _fields(pid)
    if fields and fields[0] not in "ZX" and fields[19] == process.get("began"):
        return True
    same_host = process.get("host") == us()["host"] and process.get("began") is not None
    return False if same_host and (fields or _is_gone(pid)) else None


def began(pid: int) -> str | None:
    """When a process began, in the system's own count, so that a later process of the same number
    is told apart; None if there is none, or the system does not say.
    """
    fields = _fields(pid)
    return None if fields is None or fields[0] in "ZX" else fields[19]


def _fields(pid: int) -> list[str] | None:
    """What the system says of a process, from its state on; None where it says nothing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def _is_gone(pid: int) -> bool:
    """Whether there surely is no process of that number: one of another user may be hidden in
    ``/proc``, but can be asked for.
    """
    try:
        os.close(os.pidfd_open(pid))
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _space() -> str | None:
    """What numbers of processes belong to: containers of one machine have their own, and often all
    the same name.
    """
    try:
        return (
            f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}"
            f" {os.readlink('/proc/self/ns/pid')}"
        )
    except OSError:
        return None
