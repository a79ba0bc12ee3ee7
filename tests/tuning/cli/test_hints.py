"""What a command names at its end can be done."""

import pytest
from searched_studies import searched_study
from settling_studies import settling

from tuning import Grid
from tuning.cli.hints import after_run, hint
from tuning.spec.study import Study


@pytest.mark.parametrize(
    ("study", "command"),
    [
        (searched_study(), "study extend r --trials 10"),
        (
            searched_study(search=Grid(), space={"x": [1, 2]}, confirm=None),
            "study extend r --seeds 5",
        ),
        (settling(), "study compare r OTHER"),
    ],
)
def test_more_seeds_are_named_where_they_can_be_added(study: Study, command: str) -> None:
    assert command in hint(after_run(study), "r")
    assert study.settles is None or "extend" not in hint(after_run(study), "r")
