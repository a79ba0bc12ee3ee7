import math

import pytest

from tuning import StudyError
from tuning.spec.overrides import parse_overrides


def test_values_are_read_as_json_and_else_as_text() -> None:
    pairs = [
        "a=2",
        "b=0.5",
        "c=[1, 2]",
        'd="two words"',
        "e=true",
        "f=None",
        "g=adam",
        "h=a=b",
        "i=1e-3",
        "j=False",
    ]
    expected = {
        "a": 2,
        "b": 0.5,
        "c": [1, 2],
        "d": "two words",
        "e": True,
        "f": None,
        "g": "adam",
        "h": "a=b",
        "i": 0.001,
        "j": False,
    }
    assert parse_overrides(pairs) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (".5", 0.5),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("+5", 5),
        ("2.e3", 2000.0),
        ("+1e-3", 0.001),
        ("007", "007"),
        ("1_000", "1_000"),
        ("1.2.3", "1.2.3"),
        (".", "."),
        ("e5", "e5"),
    ],
)
def test_numbers_of_python_are_numbers(text: str, value: object) -> None:
    parsed = parse_overrides([f"a={text}"])["a"]
    assert parsed == value
    assert type(parsed) is type(value)


def test_nan_and_inf_are_numbers_so_that_limits_can_refuse_them() -> None:
    values = parse_overrides(["a=nan", "b=-inf"])
    assert math.isnan(values["a"])
    assert values["b"] == -math.inf


def test_all_unreadable_pairs_are_said_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        parse_overrides(["epochs", "=3", "a=", "b=[1, 2", "c=1", "c=2"])
    assert [problem.split(" must")[0].split(":")[0] for problem in caught.value.problems] == [
        "--set 'epochs'",
        "--set '=3'",
        "--set 'a='",
        "--set 'b=[1, 2'",
        "--set c is given twice.",
    ]
