"""A study in words, and progress in lines."""

import io
import time
from typing import Any

import pytest
from rich.console import Console
from small_studies import small_study

from tuning import progress
from tuning.plan import plan_text, seeds_warning
from tuning.progress import StudyProgress
from tuning.study import Compare, Trial

WIDE = {"slope": [1, 2, 3], "depth": [0, 1]}


@pytest.mark.parametrize(
    ("seeds", "together", "words"),
    [
        (5, 3, "3 settings x 5 seeds = 6 trials of 3 or 2 seeds each"),
        (4, 2, "3 settings x 4 seeds = 6 trials of 2 seeds each"),
        (1, 1, "3 settings x 1 seed = 3 trials of 1 seed each"),
    ],
)
def test_the_sizes_of_trials_are_all_said(seeds: int, together: int, words: str) -> None:
    assert words in plan_text(small_study(seeds=seeds, seeds_per_trial=together))


def test_an_empty_value_can_be_seen() -> None:
    assert "fixed        data_root='', points=3\n" in plan_text(small_study(fixed={"data_root": "", "points": 3}))


def test_too_few_seeds_for_the_reports_own_tests_are_said() -> None:
    # 2 values against the first at 2 depths, 1 at 3 slopes: 7 tests; 7 * 2 / 2^9 <= 0.05 < 7 * 2 / 2^8
    assert seeds_warning(small_study(space=WIDE, seeds=8)) == (
        "8 seeds are too few for the report to support any difference: its 7 comparisons need 9 or more (--seeds 9)."
    )
    assert seeds_warning(small_study(space=WIDE, seeds=9)) is None
    assert "note         8 seeds are too few" in plan_text(small_study(space=WIDE, seeds=8))
    arms = Compare(parameter="slope", baseline=1, metrics=["score"])
    assert seeds_warning(small_study(compare=arms, seeds=2)) is None
    assert seeds_warning(small_study(compare=arms, seeds=1)) is not None
    assert seeds_warning(small_study(space={"slope": [1]}, seeds=1)) is None


def plain(width: int = 80) -> tuple[Any, io.StringIO]:
    out = io.StringIO()
    study = small_study(epochs=100)
    return progress._Plain(Console(file=out, width=width), StudyProgress(study, 3)), out


def test_a_long_trial_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    listener, out = plain()
    trial = Trial(id="0001", config={"slope": 1}, seeds=[0, 1])
    for epoch in range(1, 13):  # one per second
        now += 1
        listener.epoch(trial, {"epoch": epoch, "metrics": {"score": 1.0}, "seconds": 1.0})
    assert out.getvalue().splitlines() == ["0 of 3 trials; about 4:54 left", "0 of 3 trials; about 4:48 left"]


def test_a_failure_is_one_line_however_long() -> None:
    listener, out = plain(width=40)
    listener.end(Trial(id="0001", config={"slope": 1}, seeds=[0]), "failed", "Traceback\nValueError: " + "long " * 30)
    assert out.getvalue() == f"trial 0001 failed: ValueError: {('long ' * 30).strip()}\n"
