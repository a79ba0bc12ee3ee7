"""A search of branches by a Gaussian process, one trial at a time: for kills of its processes."""

import os

from drawn_studies import BRANCHES, drawing

from tuning import Optuna, Recovery, Resources, Study


def one_at_a_time(search: object) -> Study:
    return drawing(
        search,
        **BRANCHES,
        epochs=6,
        fixed={"pause": 0.03},
        resources=Resources(cpus=os.cpu_count() or 1),
        recovery=Recovery(max_failures=100, checkpoint_seconds=0),
    )


study = one_at_a_time(Optuna(trials=8, n_startup_trials=3, sampler="gp"))
