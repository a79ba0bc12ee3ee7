"""A search with one trial at a time, so that two runs of it can be compared number by number."""

import os

from searched_studies import searched_study

from tuning import Asha, Optuna, Resources

study = searched_study(
    resources=Resources(cpus=os.cpu_count() or 1),
    search=Optuna(trials=8, n_startup_trials=3),
    scheduler=Asha(grace_period=2, reduction_factor=2),
    fixed={"pause": 0.03, "once": ""},
    max_failures=100,
    checkpoint_seconds=0,
)
