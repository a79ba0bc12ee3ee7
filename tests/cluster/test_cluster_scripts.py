"""The scripts for machines without a launcher, run for real."""

import os
import re
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from commands import ENVIRONMENT
from local_clusters import SCRIPTS, STARTED, local_cluster, wait_until


def script(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**ENVIRONMENT, **environment}
    return subprocess.run(
        [str(SCRIPTS / name), *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def processes_of(session: int) -> list[str]:
    """What runs in a session, with environment: as whoever lists processes sees it."""
    listing = subprocess.run(
        ["ps", "-o", "stat=,args=", "-s", str(session)], capture_output=True, text=True, check=False
    )
    return [line for line in listing.stdout.splitlines() if not line.startswith("Z")]


@pytest.mark.parametrize("first", [7000, 10_000])
def test_every_port_that_ray_knows_of_is_moved(first: int) -> None:
    """Also that of the client server, which Ray takes for used at 10001 on nodes that have none."""
    said = subprocess.run(
        ["bash", "-c", f'. {SCRIPTS}/settings.sh; printf "%s\n" "${{node_options[@]}}"'],
        env={**ENVIRONMENT, "NODE_PORTS": str(first)},
        capture_output=True,
        text=True,
        check=True,
    )
    words = said.stdout.split()
    ports = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    assert ports["--ray-client-server-port"] == first + 8
    assert len(set(ports.values())) == len(ports) == 9
    assert all(first <= port < first + 1000 for port in ports.values())


@pytest.mark.slow
def test_a_cluster_starts_closed_and_stops_clean() -> None:
    with local_cluster(workers=1, nodes=2) as cluster:
        assert stat.S_IMODE(cluster.token.stat().st_mode) == 0o600
        token = cluster.token.read_text()
        assert re.fullmatch("[0-9a-f]{64}", token)
        running = [
            line for process in cluster.processes.values() for line in processes_of(process.pid)
        ]
        assert any("raylet" in line for line in running)
        assert not any(token in line for line in running), "the token is on no command line"
        assert token not in cluster.said("head") + cluster.said("127.0.0.3")
        logs = [file for file in (cluster.folder / "ray").rglob("*") if file.is_file()]
        assert logs
        assert not [file for file in logs if token.encode() in file.read_bytes()], "nor in a log"
        sessions = {name: process.pid for name, process in cluster.processes.items()}
        assert cluster.stop("127.0.0.3") == 0
        wait_until(lambda: not processes_of(sessions["127.0.0.3"]), "all of the worker to end")
        cluster.stop("head")
        wait_until(lambda: not processes_of(sessions["head"]), "all of the head to end")


@pytest.mark.slow
def test_a_worker_waits_for_its_head_and_joins_it_again() -> None:
    with local_cluster(workers=0, nodes=2) as cluster:
        cluster.stop("head")
        cluster.start_worker("127.0.0.3", wait=False)
        wait_until(lambda: "no head answers" in cluster.said("127.0.0.3"), "the worker to wait")
        cluster.start_head()
        cluster.wait_started("127.0.0.3")
        os.kill(cluster.processes["head"].pid, signal.SIGKILL)
        cluster.stop("head")
        wait_until(lambda: "joining again" in cluster.said("127.0.0.3"), "the worker to leave")
        cluster.start_head()
        cluster.wait_started("127.0.0.3", times=2)
        assert cluster.said("127.0.0.3").count(STARTED) == 2


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("head.sh", [], "error: give the address by which the other machines reach this one"),
        ("head.sh", ["--num-cpus", "2"], "error: give the address"),
        (
            "worker.sh",
            ["127.0.0.2:6379"],
            "error: give the address of the head and the one of this machine",
        ),
        (
            "worker.sh",
            ["127.0.0.2", "127.0.0.3"],
            "error: 127.0.0.2 is no address of a head: cluster/worker.sh HEAD_IP:PORT IP",
        ),
        (
            "worker.sh",
            ["127.0.0.2:6379", "127.0.0.3"],
            "token: copy the file from the head (scp -p)",
        ),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, name: str, arguments: list[str], message: str
) -> None:
    ran = script(name, *arguments, RAY_AUTH_TOKEN_PATH=str(tmp_path / "token"))
    assert ran.returncode == 2
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["head.sh", "worker.sh"])
def test_a_token_that_others_may_read_is_refused(tmp_path: Path, name: str) -> None:
    token = tmp_path / "token"
    token.write_text("0" * 64)
    token.chmod(0o644)
    arguments = ["127.0.0.2"] if name == "head.sh" else ["127.0.0.2:6379", "127.0.0.3"]
    ran = script(name, *arguments, RAY_AUTH_TOKEN_PATH=str(token))
    assert ran.returncode == 2
    assert (
        ran.stderr
        == f"error: others may read the token in {token} (mode 644): chmod 600 it, or remove it for"
        " a new one.\n"
    )
