"""A study as a Ray job: what is sent, and a real job on a real cluster."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import ENVIRONMENT, NO_TRAINING, STUDY
from local_clusters import RAY, LocalCluster, local_cluster, wait_until
from places import ROOT
from run_folders import write_run

from analysis import load_run
from cluster.submit import code_to_send
from tuning import StudyError
from tuning.cli import job
from tuning.cli.sent_files import files_to_send
from tuning.cli.submit import submission
from tuning.spec.loading import find_study

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with local_cluster(workers=1, nodes=2) as started:
        yield started


SENDING = """
import json
from pathlib import Path
from helpers.one import f
from tuning import Study

SETTINGS = Path(__file__).parent / "settings.yaml"
WEIGHTS, KEY, AWS = "weights.pt", "server.pem", "deep/aws_credentials.json"

def train(config, seeds, resume=None):
    import later
    yield {"epoch": 1, "score": [f(seed) for seed in seeds]}, None

study = Study(name="mine", question="?", trainable=train, space={"a": [1]},
    fixed={"words": "data/words.txt", "images": "data.npz"},
              metric="score", epochs=1, seeds=2)
"""
TRAVELS = [
    "mine.py",
    "helpers/__init__.py",
    "helpers/one.py",
    "helpers/vocabulary.txt",
    "later.py",
    "settings.yaml",
    "data/words.txt",
]
STAYS = ["data.npz", "weights.pt", "server.pem", "deep/aws_credentials.json"]
NOT_NAMED = [
    "other.py",
    "notes.txt",
    ".env",
    "secrets.yaml",
    "results/mine/x/study.json",
    ".git/config.py",
    "config.ini",
    "helpers/two.json",
]


def test_what_a_study_imports_and_names_travels_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*TRAVELS, *STAYS, *NOT_NAMED]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "mine.py").write_text(SENDING)
    (tmp_path / "helpers" / "one.py").write_text(
        "WORDS = 'vocabulary.txt'\ndef f(seed):\n    return seed\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    files = files_to_send(find_study("mine.py"), "mine.py")
    assert sorted(files.content) == sorted(TRAVELS)
    assert sorted(files.left_out) == sorted(STAYS)
    assert "secret" in files.left_out["server.pem"]
    assert "secret" in files.left_out["deep/aws_credentials.json"]
    assert "put them where every node reads them" in files.left_out["data.npz"]
    with code_to_send(files.content) as code:
        sent = {str(file.relative_to(code)) for file in code.rglob("*") if file.is_file()}
    assert {name for name in sent if name.startswith("study_code/")} == {
        f"study_code/{name}" for name in TRAVELS
    }
    assert {
        "tuning/cli/job.py",
        "trainables/xor/training.py",
        "analysis/records/load.py",
        "cluster/head.sh",
        "study_command.py",
    } <= sent
    assert not [name for name in sent if "__pycache__" in name]
    assert not code.exists()


def test_a_named_file_outside_of_the_folder_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere.txt").write_text("x")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "link.txt").symlink_to(tmp_path / "elsewhere.txt")
    named = f"NAMES = '../elsewhere.txt', 'link.txt', {str(tmp_path / 'elsewhere.txt')!r}\n"
    (tmp_path / "own" / "travels.py").write_text(named + NO_TRAINING.replace("BODY", "pass"))
    monkeypatch.chdir(tmp_path / "own")
    monkeypatch.setattr(sys, "path", list(sys.path))
    files = files_to_send(find_study("travels.py"), "travels.py")
    assert (sorted(files.content), files.left_out) == (["travels.py"], {})
    assert files_to_send(find_study("xor_width_depth"), "xor_width_depth").content == {}


def test_too_much_code_is_refused() -> None:
    files = {f"{number}.txt": b" " * 999_999 for number in range(21)}
    with (
        pytest.raises(ValueError, match="imports and names 21 files with 21 MB"),
        code_to_send(files),
    ):
        pass


def test_the_command_of_a_job() -> None:
    job = submission(
        "a b/mine.py",
        "/shared/r",
        ["x=[1, 2]"],
        {
            "--seeds": 3,
            "--trials": None,
            "--smoke": True,
            "--wandb": None,
            "--tensorboard": False,
            "--dashboard": False,
        },
    )
    assert re.fullmatch(r"mine-\d{8}-\d{6}-[0-9a-f]{4}", job.name)
    options = (
        f"--results /shared/r --code study_code {job.name} run mine.py --set 'x=[1, 2]' --seeds 3"
        " --smoke --no-tensorboard"
    )
    assert job.entrypoint() == f"python -u -m tuning.cli.job {options}"
    assert job.about() == {
        "job_name": "run mine.py",
        "command": "study run mine.py --set 'x=[1, 2]' --seeds 3 --smoke --no-tensorboard",
        "results": "/shared/r",
    }
    assert submission("mine.py", "/r", [], {"--dashboard": True}).command[-1] == "--dashboard"
    again = submission("/shared/r/mine/20260101-000000-abcd", "/shared/r", [], {})
    assert again.entrypoint().endswith(
        f"--results /shared/r {again.name} resume /shared/r/mine/20260101-000000-abcd"
    )
    assert "--code" not in submission("xor_width_depth", "/r", [], {}).entrypoint()


def test_what_cannot_be_a_job() -> None:
    with pytest.raises(StudyError, match="--results results must be a whole path"):
        submission("mine.py", "results", [], {})
    with pytest.raises(StudyError, match="is a run that goes on as it began: leave --seeds 3 out"):
        submission("/r/mine/x", "/r", [], {"--seeds": 3, "--smoke": False})


def test_a_job_that_is_given_again_goes_on_with_its_own_run(tmp_path: Path) -> None:
    """Others may have its name, and the record of another run may be damaged."""
    write_run(
        tmp_path / "r/xor_width_depth/20260101-a", [], job="study-1", reference="xor_width_depth"
    )
    write_run(tmp_path / "r/lungs_unet/20260102-b", [], job="study-1", reference="lungs_unet")
    write_run(
        tmp_path / "r/mine/20260103-c", [], job="study-1", reference=str(tmp_path / "mine.py")
    )
    for name, text in {"d": "", "e": "[]", "f": '{"job": "study-1"'}.items():
        (tmp_path / "r/torn" / name).mkdir(parents=True)
        (tmp_path / "r/torn" / name / "study.json").write_text(text)

    def found(*words: str, name: str = "study-1") -> str | None:
        paths = job._paths(name, ["run", *words], tmp_path / "r", tmp_path)
        return paths and paths.root.name

    assert found("lungs_unet", "--seeds", "3") == "20260102-b"
    assert found("--smoke", "xor_width_depth") == "20260101-a"
    assert found("mine.py") == "20260103-c"
    assert found("mnist_ffn_vs_cnn") is None
    assert found("lungs_unet", name="study-2") is None


def test_a_run_whose_study_is_a_module_finds_it_where_its_job_kept_it(tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "r/mine/20260101-a", [], job="mine-1", reference="mine_of_a_job:study"
    )
    (tmp_path / "r/.code/mine-1").mkdir(parents=True)
    (tmp_path / "r/.code/mine-1/mine_of_a_job.py").write_text(NO_TRAINING.replace("BODY", "pass"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [
        sys.executable,
        "-m",
        "tuning.cli.job",
        "--results",
        str(tmp_path / "r"),
        "--address",
        "127.0.0.1:1",
        "mine-2",
        "resume",
        str(run),
    ]
    env = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, cwd=elsewhere, env=env, capture_output=True, text=True, timeout=240, check=False
    )
    assert "mine_of_a_job:study is not the study of this run any more: name was" in ran.stderr, (
        "it was found, and held against the record"
    )


def submit(
    cluster: LocalCluster, folder: Path, *arguments: str, **environment: str
) -> subprocess.Popen[str]:
    command = [*STUDY, "submit", *arguments, "--results", str(folder / "shared")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env={**cluster.env, **environment}, **pipes)


def write_study(folder: Path, body: str, epochs: int = 2) -> str:
    (folder / "helper.py").write_text("WORD = 'helped'\n")
    (folder / "mine.py").write_text(
        "import helper\n"
        + NO_TRAINING.replace("BODY", body).replace("epochs=2", f"epochs={epochs}")
    )
    return "mine.py"


def test_a_job_runs_streams_and_leaves_its_run_behind(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    name = write_study(tmp_path, "assert helper.WORD == 'helped'")
    # Ray would follow such a variable rather than what is given.
    job = submit(
        cluster,
        tmp_path,
        name,
        "--seeds",
        "3",
        "--address",
        cluster.url,
        RAY_ADDRESS="http://127.0.0.1:1",
    )
    out, err = job.communicate(timeout=400)
    assert job.returncode == 0, out + err
    run = load_run(out.splitlines()[-1])
    assert run.paths.root.parent == tmp_path / "shared" / "mine"
    assert run.trials["status"].tolist() == ["completed"] * 4
    assert run.spec["seeds"] == [0, 1, 2]
    assert re.search(r"^4 of 4 trials", out, re.M), "progress is streamed"
    assert re.search(
        rf"^job {run.spec['job']} is on the cluster. Ctrl-C leaves it running.$", err, re.M
    )
    assert "Traceback" not in out + err
    assert cluster.token.read_text() not in "".join(
        file.read_text(errors="replace") for file in run.paths.root.rglob("*.json*")
    )


def test_ctrl_c_leaves_the_job_running_and_a_killed_driver_is_followed_by_another(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    write_study(tmp_path, "time.sleep(1)", epochs=12)
    job = submit(cluster, tmp_path, "mine.py", "--address", cluster.url)
    records = tmp_path / "shared" / "mine"
    wait_until(
        lambda: [path for path in records.glob("*/epochs.jsonl") if path.stat().st_size], "an epoch"
    )
    job.send_signal(signal.SIGINT)
    _, err = job.communicate(timeout=240)
    assert job.returncode == 130
    assert "The job goes on.\n  RAY_AUTH_MODE=token ray job logs --follow mine-" in err
    run = next(records.glob("*"))
    first = json.loads((run / "lock").read_bytes())["pid"]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: (run / "report" / "index.html").exists(), "the report")
    read = load_run(run)
    assert read.trials["status"].tolist() == ["completed"] * 2
    assert [len(read.spec["sessions"]), len(list(records.glob("*")))] == [2, 1]
    assert not read.epochs.duplicated(["trial", "epoch", "seed"]).any()


def test_a_job_that_is_stopped_can_be_resumed_by_another(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    write_study(tmp_path, "time.sleep(0.5)", epochs=10)
    job = submit(cluster, tmp_path, "mine.py", "--address", cluster.url)
    records = tmp_path / "shared" / "mine"
    wait_until(
        lambda: [path for path in records.glob("*/epochs.jsonl") if path.stat().st_size], "an epoch"
    )
    run = next(records.glob("*"))
    name = json.loads((run / "study.json").read_bytes())["job"]
    stop = [RAY, "job", "stop", name, "--address", cluster.url]
    subprocess.run(
        stop,
        env={**cluster.env, "RAY_AUTH_MODE": "token"},
        check=True,
        timeout=240,
        capture_output=True,
    )
    out, _ = job.communicate(timeout=240)
    assert job.returncode == 143
    assert re.search(r"^Interrupted. `study resume .*` goes on", out, re.M)
    assert "unfinished" in set(load_run(run).trials["status"])
    again = submit(cluster, tmp_path, str(run), "--address", cluster.url)
    out, err = again.communicate(timeout=400)
    assert again.returncode == 0, out + err
    assert load_run(run).trials["status"].tolist() == ["completed"] * 2


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (
            "127.0.0.1:8265",
            (
                "error: --address '127.0.0.1:8265' cannot be used. Give the address of the"
                " cluster's dashboard, http://"
            ),
        ),
        ("ray://127.0.0.1:10001", "error: --address 'ray://127.0.0.1:10001' cannot be used."),
        (
            "http://127.0.0.1:1",
            (
                "error: nobody answers at --address http://127.0.0.1:1: Connection refused. Give"
                " the address"
            ),
        ),
    ],
)
def test_an_address_that_is_no_dashboard(tmp_path: Path, address: str, message: str) -> None:
    write_study(tmp_path, "pass")
    command = [*STUDY, "submit", "mine.py", "--address", address, "--results", "/shared"]
    env = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")} | {
        "RAY_AUTH_TOKEN": "0" * 64
    }
    ran = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240, check=False
    )
    assert ran.returncode == 2
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize("token", ["absent", "wrong"])
def test_without_the_token_nobody_gets_in(
    cluster: LocalCluster, tmp_path: Path, token: str
) -> None:
    file = tmp_path / "token"
    if token == "wrong":
        file.write_text("0" * 64)
    job = submit(
        cluster,
        tmp_path,
        "xor_width_depth",
        "--smoke",
        "--address",
        cluster.url,
        RAY_AUTH_TOKEN_PATH=str(file),
    )
    out, err = job.communicate(timeout=240)
    assert (job.returncode, out) == (2, "")
    assert (
        f"error: the cluster at {cluster.url} lets nobody in without its token: set"
        " RAY_AUTH_TOKEN_PATH" in err
    )
    assert len(err.splitlines()) == 1
