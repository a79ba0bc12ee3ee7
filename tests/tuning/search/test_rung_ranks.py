"""Rungs whose ranks say nothing of later ones stop nobody."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_runs import crash_after, prepared, run
from test_promotion import study_of, trial

from analysis import load_run
from analysis.numerics.ranks import agreement
from analysis.report.sections.spent import rungs
from analysis.stats.findings import find
from tuning import Asha
from tuning.engine.backends.inline import run_inline
from tuning.search.asha import AshaScheduler
from tuning.search.promotion import PromotingScheduler
from tuning.search.rung_ranks import MOST, RungRanks

TRIALS = 900
FIRST = {
    "nothing": lambda rng, quality: rng.random(len(quality)),
    "the opposite": lambda rng, quality: 1 - quality,
    "all": lambda rng, quality: quality,
}


def held_back_at_the_first_rung(pauses: bool, first: np.ndarray, quality: np.ndarray) -> list[bool]:
    """Of each trial, in turn, whether it pauses or ends at epoch 1, where it has its score of
    ``first``; at epochs 3 and 9 it has its ``quality``.
    """
    study = study_of(TRIALS, scheduler=Asha(grace_period=1, reduction_factor=3, pauses=pauses))
    scheduler = (PromotingScheduler if pauses else AshaScheduler)(study)

    def train(number: int, epochs: tuple[int, ...]) -> bool:
        """Up to the full length; whether it was held back."""
        one = trial(number + 1)
        for epoch in epochs:
            if scheduler.judge(one, epoch, float((first if epoch == 1 else quality)[number])):
                return True
        scheduler.completed(one.id)
        return False

    held = []
    for number in range(TRIALS):
        while promoted := scheduler.promoted(()):
            going, rung = promoted
            train(int(going.id) - 1, (3, 9) if rung == 1 else (9,))
        held.append(bool(scheduler.judge(trial(number + 1), 1, float(first[number]))))
        if not held[-1]:
            train(number, (3, 9))
    return held


@pytest.mark.parametrize("pauses", [True, False])
@pytest.mark.parametrize(("said", "last"), [("nothing", 0), ("the opposite", 0), ("all", 2 / 3)])
def test_where_the_first_ranks_say_nothing_nobody_is_held_back_there_once_that_is_known(
    said: str, last: float, pauses: bool
) -> None:
    rng = np.random.default_rng(0)
    quality = rng.random(TRIALS)
    held = held_back_at_the_first_rung(pauses, FIRST[said](rng, quality), quality)
    assert np.mean(held[:20]) > 0.4
    assert np.mean(held[-40:]) == pytest.approx(last, abs=0.15 if last else 0)


@given(data=st.data())
def test_what_a_rung_says_follows_from_the_scores_in_whatever_order(data: st.DataObject) -> None:
    n = data.draw(st.integers(0, 60))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    here = rng.integers(0, 8, n) / 8
    goes_on = rng.random(n) < 0.6
    there = data.draw(st.sampled_from([-1.0, 0.0, 1.0])) * here + rng.random(n)
    found = agreement(here, np.where(goes_on, there, np.nan))
    for order in (range(n), data.draw(st.permutations(range(n)))):
        ranks = RungRanks([1, 3, 9])
        for number in order:
            ranks.add(1, f"{number:04}", float(here[number]))
        for number in order:
            if goes_on[number]:
                ranks.add(3, f"{number:04}", float(there[number]))
            ranks.says_nothing(1)
        assert ranks.says_nothing(1) == (found is not None and found.says_nothing)
        assert not ranks.says_nothing(3)


def test_many_trials_are_compared_by_the_first_of_those_that_went_on_and_of_the_others() -> None:
    rng = np.random.default_rng(0)
    here, there = rng.random(3000), rng.random(3000)
    ranks = RungRanks([1, 9])
    for number in range(3000):
        ranks.add(1, f"{number:04}", float(here[number]))
        if number % 3 == 0:
            ranks.add(9, f"{number:04}", float(there[number]))
    first = slice(0, 3 * MOST)
    found = agreement(here[first], np.where(np.arange(3 * MOST) % 3, np.nan, there[first]))
    assert found is not None
    assert found.n == MOST
    assert ranks.says_nothing(1) is found.says_nothing is True


def early_leaders_end_last(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for epoch in range(1 + (resume or 0), config["epochs"] + 1):
        score = -config["x"] if epoch == 1 else config["x"] + epoch
        yield {"epoch": epoch, "score": [score] * len(seeds)}, epoch


def test_a_run_and_one_that_was_killed_tell_which_rung_stopped_nobody(tmp_path: Path) -> None:
    study = study_of(60, trainable=early_leaders_end_last, export=None)
    whole = run(study, tmp_path / "whole")
    at_first = whole.trials.set_index("trial")["rung"].eq(1)
    assert at_first[:20].sum() > 5
    assert at_first[40:].sum() == 0
    note = rungs(find(whole)).tables[0].note
    assert (
        "Ranks at epoch 1 say nothing about those at epoch 3 (rank correlation -1.00, n = " in note
    )
    assert "Ranks at epoch 3" not in note
    paths = prepared(study, tmp_path / "killed")
    assert crash_after(250, study, paths)
    run_inline(study, paths)
    columns = ["trial", "status", "rung", "epochs", "x"]
    again = load_run(paths.root)
    pd.testing.assert_frame_equal(again.trials[columns], whole.trials[columns])


def test_a_rung_that_tells_is_not_named(tmp_path: Path) -> None:
    assert "say nothing" not in rungs(find(run(study_of(60), tmp_path))).tables[0].note
