"""DEHB (``pip install dehb``), asked and told as its documentation shows.

Its example for epochs trains each time from the first epoch, and so it is counted.
"""

import tempfile
from typing import Any

from benchmarks.searchers.problems import Problem
from benchmarks.searchers.spaces import config_space
from benchmarks.searchers.to_epoch import Asked, ToEpoch


def dehb(problem: Problem, seed: int) -> ToEpoch:
    from dehb import DEHB

    space = config_space(problem.space, seed)
    search = DEHB(
        cs=space,
        dimensions=len(space),
        min_fidelity=1,
        max_fidelity=problem.epochs,
        n_workers=1,
        seed=seed,
        save_freq="end",
        output_path=tempfile.mkdtemp(),
        log_level="ERROR",
    )

    def ask() -> Asked:
        job = search.ask()
        return Asked(dict(job["config"]), int(job["fidelity"]), job)

    def tell(job: dict[str, Any], value: float) -> None:
        search.tell(job, {"fitness": problem.cost(value), "cost": job["fidelity"]})

    return ToEpoch(ask, tell)
