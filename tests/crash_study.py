"""A search with one trial at a time, so that two runs of it can be compared number by number."""

import os

from searched_studies import searched_study

from tuning.study import Optuna, Resources

study = searched_study(
    resources=Resources(cpus=os.cpu_count() or 1),
    search=Optuna(trials=8, startup=3),
    fixed={"pause": 0.03, "once": ""},
    retries=100,
    checkpoint_seconds=0,
)
