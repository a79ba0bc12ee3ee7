"""The learning rate over the course of a training."""

import math

from trainables import Config

SCHEDULES = ("one_cycle", "constant")
WARM_UP = 0.2
"""The share of all steps in which a one-cycle learning rate rises."""


def learning_rate_at(progress: float, config: Config) -> float:
    """The learning rate when that share of all steps, 0 to 1, is done. "one_cycle" raises it in a
    line to ``config["learning_rate"]`` and lowers it to 0 as a cosine; "constant" holds it.
    """
    if config["schedule"] == "constant":
        return config["learning_rate"]
    if progress < WARM_UP:
        return config["learning_rate"] * progress / WARM_UP
    return (
        config["learning_rate"] * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP))) / 2
    )
