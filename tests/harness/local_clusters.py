"""Real Ray clusters of several nodes on this machine: the scripts of ``cluster/`` on 127.0.0.2 and
up, which need no rights.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from commands import ENVIRONMENT
from places import ROOT

SCRIPTS = ROOT / "cluster"
RAY = str(Path(sys.executable).with_name("ray"))
STARTED = "Ray runtime started."
NODE_BLOCK = 1000
"""Ports that a node of ``cluster/settings.sh`` may use, from ``NODE_PORTS`` on."""


@dataclass
class LocalCluster:
    """A head on 127.0.0.2 and its workers, each a process of ``cluster/``; ended by pid."""

    folder: Path
    first_port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    head_ip: str = "127.0.0.2"

    @property
    def address(self) -> str:
        return f"{self.head_ip}:{self.first_port}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.first_port + 1}"

    @property
    def token(self) -> Path:
        return self.folder / "token"

    @property
    def env(self) -> dict[str, str]:
        """What a user of this cluster has in the environment."""
        return {
            **ENVIRONMENT,
            "PYTHONPATH": str(ROOT),
            "RAY_AUTH_TOKEN_PATH": str(self.token),
            **self.environment,
        }

    def start(self, name: str, command: list[str], **environment: str) -> None:
        """Run one of the scripts as ``name``, with its own ports, its output in ``log(name)``."""
        block = self.first_port + 2 + NODE_BLOCK * len(self.processes)
        ports = {
            "HEAD_PORT": self.first_port,
            "DASHBOARD_PORT": self.first_port + 1,
            "NODE_PORTS": block,
        }
        env = {**self.env, **{key: str(port) for key, port in ports.items()}, **environment}
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, env=env, stdout=log, stderr=log, start_new_session=True
            )

    def start_head(self, *options: str) -> None:
        self.start(
            "head",
            [
                str(SCRIPTS / "head.sh"),
                self.head_ip,
                "--temp-dir",
                str(self.folder / "ray"),
                "--num-cpus",
                "0",
                *options,
            ],
        )
        self.wait_started("head")

    def start_worker(
        self,
        ip: str,
        *options: str,
        under: tuple[str, ...] = (),
        wait: bool = True,
        **environment: str,
    ) -> None:
        """A worker named by its ip. ``under``: a command to run the script by."""
        # In one folder the nodes of one machine would unpack the code of a job over each other.
        temporary = str(self.folder / f"ray-{ip.rsplit('.')[-1]}")
        command = [
            *under,
            str(SCRIPTS / "worker.sh"),
            self.address,
            ip,
            "--num-cpus",
            "2",
            "--temp-dir",
            temporary,
            *options,
        ]
        self.start(ip, command, **environment)
        if wait:
            self.wait_started(ip)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def said(self, name: str) -> str:
        return self.log(name).read_text(errors="replace")

    def wait_started(self, name: str, times: int = 1) -> None:
        wait_until(
            lambda: self.said(name).count(STARTED) >= times,
            f"{name} to start",
            self.processes[name],
            lambda: self.said(name),
        )

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> int:
        """End a node and say with which code it ended."""
        process = self.processes.pop(name)
        process.send_signal(how)
        return process.wait(timeout=240)

    def stop_all(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            process.wait(timeout=240)
        self.processes.clear()


def wait_until(
    fact: Callable[[], object],
    what: str,
    process: subprocess.Popen[bytes] | None = None,
    said: Callable[[], str] = str,
    seconds: float = 900,
) -> None:
    """Return once ``fact`` is true."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert process is None or process.poll() is None, (
            f"ended while we waited for {what}:\n{said()}"
        )
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}:\n{said()}"
        time.sleep(0.05)


def free_port_block(size: int) -> int:
    """The first of ``size`` neighbouring ports that nobody listens on, below those the system hands
    out; two that ask at the same time are likely to begin at different places.
    """
    places = range(11000, 32000 - size, 100)
    for first in (places[(os.getpid() * 31 + step) % len(places)] for step in range(len(places))):
        if all(_is_free(port) for port in range(first, first + 12)) and all(
            _is_free(port) for port in range(first, first + size, 50)
        ):
            return first
    raise AssertionError("no block of free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.2", port)) != 0


@contextmanager
def local_cluster(workers: int = 2, nodes: int = 3, **environment: str) -> Iterator[LocalCluster]:
    """A head without slots and ``workers`` of two CPUs each, on 127.0.0.3 and up; ``nodes`` says
    for how many there are ports.
    """
    # Short, for the paths of Ray's sockets may not exceed 107 characters.
    with tempfile.TemporaryDirectory(
        prefix="cluster-", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:
        cluster = LocalCluster(Path(folder), free_port_block(NODE_BLOCK * nodes + 2), environment)
        try:
            cluster.start_head()
            for number in range(workers):
                cluster.start_worker(f"127.0.0.{number + 3}", wait=False)
            for number in range(workers):
                cluster.wait_started(f"127.0.0.{number + 3}")
            yield cluster
        finally:
            cluster.stop_all()
