"""A process that dies without a word has had one put aside."""

import subprocess
import sys

import pytest
from places import ROOT

ENDS = {
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "ended by a library": "os._exit(1)",
    "done": "pass",
    "raised": "raise SystemExit(3)",
}


@pytest.mark.parametrize("end", ENDS)
def test_only_a_process_that_dies_needs_its_last_word(end: str) -> None:
    program = (
        "import os, signal\nfrom tuning.process.last_word import last_word\n"
        f"with last_word('`study resume it` goes on.'):\n    {ENDS[end]}"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    dies = end in ("killed", "ended by a library")
    assert ended.stderr == ("`study resume it` goes on.\n" if dies else "")
    assert ended.returncode == {"killed": -9, "ended by a library": 1, "done": 0, "raised": 3}[end]
