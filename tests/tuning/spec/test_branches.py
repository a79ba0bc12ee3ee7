"""Spaces whose choices have parameters of their own."""

import json
from typing import Any

import pytest
from branching_studies import BRANCHES, LISTS, branching_study
from hypothesis import given
from hypothesis import strategies as st
from ray import tune

from trainables.limits import OneOf
from tuning import Compare, Confirm, Grid, Random, Report, StudyError, Task
from tuning.spec.branches import clashes, conditions, parameters, settings_count, space_record
from tuning.spec.overrides import parse_overrides
from tuning.spec.plan import plan_text, seeds_warning
from tuning.spec.settings import setting_problems


def problems_of(space: Any, **changes: Any) -> list[str]:
    with pytest.raises(StudyError) as caught:
        branching_study(space=space, **changes)
    return [line.removeprefix("Study 'branching': ") for line in caught.value.problems]


def test_parameters_of_branches_follow_their_choice() -> None:
    study = branching_study()
    assert list(parameters(study.space)) == [
        "rate", "model", "C", "max_depth", "bootstrap", "share",
    ]  # fmt: skip
    assert parameters(study.space)["bootstrap"] == [True, False]
    assert conditions(study.space) == {
        "C": {"model": ["svm"]},
        "max_depth": {"model": ["forest"]},
        "bootstrap": {"model": ["forest"]},
        "share": {"bootstrap": [True]},
    }


def test_the_record_says_when_a_parameter_is_active() -> None:
    record = json.loads(json.dumps(space_record(branching_study().space)))
    assert record["model"] == {"values": ["svm", "forest"]}
    assert record["share"] == {
        "kind": "float", "low": 0.1, "high": 1.0, "log": False, "step": None,
        "when": {"bootstrap": [True]},
    }  # fmt: skip


def test_a_grid_has_every_setting_of_every_branch() -> None:
    study = branching_study(space=LISTS, search=Grid())
    assert study.settings()[:7] == [
        {"rate": 0.1, "model": "svm", "C": 1},
        {"rate": 0.1, "model": "svm", "C": 10},
        {"rate": 0.1, "model": "forest", "max_depth": 2},
        {"rate": 0.1, "model": "forest", "max_depth": 4},
        {"rate": 0.1, "model": "forest", "max_depth": 8},
        {"rate": 0.1, "model": "mean"},
        {"rate": 0.2, "model": "svm", "C": 1},
    ]
    assert study.planned == len(study.settings()) == 12


NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f"])
LEAVES = st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True)
SPACES = st.dictionaries(
    NAMES,
    st.recursive(
        LEAVES,
        lambda inner: st.dictionaries(
            st.sampled_from(["x", "y", True, None]),
            st.dictionaries(NAMES, inner, max_size=2),
            min_size=1,
            max_size=2,
        ),
        max_leaves=5,
    ),
    min_size=1,
    max_size=3,
)


def plainly(space: dict[str, Any]) -> list[dict[str, Any]]:
    """Every setting of a space, by going down it."""
    settings: list[dict[str, Any]] = [{}]
    for key, values in space.items():
        own = (
            [{key: branch} | rest for branch, of in values.items() for rest in plainly(of)]
            if isinstance(values, dict)
            else [{key: value} for value in values]
        )
        settings = [one | other for one in settings for other in own]
    return settings


@given(SPACES)
def test_a_space_is_refused_or_has_the_settings_that_going_down_it_gives(
    space: dict[str, Any],
) -> None:
    if clashes(space):
        with pytest.raises(StudyError, match=r"at once|other values"):
            branching_study(space=space, search=Grid())
        return
    study = branching_study(space=space, search=Grid())

    def texts(settings: list[dict[str, Any]]) -> list[str]:
        return sorted(json.dumps(setting, sort_keys=True) for setting in settings)

    assert texts(study.settings()) == texts(plainly(space))
    assert settings_count(study.space) == len(study.settings())
    for setting in study.settings():
        assert setting_problems(setting, study.space, {}) == []


def test_one_name_in_several_branches_is_one_parameter_with_the_same_values() -> None:
    rate = tune.loguniform(1e-4, 1e-1)
    space = {"optimizer": {"adam": {"lr": rate}, "sgd": {"lr": rate, "momentum": [0.0, 0.9]}}}
    study = branching_study(space=space)
    assert conditions(study.space)["lr"] == {"optimizer": ["adam", "sgd"]}
    other = {"optimizer": {"adam": {"lr": [0.1]}, "sgd": {"lr": [0.2]}}}
    assert problems_of(other) == [
        "space: 'lr' has other values in optimizer='adam' and in optimizer='sgd'; give both the"
        " same ones, or each its own name (with the branch in it, say)."
    ]


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (
            {"C": [1], "model": {"svm": {"C": [1]}}},
            "'C' stands outside and in model='svm', which can be active at once; call one"
            " otherwise.",
        ),
        (
            {"a": {"x": {"lr": [1]}}, "b": {"y": {"lr": [1]}}},
            "'lr' stands in a='x' and in b='y', which can be active at once",
        ),
        ({"model": {"svm": {"model": [1]}}}, "'model' stands outside and in model='svm'"),
        ({"model": {}}, "model has no branch"),
        ({"model": {"svm": [1, 2]}}, "model: 'svm'=[1, 2] must map the names of the parameters"),
        ({"model": {"svm": {"C": 1}}}, "C=1 must be a list with at least one value"),
        ({"model": {"svm": {"": [1]}}}, "model: 'svm': '' must be a name"),
        ({"model": {"svm": {"\x1f": None}}}, "model: 'svm': '\\x1f' must be a name"),
        ({"model": {(1, 2): {}}}, "model: (1, 2) cannot be a branch"),
        ({"model": {"svm": {"C": tune.randn()}}}, "C is a range that cannot be searched"),
    ],
)
def test_what_cannot_be_a_space_with_branches_is_said(space: Any, words: str) -> None:
    assert any(words in line for line in problems_of(space))


def test_limits_and_fixed_values_hold_within_branches() -> None:
    found = problems_of(
        LISTS,
        fixed={"C": 3},
        trainable=Task(train=len, limits={"model": OneOf(("svm", "mean"))}),
    )
    assert "'C' is in space and in fixed; keep one of them." in found
    assert "space: model='forest' must be one of 'svm', 'mean'." in found


def test_a_setting_has_the_active_parameters_and_no_other() -> None:
    space = branching_study().space
    assert setting_problems({"rate": 0.1, "model": "svm", "C": 1.0}, space, {}) == []
    assert setting_problems({"rate": 0.1, "model": "svm", "max_depth": 2}, space, {}) == [
        "has values for rate, model, max_depth; with model='svm' it needs one for each of rate,"
        " model, C."
    ]
    assert setting_problems({"rate": 0.1, "model": "knn", "C": 1.0}, space, {}) == [
        "model='knn' is no branch of model: svm, forest."
    ]
    assert setting_problems({"rate": 0.1, "model": ["svm"]}, space, {}) == [
        "model=['svm'] is no branch of model: svm, forest."
    ]


def test_points_and_baselines_are_held_against_their_branch() -> None:
    point, baseline = {"rate": 0.1, "model": "svm", "C": 1e9}, {"rate": 0.1, "model": "svm"}
    found = problems_of(
        BRANCHES,
        search=Random(trials=2, points_to_evaluate=[point]),
        confirm=Confirm(baselines={"old": baseline}),
    )
    assert [line.split(":")[0] for line in found] == ["search", "confirm"]
    assert "C=1000000000.0 is not in the space: 0.001 to 1000, logarithmic" in found[0]
    assert "it needs one for each of rate, model, C" in found[1]


def test_values_of_branches_are_set_from_outside() -> None:
    study = branching_study(
        search=Random(
            trials=9,
            points_to_evaluate=[
                {"rate": 0.1, "model": "svm", "C": 5.0},
                {"rate": 0.2, "model": "forest", "max_depth": 8, "bootstrap": False},
            ],
        )
    )
    narrow = study.override({"model": "svm", "C": [1, 3], "rate": 0.1})
    assert narrow.space == {"rate": [0.1], "model": {"svm": {"C": [1, 3]}}}
    # What is tried first stays within the space, and goes with its branch.
    assert narrow.search.points_to_evaluate == [{"rate": 0.1, "model": "svm", "C": 3}]
    assert study.override({"share": 0.5}).space["model"]["forest"]["bootstrap"][True] == {
        "share": [0.5]
    }
    assert study.override({"model": ["forest", "svm"]}).space == study.space
    other = study.override({"model": {"knn": {"k": [1, 2]}}, "rate": 0.1})
    assert other.space["model"] == {"knn": {"k": [1, 2]}}
    with pytest.raises(StudyError, match="model='knn' must be one or several of its branches"):
        study.override({"model": "knn"})
    with pytest.raises(StudyError, match="unknown key 'depth'"):
        study.override({"depth": 3})


def test_the_plan_shows_branches_below_their_choice() -> None:
    lines = plan_text(branching_study()).splitlines()
    assert "  model       svm, forest" in lines
    assert "    C         0.001 to 1000, logarithmic; with model svm" in lines
    assert "    bootstrap True, False; with model forest" in lines
    assert "      share   0.1 to 1; with bootstrap True" in lines


def test_only_settings_that_differ_in_one_parameter_are_compared() -> None:
    # rate at 6 settings of its first value, C at 2 and max_depth twice at 2: 6 + 2 + 4 = 12 tests;
    # of model only "mean" has no parameters of its own, so that no pair is left.
    warned = seeds_warning(branching_study(space=LISTS, search=Grid()))
    assert warned is not None
    assert "its 12 comparisons need 9 or more" in warned


def test_the_baseline_of_arms_is_a_branch() -> None:
    compare = Compare(parameter="model", baseline="knn", metrics=["score"])
    assert problems_of(LISTS, search=Grid(), report=Report(compare=compare)) == [
        "report: compare: baseline='knn' is no value of 'model' in the space."
    ]


def test_a_value_that_is_a_list_reads_the_same_from_the_command_line() -> None:
    study = branching_study(space={"hidden": [[8], None], "width": [1, [2]]})
    pairs = parse_overrides(["hidden=[[64], [64, 32]]", "width=1"])
    assert study.override(pairs).space == {"hidden": [[64], [64, 32]], "width": [1]}
    assert study.override({"hidden": [None]}).space["hidden"] == [None]
    with pytest.raises(StudyError, match=r"for one such value give \[\[64, 32\]\]"):
        study.override(parse_overrides(["hidden=[64, 32]"]))
