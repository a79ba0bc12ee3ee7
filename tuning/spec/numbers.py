"""Which numbers a study may be given."""

import math
from typing import TYPE_CHECKING, Any

from tuning.spec.components import Folds, UntilSettled
from tuning.spec.space import (
    MOST_VALUES,
)
from tuning.spec.values import (
    LARGEST,
    holds_twice,
    is_kept,
    shown,
)

if TYPE_CHECKING:
    pass


def is_number(value: Any) -> bool:
    return type(value) in (int, float) and is_kept(value)


def is_share(value: Any) -> bool:
    """Whether Ray can give so many GPUs: none, a share of one, or some whole."""
    return is_number(value) and value >= 0 and (value <= 1 or value == int(value))


def is_span(value: Any) -> bool:
    """Whether that is a number of seconds; without end is one too."""
    return (is_number(value) and value >= 0) or (type(value) is float and value == math.inf)


def is_count(value: Any, least: int = 1, most: int = LARGEST) -> bool:
    return type(value) is int and least <= value <= most


def count_problem(name: str, value: Any, least: int = 1, most: int = LARGEST) -> list[str]:
    if is_count(value, least, most):
        return []
    limit = f", {most} at most" if type(value) is int and value > most else ""
    return [f"{name}={shown(value)} must be a whole number, {least} or more{limit}."]


def are_seeds(seeds: Any) -> bool:
    if isinstance(seeds, Folds):
        return is_count(seeds.folds, 2, MOST_VALUES) and is_count(seeds.seeds, most=MOST_VALUES)
    if isinstance(seeds, UntilSettled):
        return not settling_problems(seeds)
    if not isinstance(seeds, list):
        return is_count(seeds, most=MOST_VALUES)
    return (
        0 < len(seeds) <= MOST_VALUES
        and not holds_twice(seeds)
        and all(is_count(seed, 0) for seed in seeds)
    )


def settling_problems(seeds: UntilSettled) -> list[str]:
    """What is wrong with the numbers of ``UntilSettled``."""
    few = count_problem("at_least", seeds.at_least, 2, MOST_VALUES)
    most = count_problem("at_most", seeds.at_most, 2 if few else seeds.at_least, MOST_VALUES)
    matters = is_number(seeds.smallest) and seeds.smallest > 0
    is_chance = is_number(seeds.futility) and 0 <= seeds.futility < 1
    wrong = [
        (
            matters,
            f"smallest={shown(seeds.smallest)} must be a number above 0: the smallest difference of"
            " the metric that matters.",
        ),
        (
            is_chance,
            f"futility={shown(seeds.futility)} must be a number from 0 to below 1: the chance of"
            " being settled by at_most below which a comparison gets no further seeds.",
        ),
    ]
    said = [words for is_right, words in wrong if not is_right]
    return [f"seeds: {problem}" for problem in [*few, *most, *said]]
