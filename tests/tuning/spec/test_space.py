"""Lists and ranges: their record, their checks."""

import pytest
from ray import tune
from searched_studies import searched_study

from trainables.limits import Real
from tuning import Asha, Confirm, Grid, Optuna, Random, StudyError
from tuning.search.random import RandomSearcher
from tuning.spec.space import describe, ends, is_range, text


@pytest.mark.parametrize(
    ("values", "record", "words"),
    [
        ([1, 2], {"values": [1, 2]}, "1, 2"),
        (tune.choice(["a", None]), {"values": ["a", None]}, "a, none"),
        (
            tune.uniform(0, 1),
            {"kind": "float", "low": 0.0, "high": 1.0, "log": False, "step": None},
            "0 to 1",
        ),
        (
            tune.loguniform(1e-4, 0.1),
            {"kind": "float", "low": 1e-4, "high": 0.1, "log": True, "step": None},
            "0.0001 to 0.1, logarithmic",
        ),
        (
            tune.quniform(0, 1, 0.25),
            {"kind": "float", "low": 0.0, "high": 1.0, "log": False, "step": 0.25},
            "0 to 1, in steps of 0.25",
        ),
        (
            tune.randint(1, 5),
            {"kind": "int", "low": 1, "high": 4, "log": False, "step": 1},
            "whole numbers 1 to 4",
        ),
        (
            tune.lograndint(1, 9),
            {"kind": "int", "low": 1, "high": 8, "log": True, "step": 1},
            "whole numbers 1 to 8, logarithmic",
        ),
    ],
)
def test_the_record_of_a_range_and_its_words(
    values: object, record: dict[str, object], words: str
) -> None:
    assert describe(values) == record
    assert text(values) == words


def test_lists_are_no_ranges_and_ends_are_what_limits_judge() -> None:
    assert not is_range([1, 2])
    assert ends([3, 1]) == [3, 1]
    assert ends(tune.randint(1, 5)) == [1, 4]


def test_every_problem_of_a_search_is_said_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        searched_study(
            space={
                "x": tune.uniform(-1, 1),
                "kind": ["a"],
                "y": tune.randn(),
                "z": tune.qloguniform(2, 8, 2),
            },
            limits={"x": Real(0)},
            search=Optuna(trials=0),
            scheduler=Asha(grace_period=8, reduction_factor=1, min_trials=0),
            confirm=Confirm(top=0, seeds=True, baselines={"old": {"x": -2}}),
            metric="test_score",
            max_failures=-1,
            stall_timeout=0,
            checkpoint_seconds=-1,
        )
    text = str(caught.value)
    for part in (
        "recovery: max_failures=-1",
        "recovery: stall_timeout=0",
        "recovery: checkpoint_seconds=-1",
        "trials=0 must be a whole number, 1 or more",
        "metric='test_score' is a test metric",
        "reduction_factor=1 must be a whole number, 2 or more",
        "min_trials=0 must be a whole number, 1 or more",
        "grace_period=8 must be below epochs=8, or no trial is ever stopped; --set scheduler=null",
        "top=0",
        "seeds=True",
        "'old': has values for x; it needs one for each of x, kind, y, z",
        "x=-1.0 must be a finite number 0 or more",
        "y is a range that cannot be searched",
        "z is a range that cannot be searched: a logarithmic range cannot be quantised; give",
    ):
        assert part in text
    assert len(caught.value.problems) == 14


def test_a_grid_needs_lists() -> None:
    with pytest.raises(StudyError, match="x is a range; a grid needs a list of values"):
        searched_study(search=Grid())


def test_rungs() -> None:
    assert Asha(grace_period=2, reduction_factor=3).rungs(18) == [2, 6]
    assert Asha(grace_period=2, reduction_factor=3).rungs(19) == [2, 6, 18]
    assert Asha(grace_period=1, reduction_factor=2).rungs(2) == [1]


def test_overrides_of_trials_and_confirmation() -> None:
    study = searched_study().override({"trials": 3, "confirm": {"seeds": 9}, "x": 0.5})
    assert (study.search.trials, study.confirm.seeds, study.confirm.top, study.space["x"]) == (
        3,
        9,
        2,
        [0.5],
    )
    assert study.override({"confirm": None}).confirm is None
    with pytest.raises(StudyError, match=r"must be like"):
        study.override({"confirm": 3})
    with pytest.raises(StudyError, match="trials: a grid trains every setting of its space"):
        searched_study(search=Grid(), space={"x": [1], "kind": ["a"]}).override({"trials": 3})


def test_random_and_grid_need_no_optuna_to_be_planned() -> None:
    assert searched_study(search=Random(trials=7)).planned == 7
    assert searched_study().planned_confirmations == 3
    assert searched_study(confirm=None).planned_confirmations == 0
    grid = searched_study(
        search=Grid(), scheduler=None, space={"x": [0.1, 0.2], "kind": ["a"]}, seeds=4
    )
    assert grid.override({"confirm": {"top": 3, "seeds": 3}}).planned_confirmations == 3


def test_settings_to_try_first_must_lie_in_the_space() -> None:
    with pytest.raises(StudyError) as caught:
        searched_study(
            search=Optuna(trials=3, points_to_evaluate=[{"x": 2.0, "kind": "c"}, {"x": 0.5}])
        )
    assert caught.value.problems == [
        "Study 'searched': search: points_to_evaluate: x=2.0 is not in the space: 0 to 1.",
        "Study 'searched': search: points_to_evaluate: kind='c' is not in the space: a, b.",
        "Study 'searched': search: points_to_evaluate: has values for x; it needs one for each of"
        " x, kind.",
    ]


def test_settings_to_try_first_are_asked_first_and_change_no_later_draw() -> None:
    first = {"x": 0.25, "kind": "b"}
    asker = RandomSearcher(searched_study(search=Random(trials=3, points_to_evaluate=[first])))
    plain = RandomSearcher(searched_study(search=Random(trials=3)))
    asked, drawn = (
        [dict(trial.params) for trial in iter(each.ask, None)] for each in (asker, plain)
    )
    assert len(drawn) == 3
    assert asked == [first, *drawn[1:]]
