"""Studies on a real cluster of three nodes: what is checked before, where trials go, what the
records say about it.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import NO_TRAINING, STUDY
from local_clusters import ROOT, LocalCluster, free_port_block, local_cluster, wait_until

from analysis import load_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A head without slots; 127.0.0.3 with two CPUs and one GPU, as far as Ray knows; 127.0.0.4
    with two CPUs.
    """
    with local_cluster(workers=0) as started:
        started.start_worker("127.0.0.3", "--num-gpus", "1", wait=False)
        started.start_worker("127.0.0.4", wait=False)
        started.wait_started("127.0.0.3")
        started.wait_started("127.0.0.4")
        yield started


def study(
    cluster: LocalCluster, folder: Path, *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [*STUDY, "run", "mine.py", "--address", cluster.address, *options]
    env = {**cluster.env, **environment}
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=400, check=False
    )


def write_study(folder: Path, more: str = "", body: str = "pass", task: str = "") -> None:
    text = NO_TRAINING.replace("BODY", body).replace(
        "seeds_per_trial=2)", f"seeds_per_trial=2{more})"
    )
    text = text.replace("trainable=train", f"trainable=Task(train=train{task})")
    (folder / "mine.py").write_text(text.replace("import Study", "import Resources, Study, Task"))


def test_a_sound_cluster_is_let_through_and_left_clean(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    write_study(tmp_path, task=", describe=lambda config: {'name': 'none'}")
    ran = study(cluster, tmp_path)
    assert ran.returncode == 0, ran.stderr
    run = load_run(tmp_path / ran.stdout.splitlines()[-1])
    assert run.trials["status"].tolist() == ["completed"] * 2
    assert list(run.paths.root.glob(".preflight*")) == []


def test_data_that_a_node_lacks(cluster: LocalCluster, tmp_path: Path) -> None:
    describe = (
        "def describe(config):\n    if 'AT_THE_DRIVER' not in os.environ:\n        raise"
        " OSError('no digits here')\n    return {}\n"
    )
    (tmp_path / "data.py").write_text(f"import os\n{describe}")
    write_study(tmp_path, task=", describe=__import__('data').describe")
    ran = study(cluster, tmp_path, "--seeds", "6", AT_THE_DRIVER="1")
    assert ran.returncode == 2
    nodes = {"127.0.0.3 (as 1 more: 127.0.0.4)", "127.0.0.4 (as 1 more: 127.0.0.3)"}
    why = "describe failed: line 4, `raise OSError('no digits here')`: OSError: no digits here"
    assert ran.stderr in {
        f"error: Study 'mine': node {node} lacks the data: {why}\n" for node in nodes
    }
    assert list(tmp_path.glob("results/*/*")) == []


def test_what_fits_no_node(cluster: LocalCluster, tmp_path: Path) -> None:
    write_study(tmp_path, ", resources=Resources(cpus=3)")
    ran = study(cluster, tmp_path, "--seeds", "6")
    assert ran.returncode == 2
    there = "0 CPUs and 0 GPUs; 2 CPUs and 1 GPU; 2 CPUs and 0 GPUs"
    message = (
        "error: Study 'mine': a trial asks for 3 CPUs and 0 GPUs, and no node has that; there is: "
    )
    assert ran.stderr.startswith(message)
    assert sorted(ran.stderr.strip().removeprefix(message).rstrip(".").split("; ")) == sorted(
        there.split("; ")
    )


def test_all_faults_of_all_nodes_are_said_at_once(tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    (odd / "torch-1.0.dist-info").mkdir(parents=True)
    (odd / "torch-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: torch\nVersion: 1.0\n"
    )
    (odd / "sitecustomize.py").write_text(
        "import time\nreal = time.time\ntime.time = lambda: real() + 3600\n"
    )
    results = tmp_path / "results"
    results.mkdir()
    hidden = ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {results} && exec "$@"', "sh")
    if subprocess.run([*hidden, "true"], check=False, capture_output=True).returncode:
        pytest.skip("a storage that one node does not see takes the right to mount")
    write_study(tmp_path)
    with local_cluster(workers=0) as cluster:
        cluster.start_worker("127.0.0.3", PYTHONPATH=f"{odd}:{cluster.env['PYTHONPATH']}")
        cluster.start_worker("127.0.0.4", under=hidden)
        ran = study(cluster, tmp_path, "--results", str(results), "--seeds", "6")
    assert ran.returncode == 2
    lines = sorted(
        line.removeprefix("error: Study 'mine': node ") for line in ran.stderr.splitlines()
    )
    assert len(lines) == 3, ran.stderr
    clock, version, storage = lines
    assert clock.startswith("127.0.0.3 has a clock that is 3")
    assert clock.endswith("s ahead: let all nodes keep time by NTP.")
    assert version.startswith("127.0.0.3 has torch 1.0, the driver has ")
    assert storage.startswith(f"127.0.0.4 does not see {results}/mine/")
    assert storage.endswith(
        "of the driver (No such file or directory): give a folder that all nodes share with"
        " --results."
    )


def rows(folder: Path, ran: subprocess.CompletedProcess[str], name: str) -> list[dict[str, Any]]:
    """The lines of a record, after a run that went well."""
    assert ran.returncode == 0, ran.stderr
    return [
        json.loads(line)
        for line in (
            (folder / ran.stdout.splitlines()[-1] / f"{name}.jsonl").read_text().splitlines()
        )
    ]


MEETS = """
import os
def meet(folder, name, gpus):
    assert (os.environ["CUDA_VISIBLE_DEVICES"], gpus) == ("0", 0.25)
    open(os.path.join(folder, str(name)), "w").close()
    while len(os.listdir(folder)) < 4:
        time.sleep(0.01)
"""


def test_four_trials_share_a_gpu_and_say_so(cluster: LocalCluster, tmp_path: Path) -> None:
    """No trial goes on before all four are there: that they end shows that they run at the same
    time.
    """
    there = tmp_path / "there"
    there.mkdir()
    write_study(
        tmp_path,
        ", resources=Resources(cpus=0.5, gpus=0.25)",
        f"meet({str(there)!r}, config['a'], config['gpus'])",
    )
    file = tmp_path / "mine.py"
    file.write_text(MEETS + file.read_text())
    ran = study(cluster, tmp_path, "--set", "a=[1, 2, 3, 4]")
    epochs, ends = (
        rows(tmp_path, ran, "epochs"),
        [row for row in rows(tmp_path, ran, "trials") if row["status"] == "completed"],
    )
    assert len(ends) == 4
    assert {(row["ip"], *row["gpus"]) for row in [*epochs, *ends]} == {("127.0.0.3", "0")}
    assert len({row["node"] for row in epochs}) == 1
    assert len({row["pid"] for row in epochs}) == 4


READS = """
import os, time
import numpy
def load(config):
    with open("reads", "a") as file:
        file.write("x")
    return numpy.arange(1_000_000)
def meet(folder, name):
    open(os.path.join(folder, str(name)), "w").close()
    while len(os.listdir(folder)) < 4:
        time.sleep(0.01)
"""


def test_data_are_read_once_and_reach_every_node(cluster: LocalCluster, tmp_path: Path) -> None:
    """No trial goes on before all four are there, which takes the slots of both nodes."""
    there = tmp_path / "there"
    there.mkdir()
    # From the object store of the node they are read only: nobody made a copy for the trial.
    body = (
        "loaded = config['loaded']; assert loaded.sum() == 499_999_500_000 and not"
        f" loaded.flags.writeable; meet({str(there)!r}, config['a'])"
    )
    write_study(tmp_path, "", body, ", load=load")
    file = tmp_path / "mine.py"
    file.write_text(READS + file.read_text())
    ran = study(cluster, tmp_path, "--set", "a=[1, 2, 3, 4]")
    epochs = rows(tmp_path, ran, "epochs")
    assert {row["ip"] for row in epochs} == {"127.0.0.3", "127.0.0.4"}
    assert not any("gpus" in row for row in epochs)
    assert (tmp_path / "reads").read_text() == "x"


def test_a_foreign_cluster_is_never_joined(cluster: LocalCluster, tmp_path: Path) -> None:
    write_study(tmp_path)
    env = {**cluster.env, "RAY_ADDRESS": cluster.address, "RAY_TMPDIR": str(cluster.folder)}
    # The file by which Ray finds the cluster that was started last on a machine.
    (cluster.folder / "ray").mkdir(exist_ok=True)
    (cluster.folder / "ray" / "ray_current_cluster").write_text(cluster.address)
    ran = subprocess.run(
        [*STUDY, "run", "mine.py"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert {row["ip"] for row in rows(tmp_path, ran, "epochs")} == {"127.0.0.1"}


def blocks() -> list[str]:
    """What the page gives to type, in its order."""
    return re.findall("```sh\n(.*?)```", (ROOT / "docs" / "cluster.md").read_text(), re.S)


def test_the_page_from_laptop_to_cluster_word_for_word(short_folder: Path) -> None:
    """Except for the ports, so that two may do it on one machine, and the place: a copy of the
    checkout's scripts.
    """
    first = free_port_block(4002)
    shutil.copytree(ROOT / "cluster", short_folder / "cluster")
    ports = {"6379": first, "8265": first + 1, "10000": first + 1002, "11000": first + 2002}
    cluster = LocalCluster(short_folder, first)
    env = {
        **cluster.env,
        "HOME": str(short_folder),
        "RAY_TMPDIR": str(short_folder),
        "HEAD_PORT": str(first),
    }
    env |= {
        "DASHBOARD_PORT": str(first + 1),
        "NODE_PORTS": str(first + 2),
        "PATH": f"{ROOT / '.venv' / 'bin'}:{env['PATH']}",
    }
    del env["RAY_AUTH_TOKEN_PATH"]
    said = {}
    try:
        for number, block in enumerate(blocks()):
            block = re.sub("|".join(ports), lambda port: str(ports[port[0]]), block)
            if "cluster/" in block:
                name = f"node{number}"
                with cluster.log(name).open("wb") as log:
                    command = [
                        "bash",
                        "-c",
                        f"export TERM=dumb; {block.replace('cluster/', 'exec cluster/', 1)}",
                    ]
                    command[2] = re.sub(
                        r"NODE_PORTS=(\d+) exec", r"export NODE_PORTS=\1; exec", command[2]
                    )
                    cluster.processes[name] = subprocess.Popen(
                        command, cwd=short_folder, env=env, stdout=log, stderr=log
                    )
                cluster.wait_started(name)
                continue
            if "RUN" in block:
                block = block.replace("RUN", said["study run"].splitlines()[-1])
            what = " ".join(re.sub(r"^\w+=\w+ ", "", block).split()[:2])

            def typed(block: str = block, what: str = what) -> bool:
                ran = subprocess.run(
                    ["bash", "-c", block],
                    cwd=short_folder,
                    env=env,
                    capture_output=True,
                    text=True,
                    timeout=400,
                )
                assert ran.returncode == 0, block + ran.stdout + ran.stderr
                said[what] = ran.stdout
                return what != "ray status" or len(re.findall("^ *1 node_", ran.stdout, re.M)) == 3

            wait_until(typed, "three nodes")
    finally:
        cluster.stop_all()
    assert list(said) == ["ray status", "study run", "study submit", "study resume"]
    runs = [
        load_run(short_folder / said[name].splitlines()[-1])
        for name in ("study run", "study submit", "study resume")
    ]
    assert [set(run.trials["status"]) for run in runs] == [{"completed"}] * 3
    assert runs[0].paths == runs[2].paths
    assert runs[0].paths != runs[1].paths
