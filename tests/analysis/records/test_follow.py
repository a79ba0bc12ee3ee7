"""The records of a run that grows, row by row."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from live_runs import add, begin, epoch

from analysis.records.follow import FollowedTrial, Follower, Tail
from analysis.records.paths import RunPaths
from analysis.records.schema import Status


class Kept(FollowedTrial):
    """All rows of a trial."""

    def __init__(self, trial: str) -> None:
        super().__init__(trial)
        self.restart()

    def restart(self) -> None:
        self.rows: dict[int, Any] = {}

    def add(self, row: Mapping[str, Any], began: int) -> None:
        self.rows[row["epoch"]] = row["metrics"]["accuracy"][0]


@pytest.fixture
def paths(tmp_path: Path) -> RunPaths:
    return RunPaths(tmp_path)


def test_a_tail_gives_each_whole_line_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    tail = Tail(path)
    assert list(tail.new()) == []
    path.write_text('{"a": 1}\n{"a": ')
    assert list(tail.new()) == [(0, {"a": 1})]
    assert list(tail.new()) == []
    with path.open("a") as file:
        file.write("2}\nnonsense\n[3]\n")
    assert list(tail.new()) == [(9, {"a": 2})]
    assert tail.at(9) == {"a": 2}
    assert not tail.is_new
    path.write_text('{"a": 4}\n')
    assert tail.is_new


def test_a_torn_line_that_the_next_writer_cuts_off_was_never_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a": 2')
    tail = Tail(path)
    assert [row for _, row in tail.new()] == [{"a": 1}]
    path.write_text('{"a": 1}\n{"b": 3}\n')
    assert [row for _, row in tail.new()] == [{"b": 3}]


def test_what_is_new_is_named_and_an_attempt_goes_back(paths: RunPaths) -> None:
    follower = Follower(paths, Kept)
    assert follower.look() == {}
    begin(paths, "0002")
    begin(paths, "0001")
    for number in (1, 2, 3):
        epoch(paths, "0001", number, number / 10)
    assert follower.look() == {"0002": [], "0001": [1, 2, 3]}
    trial = follower.trials["0001"]
    assert (trial.status, trial.epoch, trial.attempt) == (Status.UNFINISHED, 3, 1)
    begin(paths, "0001", attempt=2)
    epoch(paths, "0001", 2, 0.5)
    assert follower.look() == {"0001": [2]}
    assert (trial.epoch, trial.rows[2], trial.attempt) == (2, 0.5, 2)
    begin(paths, "0001", attempt=2, status="pruned", epochs=2)
    assert follower.look() == {"0001": []}
    assert (trial.status, trial.epoch) == (Status.PRUNED, 2), "what lies beyond does not count"


def test_epochs_of_code_that_a_trial_is_trained_anew_without_are_left_out(paths: RunPaths) -> None:
    """Whether they are read before it begins anew or after."""
    follower = Follower(paths, Kept)
    begin(paths, "0001", code="old")
    epoch(paths, "0001", 1, 0.1, code="old")
    epoch(paths, "0001", 2, 0.2, code="old")
    follower.look()
    begin(paths, "0001", code="new")
    epoch(paths, "0001", 1, 0.9, code="new")
    assert follower.look() == {"0001": [1]}
    for each in (follower, Follower(paths, Kept)):
        each.look()
        assert (each.trials["0001"].epoch, each.trials["0001"].rows) == (1, {1: 0.9})


def test_an_epoch_of_a_trial_that_began_meanwhile_is_not_lost(
    paths: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(paths, Kept)
    real, looks = Tail.new, []

    def new(tail: Tail) -> Any:
        looks.append(tail)
        if len(looks) == 2:  # between its reading of trials and of epochs
            begin(paths, "0001")
            epoch(paths, "0001", 1, 0.5)
        return real(tail)

    monkeypatch.setattr(Tail, "new", new)
    assert follower.look() == {"0001": [1]}
    assert follower.trials["0001"].rows == {1: 0.5}


def test_damaged_rows_are_passed_over(paths: RunPaths) -> None:
    begin(paths, "../0001")
    begin(paths, "0001", status="done")
    begin(paths, "0002", params=[])
    begin(paths, "0003")
    add(paths.epochs, trial="0003", epoch="x", metrics={}, seconds=1.0, at=1.0)
    add(paths.epochs, trial=["0003"], epoch=1, metrics={}, seconds=1.0, at=1.0)
    epoch(paths, "0009", 1, 0.5)
    epoch(paths, "0003", 1, 0.5)
    assert Follower(paths, Kept).look() == {"0003": [1]}


def test_records_that_were_replaced_are_read_from_their_beginning(paths: RunPaths) -> None:
    follower = Follower(paths, Kept)
    begin(paths, "0001")
    epoch(paths, "0001", 1, 0.5)
    epoch(paths, "0001", 2, 0.5)
    follower.look()
    paths.trials.unlink()
    paths.epochs.unlink()
    begin(paths, "0001")
    epoch(paths, "0001", 1, 0.75)
    assert follower.look() == {"0001": [1]}
    assert follower.trials["0001"].rows == {1: 0.75}


def test_what_is_left_out_is_no_trial_until_it_is_taken_back(paths: RunPaths) -> None:
    follower = Follower(paths, Kept)
    begin(paths, "0001")
    begin(paths, "0002")
    epoch(paths, "0001", 1, 0.1)
    begin(paths, "0001", status="completed", epochs=1)
    assert set(follower.look()) == {"0001", "0002"}
    begin(paths, "0001", status="dropped", epochs=1)
    assert follower.look() == {}
    assert (set(follower.trials), set(follower.dropped)) == ({"0002"}, {"0001"})
    begin(paths, "0001", status="completed", epochs=1)
    assert follower.look() == {"0001": []}
    assert follower.trials["0001"].rows == {1: 0.1}
    assert follower.dropped == {}
