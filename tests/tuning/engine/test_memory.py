"""Memory of trials in processes of Ray: found in the record, and in the error of those that die of
it.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from launching import run
from small_studies import small_study

from analysis.records.load import Run
from tuning.engine.backends import ray_memory

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("private_ray")]
MB = 10**6


def holds(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """Holds so many MB for longer than there is between two samples."""
    yield {"epoch": 1, "score": [1.0] * len(seeds)}, None
    held = b"1" * (config["megabytes"] * MB)
    time.sleep(2.5)
    if config["dies"]:
        os.kill(os.getpid(), signal.SIGKILL)
    yield {"epoch": 2, "score": [float(len(held))] * len(seeds)}, None
    del held
    yield {"epoch": 3, "score": [1.0] * len(seeds)}, None


def held(folder: Path, megabytes: list[int], dies: bool) -> Run:
    space = {"megabytes": megabytes}
    fixed = {"dies": dies}
    return run(small_study(holds, space=space, fixed=fixed, cpus=2, max_failures=0), folder)


def test_each_trial_of_one_process_has_its_own_peak(tmp_path: Path) -> None:
    read = held(tmp_path, [1, 300, 2], dies=False)
    assert read.trials["status"].tolist() == ["completed"] * 3
    small, large, after = read.costs.set_index("trial")["memory"]
    assert 250 * MB < large - small < 400 * MB
    assert after < large - 200 * MB
    assert (read.costs["sampled"] > 2).all()
    assert (read.costs["cpu"] > 0).all()


def test_a_trial_that_is_killed_says_what_it_had(tmp_path: Path) -> None:
    """Its process could not report it any more."""
    read = held(tmp_path, [300], dies=True)
    assert read.trials["status"].tolist() == ["failed"]
    error = read.trials["error"][0]
    assert error.splitlines()[0].startswith("Failure # 1")
    said = error.splitlines()[-1]
    assert said.startswith("Memory: the trial used ")
    used = float(said.split()[4]) * {"MB": 1, "GB": 1000}[said.split()[5]]
    assert 300 < used < 2000
    assert read.lost > 2
    assert ray_memory.told_words("0001") == "", "nothing is left behind"
