"""What a value of a setting may be: one rule per key, so that a wrong value is one clear sentence
before any work starts.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Limit(Protocol):
    """A rule for one key."""

    def problem(self, value: Any) -> str | None:
        """What is allowed, if ``value`` breaks the rule; None if it keeps it."""


@dataclass(frozen=True)
class Whole:
    """A whole number from ``low`` to ``high``, both included."""

    low: int
    high: int | None = None

    def problem(self, value: Any) -> str | None:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if is_whole and value >= self.low and (self.high is None or value <= self.high):
            return None
        return (
            f"must be a whole number, {self.low} or more"
            if self.high is None
            else f"must be a whole number from {self.low} to {self.high}"
        )


@dataclass(frozen=True)
class Real:
    """A finite number from ``low`` to ``high``, both included unless ``above`` says that ``low``
    itself is not allowed.
    """

    low: float
    high: float = math.inf
    above: bool = False

    def problem(self, value: Any) -> str | None:
        is_real = (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and abs(value) < math.inf
        )
        if (
            is_real
            and (value > self.low or (value == self.low and not self.above))
            and value <= self.high
        ):
            return None
        start = f"above {self.low:g}" if self.above else f"{self.low:g} or more"
        return f"must be a finite number {start}" + (
            "" if math.isinf(self.high) else f", at most {self.high:g}"
        )


@dataclass(frozen=True)
class OneOf:
    """One of ``values``."""

    values: tuple[Any, ...]

    def problem(self, value: Any) -> str | None:
        if any(type(value) is type(allowed) and value == allowed for allowed in self.values):
            return None
        return "must be one of " + ", ".join(repr(allowed) for allowed in self.values)


def problems(config: Mapping[str, Any], limits: Mapping[str, Limit]) -> list[str]:
    """One sentence per value of ``config`` that breaks its limit: what was given and what is
    allowed.
    """
    found = [
        (key, value, limits[key].problem(value)) for key, value in config.items() if key in limits
    ]
    return [f"{key}={value!r} {rule}." for key, value, rule in found if rule]
