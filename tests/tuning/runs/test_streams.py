"""What the command prints, wherever that goes: terminals with few characters, closed ones, pipes
that nobody reads, JSON.
"""

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
from commands import ENVIRONMENT, STUDY, write_study
from hypothesis import given
from hypothesis import strategies as st

from analysis import load_run
from tuning.process.streams import _lasting

ODD = """
import os, subprocess, sys, warnings
from tuning import Study, Task

print("at import \\u2192"); os.write(1, b"past Python\\n")
subprocess.run(["echo", "from a child"]); warnings.warn("careful \\u2603")

def load(config):
    print("in load"); os.write(1, b"past Python in load\\n")
    return [1]

def train(config, seeds, resume=None):
    print("in a trial \\u2192")
    assert config["size \\xd7"] < 3, "three is one too many"
    for epoch in (1, 2):
        yield {"epoch": epoch, "score": [1.0 for _ in seeds]}, {"epoch": epoch}

study = Study(name="odd", question="Gr\\xf6\\xdfe \\xd7 Tiefe \\u2192 \\u2603?",
    trainable=Task(train=train, load=load), space={"size \\xd7": [1, 2]},
              metric="score", epochs=2, seeds=2, seeds_per_trial=2)
"""
TERMINALS = [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]


def write_odd(folder: Path) -> str:
    (folder / "odd.py").write_text(ODD, encoding="utf-8")
    return "odd.py"


def on(
    terminal: dict[str, str], folder: Path, *arguments: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*STUDY, *arguments],
        cwd=folder,
        env=ENVIRONMENT | terminal,
        capture_output=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("terminal", TERMINALS)
def test_a_terminal_with_few_characters_fails_no_command(
    terminal: dict[str, str], tmp_path: Path
) -> None:
    name = write_odd(tmp_path)
    others = [["show", name], ["list"], ["run", "--help"]] if terminal == TERMINALS[0] else []
    for arguments in (*others, ["try", name]):
        done = on(terminal, tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr
    assert rb"in a trial \u2192" in done.stdout


@pytest.mark.slow
def test_a_study_runs_on_such_a_terminal_to_its_report(tmp_path: Path) -> None:
    terminal = TERMINALS[0]
    done = on(terminal, tmp_path, "run", write_odd(tmp_path))
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    folder = done.stdout.decode("ascii").splitlines()[-1]
    for arguments in (["report", folder], ["replay", folder, "0001"], ["compare", folder, folder]):
        again = on(terminal, tmp_path, *arguments)
        assert b"Traceback" not in again.stderr
        assert again.returncode == 0 or arguments[0] == "compare", again.stderr


@pytest.mark.slow
def test_json_lines_are_all_that_stdout_holds_whatever_the_user_prints(tmp_path: Path) -> None:
    done = on({}, tmp_path, "run", write_odd(tmp_path), "--json", "--set", "size \xd7=[1, 3]")
    assert done.returncode == 1, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.stdout.endswith(b"\n")
    run = told[-1]["run"]
    began = {"event": "began", "at": 0, "run": run, "study": "odd", "trials": 2}
    assert told[0] | {"at": 0} == began
    ends = {each["trial"]: each for each in told if each["event"] in ("completed", "failed")}
    assert ends["0001"]["score"] == 1.0
    assert ends["0002"]["error"].strip().endswith("three is one too many")
    assert [each["trial"] for each in told if each["event"] == "best"] == ["0001"]
    last = told[-2]
    assert (last["event"], last["ended"]) == ("progress", {"completed": 1, "failed": 1})
    assert last["best"]["mean"] == 1.0
    report = f"{run}/report/index.html"
    ended = {"event": "ended", "at": 0, "code": 1, "run": run, "report": report}
    assert told[-1] | {"at": 0} == ended
    assert load_run(tmp_path / run).trials["status"].tolist() == ["completed", "failed"]
    for text in (
        "at import →",
        "past Python",
        "from a child",
        "careful",
        "in load",
        "past Python in load",
    ):
        assert text in done.stderr.decode()


def test_with_json_a_mistake_before_the_study_begins_leaves_stdout_empty(tmp_path: Path) -> None:
    done = on({}, tmp_path, "run", write_odd(tmp_path), "--json", "--set", "epochs=0")
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize(
    "closed",
    [
        "| head -c 1",
        "< /dev/null >&- 2>&- <&-",
        *(pytest.param(one, marks=pytest.mark.slow) for one in (">&-", ">&- 2>&-", "2>&-")),
    ],
)
def test_output_that_nobody_reads_ends_no_command(closed: str, tmp_path: Path) -> None:
    write_study(tmp_path, "print('x' * 100_000, flush=True)")
    command = f"{' '.join(map(repr, STUDY))} try mine.py {closed}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


@pytest.mark.slow
def test_a_closed_terminal_ends_no_study(tmp_path: Path) -> None:
    """Without a SIGHUP, as below setsid: the study goes on, and its records tell."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*STUDY, "run", write_study(tmp_path, "time.sleep(0.2)")],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.read(ours, 1)
    os.close(ours)
    assert process.wait(240) == 0
    assert len(list(tmp_path.glob("results/*/*/report/index.html"))) == 1


@given(
    text=st.text(alphabet=st.characters(codec=None, categories=None)),
    encoding=st.sampled_from(["ascii", "latin-1", "utf-8", "cp1252"]),
)
def test_any_text_can_be_written_in_any_encoding(text: str, encoding: str) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w", encoding=encoding) as plain, os.fdopen(read, "rb") as back:
        stream = _lasting(plain, write)
        stream.write(text)
        stream.flush()
        plain.close()
        found = back.read()
    replaced = "".join(char if char.encode(encoding, "ignore") else f"\\{char}" for char in text)
    assert found or not text
    if replaced == text:
        assert found == text.encode(encoding)


def test_names_of_files_come_back_as_the_bytes_they_are(tmp_path: Path) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w", encoding="utf-8") as plain, os.fdopen(read, "rb") as back:
        stream = _lasting(plain, write)
        stream.write(os.fsdecode(b"caf\xe9"))
        stream.flush()
        plain.close()
        assert back.read() == b"caf\xe9"


def test_a_working_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    command = "mkdir gone; cd gone; rmdir ../gone; exec " + " ".join(map(repr, STUDY)) + " list"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: the working folder is gone, or cannot be read (No such file or directory): go to"
        " another one with cd."
    ]
