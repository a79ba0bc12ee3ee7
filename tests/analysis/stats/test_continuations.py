"""How curves may go on, against what must hold whatever is drawn."""

import numpy as np
import pytest

from analysis.stats.continuations import _step, continued

STOPS = [1, 2, 4, 8]
ENDS = np.linspace(1, 3, 12)
CURVES = ENDS[:, None] * (1 - 0.7 / np.array(STOPS)) + np.sin(np.arange(48)).reshape(12, 4) / 20


def drawn(values: np.ndarray) -> np.ndarray:
    seen = values.copy()
    seen[::2, 2:] = np.nan
    return continued(seen, STOPS, 50, np.random.default_rng(0))


def test_the_unit_of_the_values_and_where_they_begin_change_nothing() -> None:
    assert drawn(10 * CURVES + 3) == pytest.approx(10 * drawn(CURVES) + 3)


def test_a_step_has_its_rates_and_those_of_the_step_before() -> None:
    values = np.array([[1.0, 2.0, 4.0], [1.0, 3.0, 3.0], [2.0, 2.0, np.nan]])
    logs = np.array([0.0, 0.5, 2.5])
    first, last = _step(values, logs, 0), _step(values, logs, 1)
    assert first.rates.tolist() == [2.0, 4.0, 0.0]
    assert (first.before, first.middle) == (1.0, 1.0)
    assert last.rates.tolist() == [1.0, 0.0]
    assert last.changes.tolist() == [2.0, 4.0]
    assert (last.before, last.middle) == (0.5, 2.0)
    spread = np.sqrt(1 / 3)  # of 2, 3 and 2 about their median
    assert last.levels.tolist() == pytest.approx([0.0, 1 / spread])
