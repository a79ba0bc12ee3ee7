"""What is searched: problems whose learning curves are known beforehand, so that a search takes
seconds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Params = Mapping[str, Any]
Curve = tuple[Sequence[float], Sequence[float]]
"""The value after each epoch, and the seconds that each epoch took."""


@dataclass(frozen=True)
class Scale:
    """What settings drawn at random, very many, reach at full length."""

    best: float
    """Regret 0."""
    middle: float
    """The median: regret 1."""
    epoch_seconds: float
    """The mean over them."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One tuning problem; a higher value is better."""

    name: str
    space: Mapping[str, Any]
    """As a study has it: lists of values and ranges of Ray Tune."""
    epochs: int
    """Of a full training."""
    trainings: int
    """How many full trainings a search may spend."""
    curve: Callable[[Params], Curve]
    """The learning curve of a setting, ``epochs`` long."""
    scaled: Callable[[], Scale]
    highest: float = 0.0
    """No value is higher; for rivals that want a cost that is positive."""

    @cached_property
    def scale(self) -> Scale:
        return self.scaled()

    @property
    def budget(self) -> int:
        """In epochs."""
        return self.trainings * self.epochs

    def cost(self, value: float) -> float:
        """What the setting lacks: positive, for what minimizes."""
        return max(self.highest - value, 1e-9)

    def regret(self, value: float) -> float:
        """Of a setting that has ``value`` at full length."""
        return (self.scale.best - value) / (self.scale.best - self.scale.middle)
