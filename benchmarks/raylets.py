"""A real Ray cluster of several nodes on this machine, whose nodes can be killed, cut off and
added: for tests and benchmarks.

Nodes are ``ray start`` on 127.0.0.2 and up, which needs no rights and cannot be cut off; or
machines of ``benchmarks.hosts``, which can.
"""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.hosts import Bridge, Host, end, family

ROOT = Path(__file__).parent.parent
_SETTING = re.compile(r"^export (RAY_(?:health_check|gcs_rpc)\w+)=(\S+)$", re.MULTILINE)
FAST_HEALTH = dict(_SETTING.findall((ROOT / "cluster" / "settings.sh").read_text()))
"""How soon a lost node or head is noticed, as the cluster files have it."""
STUDY = [
    sys.executable,
    "-c",
    "import sys; sys.argv[0] = 'study'; from study_command import main; main()",
]
SECONDS_TO_START = 300.0


@dataclass
class Node:
    """One raylet and what belongs to it."""

    ip: str
    host: Host | None
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """The whole node at once."""
        if self.host:
            self.host.kill()
        else:
            end(family(self.process.pid))
        self.process.wait()

    def stop(self) -> None:
        """Hold all its processes, as a machine that swaps or a hypervisor that pauses it: it
        neither answers nor notices.
        """
        end(family(self.process.pid), signal.SIGSTOP)

    def go_on(self) -> None:
        end(family(self.process.pid), signal.SIGCONT)


@dataclass
class Cluster:
    """A head without CPUs, and workers."""

    folder: Path
    settings: Mapping[str, str]
    bridge: Bridge | None
    nodes: list[Node] = field(default_factory=list)
    port: int = field(default_factory=lambda: _free_port())
    _numbers: int = 1

    @property
    def head(self) -> Node:
        return self.nodes[0]

    @property
    def address(self) -> str:
        return f"{self.head.ip}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What its nodes and drivers find in their environment."""
        token = self.folder / "token"
        if not token.exists():
            token.touch(mode=0o600)
            token.write_text(secrets.token_hex(32))
        own = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
        }
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "TUNE_"))
        }
        return kept | own | dict(self.settings)

    def start_head(self) -> None:
        ports = (f"--port={self.port}", f"--ray-client-server-port={_free_port()}")
        self.nodes.insert(0, self._start(0, "--head", "--include-dashboard=false", *ports))
        _wait(lambda: _answers(self.head, self.port), "the head")

    def add(self, cpus: int) -> Node:
        """A node that joins; it is there before long."""
        node = self._start(cpus, f"--address={self.address}")
        self.nodes.append(node)
        return node

    def _start(self, cpus: int, *arguments: str) -> Node:
        self._numbers += 1
        host = Host(self.bridge, self._numbers) if self.bridge else None
        ip = host.ip if host else f"127.0.0.{self._numbers}"
        temporary = self.folder / str(self._numbers)
        command = [
            *(
                str(Path(sys.executable).with_name("ray")),
                "start",
                "--block",
                "--disable-usage-stats",
            ),
            *(
                f"--node-ip-address={ip}",
                f"--num-cpus={cpus}",
                f"--temp-dir={temporary}",
                "--object-store-memory=100000000",
            ),
            *(
                "--min-worker-port=0",
                "--max-worker-port=0",
                f"--dashboard-agent-listen-port={_free_port()}",
                *arguments,
            ),
        ]
        log = (self.folder / f"{self._numbers}.log").open("w")
        process = subprocess.Popen(
            host.inside(command) if host else command,
            env=self.environment,
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        return Node(ip, host, process)

    def wait_for(self, nodes: int) -> None:
        """Until the head knows so many nodes and no more; asked by a process of its own, as this
        one may have a Ray already.
        """
        join = (
            f"import ray, time; ray.init('{self.address}', log_to_driver=False,"
            " logging_level='ERROR')"
        )
        ask = f"while sum(node['Alive'] for node in ray.nodes()) != {nodes}: time.sleep(0.2)"
        command = self.on(self.head, [sys.executable, "-c", f"{join}\n{ask}"])
        subprocess.run(
            command, env=self.environment, capture_output=True, check=True, timeout=SECONDS_TO_START
        )

    def on(self, node: Node, command: Sequence[str]) -> list[str]:
        return node.host.inside(command) if node.host else list(command)

    def study(
        self, node: Node, folder: Path, *arguments: str, address: bool = True
    ) -> subprocess.Popen[str]:
        """The command ``study`` on a node of this cluster."""
        where = ["--address", self.address] if address else []
        # Signals as a shell would leave them: a background job would ignore SIGINT.
        command = self.on(
            node, ["env", "--default-signal=INT", f"--chdir={folder}", *STUDY, *arguments, *where]
        )
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        for node in reversed(self.nodes):
            node.kill()
        if self.bridge:
            self.bridge.close()


@contextmanager
def cluster(
    cpus: Sequence[int], settings: Mapping[str, str] = FAST_HEALTH, *, hosts: bool = False
) -> Iterator[Cluster]:
    """A cluster whose workers have so many CPUs each, for the time of the block; ``hosts``: on
    machines that can be cut off.

    A folder of its own below /tmp: the paths of Ray's sockets may not exceed 107 characters.
    """
    made = Cluster(
        Path(tempfile.mkdtemp(prefix="raylets-", dir="/tmp")), settings, Bridge() if hosts else None
    )
    try:
        made.start_head()
        for number in cpus:
            made.add(number)
        made.wait_for(1 + len(cpus))
        yield made
    finally:
        made.close()
        shutil.rmtree(made.folder, ignore_errors=True)


def driver_pid(process: subprocess.Popen[str]) -> int:
    """The process of the command itself: on another machine there are others around it, and it has
    a child that is none.
    """
    own = [pid for pid in family(process.pid) if b"study_command" in _command_line(pid)]
    return own[-1]


def _command_line(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _answers(node: Node, port: int) -> bool:
    program = f"import socket; socket.create_connection(('{node.ip}', {port}), 1).close()"
    command = [sys.executable, "-c", program]
    return (
        subprocess.run(
            node.host.inside(command) if node.host else command, capture_output=True, check=False
        ).returncode
        == 0
    )


def _wait(fact: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while not fact():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not come within {SECONDS_TO_START:g} s")
        time.sleep(0.1)
