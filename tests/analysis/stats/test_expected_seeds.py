"""What a study whose seeds stop themselves is said to take, before it runs."""

import pytest

from analysis.numerics.expected_seeds import expected_seeds
from analysis.numerics.looks import Looks
from tuning.spec.plan import plan_text
from tuning.spec.study import Study, UntilSettled


@pytest.mark.parametrize(("apart", "seeds"), [(0.5, 74), (1.0, 33), (2.0, 16)])
def test_it_is_what_whole_simulated_studies_take(apart: float, seeds: int) -> None:
    """``seeds``: a setting of twelve, at 100 at most, as ``benchmarks.seed_proofs`` has it, where
    Holm's method asks less of each comparison that comes later.
    """
    looks = Looks((*range(5, 100, 5), 100))
    assert seeds - 2 <= expected_seeds(looks, apart, 11) <= 1.2 * seeds + 2


@pytest.mark.parametrize(("apart", "seeds"), [(0.5, 57), (1.0, 33), (2.0, 16)])
def test_it_is_about_that_where_comparisons_close_that_are_unlikely_to_be_settled(
    apart: float, seeds: int
) -> None:
    """Fewer by a ninth, for those of the twelve that Holm's method asks less of go on longer."""
    looks = Looks((*range(5, 100, 5), 100))
    assert 0.85 * seeds <= expected_seeds(looks, apart, 11, 0.2) <= 1.2 * seeds
    assert expected_seeds(looks, 0.0, 11, 0.2) < 30 < 95 < expected_seeds(looks, 0.0, 11)


def test_more_comparisons_and_smaller_differences_take_more_seeds_and_no_more_than_there_are() -> (
    None
):
    looks = Looks((5, 10, 20, 40))
    assert expected_seeds(looks, 0.0, 1) > 38
    assert expected_seeds(looks, 0.0, 1000) == 40
    assert expected_seeds(looks, 1.0, 1) < expected_seeds(looks, 1.0, 20) < 40
    assert expected_seeds(looks, 50.0, 1) <= 10


def test_show_says_it() -> None:
    study = Study(
        name="schedules",
        question="Does a schedule help?",
        trainable=lambda config, seeds, resume=None: iter(()),
        space={"schedule": ["none", "cosine", "step"]},
        seeds=UntilSettled(smallest=0.01, at_least=5, at_most=100),
        metric="accuracy",
        epochs=1,
    )
    line = next(each for each in plan_text(study).splitlines() if each.startswith("seeds"))
    assert line.endswith("standard deviations of a seed apart (2 comparisons)")
    half, one, two = [int(each) for each in line.split("about ")[1].split(" of ")[0].split(", ")]
    assert 100 > half > one > two >= 5
