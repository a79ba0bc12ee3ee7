"""The Ray of a laptop run: closed to others, and gone afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, os
from pathlib import Path
from cluster.connect import connected, prepare_environment
prepare_environment(None)
import ray
home = set(Path(os.environ["HOME"]).rglob("*"))


def is_ours(mark):  # others have their own there, which come and go
    try:
        return json.loads(mark.read_text())["pid"] == os.getpid()
    except (OSError, ValueError):
        return False


with connected(None, cpus=1, gpus=1):
    gpus = ray.cluster_resources()["GPU"]
    @ray.remote
    def work():
        return os.getpid()
    worker = ray.get(work.remote())
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (process / "stat").read_text().rsplit(")", 1)[1]
            parents[int(process.name)] = int(after_name.split()[1])
        except OSError:
            pass
    mine = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    listening = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                listening.append((fields[1].split(":")[0], fields[9]))
    own = set()
    for pid in mine | {worker}:
        try:
            own |= {os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()}
        except OSError:
            pass
    ours = [address for address, inode in listening if f"socket:[{inode}]" in own]
    folders = [mark.parent for mark in Path("/tmp").glob("study-*/owner.json") if is_ours(mark)]
print(json.dumps({
    "gpus": gpus,
    "listening": ours,
    "folders_during": len(folders),
    "folders_after": [str(folder) for folder in folders if folder.exists()],
    "home": sorted(map(str, set(Path(os.environ["HOME"]).rglob("*")) - home)),
}))
"""
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


@pytest.mark.slow
def test_a_private_ray_listens_on_loopback_only_and_leaves_nothing(tmp_path: Path) -> None:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("RAY_")
    } | {"HOME": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM]
    ran = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
        start_new_session=True,
    )
    import json

    facts = json.loads(ran.stdout.splitlines()[-1])
    assert len(facts["listening"]) >= 3, (
        "the probe must see Ray's sockets for this to mean anything"
    )
    assert set(facts["listening"]) <= LOOPBACK
    assert facts["gpus"] == 1, "as many as it was told of"
    assert facts["folders_during"] == 1
    assert facts["folders_after"] == []
    assert facts["home"] == [], "no token file, no results outside the run"
