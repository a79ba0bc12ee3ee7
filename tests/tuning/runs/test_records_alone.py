"""What a run notes and how it is held against another one, asked without a run."""

import math
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from run_folders import Trial, write_run

from analysis import load_run
from tuning.runs import provenance
from tuning.runs.budgets import Allowance, _recorded_since
from tuning.runs.code_changes import last_version
from tuning.runs.merging import _differences
from tuning.runs.prepare import _json_problem
from tuning.runs.store import Folder
from tuning.runs.two_copies import STUDY, is_same_run


def test_the_memory_of_the_machine_is_in_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 3 * 2**17}
    monkeypatch.setattr(os, "sysconf", said.__getitem__)
    assert provenance._memory_gib() == 1.5


@pytest.mark.parametrize(
    ("head", "status", "commit"), [("ab12", "", "ab12"), ("ab12", " M a.py", "ab12+"), (None,) * 3]
)
def test_a_commit_says_whether_files_differ_from_it(
    head: str | None, status: str | None, commit: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"rev-parse": head, "status": status}
    monkeypatch.setattr(provenance, "_git", lambda folder, command, *more: said[command])
    assert provenance._commit(Path()) == commit


def test_without_a_budget_there_is_no_limit_and_nothing_is_spent() -> None:
    assert Allowance.of({}) == Allowance(
        seconds=None, epochs=None, trials=None, total=0.0, since=0.0
    )


def test_of_a_session_that_was_killed_its_epochs_and_new_trials_count(tmp_path: Path) -> None:
    rows = [{"accuracy": 0.5}] * 2
    trials = [
        Trial(params={"width": width}, epochs=rows, began=began, pace=10.0)
        for width, began in ((1, 1_000.0), (2, 1_015.0))
    ]
    run = load_run(write_run(tmp_path, trials))
    found = _recorded_since("1970-01-01T00:16:52+00:00", run)  # at 1,012 s
    assert found == {"seconds": 23.0, "epochs": 3, "trials": 1}
    nothing = _recorded_since("1970-01-01T01:00:00+00:00", run)
    assert nothing == {"seconds": 0.0, "epochs": 0, "trials": 0}


@pytest.mark.parametrize(
    ("versions", "last"), [({"1": "a"}, "a"), ({"1": "a", "2": "b"}, "c"), ({}, "c")]
)
def test_the_code_of_a_run_is_that_of_all_its_trials_or_of_its_last_session(
    versions: dict[str, str], last: str
) -> None:
    run: Any = SimpleNamespace(versions=versions, spec={"sessions": [{"code": "c"}]})
    assert last_version(run) == last


def test_searches_with_other_seeds_per_setting_are_not_one() -> None:
    spec = {"space": {"x": {"values": [1, 2]}}, "search": {"kind": "random"}}
    sources: Any = [
        SimpleNamespace(name=name, run=SimpleNamespace(recorded={**spec, "seeds": seeds}))
        for name, seeds in (("one", [0]), ("two", [1]))
    ]
    assert list(_differences(sources)) == ["seeds: [0] (one), [1] (two)."]


@pytest.mark.parametrize("value", [math.nan, [math.inf], "\ud800", {1, 2}])
def test_what_json_cannot_hold_is_not_recorded(value: Any) -> None:
    problem = _json_problem(value)
    assert problem
    assert "finite numbers" in problem
    assert _json_problem({"a": [1.5, None, True, "\u00e9"]}) is None


def test_copies_are_of_one_run_where_both_say_so_or_one_says_nothing(tmp_path: Path) -> None:
    one, other, empty = (Folder.at(str(tmp_path / name)) for name in ("one", "other", "empty"))
    one.write(STUDY, b'{"name": "a", "started": "now"}')
    other.write(STUDY, b'{"name": "b", "started": "now"}')
    assert is_same_run(one, one)
    assert not is_same_run(one, other)
    assert is_same_run(one, empty)
