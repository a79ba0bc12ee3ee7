"""The files for Ray's launcher, KubeRay and SLURM, as far as they can be held against something
here.
"""

import contextlib
import json
import os
import re
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from commands import ENVIRONMENT, NO_TRAINING
from local_clusters import NODE_BLOCK, RAY, ROOT, free_port_block, wait_until

from analysis import load_run

LAUNCHER_FILES = ("ray-onprem.yaml", "ray-aws.yaml", "ray-gcp.yaml")


def launcher_file(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "cluster" / name).read_text())


@pytest.mark.parametrize("name", LAUNCHER_FILES)
def test_ray_takes_the_file(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("0" * 64)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(ROOT)  # what is copied is named from the checkout
    config = launcher_file(name)
    prepared = prepare_config(config)
    validate_config(prepared)
    assert prepared["head_node_type"] in prepared["available_node_types"]
    with pytest.raises(jsonschema.ValidationError):
        validate_config({**prepared, "min_worker": 2})


@pytest.mark.parametrize("name", LAUNCHER_FILES)
def test_every_node_gets_the_token_and_the_settings(name: str) -> None:
    config = launcher_file(name)
    assert "~/.ray/auth_token" in config["file_mounts"].values()
    for kind in ("head", "worker"):
        stop, start = config[f"{kind}_start_ray_commands"]
        assert stop.endswith("ray stop")
        assert ". cluster/settings.sh && check_token &&" in start
        assert '"${node_options[@]}"' in start
        assert "dashboard" not in start, "where it listens is said once, in settings.sh"
    assert not re.search(r"0\.0\.0\.0", (ROOT / "cluster" / name).read_text())


@pytest.mark.slow
def test_the_commands_of_the_launcher_start_a_cluster(short_folder: Path) -> None:
    """Word for word, as the launcher gives them to bash on each node, but for `ray stop`, which
    would end other clusters here.
    """
    config = launcher_file("ray-onprem.yaml")
    (short_folder / "tune-studies").symlink_to(ROOT)
    (short_folder / ".ray").mkdir()
    token = short_folder / ".ray" / "auth_token"
    token.touch(mode=0o600)
    token.write_text("ab" * 32)
    first = free_port_block(2 * NODE_BLOCK + 2)
    sessions = []
    env = {
        **ENVIRONMENT,
        "HOME": str(short_folder),
        "RAY_TMPDIR": str(short_folder),
        "HEAD_PORT": str(first),
        "DASHBOARD_PORT": str(first + 1),
    }
    address = next(
        word
        for word in subprocess.run(
            ["hostname", "-I"], capture_output=True, text=True, check=True
        ).stdout.split()
    )
    try:
        for number, kind in enumerate(("head", "worker")):
            command = config[f"{kind}_start_ray_commands"][1].replace(
                "--autoscaling-config ~/ray_bootstrap_config.yaml", ""
            )
            ports = {"NODE_PORTS": str(first + 2 + number * NODE_BLOCK), "RAY_HEAD_IP": address}
            with (short_folder / f"{kind}.log").open("wb") as log:
                process = subprocess.Popen(
                    ["bash", "-c", command],
                    env={**env, **ports},
                    start_new_session=True,
                    stdout=log,
                    stderr=log,
                )
            sessions.append(process.pid)
            assert process.wait(timeout=400) == 0, (short_folder / f"{kind}.log").read_text()
        status = [RAY, "status", "--address", f"{address}:{first}"]

        def nodes() -> bool:
            said = subprocess.run(
                status,
                env={**env, "RAY_AUTH_MODE": "token"},
                capture_output=True,
                text=True,
                check=False,
            ).stdout
            return len(re.findall("^ *1 node_", said, re.M)) == 2

        wait_until(nodes, "two nodes")
    finally:
        for session in sessions:
            end_session(session)


def end_session(session: int) -> None:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "-s", str(session)], capture_output=True, text=True, check=False
    ).stdout
    for pid in map(int, listed.split()):
        with contextlib.suppress(ProcessLookupError):  # It has ended since it was listed.
            os.kill(pid, signal.SIGKILL)


# What KubeRay documents of a RayJob (ray-operator/apis/ray/v1), as far as the file uses it, and
# nothing besides: a misspelt field would be dropped without a word by the server.
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
COUNT = {"type": "integer", "minimum": 0}


def closed(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


CONTAINER = closed(
    ("name", "image"),
    name={"type": "string"},
    image={"type": "string"},
    env={
        "type": "array",
        "items": closed(("name", "value"), name={"type": "string"}, value={"type": "string"}),
    },
    resources=closed(requests=TEXTS, limits=TEXTS),
    volumeMounts={
        "type": "array",
        "items": closed(
            ("name", "mountPath"), name={"type": "string"}, mountPath={"type": "string"}
        ),
    },
)
CLAIM = closed(("claimName",), claimName={"type": "string"})
POD = closed(
    ("spec",),
    metadata=closed(labels=TEXTS),
    spec=closed(
        ("containers",),
        restartPolicy={"enum": ["Always", "OnFailure", "Never"]},
        containers={"type": "array", "items": CONTAINER, "minItems": 1},
        volumes={
            "type": "array",
            "items": closed(("name",), name={"type": "string"}, persistentVolumeClaim=CLAIM),
        },
    ),
)
WORKERS = closed(
    ("groupName", "rayStartParams", "template", "minReplicas", "maxReplicas"),
    groupName={"type": "string"},
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    rayStartParams=TEXTS,
    template=POD,
)
RAY_JOB = closed(
    ("apiVersion", "kind", "metadata", "spec"),
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=closed(
        ("name",), name={"type": "string", "pattern": "^[a-z]([-a-z0-9]{0,45}[a-z0-9])?$"}
    ),
    spec=closed(
        ("rayClusterSpec", "entrypoint"),
        entrypoint={"type": "string"},
        backoffLimit=COUNT,
        shutdownAfterJobFinishes={"type": "boolean"},
        ttlSecondsAfterFinished=COUNT,
        submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode"]},
        submitterPodTemplate=POD,
        rayClusterSpec=closed(
            ("headGroupSpec",),
            rayVersion={"type": "string"},
            authOptions=closed(("mode",), mode={"enum": ["disabled", "token"]}),
            headGroupSpec=closed(
                ("rayStartParams", "template"), rayStartParams=TEXTS, template=POD
            ),
            workerGroupSpecs={"type": "array", "items": WORKERS},
        ),
    ),
)


def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "cluster" / "kuberay-rayjob.yaml").read_text()))


def test_the_ray_job_has_the_fields_that_kuberay_knows() -> None:
    job, claim, policy = documents()
    jsonschema.validate(job, RAY_JOB)
    assert job["spec"]["rayClusterSpec"]["authOptions"] == {"mode": "token"}
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    pods = [
        job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"],
        *(group["template"] for group in job["spec"]["rayClusterSpec"]["workerGroupSpecs"]),
    ]
    guarded = policy["spec"]["podSelector"]["matchLabels"]
    for pod in pods:
        assert guarded.items() <= pod["metadata"]["labels"].items()
        assert (
            pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"]
            == claim["metadata"]["name"]
        )
        assert pod["spec"]["containers"][0]["volumeMounts"][0]["mountPath"] == "/shared"
    assert guarded.items() <= job["spec"]["submitterPodTemplate"]["metadata"]["labels"].items()


def test_versions_in_the_ray_job_are_ours() -> None:
    from importlib.metadata import version

    cluster = documents()[0]["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == version("ray")
    image = cluster["headGroupSpec"]["template"]["spec"]["containers"][0]["image"]
    assert image.endswith(f"tune-studies:{version('tune-studies')}")


def test_kubernetes_has_the_health_settings_of_the_scripts() -> None:
    settings = dict(
        re.findall(
            r"^export (RAY_\w+)=(\w+)$", (ROOT / "cluster" / "settings.sh").read_text(), re.M
        )
    )
    del settings["RAY_AUTH_MODE"]  # the operator's
    listed = documents()[0]["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"][
        "containers"
    ][0]["env"]
    assert {each["name"]: each["value"] for each in listed} == settings


SRUN = """#!/usr/bin/env bash
# Stands in for srun: runs the step here, as the node that --nodelist names.
while [[ $1 == --* ]]; do
    [[ $1 != --nodelist=* ]] || node=${1#--nodelist=}
    shift
done
export NODE=$node NODE_PORTS=$((FIRST_NODE_PORT + 1000 * (${node##*.} - 2)))
exec "$@"
"""
HOSTNAME = """#!/usr/bin/env bash
[ "$1" = --all-ip-addresses ] && echo "127.0.0.1 $NODE "
"""
SCONTROL = """#!/usr/bin/env bash
echo "$*" >> "$ASKED"
[ "$1" != show ] || tr , '\\n' <<< "$3"
"""


@contextmanager
def slurm(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The batch file as SLURM would run it on two nodes, with stand-ins that start real heads and
    workers here; as SLURM does, what is left of its steps is ended with the job.
    """
    stand_ins = folder / "bin"
    if not stand_ins.exists():
        stand_ins.mkdir()
        for name, text in (("srun", SRUN), ("hostname", HOSTNAME), ("scontrol", SCONTROL)):
            (stand_ins / name).write_text(text)
            (stand_ins / name).chmod(0o755)
    first = free_port_block(3 * NODE_BLOCK + 2)
    env = {
        **ENVIRONMENT,
        "PATH": f"{stand_ins}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "RAY_TMPDIR": str(folder),
        "ASKED": str(folder / "asked"),
        "HEAD_PORT": str(first),
        "DASHBOARD_PORT": str(first + 1),
        "FIRST_NODE_PORT": str(first + 2),
        "NODE_PORTS": str(first + 2),
        "SLURM_JOB_ID": "17",
        "SLURM_JOB_NODELIST": "127.0.0.2,127.0.0.3",
        "SLURM_SUBMIT_DIR": str(ROOT),
        "SLURM_CPUS_ON_NODE": "1",
        "RESULTS": str(folder / "results"),
    }
    command = ["bash", str(ROOT / "cluster" / "slurm.sbatch"), *arguments]
    log = (folder / "log").open("a")
    job = subprocess.Popen(
        command, env=env, stdout=log, stderr=log, text=True, start_new_session=True
    )
    try:
        yield job
    finally:
        end_session(job.pid)


@pytest.mark.slow
def test_slurm_saves_in_time_requeues_and_goes_on(short_folder: Path) -> None:
    study = short_folder / "mine.py"
    study.write_text(
        NO_TRAINING.replace("BODY", "time.sleep(1)")
        .replace("epochs=2", "epochs=8")
        .replace("[1, 2]", "[1, 2, 3, 4]")
    )
    said = (short_folder / "log").read_text
    records = short_folder / "results" / "mine"
    with slurm(short_folder, str(study), "--seeds", "2") as job:
        wait_until(
            lambda: [path for path in records.glob("*/epochs.jsonl") if path.stat().st_size],
            "an epoch",
            None,
            said,
        )
        token = short_folder / ".ray" / "slurm-17"
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        secret = token.read_text()
        job.send_signal(signal.SIGTERM)  # as --signal=B:TERM@120 does: to the batch shell alone
        assert job.wait(timeout=400) == 143, said()
    assert (short_folder / "asked").read_text().splitlines()[-1] == "requeue 17"
    assert not token.exists()
    run = next(records.glob("*"))
    assert "unfinished" in set(load_run(run).trials["status"])
    with slurm(short_folder, str(study), "--seeds", "2") as again:
        assert again.wait(timeout=400) == 0, said()
    assert list(records.glob("*")) == [run]
    read = load_run(run)
    assert read.trials["status"].tolist() == ["completed"] * 4
    assert not read.epochs.duplicated(["trial", "epoch", "seed"]).any()
    rows = [json.loads(line) for line in read.paths.epochs.read_text().splitlines()]
    assert {row["ip"] for row in rows} == {"127.0.0.2", "127.0.0.3"}
    assert secret not in said()
    assert "Traceback" not in said()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "error: name the study: sbatch"), (["x"], "error: say where run folders go")],
)
def test_slurm_says_what_is_missing(tmp_path: Path, arguments: list[str], message: str) -> None:
    env = {**ENVIRONMENT, "HOME": str(tmp_path), "SLURM_JOB_ID": "1", "SLURM_SUBMIT_DIR": str(ROOT)}
    command = ["bash", str(ROOT / "cluster" / "slurm.sbatch"), *arguments]
    ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 2
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
