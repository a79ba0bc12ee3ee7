"""The command as a user meets it: real processes, real exit codes."""

import json
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
import typer
from commands import ENVIRONMENT, STUDY, held_until, invoke, study, train_here, write_study
from typer.main import get_command

import tuning
from analysis import load_run
from tuning.cli.app import app
from tuning.spec.loading import find_study


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_options_are_frozen() -> None:
    """A new knob is a field of Study or of one of its parts, not an option."""
    command = get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    options = {
        name: {option for parameter in sub.params for option in parameter.opts}
        for name, sub in command.commands.items()
    }
    mirrors = ["--mlflow", "--tensorboard", "--wandb"]
    found = ["--accept-code-change", "--from-store", "--max-time", "--study"]
    way = ["--address", "--dashboard", "--json", "--notify", "--watch", *mirrors]
    expected = {
        "new": ["--kind", "file"],
        "export": ["--study", "--to", "run"],
        "doctor": ["--results"],
        "list": [],
        "show": ["--probe", "--seeds", "--set", "--smoke", "--trials", "study"],
        "run": [
            "--max-time",
            "--results",
            "--seeds",
            "--set",
            "--smoke",
            "--trials",
            "--warm-start",
            *way,
            "study",
        ],
        "resume": ["--trials", *found, *way, "run"],
        "extend": ["--seeds", "--set", "--trials", *found, *way, "run"],
        "confirm": ["--now", *found, *way, "run"],
        "drop": ["--retrain", "--undo", "run", "trials"],
        "merge": ["--accept-code-change", "--results", "runs"],
        "try": ["--seeds", "--set", "--smoke", "study"],
        "replay": ["--study", "run", "trial"],
        "submit": [
            "--address",
            "--dashboard",
            "--max-time",
            "--results",
            "--seeds",
            "--set",
            "--smoke",
            "--trials",
            *mirrors,
            "study",
        ],
        "report": ["run"],
        "compare": ["--results", "runs"],
        "whatif": ["--grace-period", "--reduction-factor", "--slots", "--trials", "run"],
        "runs": ["--json", "--since", "--sort", "--study", "--tag", "--where", "folder"],
        "home": ["--host", "--port", "folder"],
        "tag": ["--remove", "run", "tags"],
        "note": ["run", "text"],
        "sync": ["--mlflow", "--wandb", "run"],
        "watch": ["--host", "--port", "run"],
        "stop-trial": ["run", "trial"],
        "add": ["--set", "run"],
        "pause": ["run"],
        "end": ["run"],
    }
    assert options == {name: set(names) for name, names in expected.items()}


def test_list_and_show() -> None:
    listed = invoke("list")
    assert listed.exit_code == 0
    assert re.search(r"^xor_width_depth +Does width or depth help", listed.stdout, re.M)
    shown = invoke("show", "xor_width_depth", "--seeds", "7", "--set", "width=[1, 2]").stdout
    assert "8 settings x 7 seeds = 8 trials of 7 seeds each" in shown
    assert "  width      1, 2\n" in shown


def test_try_runs_one_trial_without_ray_and_leaves_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ray.init", lambda *_, **__: pytest.fail("it starts Ray"))
    small = ["--set", "epochs=2", "--seeds", "3", "--set", "points=50"]
    tried = invoke("try", "xor_width_depth", *small)
    assert tried.exit_code == 0
    first, *epochs = tried.stdout.splitlines()
    assert first == "trial 0001: width=1, depth=0; seeds 0 to 2 (3)"
    assert [
        re.match(r"epoch (\d)  accuracy 0\.\d+  loss 0\.\d+  parameters 5  ", line).group(1)
        for line in epochs
    ] == ["1", "2"]
    assert list(here.iterdir()) == []


@pytest.mark.slow
def test_a_run_is_watched_and_ends_with_its_folder_and_a_report(tmp_path: Path) -> None:
    go = tmp_path / "go"
    process = popen("run", write_study(tmp_path, held_until(go)), "--watch", cwd=tmp_path)
    said = [process.stderr.readline()]
    while not said[-1].startswith("live page: "):
        said.append(process.stderr.readline())
        assert said[-1], said
    address = said[-1].removeprefix("live page: ").strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
    assert b"<h1>?</h1>" in urllib.request.urlopen(address).read()
    go.touch()
    out, rest = process.communicate(timeout=240)
    err = "".join(said) + rest
    assert process.returncode == 0, err
    wait_until_refused(address)
    folder = tmp_path / out.splitlines()[-1]
    assert folder.parent == tmp_path / "results" / "mine"
    assert load_run(folder).trials["status"].tolist() == ["completed", "completed"]
    assert "Does" not in err
    assert (folder / "report" / "index.html").stat().st_size > 10_000
    assert re.search(r"^2 of 2 trials; best score 2\.5 \(n = 2\) at a=2", err, re.M)
    assert "Traceback" not in err
    assert "ray" not in err.lower(), "Ray's own messages stay away"
    assert not (folder / "session.json").exists()
    again = study("report", str(folder), cwd=tmp_path)
    assert again.returncode == 0
    assert again.stdout.strip() == f"report: {folder.relative_to(tmp_path)}/report/index.html"
    watching = popen("watch", str(folder), "--port", "0", cwd=tmp_path)
    address = watching.stderr.readline().split()[0]
    assert b"<h1>?</h1>" in urllib.request.urlopen(address).read()
    watching.send_signal(signal.SIGINT)
    assert watching.wait(240) == 0
    assert watching.stderr.read() == ""


def popen(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*STUDY, *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_json_lines_end_where_an_error_stops_the_study(tmp_path: Path) -> None:
    path = tmp_path / write_study(tmp_path, "pass")
    path.write_text(path.read_text().replace('metric="score"', 'metric="scroe"'))
    ran = study("run", "mine.py", "--json", cwd=tmp_path)
    assert ran.returncode == 2
    first, *_, last = (json.loads(line) for line in ran.stdout.splitlines())
    assert (first["event"], last["event"], last["code"], last["run"], last["report"]) == (
        "began",
        "ended",
        2,
        first["run"],
        None,
    )
    assert last["error"].startswith(
        "Study 'mine': the trainable does not report 'scroe'; did you mean 'score'?"
    )
    path.write_text(
        path.read_text()
        .replace("seeds=2,", "seeds=2, resources=Resources(gpus=9),")
        .replace("import Study", "import Resources, Study")
    )
    last = json.loads(study("run", "mine.py", "--json", cwd=tmp_path).stdout.splitlines()[-1])
    assert (last["event"], last["code"], last["run"]) == ("ended", 2, None)


@pytest.mark.slow
def test_a_run_that_may_not_be_written_is_one_line(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "none", str(disk)], capture_output=True, check=False
    ).returncode:
        pytest.skip("a read-only disk needs the right to mount one")
    try:
        mine = find_study(str(tmp_path / write_study(tmp_path, "pass")))
        folder = tuning.run(mine, results=disk, backend="inline").paths.root
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        for command, file in (("report", "report/."), ("resume", ".lock.")):
            tried = invoke(command, str(folder))
            assert tried.exit_code == 2
            assert re.fullmatch(
                rf"error: Read-only file system \(\S*{re.escape(file)}[\w.]+\)\. Give a folder that"
                r" you may read and write: .*\n",
                tried.stderr,
            )
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def wait_until_refused(address: str) -> None:
    """The page beside a study ends with it."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address).close()
        except OSError:
            return
        time.sleep(0.1)
    raise AssertionError("the page outlived its study")


@pytest.mark.slow
def test_two_studies_at_once_do_not_meet(tmp_path: Path) -> None:
    name = write_study(tmp_path, "pass")
    both = [popen("run", name, "--seeds", str(n), cwd=tmp_path) for n in (2, 3)]
    outputs = [process.communicate(timeout=240) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    read = [load_run(tmp_path / out.splitlines()[-1]) for out, _ in outputs]
    assert [len(each.spec["seeds"]) for each in read] == [2, 3]
    assert [each.trials["status"].tolist() for each in read] == [
        ["completed"] * 2,
        ["completed"] * 4,
    ]
    assert [sorted(each.epochs["seed"].unique()) for each in read] == [[0, 1], [0, 1, 2]]


GOES_WRONG = """
        print("hello from", config["a"], epoch)
        assert config["a"] != 2, "two is one too many"
        config["a"] == 3 and exit(4)
        config["a"] == 4 and __import__("os").kill(__import__("os").getpid(), 9)
"""


@pytest.mark.slow
def test_failed_trials_make_exit_code_1_and_what_they_print_is_in_their_log(tmp_path: Path) -> None:
    name = write_study(tmp_path, GOES_WRONG.strip())
    ran = study("run", name, "--set", "a=[1, 2, 3, 4]", cwd=tmp_path)
    assert ran.returncode == 1
    assert "trial 0002 failed: AssertionError: two is one too many" in ran.stderr
    assert "trial 0003 failed: Exited: the trainable called sys.exit(4)." in ran.stderr
    assert "trial 0004 failed: " in ran.stderr
    assert "Traceback" not in ran.stderr
    first, folder = ran.stdout.splitlines()
    assert first == f"report: {folder}/report/index.html"
    assert "two is one too many" in (tmp_path / folder / "report" / "index.html").read_text()
    logs = tmp_path / folder / "logs"
    assert (logs / "0001.log").read_text() == "hello from 1 1\nhello from 1 2\n"
    assert (logs / "0002.log").read_text().startswith("hello from 2 1\n")
    assert "hello" not in ran.stdout + ran.stderr


def test_a_trainable_that_leaves_is_one_line_of_try(here: Path) -> None:
    tried = invoke("try", write_study(here, "exit(4)"))
    assert tried.exit_code == 2
    assert tried.stderr == "error: Study 'mine': the trainable called sys.exit(4).\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["run", "xor_width_dept"],
            "error: unknown study 'xor_width_dept'; did you mean 'xor_width_depth'?",
        ),
        (["show", "nothing_like_it"], "error: unknown study 'nothing_like_it'."),
        (
            ["run", "xor_width_depth", "--set", "widht=2"],
            "error: Study 'xor_width_depth': unknown key 'widht'; did you mean 'width'?",
        ),
        (["run", "xor_width_depth", "--set", "width"], "error: --set 'width' must read KEY=VALUE"),
        (
            ["run", "xor_width_depth", "--set", "width=[1, 2"],
            "error: --set 'width=[1, 2': the value cannot be read",
        ),
        (
            ["run", "xor_width_depth", "--set", "points=many"],
            "'xor_width_depth': points='many' must be a whole number, 4 or more.",
        ),
        (
            ["run", "xor_width_depth", "--set", "width=0"],
            "error: Study 'xor_width_depth': width=0 must be a whole number, 1 or more.",
        ),
        (
            ["run", "xor_width_depth", "--set", "epochs=-1"],
            "error: Study 'xor_width_depth': epochs=-1 must be a whole number, 1 or more.",
        ),
        (
            ["run", "xor_width_depth", "--set", "noise=nan"],
            "error: Study 'xor_width_depth': noise=nan must be a finite number 0 or more.",
        ),
        (
            ["run", "xor_width_depth", "--seeds", "0"],
            "error: Study 'xor_width_depth': seeds=0 must be a whole number, 1 or more",
        ),
        (
            ["try", "xor_width_depth", "--set", "learning_rate=0"],
            "learning_rate=0 must be a finite number above 0.",
        ),
        (
            ["run", "raises.py"],
            (
                "error: raises.py cannot be read: line 2, `boom()`: NameError: name 'boom' is not"
                " defined"
            ),
        ),
        (["run", "empty.py"], "error: empty.py defines no `study`."),
        (
            ["run", "leaves.py"],
            "error: leaves.py cannot be read: line 2, `sys.exit(3)`: SystemExit: 3",
        ),
        (
            ["show", "xor_width_depth", "--seeds", "abc"],
            "error: Invalid value for '--seeds': 'abc' must be a whole number.",
        ),
        (["rn", "xor_width_depth"], "error: No such command 'rn'."),
        (["run", "xor_width_depth", "--results", ""], "error: --results '' names no folder"),
        (["run", "absent.py"], "error: there is no study file absent.py."),
        (
            ["run", "xor_width_depth", "--results", "a_file"],
            "error: the results folder a_file cannot be written: Not a directory.",
        ),
        (["watch", "."], "is no run folder: it has no study.json."),
        (
            ["watch", "damaged", "--host", "203.0.113.1"],
            "error: the page cannot be served at 203.0.113.1, port 0: ",
        ),
        (["report", "."], "is no run folder: it has no study.json."),
        (["report", "nowhere"], "is no run folder: it has no study.json."),
        (["report", "damaged"], "damaged/epochs.jsonl, line 2 is damaged: "),
        (["report", "occupied"], "occupied/report cannot be written as a folder: File exists."),
    ],
)
def test_a_mistake_is_one_clear_line(here: Path, arguments: list[str], message: str) -> None:
    (here / "raises.py").write_text("x = 1\nboom()\n")
    (here / "empty.py").write_text("x = 1\n")
    (here / "leaves.py").write_text("import sys\nsys.exit(3)\n")
    (here / "results").mkdir()
    (here / "a_file").write_text("")
    write_damaged(here / "damaged")
    write_damaged(here / "occupied")
    (here / "occupied" / "epochs.jsonl").write_text("")
    (here / "occupied" / "report").write_text("")
    before = sorted(here.rglob("*"))
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""
    assert [path for path in sorted(here.rglob("*")) if "__pycache__" not in path.parts] == before


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nonsense", "--address 'nonsense' cannot be used: Invalid address format: nonsense."),
        pytest.param(
            "127.0.0.1:1",
            "nobody answers at --address 127.0.0.1:1: Connection refused.",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_mistake_is_one_clear_line_of_the_process_too(
    address: str, message: str, tmp_path: Path
) -> None:
    """In one that has joined no Ray yet."""
    ran = study("run", "xor_width_depth", "--address", address, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    (line,) = ran.stderr.splitlines(keepends=True)
    assert line.startswith(f"error: {message}")


def write_damaged(folder: Path) -> None:
    folder.mkdir()
    spec = {
        "schema": 2,
        "name": "mine",
        "question": "?",
        "space": {"a": {"values": [1]}},
        "fixed": {},
        "search": {"kind": "grid"},
    }
    (folder / "study.json").write_text(
        json.dumps({**spec, "seeds": [0], "metric": "score", "mode": "max", "epochs": 1})
    )
    (folder / "trials.jsonl").write_text(
        '{"trial": "0001", "params": {"a": 1}, "seeds": [0], "status": "running"}\n'
    )
    row = '{"trial": "0001", "epoch": 1, "metrics": {"score": 1}, "seconds": 1, "at": 1}\n'
    (folder / "epochs.jsonl").write_text(row + '{"trial": "0001", "epo\n' + row)


def test_a_trial_that_diverges_ends_try_with_code_1(here: Path) -> None:
    tried = invoke("try", write_study(here, "config = {**config, 'a': float('nan')}"))
    assert tried.exit_code == 1
    assert [line.split("  ")[0] for line in tried.stdout.splitlines()[1:]] == ["epoch 1"]
    assert tried.stderr == "trial 0001 diverged: score became non-finite at epoch 1\n"


def test_a_study_of_which_nothing_completes_ends_with_code_1(here: Path) -> None:
    """The first trial diverges behind the rung, the second one is stopped there."""
    write_study(
        here,
        "config = {**config, 'a': float('nan')} if (config['a'], epoch) == (1, 2) else config",
    )
    text = (here / "mine.py").read_text().replace("import Study\n", "import Asha, Study\n")
    (here / "mine.py").write_text(
        text.replace("epochs=2", 'epochs=2, mode="min", scheduler=Asha()')
    )
    ran = train_here("run", "mine.py")
    assert load_run(ran.stdout.splitlines()[-1]).trials["status"].tolist() == ["diverged", "pruned"]
    assert ran.exit_code == 1


def test_a_study_without_a_short_form_says_so(here: Path) -> None:
    result = invoke("run", write_study(here, "pass"), "--smoke")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: Study 'mine' has no short form for --smoke: ")
    assert not (here / "results").exists()


def test_all_mistakes_are_said_at_once(here: Path) -> None:
    wrong = [word for key in ("width=0", "noise=nan", "epochs=0") for word in ("--set", key)]
    result = invoke("run", "xor_width_depth", *wrong)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 3
