"""As ``crash_gp``, by Ray's searcher of HyperOpt."""

from typing import Any

from crash_gp import one_at_a_time

from tuning import RayTune


def hyperopt(seed: int) -> Any:
    from ray.tune.search.hyperopt import HyperOptSearch

    return HyperOptSearch(random_state_seed=seed, n_initial_points=3)


study = one_at_a_time(RayTune(hyperopt, trials=8))
