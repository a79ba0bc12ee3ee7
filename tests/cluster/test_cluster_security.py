"""What a stranger gets from the head of the scripts, who is on the same network and has no
token.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import NO_TRAINING, STUDY
from local_clusters import ROOT, LocalCluster, wait_until
from places import HARNESS

from analysis import load_run

pytestmark = pytest.mark.slow

HEAD_IP, STRANGERS_IP = "10.87.6.1", "10.87.6.2"
FIRST_PORT = 6379
CLOSED = {"UNAUTHENTICATED", "401", "URLError", "ConnectionRefusedError"}
"""What Ray leaves open in token mode, as ``cluster/README.md`` says: numbers about the machine, no
content, no code.
"""
OPEN = {"metrics of the node", "metrics of the dashboard", "metrics of the autoscaler"}


@contextmanager
def two_hosts() -> Iterator[tuple[str, str]]:
    """Two network namespaces with a cable between them: hosts of their own, as far as the network
    goes.
    """
    head, stranger = f"head{os.getpid()}", f"stranger{os.getpid()}"
    commands = [
        f"ip netns add {head}",
        f"ip netns add {stranger}",
        f"ip link add eth0 netns {head} type veth peer name eth0 netns {stranger}",
    ]
    for name, address in ((head, HEAD_IP), (stranger, STRANGERS_IP)):
        commands += [
            f"ip -n {name} addr add {address}/24 dev eth0",
            f"ip -n {name} link set eth0 up",
            f"ip -n {name} link set lo up",
        ]
    if shutil.which("ip") is None:
        pytest.skip("a second host takes the command ip")
    try:
        for command in commands:
            ran = subprocess.run(command.split(), check=False, capture_output=True, text=True)
            if ran.returncode:
                pytest.skip(
                    "a second host takes the right to make network namespaces:"
                    f" {ran.stderr.strip()}"
                )
        yield head, stranger
    finally:
        for name in (head, stranger):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture
def hosts(short_folder: Path) -> Iterator[tuple[LocalCluster, str, str]]:
    """A head on one host, and the name of another."""
    with two_hosts() as (host, stranger):
        cluster = LocalCluster(short_folder, FIRST_PORT, head_ip=HEAD_IP)
        script = [
            str(ROOT / "cluster" / "head.sh"),
            HEAD_IP,
            "--temp-dir",
            str(short_folder / "ray"),
            "--num-cpus",
            "2",
        ]
        ours = {"NODE_PORTS": "7000", "HEAD_PORT": "6379", "DASHBOARD_PORT": "8265"}
        try:
            cluster.start("head", ["ip", "netns", "exec", host, *script], **ours)
            cluster.wait_started("head")
            yield cluster, host, stranger
        finally:
            cluster.stop_all()


def listening(host: str) -> set[tuple[str, int]]:
    """Address and port of every socket that listens on a host."""
    listed = subprocess.run(
        ["ip", "netns", "exec", host, "ss", "-Hltn"], check=True, capture_output=True, text=True
    ).stdout
    return {
        (line.split()[3].rsplit(":", 1)[0].strip("[]"), int(line.split()[3].rsplit(":", 1)[1]))
        for line in listed.splitlines()
    }


def ask(
    host: str, workers: list[int], token: str | None = None, **environment: str
) -> dict[str, str]:
    command = [
        "ip",
        "netns",
        "exec",
        host,
        sys.executable,
        str(HARNESS / "stranger.py"),
        HEAD_IP,
        "7000",
        "6379",
        "8265",
    ]
    env = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")} | (
        {"STRANGERS_TOKEN": token} if token else {}
    )
    env |= environment
    ran = subprocess.run(
        [*command, *map(str, workers)],
        env=env,
        check=True,
        capture_output=True,
        text=True,
        timeout=400,
    )
    return json.loads(ran.stdout)


def test_a_stranger_can_run_nothing_and_read_nothing(
    hosts: tuple[LocalCluster, str, str], short_folder: Path
) -> None:
    cluster, host, stranger = hosts
    (short_folder / "mine.py").write_text(
        NO_TRAINING.replace("BODY", "time.sleep(2)").replace("epochs=2", "epochs=600")
    )
    command = [
        "ip",
        "netns",
        "exec",
        host,
        *STUDY,
        "run",
        "mine.py",
        "--address",
        f"{HEAD_IP}:6379",
    ]
    with (short_folder / "study.log").open("wb") as log:
        study = subprocess.Popen(command, cwd=short_folder, env=cluster.env, stdout=log, stderr=log)
    records = short_folder / "results" / "mine"
    try:
        wait_until(
            lambda: [path for path in records.glob("*/epochs.jsonl") if path.stat().st_size],
            "an epoch",
        )
        sockets = {
            (address, port)
            for address, port in listening(host)
            if not address.startswith(("127.", "::ffff:127.", "::1"))
        }
        workers = sorted(port for _, port in sockets if 7100 <= port < 8000)
        assert workers, "there is a worker, so that its port is tried too"
        outside = {
            (address, port) for address, port in sockets if port != 6379 and not 7000 <= port < 8000
        }
        assert outside == set(), "nothing else listens than the firewall rule of the README covers"
        without, wrong = ask(stranger, workers), ask(stranger, workers, "0" * 64)
        token = cluster.token.read_text()
        friend = ask(stranger, workers, token, FRIEND="1")
    finally:
        study.terminate()
        study.wait(timeout=240)
    assert {what for what, answer in without.items() if answer not in CLOSED} == OPEN
    assert {what for what, answer in wrong.items() if answer not in CLOSED | {"403"}} == OPEN
    answered = {what for what, answer in friend.items() if answer in ("OK", "200")}
    questions = {
        "GCS: list nodes",
        "GCS: list jobs",
        "raylet: statistics",
        "worker: statistics",
        "log server",
    }
    assert answered >= questions, (
        f"with the token they are answered, so they are the right questions: {friend}"
    )
    assert not {friend["client: connect"], friend["runtime-env agent"]} & CLOSED
    assert without["dashboard"] in {
        "URLError",
        "ConnectionRefusedError",
    }, "the dashboard is not even there"
    run = next(records.glob("*"))
    assert set(load_run(run).trials["status"]) == {"unfinished"}
    said = [
        cluster.log("head"),
        short_folder / "study.log",
        *run.rglob("*"),
        *(short_folder / "ray").rglob("*"),
    ]
    assert not [file for file in said if file.is_file() and token.encode() in file.read_bytes()]


def test_metrics_hold_numbers_about_machines_alone(hosts: tuple[LocalCluster, str, str]) -> None:
    cluster, _, stranger = hosts
    command = [
        "ip",
        "netns",
        "exec",
        stranger,
        sys.executable,
        "-c",
        READ,
        f"http://{HEAD_IP}:7005/metrics",
    ]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=240).stdout
    assert "ray_node_cpu_count" in text
    assert cluster.token.read_text() not in text
    values = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"\w+(\{.*\})? [-+0-9.eEnNaAiInNfF]+( \d+)?", line) for line in values)


READ = (
    "import sys, urllib.request as u; print(u.build_opener(u.ProxyHandler({})).open(sys.argv[1],"
    " timeout=10).read().decode())"
)
