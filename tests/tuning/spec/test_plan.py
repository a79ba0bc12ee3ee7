"""A study in words."""

import pytest
from small_studies import small_study

from tuning import Asha, Compare
from tuning.spec.plan import mode_warning, plan_text, seeds_warning

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
    assert "fixed        data_root='', points=3\n" in plan_text(
        small_study(fixed={"data_root": "", "points": 3})
    )


def test_one_of_a_kind_is_no_plural() -> None:
    plan = plan_text(small_study(fixed={}, epochs=1))
    assert "\nfixed" not in plan
    assert "metric       score (max), after 1 epoch\n" in plan
    assert "each trial   1 CPU and 0 GPUs" in plan
    assert "each trial   2 CPUs and 1 GPU" in plan_text(small_study(cpus=2, gpus=1))
    one, three = Asha(grace_period=2), Asha(grace_period=1)
    assert "at epoch 2 about one trial in 3" in plan_text(small_study(scheduler=one, epochs=4))
    assert "at epochs 1, 3 and 9 about one" in plan_text(small_study(scheduler=three, epochs=12))


def test_too_few_seeds_for_the_reports_own_tests_are_said() -> None:
    # 2 values against the first at 2 depths, 1 at 3 slopes: 7 tests; 7 * 2 / 2^9 <= 0.05 < 7 * 2 /
    # 2^8
    assert (
        seeds_warning(small_study(space=WIDE, seeds=8))
        == "8 seeds are too few for the report to support any difference: its 7 comparisons need 9"
        " or more (--seeds 9)."
    )
    assert seeds_warning(small_study(space=WIDE, seeds=9)) is None
    assert "note         8 seeds are too few" in plan_text(small_study(space=WIDE, seeds=8))
    arms = Compare(parameter="slope", baseline=1, metrics=["score"])
    assert seeds_warning(small_study(compare=arms, seeds=2)) is None
    assert seeds_warning(small_study(compare=arms, seeds=1)) is not None
    assert seeds_warning(small_study(space={"slope": [1]}, seeds=1)) is None
    # of 7 tests, those between the 2 slopes at 2 depths and the third are of arms
    assert seeds_warning(small_study(space=WIDE, seeds=6, compare=arms)) == (
        "6 seeds are too few for the report to support any difference but those between values of"
        " slope: its 3 other comparisons need 7 or more (--seeds 7)."
    )


@pytest.mark.parametrize(
    ("metric", "mode", "warned"),
    [
        ("rmse", "max", True),
        ("validation_loss", "max", True),
        ("rmse", "min", False),
        ("accuracy", "max", False),
        ("lossless", "max", False),
    ],
)
def test_a_loss_that_is_to_be_large_is_pointed_at(metric: str, mode: str, warned: bool) -> None:
    study = small_study(metric=metric, mode=mode)
    assert (mode_warning(study) is not None) is warned
    assert ("a larger" in plan_text(study)) is warned
