"""The settings of a space as points of a unit cube, and as numbers that a model learns from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Range:
    """An axis of numbers between ``low`` and ``high``, both included, on their log where ``log``;
    with a ``step``, those alone that are whole steps from ``low``.
    """

    low: float
    high: float
    log: bool
    step: float | None
    whole: bool

    def snapped(self, units: np.ndarray) -> np.ndarray:
        """Where the values lie that ``units``, any of [0, 1], stand for."""
        return units if self.step is None else self._units(self._values(units))

    def features(self, units: np.ndarray) -> np.ndarray:
        return units[:, None]

    def value(self, unit: float) -> int | float:
        value = float(self._values(np.array([unit]))[0])
        return round(value) if self.whole else value

    def unit(self, value: Any) -> float:
        return float(self._units(np.array([value], dtype=float))[0])

    def _ends(self) -> tuple[float, float]:
        """Of the line that [0, 1] is laid on: each whole step has its own part of it."""
        half = (self.step or 0.0) / 2
        low, high = self.low - half, self.high + half
        return (math.log(low), math.log(high)) if self.log else (low, high)

    def _values(self, units: np.ndarray) -> np.ndarray:
        low, high = self._ends()
        line = low + units * (high - low)
        values = np.exp(line) if self.log else line
        if self.step is not None:
            values = self.low + np.round((values - self.low) / self.step) * self.step
        return np.clip(values, self.low, self.high)

    def _units(self, values: np.ndarray) -> np.ndarray:
        low, high = self._ends()
        line = np.log(values) if self.log else values
        return (line - low) / (high - low) if high > low else np.full(len(values), 0.5)


@dataclass(frozen=True)
class Choice:
    """An axis of listed values, each with an equal part of it."""

    values: Sequence[Any]
    ordered: bool

    def snapped(self, units: np.ndarray) -> np.ndarray:
        return (self._places(units) + 0.5) / len(self.values)

    def features(self, units: np.ndarray) -> np.ndarray:
        """One column for numbers, in their order; else one of 0 and 1 for each value."""
        places = self._places(units)
        if self.ordered:
            return places[:, None] / max(1, len(self.values) - 1)
        return np.eye(len(self.values))[places] / math.sqrt(2)

    def value(self, unit: float) -> Any:
        return self.values[int(self._places(np.array([unit]))[0])]

    def unit(self, value: Any) -> float:
        return (self.values.index(value) + 0.5) / len(self.values)

    def _places(self, units: np.ndarray) -> np.ndarray:
        return np.minimum((units * len(self.values)).astype(int), len(self.values) - 1)


INACTIVE = 0.5
"""Where a parameter lies on its axis that a setting does not have."""


class UnitCube:
    """The space of some distributions of Optuna, by their names. ``when``: of a parameter that not
    all settings have, choice -> the values of it with which they do; a choice stands before what
    hangs on it.
    """

    def __init__(
        self,
        distributions: Mapping[str, Any],
        when: Mapping[str, Mapping[str, Sequence[Any]]] | None = None,
    ) -> None:
        self._axes = {key: _axis(each) for key, each in distributions.items()}
        self._when = when or {}
        self.ordered = np.array(
            [isinstance(axis, Range) or axis.ordered for axis in self._axes.values()], dtype=bool
        )
        """Of each axis, whether what lies near each other on it is alike."""

    def point(self, params: Mapping[str, Any]) -> np.ndarray:
        """Shape ``(axes,)``."""
        return np.array(
            [
                axis.unit(params[key]) if key in params else INACTIVE
                for key, axis in self._axes.items()
            ]
        )

    def params(self, point: np.ndarray) -> dict[str, Any]:
        return {
            key: axis.value(unit)
            for (key, axis), unit in zip(self._axes.items(), point, strict=True)
        }

    def snapped(self, points: np.ndarray) -> np.ndarray:
        """Where the settings lie that ``points`` of the cube, shape ``(points, axes)``, stand
        for.
        """
        columns: dict[str, np.ndarray] = {}
        active: dict[str, np.ndarray] = {}
        for (key, axis), units in zip(self._axes.items(), points.T, strict=True):
            active[key] = self._active(key, columns, active, len(points))
            columns[key] = np.where(active[key], axis.snapped(units), INACTIVE)
        return np.column_stack(list(columns.values()))

    def _active(
        self, key: str, columns: Mapping[str, np.ndarray], active: Mapping[str, Any], count: int
    ) -> np.ndarray:
        """Which of the points have a parameter; ``columns``: where those before it lie."""
        if key not in self._when:
            return np.ones(count, dtype=bool)
        found = np.zeros(count, dtype=bool)
        for choice, values in self._when[key].items():
            units = [self._axes[choice].unit(value) for value in values]
            found |= active[choice] & np.isclose(columns[choice][:, None], units).any(axis=1)
        return found

    def features(self, points: np.ndarray) -> np.ndarray:
        """Shape ``(points, features)``, between 0 and 1."""
        columns = zip(self._axes.values(), points.T, strict=True)
        return np.hstack([axis.features(units) for axis, units in columns])


def _axis(distribution: Any) -> Range | Choice:
    if hasattr(distribution, "choices"):
        values = list(distribution.choices)
        numbers = all(type(value) in (int, float) for value in values)
        return Choice(sorted(values) if numbers else values, numbers)
    whole = type(distribution).__name__ == "IntDistribution"
    return Range(distribution.low, distribution.high, distribution.log, distribution.step, whole)
