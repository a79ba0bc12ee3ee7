"""1 beside 1.0 and True: three values of one parameter, each itself wherever it goes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inline_runs import prepared, run
from small_studies import small_study

from analysis import compare_arms, leaderboard, load_run, summary_table
from analysis.records.space import as_declared
from analysis.report.build import write_report
from analysis.stats.labels import Growing, value_labels
from tuning import Compare, Confirm, Optuna, StudyError
from tuning.runs.changes import extended, resumed
from tuning.runs.reopen import continued
from tuning.search.base import first_trial

KINDS = [1, 1.0, True, 0, 0.0, -0.0, False, "1", "1.0"]
TEXTS = ["1", "1.0", "True", "0", "0.0", "-0.0", "False", '"1"', '"1.0"']
SCORES = {"int": 1.0, "float": 2.0, "bool": 3.0}


def by_kind(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    for epoch in range(1, config["epochs"] + 1):
        score = SCORES[type(config["value"]).__name__]
        yield {"epoch": epoch, "score": [score + seed / 10 for seed in seeds]}, None


def test_each_has_a_label_of_its_own() -> None:
    assert list(value_labels(KINDS).values()) == TEXTS
    labels = Growing({"low": 0, "high": 1})
    assert len({labels.of(value) for value in KINDS}) == len(KINDS)
    assert list(value_labels([1.0, 2.0]).values()) == ["1", "2"]


@pytest.mark.parametrize(
    ("domain", "given", "is_then"),
    [
        ({"values": [1, 1.0]}, 1.0, 1.0),
        ({"values": [1.0, 1]}, 1, 1),
        ({"values": [1.0, 2.0]}, 1, 1.0),
        ({"values": [True, 2]}, 1, 1),
        ({"values": [1, 2]}, True, True),
        ({"values": [0]}, -0.0, 0),
        ({"kind": "float"}, 1, 1.0),
        ({"kind": "int"}, 2.0, 2),
    ],
)
def test_a_number_that_is_given_otherwise_is_that_of_the_space(
    domain: Any, given: Any, is_then: Any
) -> None:
    assert repr(as_declared(domain, given)) == repr(is_then)


def test_arms_and_tables_tell_them_apart(tmp_path: Path) -> None:
    compare = Compare(parameter="value", baseline=1.0, metrics=["score"])
    study = small_study(by_kind, space={"value": [1, 1.0, True]}, compare=compare)
    read = run(study, tmp_path)
    assert compare_arms(read)["difference"].tolist() == pytest.approx([-1, 1])
    assert compare_arms(read, "value", baseline=True)["difference"].tolist() == pytest.approx(
        [-2, -1]
    )
    assert summary_table(read)["score_mean"].tolist() == pytest.approx([1.05, 2.05, 3.05])
    write_report(read)
    assert "between 1 and 1.0 by score: 1.05 against 2.05" in read.report.read_text()


def test_a_search_tries_each_and_confirms_what_is_named(tmp_path: Path) -> None:
    named = {"whole": {"value": 1}, "other": {"value": 2}}
    study = small_study(
        by_kind,
        space={"value": [1, 1.0, 2.0]},
        search=Optuna(trials=12, points_to_evaluate=[{"value": 2}]),
        confirm=Confirm(top=1, seeds=2, baselines=named),
        seeds=1,
        seeds_per_trial=1,
    )
    assert repr(first_trial(study).params["value"]) == "2.0"
    read = run(study, tmp_path)
    confirmed = read.phase("confirm").trials["value"]
    assert {"1", "2.0"} <= {*map(repr, confirmed)}
    assert {*map(repr, leaderboard(read)["value"])} == {"1", "1.0", "2.0"}


def test_values_are_set_and_added_as_they_are_written(tmp_path: Path) -> None:
    study = small_study(by_kind, space={"value": [1.0, 2]})
    assert repr(study.override({"value": 1}).space) == "{'value': [1]}"
    read = load_run(prepared(study, tmp_path).root)
    for given, then in (([1, 2, 3], [1.0, 2, 3]), ([1, 1.0, 2.0], [1, 1.0, 2])):
        added = extended(study, study, read, values={"value": given})
        assert repr(added["value"]) == repr(then)


def test_a_run_goes_on_with_the_values_that_it_had(tmp_path: Path) -> None:
    read = load_run(prepared(small_study(by_kind, space={"value": [1, 2]}), tmp_path).root)
    changed = small_study(by_kind, space={"value": [1.0, 2]})
    with pytest.raises(StudyError, match=r"space was .*\[1, 2\].* now it is .*\[1\.0, 2\]"):
        continued(read, resumed, study=changed)
