"""A wrong value in any field of a study, or of what it is made of, is a line of a StudyError."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from branching_studies import LISTS
from hypothesis import given
from hypothesis import strategies as st
from ray import tune
from small_studies import scores
from test_values import ANYTHING, Awkward

from tuning import (
    Asha,
    Compare,
    Confirm,
    Grid,
    Mirrors,
    Optuna,
    Published,
    Random,
    Recovery,
    Report,
    Resources,
    Study,
    StudyError,
    Task,
)
from tuning.runs.prepare import describe_study

ROW = {"slope": 1, "mean": 0.5}
PARTS: dict[str, dict[type, dict[str, Any]]] = {
    "search": {Grid: {}, Random: {"trials": 2}, Optuna: {"trials": 2}},
    "scheduler": {Asha: {}},
    "confirm": {Confirm: {}},
    "resources": {Resources: {}},
    "recovery": {Recovery: {}},
    "report": {Report: {}},
    "mirrors": {Mirrors: {}},
    "trainable": {Task: {"train": scores}},
    "report.compare": {Compare: {"parameter": "slope", "baseline": 1, "metrics": ["score"]}},
    "report.published": {Published: {"source": "us", "runs": 1, "rows": [ROW]}},
    "": {
        Study: {
            "name": "typed", "question": "Why?", "trainable": scores,
            "space": {"slope": [1, 2], **LISTS}, "metric": "score", "epochs": 3, "seeds": 2,
            "scheduler": Asha(), "confirm": Confirm(top=1),
        }
    },
}  # fmt: skip
"""Where in a study it belongs -> what is made with which fields."""
STUDY = PARTS[""][Study]
FIELDS = [
    (place, kind, field.name)
    for place, kinds in PARTS.items()
    for kind in kinds
    for field in dataclasses.fields(kind)
]


def itself() -> Any:
    found: list[Any] = []
    found.append({"again": found})
    return found


def generator() -> Iterator[int]:
    yield 1


WRONG = [
    *(None, True, 0, -1, 1.5, 10**30, math.nan, math.inf, "", "x", b"x", 1j),
    *([], [1], [None], [[1]], (1, "a"), {1}, {}, {"a": 1}, {1: 2}, {"a": {"b": [1]}}, {None: []}),
    *(object(), Awkward(), Awkward, len, Study, Grid, Asha, Asha(), Grid(), Confirm(), range(3)),
    *(
        np.zeros(2),
        np.zeros((2, 2)),
        np.float32(2),
        np.array(None),
        tune.uniform(0, 1),
        tune.randn(),
    ),
    *(tune.randn(), itself(), generator(), Ellipsis, NotImplemented, slice(1), iter([1])),
]


def study_with(place: str, kind: type, field: str, value: Any) -> Study:
    made = kind(**{**PARTS[place][kind], field: value})
    part, _, within = place.partition(".")
    if not part:
        return made
    return Study(**{**STUDY, part: Report(**{within: made}) if within else made})


def problems_of(place: str, kind: type, field: str, value: Any) -> list[str]:
    """What is said of a value; nothing where it is taken and can be recorded."""
    try:
        describe_study(study_with(place, kind, field, value))
    except StudyError as error:
        return error.problems or ["nothing is said"]
    return []


@pytest.mark.parametrize(
    ("place", "kind", "field"), FIELDS, ids=lambda each: getattr(each, "__name__", each)
)
def test_a_wrong_value_of_any_field_is_said(place: str, kind: type, field: str) -> None:
    said = [line for value in WRONG for line in problems_of(place, kind, field, value)]
    assert said
    assert all(line.endswith((".", "?")) for line in said)


@given(st.sampled_from(FIELDS), ANYTHING)
def test_any_value_of_any_field_is_right_or_said(where: tuple[str, type, str], value: Any) -> None:
    assert all(line.endswith((".", "?")) for line in problems_of(*where, value))


def test_a_value_of_a_wrong_kind_is_said_once() -> None:
    for field, value in (("space", {"": [1]}), ("space", [1]), ("name", 3)):
        assert len(problems_of("", Study, field, value)) == 1


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Optuna(), "Optuna: trials is missing."),
        (lambda: Optuna(5), "Optuna: give its fields by name: Optuna(trials=5)."),
        (lambda: Published(runs=1), "Published: source, rows are missing."),
        (lambda: Asha(min_epochs=1), "Asha: unknown field 'min_epochs': it is called"),
        (lambda: study_with("search", Random, "trails", 3), "Random: unknown field 'trails'; did"),
        (lambda: Study("a", "b"), "Study: give its fields by name: Study(name='a', question='b')."),
    ],
)
def test_fields_are_named(make: Any, line: str) -> None:
    with pytest.raises(StudyError) as caught:
        make()
    assert str(caught.value).splitlines()[0].startswith(line)


def test_functions_of_the_task_are_called_with_what_they_take() -> None:
    """Found before the start, not by the first trial."""
    wrong = Task(
        train=scores,
        describe=lambda: {"name": "digits"},
        load=lambda config, folder: {},
        state_bytes=lambda config: 1,
        export=lambda state, folder: None,
        network=lambda state: None,
    )
    with pytest.raises(StudyError) as error:
        describe_study(Study(**STUDY | {"trainable": wrong}))
    for name, called in {
        "describe": "(config)",
        "load": "(config)",
        "state_bytes": "(config, seeds)",
        "export": "(config, state, folder)",
        "network": "(config, state)",
    }.items():
        [problem] = [line for line in error.value.problems if f"{name}=<" in line]
        assert f"must be a function of {called}, or None" in problem
