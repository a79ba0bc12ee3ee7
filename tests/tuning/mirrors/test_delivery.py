"""What a mirror is told of the records, in which order, and what is made up for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_sink import FakeSink
from live_runs import begin, epoch
from mirror_processes import FAILED, GOOD
from run_folders import write_run

from analysis.records.paths import RunPaths
from tuning.mirrors import delivery
from tuning.mirrors.delivery import Delivery, Done
from tuning.mirrors.trial import MirroredTrial


class Mirrored:
    """A run that is mirrored to a fake sink, and what was said of it."""

    def __init__(self, paths: RunPaths, *, streams: bool = True) -> None:
        self.paths, self.said = paths, []
        self.sink = FakeSink(paths.root / "fake")
        self.sink.streams = streams
        self.again()

    def again(self) -> None:
        """A new process takes over."""
        self.delivery = Delivery(self.paths, self.sink, lambda **facts: self.said.append(facts))

    def look(self, **how: Any) -> list[tuple[object, ...]]:
        self.delivery.look(**how)
        return self.sink.heard()

    def end(self, trial: str, status: str, epochs: int) -> None:
        begin(self.paths, trial, status=status, epochs=epochs)


@pytest.fixture
def run(tmp_path: Path) -> Mirrored:
    return Mirrored(RunPaths(write_run(tmp_path / "r1", [])))


def test_epochs_are_told_as_they_come_and_an_end_once(run: Mirrored) -> None:
    begin(run.paths, "0001")
    epoch(run.paths, "0001", 1, 0.25, 0.5, 0.75)
    assert run.look() == [("start", "0001"), ("epochs", "0001", [1], [0.5])]
    assert run.look() == []
    epoch(run.paths, "0001", 2, 1.0, 1.0, 1.0)
    epoch(run.paths, "0001", 3, 2.0, 2.0, 2.0)
    assert run.look() == [("epochs", "0001", [2, 3], [1.0, 2.0])]
    run.end("0001", "pruned", 3)
    assert run.look() == [("trial_end", "0001", "pruned")]
    assert run.look() == []
    assert (run.delivery.missing, run.said) == (0, [{"mirrored": "0001"}])


def test_an_epoch_that_is_trained_again_is_told_again(run: Mirrored) -> None:
    begin(run.paths, "0001")
    epoch(run.paths, "0001", 1, 1.0)
    epoch(run.paths, "0001", 2, 2.0)
    run.look()
    begin(run.paths, "0001", attempt=2)
    epoch(run.paths, "0001", 2, 3.0)
    assert run.look() == [("epochs", "0001", [2], [3.0])]


def test_a_trial_that_is_trained_anew_with_other_code_begins_anew(run: Mirrored) -> None:
    begin(run.paths, "0001", code="old")
    for number in (1, 2, 3):
        epoch(run.paths, "0001", number, 1.0, code="old")
    run.look()
    begin(run.paths, "0001", code="new")
    epoch(run.paths, "0001", 1, 5.0, code="new")
    assert run.look() == [("start", "0001"), ("epochs", "0001", [1], [5.0])]
    run.again()
    assert run.look() == [("start", "0001"), ("epochs", "0001", [1], [5.0])], "read as a whole, too"


def test_a_sink_of_whole_trials_is_told_once_they_have_ended(tmp_path: Path) -> None:
    run = Mirrored(RunPaths(write_run(tmp_path / "r1", [])), streams=False)
    begin(run.paths, "0001")
    epoch(run.paths, "0001", 1, 1.0)
    assert run.look() == []
    run.end("0001", "completed", 1)
    whole = [("start", "0001"), ("epochs", "0001", [1], [1.0]), ("trial_end", "0001", "completed")]
    assert run.look() == whole
    begin(run.paths, "0002")
    epoch(run.paths, "0002", 1, 1.0)
    assert run.look() == []
    assert run.delivery.missing == 1
    told = run.look(all_of_them=True)
    assert [call[0] for call in told] == ["start", "epochs", "trial_end"]
    assert told[-1] == ("trial_end", "0002", "unfinished")


def test_what_is_whole_is_not_sent_again_and_what_changed_is(tmp_path: Path) -> None:
    run = Mirrored(RunPaths(write_run(tmp_path / "r1", [GOOD, FAILED])))
    assert {call[1] for call in run.look(all_of_them=True)} == {"t0000", "t0001"}
    run.again()
    assert run.look(all_of_them=True) == []
    begin(run.paths, "t0001", attempt=2)
    epoch(run.paths, "t0001", 2, 1.0, 1.0, 1.0)
    run.again()
    mean = pytest.approx(0.4)
    assert run.look() == [("start", "t0001"), ("epochs", "t0001", [1, 2], [mean, 1.0])]


def test_a_trial_that_goes_on_after_its_end_was_sent_is_sent_whole(run: Mirrored) -> None:
    """Its epochs were forgotten, and are read again."""
    for name in ("0001", "0002"):
        begin(run.paths, name)
        epoch(run.paths, name, 1, 1.0)
        epoch(run.paths, name, 2, 2.0)
        run.end(name, "failed", 2)
    run.look()
    begin(run.paths, "0001", attempt=2)
    epoch(run.paths, "0001", 3, 3.0)
    assert run.look() == [("start", "0001"), ("epochs", "0001", [1, 2, 3], [1.0, 2.0, 3.0])]


def test_epochs_of_a_trial_that_was_sent_are_not_kept(tmp_path: Path) -> None:
    run = Mirrored(RunPaths(write_run(tmp_path / "r1", [GOOD])))
    kept: list[dict[int, Any]] = []

    def finish(trials: Sequence[MirroredTrial]) -> None:
        kept.extend(trial.metrics for trial in trials)

    run.sink.finish = finish  # type: ignore[method-assign]
    run.look()
    run.delivery.finish()
    assert [list(metrics) for metrics in kept] == [[2]], "the last one alone"


def test_what_is_in_the_way_is_said_once_and_tried_again_later(
    run: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(delivery.time, "monotonic", lambda: now)
    run.sink.errors = [OSError("one\nthe disk is full")] * 2
    begin(run.paths, "0001")
    epoch(run.paths, "0001", 1, 1.0)
    assert run.look() == []
    assert (run.said, run.delivery.missing) == ([{"problem": "the disk is full"}], 1)
    assert run.look() == []
    assert len(run.sink.errors) == 1, "not tried again at once"
    now += delivery.SECONDS_BEFORE_TRYING_AGAIN
    assert run.look() == []
    now += delivery.SECONDS_BEFORE_TRYING_AGAIN
    epoch(run.paths, "0001", 2, 2.0)
    assert run.look() == [("start", "0001"), ("epochs", "0001", [1, 2], [1.0, 2.0])]
    assert (run.said, run.delivery.missing) == ([{"problem": "the disk is full"}], 0)


def test_the_study_is_shown_at_its_end_and_again_where_it_changed(tmp_path: Path) -> None:
    run = Mirrored(RunPaths(write_run(tmp_path / "r1", [GOOD])))
    run.look()
    run.delivery.finish()
    assert run.sink.heard() == [("finish", ("t0000", 2, pytest.approx(0.8)))]
    run.again()
    run.look()
    run.delivery.finish()
    assert run.sink.heard() == []
    assert run.delivery.missing == 0


def test_a_trial_that_runs_is_let_go_of(run: Mirrored) -> None:
    begin(run.paths, "0001")
    run.look()
    run.delivery.leave()
    assert run.sink.heard() == [("abandon", "0001")]


def test_what_is_whole_is_of_one_place(tmp_path: Path) -> None:
    Done(tmp_path / "mirrors" / "done", "here").add("0001", "completed")
    assert Done(tmp_path / "mirrors" / "done", "here").has("0001", "completed")
    assert not Done(tmp_path / "mirrors" / "done", "here").has("0001", "failed")
    assert not Done(tmp_path / "mirrors" / "done", "there").has("0001", "completed")


def test_a_damaged_line_on_what_is_whole_costs_what_it_held_sent_again(tmp_path: Path) -> None:
    run = Mirrored(RunPaths(write_run(tmp_path / "r1", [GOOD, FAILED, GOOD])))
    run.look()
    whole = run.sink.folder / "mirror.jsonl"
    first, *others = whole.read_text().splitlines(keepends=True)
    whole.write_text("".join([first[:20], *others]))
    run.again()
    assert len({call[1] for call in run.look()}) == 2, "that line, and the one it runs into"
    run.again()
    assert run.look() == []


def test_what_is_left_out_is_not_sent_and_marked_where_it_was(run: Mirrored) -> None:
    for trial in ("0001", "0002"):
        begin(run.paths, trial)
        epoch(run.paths, trial, 1, 1.0, 1.0, 1.0)
    run.end("0001", "completed", 1)
    run.look()
    for trial in ("0001", "0002"):
        run.end(trial, "dropped", 1)
    run.again()
    assert run.look() == [
        ("start", "0001"),
        ("epochs", "0001", [1], [1.0]),
        ("trial_end", "0001", "dropped"),
    ]
    assert (run.look(), run.delivery.missing) == ([], 0)
    begin(run.paths, "0003", status="completed", epochs=0)
    run.look()
    assert "0001" not in run.delivery._records.trials
