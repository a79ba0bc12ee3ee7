"""Whether ranks at the first rung say anything of later ones, and what is said of it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.stats.health import rungs
from analysis.stats.rank_evidence import silent


def noise(seed: int, trials: int = 60) -> pd.Series:
    return pd.Series(np.random.default_rng(seed).normal(size=trials))


def test_values_that_have_nothing_to_do_with_each_other_are_silent() -> None:
    found = silent({4: noise(0), 12: noise(1)})
    assert found
    assert (found.later, found.trials) == (12, 60)
    assert found.correlation < found.highest < 0.4


def test_what_may_be_related_or_is_seldom_seen_is_not() -> None:
    first = noise(0)
    assert silent({4: first, 12: first + 0.5 * noise(1)}) is None
    assert silent({4: first, 12: noise(1)[:9]}) is None
    assert silent({4: first, 12: noise(1)[:12]}) is None, "twelve trials say too little"
    assert silent({4: first, 12: first * 0}) is None
    assert silent({4: first}) is None


def test_the_last_epoch_that_ten_trials_reached_counts() -> None:
    found = silent({4: noise(0), 12: noise(1), 36: noise(2)[:9]})
    assert found
    assert found.later == 12


@pytest.mark.parametrize(
    ("grace_period", "said"),
    [
        (None, "say nothing about ranks at epoch 12: from then on no trial was stopped there."),
        (4, "say nothing about ranks at epoch 12: stopping there drops good settings."),
    ],
)
def test_the_report_says_what_was_done(grace_period: int | None, said: str) -> None:
    rule = {"kind": "asha", "pauses": True, "grace_period": grace_period}
    run: Any = SimpleNamespace(spec={"scheduler": rule})
    values = pd.DataFrame({4: noise(0), 12: noise(1), 36: noise(2)[:9]})
    found: Any = SimpleNamespace(stops=[4, 12, 36], full=36, values=values)
    [(finding, evidence)] = rungs(run, found)
    assert finding.startswith(f"Ranks at epoch 4 {said}")
    assert "over 60 trials with both values" in evidence
