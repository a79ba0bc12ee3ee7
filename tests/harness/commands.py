"""The command ``study`` as tests run it."""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tuning.cli.app import app
from tuning.session_options import SessionOptions

ENVIRONMENT = {
    key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "TUNE_"))
}


# Signals as a shell would leave them: a background job would ignore SIGINT.
STUDY = [
    "env",
    "--default-signal=INT",
    sys.executable,
    "-c",
    "import sys; sys.argv[0] = 'study'; from study_command import main; main()",
]


NO_TRAINING = """
import time
import ray
from tuning import Study

def train(config, seeds, resume=None):
    for epoch in range(1, config["epochs"] + 1):
        BODY
        yield {"epoch": epoch, "score": [config["a"] + seed for seed in seeds]}, None

study = Study(name="mine", question="?", trainable=train, space={"a": [1, 2]}, metric="score",
    epochs=2, seeds=2, seeds_per_trial=2)
"""


def study(*arguments: str, cwd: Path, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*STUDY, *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def invoke(*arguments: str) -> Result:
    """The command in this process: for what it refuses before anything is trained."""
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def train_here(*arguments: str) -> Result:
    """The command in this process, which trains here as well."""
    with pytest.MonkeyPatch.context() as patch:
        inline = partial(SessionOptions, backend="inline")
        patch.setattr("tuning.cli.session.SessionOptions", inline)
        return invoke(*arguments)


def write_study(folder: Path, body: str) -> str:
    (folder / "mine.py").write_text(NO_TRAINING.replace("BODY", body))
    return "mine.py"


def held_until(file: Path) -> str:
    """The body of a trainable whose second epoch begins once the file is there; its first one is
    long enough to be told at once.
    """
    return (
        "time.sleep(0.3 if epoch == 1 else 0)\n"
        f"        while epoch == 2 and not __import__('os').path.exists({str(file)!r}):\n"
        "            time.sleep(0.05)"
    )


def wait_for_record(folder: Path, process: subprocess.Popen[str]) -> Path:
    """The epochs file of the one run below ``folder``, once it holds a line."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        found = [path for path in folder.glob("results/*/*/epochs.jsonl") if path.stat().st_size]
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError("no epoch was recorded within 240 s")
