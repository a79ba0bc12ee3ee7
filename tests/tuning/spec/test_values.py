"""What a study may hold: the records keep it exactly, or it is refused in one line per problem
before anything starts.
"""

import datetime
import enum
import json
import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ray import tune
from run_folders import write_run
from searched_studies import searched_study
from small_studies import small_study

from analysis import load_run
from analysis.records.load import RunPaths
from tuning import Compare, Confirm, Optuna, Published, Random, Study, StudyError
from tuning.runs.prepare import describe_study
from tuning.runs.records import Records
from tuning.search.base import first_trial
from tuning.spec.overrides import parse_overrides
from tuning.spec.study import Trial
from tuning.spec.values import is_text

HUGE = 10**400


class Colour(enum.IntEnum):
    RED = 1


class Word(enum.StrEnum):
    ADAM = "adam"


class Awkward:
    """Compares, prints and hashes as badly as an object can."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise ValueError("no truth value")

    def __repr__(self) -> str:
        raise RuntimeError("no text")


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
NUMPY = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(np.int64),
    st.integers(0, 2**64 - 1).map(np.uint64),
    st.floats(width=32).map(np.float32),
    st.floats().map(np.longdouble),
    st.booleans().map(np.bool_),
    st.text().filter(lambda text: "\0" not in text).map(np.str_),
    st.floats().map(np.array),
    st.floats(width=32).map(torch.tensor),
    st.complex_numbers().map(np.complex128),
)
ODD = st.sampled_from(
    [
        *(
            HUGE,
            -HUGE,
            2**63,
            -(2**63),
            math.nan,
            math.inf,
            "caf\udce9",
            "\ud800",
            b"bytes",
            1j,
            Decimal("0.1"),
            Fraction(1, 3),
        ),
        *(
            datetime.date(2026, 1, 2),
            Path("data"),
            Colour.RED,
            Word.ADAM,
            (64, 32),
            [8],
            {"a": 1},
            {1, 2},
            np.arange(3),
            torch.zeros(2),
        ),
        *(
            object,
            print,
            lambda: 1,
            tune.uniform(0, 1),
            tune.grid_search([1]),
            np.datetime64("2026-01-02"),
            range(3),
            iter([1]),
        ),
    ]
)
ANYTHING = st.recursive(
    PLAIN | NUMPY | ODD,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=2),
    max_leaves=4,
)


def in_list(value: Any) -> Study:
    return small_study(space={"slope": [value]})


def in_choice(value: Any) -> Study:
    return searched_study(
        space={"x": tune.uniform(0, 1), "kind": tune.choice([value])}, confirm=None
    )


def in_override(value: Any) -> Study:
    return small_study().override({"slope": [value]})


def keyed(key: Any, value: Any) -> dict[Any, Any]:
    try:
        return {key: value}
    except (TypeError, ValueError):
        return {}  # no mapping can have that key


def from_low(low: Any) -> Any:
    try:
        return tune.uniform(low, 1)
    except Exception:
        return low  # Ray refuses it


HOLDS_ITSELF: list[Any] = []
HOLDS_ITSELF.append(HOLDS_ITSELF)
IN_SPACE = [in_list, in_choice, in_override]
ELSEWHERE = {
    "fixed": lambda value: small_study(fixed={"noise": value}),
    "smoke": lambda value: small_study(smoke={"slope": value}),
    "points_to_evaluate": lambda value: searched_study(
        search=Random(trials=3, points_to_evaluate=[{"x": 0.5, "kind": value}])
    ),
    "first of a range": lambda value: searched_study(
        search=Random(trials=3, points_to_evaluate=[{"x": value, "kind": "a"}])
    ),
    "baselines": lambda value: searched_study(
        confirm=Confirm(baselines={"theirs": {"x": value, "kind": "a"}})
    ),
    "also, its name": lambda value: searched_study(
        confirm=Confirm(baselines=keyed(value, {"x": 0.5, "kind": "a"}))
    ),
    "baseline": lambda value: small_study(
        compare=Compare(parameter="slope", baseline=value, metrics=["score"])
    ),
    "published": lambda value: small_study(
        published=Published(source="A", runs=3, rows=[{"slope": value, "mean": 0.5}])
    ),
    "published mean": lambda value: small_study(
        published=Published(source="A", runs=3, rows=[{"slope": 1, "mean": value}])
    ),
    "low": lambda value: searched_study(
        space={"x": from_low(value), "kind": ["a", "b"]}, confirm=None
    ),
    "question": lambda value: small_study(question=value),
    "key": lambda value: small_study(space=keyed(value, [1, 2])),
    "metric": lambda value: small_study(metric=value),
    **{
        name: lambda value, name=name: small_study(**{name: value})
        for name in (
            *(
                "name",
                "mode",
                "epochs",
                "seeds",
                "seeds_per_trial",
                "max_failures",
                "stall_timeout",
                "checkpoint_seconds",
                "target",
            ),
            *(
                "search",
                "scheduler",
                "confirm",
                "resources",
                "compare",
                "published",
                "space",
                "fixed",
                "limits",
                "tables",
                "smoke",
            ),
            *(
                "trainable",
                "describe",
                "load",
                "state_bytes",
                "export",
                "fresh_process",
                "wandb",
                "tensorboard",
                "mlflow",
                "recovery",
                "report",
                "mirrors",
            ),
        )
    },
}


def accepted(make: Any, value: Any) -> Study | None:
    """The study that holds the value, which can be recorded then; None where it is refused, in one
    line per problem.
    """
    problems: list[str] = []
    try:
        study = make(value)
    except StudyError as error:
        problems = error.problems
    assert all(len(problem) < 700 and problem.isprintable() for problem in problems)
    if problems:
        return None
    described = json.dumps(describe_study(study), ensure_ascii=False).encode()
    assert orjson.loads(described) == json.loads(described)
    return study


def without_tuples(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [without_tuples(each) for each in value]
    if isinstance(value, dict):
        return {key: without_tuples(each) for key, each in value.items()}
    return value


@pytest.mark.parametrize("make", IN_SPACE)
@given(value=ANYTHING)
def test_a_value_of_the_space_is_recorded_exactly_or_refused(make: Any, value: Any) -> None:
    study = accepted(make, value)
    if study is None:
        return
    key = next(key for key, values in study.space.items() if isinstance(values, list))
    (kept,) = study.space[key]
    assert type(kept) in (int, float, str, bool, type(None), list, dict)
    assert kept == without_tuples(value)
    line = orjson.loads(json.dumps({"value": kept}, ensure_ascii=False).encode())
    assert (type(line["value"]), line["value"]) == (type(kept), kept)
    assert first_trial(study).params[key] == kept


@pytest.mark.parametrize("make", IN_SPACE)
@given(value=PLAIN)
def test_plain_values_are_never_refused(make: Any, value: Any) -> None:
    assert accepted(make, value) is not None


@pytest.mark.parametrize("make", ELSEWHERE.values(), ids=ELSEWHERE)
@given(value=ANYTHING)
def test_whatever_stands_anywhere_in_a_study_is_recorded_or_refused(make: Any, value: Any) -> None:
    accepted(make, value)


@pytest.mark.parametrize(
    "make",
    [*IN_SPACE, *ELSEWHERE.values()],
    ids=[make.__name__ for make in IN_SPACE] + [*ELSEWHERE],
)
def test_what_cannot_even_be_printed_or_compared_is_refused_as_well(make: Any) -> None:
    for value in (10**5000, Awkward(), [Awkward()]):
        accepted(make, value)


@pytest.mark.parametrize(
    "value",
    [
        HUGE,
        2**63,
        "caf\udce9",
        {64, 32},
        np.arange(3),
        Colour.RED,
        Path("data"),
        [Path("data")],
        {"a": {1: 2}},
        {"a": HOLDS_ITSELF},
        tune.uniform(0, 1),
    ],
)
@pytest.mark.parametrize("make", IN_SPACE)
def test_a_value_that_is_refused_is_one_line_that_says_what_to_do(make: Any, value: Any) -> None:
    with pytest.raises(
        StudyError, match=r"give finite numbers .*a name to look up in the trainable"
    ) as caught:
        make(value)
    assert len(caught.value.problems) == 1


def test_a_list_of_what_cannot_be_recorded_is_one_mistake() -> None:
    with pytest.raises(StudyError) as caught:
        small_study(space={"slope": [{64}, {128}, math.nan, 1, 1]})
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "Study 'small': space: slope=[{64}, {128}, nan, 1, 1] holds a value twice.",
        "Study 'small': slope={64}",
    ]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (np.array([0.5, 0.25]), [0.5, 0.25]),
        (np.float32([0.5]), [0.5]),
        (torch.tensor([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        ((1, 2), [1, 2]),
        (tune.choice([np.int64(3), True, 1, None]), [3, True, 1, None]),
        (tune.choice(np.array([3, 4])), [3, 4]),
        ([2**63 - 1, 2**53 + 1, 2**53], [2**63 - 1, 2**53 + 1, 2**53]),
        ([[64], (64, 32)], [[64], [64, 32]]),
        (tune.choice([[64], (64, 32)]), [[64], [64, 32]]),
        (tune.grid_search([[64], [64, 32]]), [[64], [64, 32]]),
        (np.array([[64, 64], [32, 32]]), [[64, 64], [32, 32]]),
        (([64], [64, 32], None, {"a": (1,)}), [[64], [64, 32], None, {"a": [1]}]),
    ],
)
def test_lists_of_every_kind_become_lists_of_plain_values(values: Any, kept: list[Any]) -> None:
    for study in (small_study(space={"slope": values}), small_study().override({"slope": values})):
        assert [(type(value), value) for value in study.space["slope"]] == [
            (type(value), value) for value in kept
        ]
        assert [trial.params["slope"] for trial in study.trials()] == kept


@pytest.mark.parametrize(
    "values",
    [
        [1, 1],
        [[1], (1,)],
        [{"a": 1, "b": 2}, {"b": 2, "a": 1}],
        ["a", "a"],
        [None, None],
        [np.float64(1), 1.0],
    ],
)
def test_a_value_that_stands_twice(values: list[Any]) -> None:
    for listed in (values, tune.choice(values)):
        with pytest.raises(StudyError, match="holds a value twice"):
            small_study(space={"slope": listed})


@pytest.mark.parametrize(
    "values",
    [
        [True, 1],
        [1, 1.0],
        [0, -0.0],
        [False, 0.0],
        [2**53, float(2**53)],
        [None, "None"],
        [1, "1"],
        [2**53, 2**53 + 1],
        [[1], "[1]"],
        [[True], [1]],
    ],
)
def test_values_that_only_look_alike_are_two_in_a_grid_and_in_a_search(values: list[Any]) -> None:
    assert [
        trial.params["slope"] for trial in small_study(space={"slope": values}).trials()
    ] == values
    first = [{"x": 0.5, "kind": value} for value in values]
    space = {"x": tune.uniform(0, 1), "kind": values}
    study = searched_study(
        space=space, search=Random(trials=2, points_to_evaluate=first[1:]), confirm=None
    )
    asked = first_trial(study).params["kind"]
    assert (type(asked), asked) == (type(values[1]), values[1])


@pytest.mark.parametrize(
    "values",
    [
        [],
        tune.choice([]),
        (),
        range(0),
        np.array([]),
        "adam",
        {1, 2},
        None,
        3,
        iter([1]),
        range(10**30),
    ],
)
def test_what_is_no_list_of_values(values: Any) -> None:
    with pytest.raises(StudyError, match=r"slope=.* must be a list with at least one value"):
        small_study(space={"slope": values})


@pytest.mark.parametrize(
    "values",
    [
        *(tune.sample_from(lambda spec: 1), tune.randn(), tune.uniform(1, 0)),
        *(
            tune.uniform(0, HUGE),
            tune.randint(0, HUGE),
            tune.randint(2**60, 2**60 + 9),
            tune.randint(-(2**54), 0),
        ),
        *(tune.uniform(-1e308, 1e308), tune.randint(3, 3)),
    ],
)
def test_a_range_that_cannot_be_searched_is_one_line(values: Any) -> None:
    with pytest.raises(StudyError, match="space: x is a range") as caught:
        searched_study(space={"x": values, "kind": ["a", "b"]}, confirm=None)
    assert len(caught.value.problems) == 1
    with pytest.raises(StudyError, match="space: x is a range"):
        searched_study().override({"x": values})


@pytest.mark.parametrize("low", [2**53 - 9, -(2**53)])
def test_whole_numbers_of_a_range_are_drawn_exactly(low: int) -> None:
    study = searched_study(
        space={"x": tune.randint(low, low + 9), "kind": ["a"]},
        search=Random(trials=1),
        confirm=None,
    )
    assert describe_study(study)["space"]["x"]["low"] == low
    assert low <= first_trial(study).params["x"] < low + 9


@pytest.mark.parametrize(
    ("space", "value"),
    [
        (tune.uniform(0, 1), True),
        (tune.uniform(0, 1), "0.5"),
        (tune.uniform(0, 1), None),
        (tune.quniform(0, 1, 0.25), 0.3),
        (tune.randint(0, 9), 0.5),
        (tune.randint(0, 9), 1.0),
        (tune.qrandint(0, 9, 3), 4),
        ([1, 2], True),
        (["a"], "b"),
    ],
)
def test_a_first_setting_that_could_not_be_drawn_is_refused(space: Any, value: Any) -> None:
    search = Random(trials=2, points_to_evaluate=[{"x": value, "kind": "a"}])
    with pytest.raises(StudyError, match=r"search: points_to_evaluate: x=.* is not in the space"):
        searched_study(space={"x": space, "kind": ["a"]}, search=search, confirm=None)


def test_a_first_setting_of_numpy_is_tried_first() -> None:
    first = [{"x": np.float32(0.5), "kind": np.str_("b")}]
    assert first_trial(
        searched_study(search=Optuna(trials=3, points_to_evaluate=first))
    ).params == {
        "x": 0.5,
        "kind": "b",
    }
    assert (
        first_trial(
            searched_study(
                space={"x": tune.quniform(0, 1, 0.1)},
                confirm=None,
                search=Random(trials=1, points_to_evaluate=[{"x": 0.3}]),
            )
        ).params["x"]
        == 0.3
    )


@pytest.mark.parametrize(
    "pair",
    [
        "slope=1e400",
        "slope=[1, nan]",
        "slope=nan",
        f"slope={HUGE}",
        "slope=caf\udce9",
        'slope="\\ud800"',
    ],
)
def test_overrides_keep_the_same_rule(pair: str) -> None:
    with pytest.raises(
        StudyError, match=r"slope=.*; values are written to the records|slope=.*cannot be read"
    ):
        small_study().override(parse_overrides([pair]))


def test_a_study_keeps_its_own_copy_of_what_it_was_given() -> None:
    values, space = [1, 2], {}
    space["slope"] = values
    study = small_study(space=space)
    values.append(3)
    space["other"] = [1]
    assert study.space == {"slope": [1, 2]}


@pytest.mark.parametrize(
    "seeds",
    [
        [0, 2**63 - 1],
        [2**62 + 1, 2**62 + 2, 2**53, 2**53 + 1, 7],
        range(3),
        (4, 2),
        np.array([5, 6]),
        [np.int64(3)],
        np.int64(2),
    ],
)
def test_seeds_of_every_size_are_kept_apart_to_the_frames(seeds: Any, tmp_path: Path) -> None:
    study = small_study(seeds=seeds, seeds_per_trial=2)
    expected = list(range(2)) if isinstance(seeds, np.int64) else [int(seed) for seed in seeds]
    assert study.seed_list == expected
    assert {type(seed) for seed in study.seed_list} == {int}
    assert describe_study(study)["seeds"] == expected
    write_run(tmp_path, [])
    records = Records(RunPaths(tmp_path))
    for trial in study.trials():
        about = {"trial": trial.id, "params": trial.params, "seeds": trial.seeds, "phase": "search"}
        records.append("trials", about | {"status": "completed", "epochs": 1})
        metrics = {"accuracy": [seed % 1000 for seed in trial.seeds]}
        records.append(
            "epochs", {"trial": trial.id, "epoch": 1, "metrics": metrics, "seconds": 0.1, "at": 1.0}
        )
    records.close()
    found = load_run(tmp_path).epochs
    assert found["seed"].dtype == np.int64
    assert sorted(set(found["seed"].tolist())) == sorted(expected)
    assert (found["accuracy"] == [seed % 1000 for seed in found["seed"].tolist()]).all()


@pytest.mark.parametrize(
    "seeds",
    [
        [2**63],
        [2**64],
        [HUGE],
        HUGE,
        [10**5000],
        10**9,
        range(10**30),
        [True],
        [-1],
        [1, 1],
        [np.int64(1), 1],
        [1.0],
        ["1"],
        {1, 2},
        None,
        "12",
        [[1]],
        np.array([0.5]),
    ],
)
def test_seeds_that_are_refused(seeds: Any) -> None:
    with pytest.raises(
        StudyError,
        match=r"seeds=.* must be a whole number, 1 or more, a list of different whole numbers",
    ) as caught:
        small_study(seeds=seeds)
    assert len(caught.value.problems) == 1


def test_fresh_seeds_must_fit_as_well() -> None:
    assert searched_study(seeds=[2**63 - 4], confirm=Confirm(seeds=3)).fresh_seeds == [
        2**63 - 3,
        2**63 - 2,
        2**63 - 1,
    ]
    with pytest.raises(
        StudyError,
        match=(
            "confirm: its seeds follow the largest of the search, 9223372036854775804, and would"
            " pass"
        ),
    ):
        searched_study(seeds=[2**63 - 4], confirm=Confirm(seeds=4))


@pytest.mark.parametrize("name", ["epochs", "seeds_per_trial", "max_failures"])
def test_counts_of_any_size_are_one_line(name: str) -> None:
    study = small_study(**{name: np.int64(3)})
    assert getattr(study.recovery if name == "max_failures" else study, name) == 3
    for value in (HUGE, 10**5000, 2**63, True, 2.0, "3", None, math.nan):
        with pytest.raises(StudyError, match=f"{name}=.* must be a whole number") as caught:
            small_study(**{name: value})
        assert len(caught.value.problems) == 1


def test_every_field_of_a_wrong_kind_is_said_at_once() -> None:
    given: dict[str, Any] = {
        "search": "optuna",
        "scheduler": type(searched_study().scheduler),
        "confirm": 3,
        "resources": {"cpus": 2},
        "recovery": 3,
        "mirrors": "offline",
        "compare": "slope",
        "published": [],
        "space": ["slope"],
        "fixed": None,
        "limits": {"slope": 3},
        "tables": [],
        "smoke": "short",
        "describe": "mnist",
        "question": 3,
        "epochs": 0,
    }
    with pytest.raises(StudyError) as caught:
        small_study(**given)
    assert [
        problem.split("=")[0].removeprefix("Study 'small': ")
        for problem in caught.value.problems
        if "=" in problem
    ] == [
        *(
            "question",
            "space",
            "fixed",
            "search",
            "scheduler",
            "confirm",
            "resources",
            "recovery",
            "mirrors",
            "smoke",
            "report: compare",
            "report: published",
            "report: tables",
            "limits",
            "describe",
        ),
        "epochs",
    ]
    said = str(caught.value)
    assert (
        "search='optuna' must be Grid(), Random(trials=...), Optuna(trials=...), RayTune(" in said
    )
    assert "scheduler=<class 'tuning.spec.scheduling.Asha'> must be Asha(), Hyperband()" in said


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"search": Optuna(trials=3, n_startup_trials=None)},
            "search: n_startup_trials=None must be a whole number, 0 or more",
        ),  # type: ignore[arg-type]
        (
            {"search": Optuna(trials=HUGE)},
            r"search: trials=1000.* must be a whole number, 1 or more, 9223372036854775807 at most",
        ),
        ({"search": Optuna(trials=3, seed="a")}, "search: seed='a' must be a whole number"),  # type: ignore[arg-type]
        (
            {"search": Optuna(trials=3, points_to_evaluate={"x": 1})},
            "search: points_to_evaluate={'x': 1} must be a list of settings",
        ),  # type: ignore[arg-type]
        (
            {"search": Optuna(trials=3, points_to_evaluate=["x"])},
            "search: points_to_evaluate: 'x' is no setting: it must map each of x, kind to a value",
        ),  # type: ignore[list-item]
        (
            {"confirm": Confirm(baselines=[{"x": 1}])},
            r"confirm: baselines=\[{'x': 1}\] must map names to settings",
        ),  # type: ignore[arg-type]
        ({"confirm": Confirm(baselines={"theirs": 3})}, "confirm: 'theirs': 3 is no setting"),  # type: ignore[dict-item]
        (
            {"confirm": Confirm(baselines={key: {"x": 0.5, "kind": "a"} for key in "ab"})},
            "confirm: baselines=.* names a setting twice",
        ),
        (
            {"compare": Compare(parameter="kind", baseline="a", metrics="score")},
            "report: compare: metrics='score' must be a list of names",
        ),
        (
            {"compare": Compare(parameter="x", baseline=0.5, metrics=["score"])},
            "report: compare: parameter='x' must be a key of the space that has a list",
        ),
        (
            {"compare": Compare(parameter=["kind"], baseline="a", metrics=["score"])},
            r"report: compare: parameter=\['kind'\] must be a key",
        ),  # type: ignore[arg-type]
        (
            {"published": Published(source="A", runs=3, rows={"mean": 1})},
            "report: published: rows={'mean': 1} must be a list of rows",
        ),  # type: ignore[arg-type]
        (
            {"published": Published(source="A", runs=0, rows=[])},
            "report: published: runs=0 must be a whole number, 1 or more",
        ),
        (
            {"published": Published(source="A", runs=1, rows=[{"x": 1}])},
            "report: published: {'x': 1} must have a number as its mean",
        ),
        ({"tables": {"Layers": 3}}, "report: tables: 'Layers' must be a list of rows"),
        (
            {"smoke": {"x": tune.uniform(0, 1)}},
            "smoke: x=<ray.tune.search.sample.Float .*; values are written to the records",
        ),
        ({"tables": HOLDS_ITSELF}, "report: tables=.* must map titles to lists of rows"),
        ({"tables": {"Layers": HOLDS_ITSELF}}, "report: tables: 'Layers' must be a list of rows"),
        ({"stall_timeout": "1"}, "recovery: stall_timeout='1' must be above 0"),
    ],
)
def test_parts_of_a_study_that_are_wrong_inside(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        searched_study(**changes)
    assert len(caught.value.problems) == 1


@given(text=st.text(st.characters(categories=("L", "Cs", "N", "So"))))
def test_text_is_what_utf_8_can_write(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        assert not is_text(text)
    else:
        assert is_text(text)


def test_a_trial_of_a_value_of_numpy_is_recorded(tmp_path: Path) -> None:
    """What a confirmation trains goes to the records as it is."""
    study = searched_study(
        confirm=Confirm(baselines={"theirs": {"x": np.float32(0.5), "kind": np.str_("a")}})
    )
    (setting,) = study.confirm.baselines.values()  # type: ignore[union-attr]
    trial = Trial(id="c0001", params=setting, seeds=[1])
    write_run(tmp_path, [])
    records = Records(RunPaths(tmp_path))
    records.append(
        "trials",
        {
            "trial": trial.id,
            "params": dict(trial.params),
            "seeds": list(trial.seeds),
            "status": "running",
        },
    )
    records.close()
    assert json.loads(RunPaths(tmp_path).trials.read_text())["params"] == {"x": 0.5, "kind": "a"}
