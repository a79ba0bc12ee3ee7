"""How the process of the command ends."""

import subprocess
import sys
from pathlib import Path

import pytest
from commands import ENVIRONMENT

SCRIPT = """
import atexit, threading
from study_command import ending_soon

class Library:
    def __del__(self):
        print("taken apart")

library, over = Library(), threading.Event()
with ending_soon():
    atexit.register(print, "registered for the end")
    threading.Thread(target=lambda: (over.wait(), print("a thread"))).start()
    threading.Timer(0.1, over.set).start()
    {raised}
"""


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        ("pass", 0),
        ("raise SystemExit", 0),
        ("raise SystemExit(3)", 3),
        ("raise SystemExit('a sentence')", 1),
        ("raise ValueError", 1),
        ("raise KeyboardInterrupt", 130),
    ],
)
def test_threads_and_what_is_registered_end_and_libraries_are_not_taken_apart(
    raised: str, code: int, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(raised=raised)],
        env=ENVIRONMENT,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "a thread\nregistered for the end\n")
    assert ("sentence" in done.stderr) == ("sentence" in raised)


def test_a_full_disk_under_standard_output_is_no_success(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(raised="print('a line')")],
            env={**ENVIRONMENT, "PYTHONUNBUFFERED": ""},
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 120
    assert "No space left on device" in done.stderr
