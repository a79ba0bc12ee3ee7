import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray import tune
from searched_studies import searched_study
from small_studies import small_study

from trainables.limits import OneOf, Real, Whole
from tuning import (
    Asha,
    Compare,
    Confirm,
    Grid,
    Mirrors,
    Published,
    Random,
    Recovery,
    Report,
    Resources,
    Study,
    StudyError,
)


def test_trials_are_settings_times_seeds_in_the_order_of_the_space() -> None:
    study = small_study(space={"a": [1, 2], "b": ["x", "y"]}, seeds=3, seeds_per_trial=2)
    assert [(t.id, dict(t.params), list(t.seeds)) for t in study.trials()] == [
        ("0001", {"a": 1, "b": "x"}, [0, 1]),
        ("0002", {"a": 1, "b": "x"}, [2]),
        ("0003", {"a": 1, "b": "y"}, [0, 1]),
        ("0004", {"a": 1, "b": "y"}, [2]),
        ("0005", {"a": 2, "b": "x"}, [0, 1]),
        ("0006", {"a": 2, "b": "x"}, [2]),
        ("0007", {"a": 2, "b": "y"}, [0, 1]),
        ("0008", {"a": 2, "b": "y"}, [2]),
    ]


@given(seeds=st.integers(1, 40), together=st.integers(1, 50), values=st.integers(1, 5))
def test_every_setting_meets_every_seed_exactly_once(
    seeds: int, together: int, values: int
) -> None:
    study = small_study(space={"slope": list(range(values))}, seeds=seeds, seeds_per_trial=together)
    met = [(trial.params["slope"], seed) for trial in study.trials() for seed in trial.seeds]
    assert sorted(met) == [(value, seed) for value in range(values) for seed in range(seeds)]
    assert len({trial.id for trial in study.trials()}) == len(study.trials())


def test_the_trainable_is_given_fixed_values_setting_and_epochs() -> None:
    study = small_study(fixed={"noise": 0.1})
    assert study.config({"slope": 2}) == {
        "noise": 0.1,
        "slope": 2,
        "epochs": 3,
        "test": True,
        "gpus": 0,
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.5], 1.75),
        ([math.inf, 1.0], math.inf),
        ([math.inf, -math.inf], math.nan),
        ([math.nan, 1.0], math.nan),
        ([1.7e308, 1.7e308], 1.7e308),
        (2, 2.0),
    ],
)
def test_a_score_is_a_number_whatever_is_reported(values: Any, expected: float) -> None:
    assert small_study().score({"score": values}) == pytest.approx(expected, nan_ok=True)


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        small_study(
            name="no good/name",
            space={"slope": [], "epochs": [1], "twice": [1, 1]},
            fixed={"twice": 3, "thing": object},
            epochs=-1,
            seeds=0,
            seeds_per_trial=0,
            mode="biggest",
            metric="",
            resources=Resources(cpus=0, gpus=-1, fresh_process=1),  # type: ignore[arg-type]
            recovery=Recovery(max_failures=-1),
            report=Report(target="all", tables={"Layers": 3}, published=3),  # type: ignore[arg-type]
            mirrors=Mirrors(wandb="on"),  # type: ignore[arg-type]
        )
    text = str(caught.value)
    for part in (
        "name must be letters",
        "slope=[] must be a list with at least one value",
        "'epochs' is the study's own word",
        "'twice' is in space and in fixed",
        "twice=[1, 1] holds a value twice",
        "thing=<class 'object'>",
        "epochs=-1 must be a whole number, 1 or more",
        "seeds=0 must be a whole number, 1 or more",
        "seeds_per_trial=0",
        "mode='biggest' must be 'max' or 'min'",
        "metric=''",
        "resources: cpus=0 must be above 0",
        "resources: gpus=-1",
        "resources: fresh_process=1 must be True or False",
        "recovery: max_failures=-1 must be a whole number, 0 or more",
        "report: published=3 must be Published(...), or None",
        "report: target='all' must be a finite number, or None",
        "report: tables: 'Layers' must be a list of rows",
        "mirrors: wandb='on' must be 'off', 'offline' or 'online'",
    ):
        assert part in text
    assert len(caught.value.problems) == 19


@pytest.mark.parametrize("seeds", [True, 2.0, [], [1, 1], [-1], ["a"], None])
def test_seeds_that_are_none(seeds: object) -> None:
    with pytest.raises(StudyError, match="seeds="):
        small_study(seeds=seeds)


def test_a_trainable_must_take_config_and_seeds() -> None:
    with pytest.raises(StudyError, match=r"must take \(config, seeds, resume=None\)"):
        small_study(trainable=lambda config, seeds: iter(()))
    with pytest.raises(StudyError, match="must be a function"):
        small_study(trainable="train")


def test_override_replaces_values_of_space_fixed_epochs_and_seeds() -> None:
    study = small_study(fixed={"noise": 0.1}).override(
        {"slope": [5, 6], "noise": 0.2, "epochs": 7, "seeds": 4}
    )
    assert (study.space, study.fixed, study.epochs, study.seed_list) == (
        {"slope": [5, 6]},
        {"noise": 0.2},
        7,
        [0, 1, 2, 3],
    )
    assert study.override({"slope": 9}).space == {"slope": [9]}


FIRST = [{"x": 0.5, "kind": "a", "size": 4}, {"x": 0.7, "kind": "b", "size": 16}]
SPACE = {"x": tune.uniform(0.0, 1.0), "kind": ["a", "b"], "size": [4, 8, 16]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": "b"}, [("b", 0.5, 4), ("b", 0.7, 16)]),
        ({"size": [8, 16]}, [("a", 0.5, 8), ("b", 0.7, 16)]),
        ({"x": [0.1, 0.6]}, [("a", 0.6, 4), ("b", 0.6, 16)]),
        ({"x": tune.uniform(0.0, 0.6)}, [("a", 0.5, 4), ("b", 0.6, 16)]),
        ({"kind": "a", "size": 8, "x": 0.3}, [("a", 0.3, 8)]),
        ({"trials": 3}, [("a", 0.5, 4), ("b", 0.7, 16)]),
    ],
)
def test_settings_that_are_tried_first_keep_within_a_space_that_is_overridden(
    changes: dict[str, Any], expected: list[Any]
) -> None:
    study = searched_study(
        space=SPACE, search=Random(trials=5, points_to_evaluate=FIRST), confirm=None
    ).override(changes)
    assert [
        (setting["kind"], setting["x"], setting["size"])
        for setting in study.search.points_to_evaluate
    ] == expected
    assert study.search.trials == changes.get("trials", 5)


def test_settings_that_are_tried_first_must_lie_within_the_space_of_the_file() -> None:
    with pytest.raises(
        StudyError, match="search: points_to_evaluate: size=5 is not in the space: 4, 8, 16"
    ):
        searched_study(
            space=SPACE,
            search=Random(trials=5, points_to_evaluate=[{**FIRST[0], "size": 5}]),
            confirm=None,
        )


@pytest.mark.parametrize(
    ("changes", "in_search"),
    [
        ({}, False),
        ({"confirm": None}, False),
        ({"confirm": None, "search": Random(trials=3), "scheduler": None}, False),
        ({"confirm": None, "search": Grid(), "space": {"x": [0.1]}}, False),
        ({"search": Grid(), "space": {"x": [0.1]}, "scheduler": None, "confirm": Confirm()}, False),
        ({"confirm": None, "search": Grid(), "space": {"x": [0.1]}, "scheduler": None}, True),
    ],
)
def test_test_data_are_looked_at_where_nothing_is_chosen_any_more(
    changes: dict[str, Any], in_search: bool
) -> None:
    study = searched_study(**changes)
    assert study.config({"x": 0.1})["test"] is in_search
    assert study.config({"x": 0.1}, "confirm")["test"] is True


def test_a_study_has_few_fields() -> None:
    assert len(dataclasses.fields(Study)) == 18


@pytest.mark.parametrize("solved", [math.nan, math.inf, "0.9", True])
def test_a_seed_is_solved_at_a_finite_number(solved: Any) -> None:
    for allowed in (None, 1, 0.99):
        assert small_study(target=allowed).report.target == allowed
    with pytest.raises(
        StudyError, match=f"report: target={solved!r} must be a finite number, or None"
    ):
        small_study(target=solved)


def test_a_dashboard_is_no_value_of_a_study() -> None:
    with pytest.raises(StudyError, match="unknown key 'dashboard': it belongs to a session"):
        small_study().override({"dashboard": True})
    assert small_study(space={"dashboard": [1]}).override({"dashboard": 2}).space["dashboard"] == [
        2
    ]


def test_override_of_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(
        StudyError, match=r"unknown key 'slop'; did you mean 'slope'\? Known: slope, epochs, seeds"
    ):
        small_study().override({"slop": 1})


@pytest.mark.parametrize(
    ("limit", "good", "bad", "rule"),
    [
        (
            Whole(1),
            [1, 99],
            [0, -1, 1.0, True, "1", math.nan, None],
            "must be a whole number, 1 or more",
        ),
        (Whole(0, 3), [0, 3], [-1, 4], "must be a whole number from 0 to 3"),
        (
            Real(0),
            [0, 0.0, 5],
            [-0.1, math.nan, math.inf, "x", None, True],
            "must be a finite number 0 or more",
        ),
        (Real(0, above=True), [1e-9], [0, -1], "must be a finite number above 0"),
        (Real(0, 1), [0, 1], [1.1], "must be a finite number 0 or more, at most 1"),
        (OneOf(("adam", "sgd")), ["adam"], ["Adam", 1, None], "must be one of 'adam', 'sgd'"),
        (OneOf((1, 2)), [1], [True, 1.0], "must be one of 1, 2"),
    ],
)
def test_limits(
    limit: Whole | Real | OneOf, good: list[object], bad: list[object], rule: str
) -> None:
    assert [limit.problem(value) for value in good] == [None] * len(good)
    assert [limit.problem(value) for value in bad] == [rule] * len(bad)


def test_limits_hold_for_space_and_fixed() -> None:
    with pytest.raises(StudyError) as caught:
        small_study(
            space={"slope": [1, 0]},
            fixed={"noise": math.inf},
            limits={"slope": Whole(1), "noise": Real(0)},
        )
    assert caught.value.problems == [
        "Study 'small': slope=0 must be a whole number, 1 or more.",
        "Study 'small': noise=inf must be a finite number 0 or more.",
    ]


@pytest.mark.parametrize("key", ["epochs", "test", "loaded", "seeds", "trials", "confirm"])
def test_what_the_study_itself_says_is_no_key_of_the_space_and_of_fixed(key: str) -> None:
    for changes in ({"space": {key: [1, 2]}}, {"fixed": {key: 1}}):
        with pytest.raises(
            StudyError,
            match=(
                f"'{key}' is the study's own word and cannot be a key of space or fixed; call it"
                " otherwise"
            ),
        ):
            small_study(**changes)


def test_a_seed_of_its_own_is_refused_where_each_trial_is_given_its_seed_under_that_name() -> None:
    """Ray Tune's functions find it in the configuration; others are given it apart."""

    def for_ray(config: dict[str, Any]) -> None: ...

    values: dict[str, Any] = {"space": {"seed": [1, 2]}, "metric": "loss"}
    small_study(**values)
    with pytest.raises(StudyError, match="'seed' is the study's own word"):
        small_study(trainable=for_ray, **values)


@pytest.mark.parametrize("key", ["mean", "std", "metric"])
def test_what_a_published_row_says_is_a_key_only_where_nothing_is_published(key: str) -> None:
    assert list(small_study(space={key: [1, 2]}).space) == [key]
    with pytest.raises(StudyError, match=f"'{key}' is the study's own word"):
        small_study(
            space={key: [1, 2]},
            published=Published(source="them", runs=3, rows=[{key: 1, "mean": 0.5}]),
        )


@pytest.mark.parametrize("metric", ["epoch", "arrays"])
def test_what_is_reported_beside_the_metrics_is_no_metric(metric: str) -> None:
    with pytest.raises(
        StudyError,
        match=(
            f"metric='{metric}' is what a trainable reports beside its metrics; call the metric"
            " otherwise"
        ),
    ):
        small_study(metric=metric)


def test_true_is_not_one() -> None:
    assert len(small_study(space={"slope": [1, True, 0, False]}).settings()) == 4
    with pytest.raises(StudyError, match="report: compare: baseline=True is no value of 'slope'"):
        small_study(
            space={"slope": [0, 1]},
            compare=Compare(parameter="slope", baseline=True, metrics=["score"]),
        )


def test_a_baseline_is_missed_only_where_the_values_are_right() -> None:
    arms: dict[str, Any] = {
        "space": {"net": ["ffn", "cnn", "rnn"]},
        "limits": {"net": OneOf(("ffn", "cnn", "rnn"))},
    }
    study = small_study(**arms, compare=Compare(parameter="net", baseline="ffn", metrics=["score"]))
    with pytest.raises(StudyError) as caught:
        study.override({"net": "gru"})
    assert caught.value.problems == ["Study 'small': net='gru' must be one of 'ffn', 'cnn', 'rnn'."]
    with pytest.raises(
        StudyError, match="report: compare: baseline='ffn' is no value of 'net' in the space"
    ):
        study.override({"net": ["cnn", "rnn"]})


def test_an_arm_that_is_chosen_alone_is_compared_with_none() -> None:
    arms: dict[str, Any] = {"space": {"net": ["ffn", "cnn"], "width": [1, 2]}}
    study = small_study(**arms, compare=Compare(parameter="net", baseline="ffn", metrics=["score"]))
    assert study.override({"net": "cnn"}).report.compare is None
    assert study.override({"net": ["cnn", "ffn"], "width": 1}).report.compare is not None


def test_values_that_cannot_be_recorded_are_refused_where_no_limit_speaks() -> None:
    with pytest.raises(StudyError) as caught:
        small_study(space={"slope": [1, math.nan], "shape": [{1, 2}]}, fixed={"noise": math.inf})
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "Study 'small': slope=nan",
        "Study 'small': shape={1, 2}",
        "Study 'small': noise=inf",
    ]


def test_stopping_and_confirmation_are_overridden_field_by_field() -> None:
    study = searched_study(epochs=9)
    assert study.override({"scheduler": {"grace_period": 3}}).scheduler == dataclasses.replace(
        study.scheduler, grace_period=3
    )
    assert study.override({"scheduler": None}).scheduler is None
    assert study.override({"scheduler": None}).override(
        {"scheduler": {"grace_period": 3}}
    ).scheduler == Asha(grace_period=3)
    assert study.override({"confirm": {"seeds": 4}}).confirm == dataclasses.replace(
        study.confirm, seeds=4
    )
    example = {
        "scheduler": '{"grace_period": 1, "reduction_factor": 3}',
        "confirm": '{"top": 3, "seeds": 5}',
    }
    for key, wrong in [
        ("scheduler", 3),
        ("scheduler", {"rungs": [2]}),
        ("confirm", {"baselines": {}}),
        ("confirm", [1]),
    ]:
        with pytest.raises(StudyError) as error:
            study.override({key: wrong})
        assert error.value.problems == [
            f"Study {study.name!r}: {key}={wrong!r} must be like {example[key]}, or null."
        ]
