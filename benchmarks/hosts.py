"""Machines within this one: network, process and file name spaces of their own on a bridge, which
can be cut off and killed. Needs root.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL

NETWORK = "10.77.0"
_INIT = (
    "hostname {name} && mount -t tmpfs -o size=1g none /dev/shm && ip link set lo up && echo ready"
    " && exec sleep infinity"
)


def why_not() -> str | None:
    """Why no such machines can be had here; None if they can."""
    if not shutil.which("ip") or not shutil.which("unshare"):
        return "name spaces need the commands ip and unshare"
    tried = subprocess.run(
        ["unshare", "--net", "--pid", "--mount", "--uts", "--ipc", "--fork", "true"],
        capture_output=True,
        check=False,
    )
    return "name spaces need more rights" if tried.returncode else None


class Bridge:
    """What hosts are plugged into: in a name space of its own, so that nothing outside sees it."""

    def __init__(self) -> None:
        self._keeper = subprocess.Popen(
            [
                "unshare",
                "--net",
                "sh",
                "-c",
                (
                    "ip link add br0 type bridge && ip link set br0 up && echo ready && exec sleep"
                    " infinity"
                ),
            ],
            stdout=subprocess.PIPE,
        )
        _wait_ready(self._keeper)

    def plug(self, number: int, pid: int) -> None:
        self.ip(
            "link", "add", f"p{number}", "type", "veth", "peer", "name", "eth0", "netns", str(pid)
        )
        self.ip("link", "set", f"p{number}", "master", "br0")
        self.ip("link", "set", f"p{number}", "up")

    def ip(self, *words: str) -> None:
        subprocess.run(["nsenter", "-t", str(self._keeper.pid), "-n", "ip", *words], check=True)

    def close(self) -> None:
        self._keeper.kill()
        self._keeper.wait()


class Host:
    """One machine, at ``NETWORK.<number>``."""

    def __init__(self, bridge: Bridge, number: int) -> None:
        self._bridge, self._number = bridge, number
        self.ip = f"{NETWORK}.{number}"
        flags = [
            "--net",
            "--pid",
            "--mount",
            "--uts",
            "--ipc",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ]
        self._init = subprocess.Popen(
            ["unshare", *flags, "sh", "-c", _INIT.format(name=f"host{number}")],
            stdout=subprocess.PIPE,
        )
        _wait_ready(self._init)
        self._pid = children(self._init.pid)[0]
        bridge.plug(number, self._pid)
        for words in (
            f"addr add {self.ip}/24 dev eth0",
            "link set eth0 up",
            "route add default dev eth0",
        ):
            subprocess.run(self.inside(["ip", *words.split()]), check=True)

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command that runs ``command`` on this machine, in the folder where it is called."""
        return ["nsenter", "-t", str(self._pid), "-a", f"--wdns={os.getcwd()}", *command]

    def cut(self) -> None:
        """Take its cable out."""
        self._bridge.ip("link", "set", f"p{self._number}", "down")

    def heal(self) -> None:
        self._bridge.ip("link", "set", f"p{self._number}", "up")

    def kill(self) -> None:
        """Everything on it ends at once, as when the power goes."""
        self._init.kill()
        self._init.wait()


def children(pid: int) -> list[int]:
    """The processes that a process started; of one that has ended, none."""
    found: list[int] = []
    threads: list[str] = []
    with suppress(OSError):
        threads = os.listdir(f"/proc/{pid}/task")
    for thread in threads:
        with suppress(OSError):
            listed = Path(f"/proc/{pid}/task/{thread}/children").read_text()
            found += map(int, listed.split())
    return found


def family(pid: int) -> list[int]:
    """A process and all below it."""
    return [pid, *(one for child in children(pid) for one in family(child))]


def end(pids: Sequence[int], number: int = SIGKILL) -> None:
    """Send a signal to those that are still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _wait_ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout
    if process.stdout.readline() != b"ready\n":
        raise RuntimeError("a name space could not be set up")
