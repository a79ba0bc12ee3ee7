"""Libraries that are loaded before a report needs them."""

import subprocess
import sys

import pytest

from analysis.report import ahead

LOADED = """
import sys, threading
from analysis.report.ahead import load_ahead
load_ahead(importances={importances})
for thread in set(threading.enumerate()) - {{threading.main_thread()}}:
    thread.join()
drawn = {{"scipy.stats", "altair", "vl_convert", "analysis.report.build"}}
print(drawn <= {{*sys.modules}}, "sklearn.gaussian_process" in sys.modules)
"""


@pytest.mark.parametrize("importances", [False, True])
def test_what_draws_and_counts_is_there_before_the_report(importances: bool) -> None:
    script = LOADED.format(importances=importances)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == (f"True {importances}\n", "")


def test_what_cannot_be_loaded_is_left_to_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "LIBRARIES", ("no_such_library",))
    ahead._load(importances=False)
