"""Searches over branches whose process is killed, again and again: nothing is lost or doubled."""

import importlib.util
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from commands import ENVIRONMENT
from drawn_studies import BRANCHES, drawing, drawn
from inline_runs import run

from analysis import load_run
from tuning import Optuna, RayTune, Study

KILLS = 4


def hyperopt(seed: int) -> Any:
    from ray.tune.search.hyperopt import HyperOptSearch

    return HyperOptSearch(random_state_seed=seed, n_initial_points=3)


SEARCHES = {
    "gp": Optuna(trials=8, n_startup_trials=3, sampler="gp"),
    "hyperopt": RayTune(hyperopt, trials=8),
}
SCRIPT = """
import sys
from pathlib import Path
import tuning
from test_search_kills import study_of

study, results = study_of(sys.argv[1]), Path(sys.argv[2])
begun = [path.parent for path in results.glob("*/*/trials.jsonl")]
tuning.resume(begun[0], study, backend="inline") if begun else tuning.run(
    study, results=results, backend="inline")
"""


def study_of(name: str) -> Study:
    return drawing(SEARCHES[name], **BRANCHES, epochs=3, fixed={"pause": 0.05})


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_whose_process_is_killed_ends_as_one_that_was_not(
    tmp_path: Path, name: str
) -> None:
    if name == "hyperopt" and importlib.util.find_spec(name) is None:
        pytest.skip("the package hyperopt is not installed")
    results, rng = tmp_path / "killed", random.Random(name)
    for _ in range(KILLS):
        _killed(name, results, rows=rng.randint(1, 5), after=rng.uniform(0, 0.1))
    done = _process(name, results)
    assert done.wait(timeout=300) == 0, done.communicate()[1]
    (folder,) = results.glob("*/*")
    found, whole = load_run(folder), run(study_of(name), tmp_path / "whole")
    assert drawn(found) == drawn(whole)
    ends, values = ["trial", "status", "epochs"], ["trial", "epoch", "seed", "score"]
    pd.testing.assert_frame_equal(found.trials[ends], whole.trials[ends])
    pd.testing.assert_frame_equal(found.epochs[values], whole.epochs[values])
    assert found.trials["attempt"].sum() <= len(whole.trials) + KILLS, "what ended stays"


def _process(name: str, results: Path) -> subprocess.Popen[str]:
    environment = ENVIRONMENT | {"PYTHONPATH": ":".join([*sys.path, str(Path(__file__).parent)])}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, name, str(results)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _killed(name: str, results: Path, rows: int, after: float) -> None:
    """Kill it a moment after it has written so many rows, unless it ends before."""
    before, process = _rows(results), _process(name, results)
    while process.poll() is None and _rows(results) < before + rows:
        time.sleep(0.01)
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()


def _rows(results: Path) -> int:
    """Of trials and epochs: a run with neither is begun anew."""
    files = [*results.glob("*/*/trials.jsonl"), *results.glob("*/*/epochs.jsonl")]
    return sum(path.read_bytes().count(b"\n") for path in files)
