"""What the controller decides, without anything that trains."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from searched_studies import searched_study
from small_studies import small_study

from analysis.records.paths import RunPaths
from tuning.engine.controller import Controller
from tuning.engine.recorder import Recorder
from tuning.engine.reporter import TrialReport
from tuning.runs.history import History
from tuning.runs.records import Records
from tuning.spec.study import Asha, Confirm, Grid, Optuna, Random, Recovery, Study, Trial

COMPLETED = {"status": "completed"}


class Session:
    """A controller, and what it wrote."""

    def __init__(self, study: Study, folder: Path, **options: Any) -> None:
        self.paths = RunPaths(folder)
        self.ends: list[tuple[str, str]] = []
        recorder = Recorder(History(study), Records(self.paths), [self])
        self.controller = Controller(study, recorder, **options)

    def epoch(self, trial: Trial, row: Any) -> None: ...

    def pause(self, trial: Trial) -> None: ...

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        self.ends.append((trial.id, status))

    def begin(self) -> Trial:
        trial = self.controller.next_trial()
        assert trial is not None
        self.controller.on_start(trial)
        return trial

    def report(
        self, trial: Trial, epoch: int, score: float = 1.0, seconds: float = 0.1, **facts: Any
    ) -> bool:
        row = {
            "trial": trial.id,
            "epoch": epoch,
            "metrics": {"score": [score] * len(trial.seeds)},
            "arrays": {},
            "diverged": [],
            "seconds": seconds,
            "at": 0.0,
        }
        return self.controller.on_report(trial, TrialReport(rows=[row], **facts))

    def complete(self, trial: Trial, score: float = 1.0) -> None:
        self.report(trial, 8, score, end=dict(COMPLETED))
        self.controller.on_end(trial)

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.paths.trials.read_text().splitlines()]


def grid(**changes: Any) -> Study:
    space = {"x": [0.1, 0.2, 0.3], "kind": ["a"]}
    values = {"space": space, "search": Grid(), "scheduler": None, "confirm": None}
    return searched_study(**values | changes)


def test_one_trial_waits_where_they_are_fixed_beforehand_and_none_where_they_are_chosen(
    tmp_path: Path,
) -> None:
    for name, study, most in (
        ("grid", grid(), 3),
        ("random", searched_study(search=Random(trials=9)), 3),
        ("optuna", searched_study(search=Optuna(trials=9)), 2),
    ):
        (tmp_path / name).mkdir()
        session = Session(study, tmp_path / name, capacity=lambda: 2)
        trials = list(iter(session.controller.next_trial, None))
        assert len(trials) == most
        session.controller.on_start(trials[0])
        session.complete(trials[0])
        assert not session.controller.finished
        assert (session.controller.next_trial() is None) == (name == "grid")


def test_what_was_drawn_stands_in_the_records_before_it_starts_and_begins_once(
    tmp_path: Path,
) -> None:
    session = Session(searched_study(search=Random(trials=2)), tmp_path)
    trial = session.controller.next_trial()
    assert trial is not None
    assert [(row["trial"], row["status"]) for row in session.rows()] == [("0001", "running")]
    session.controller.on_start(trial)
    assert len(session.rows()) == 1
    assert session.rows()[0]["attempt"] == 1


def test_a_trial_of_a_grid_stands_there_once_it_starts(tmp_path: Path) -> None:
    session = Session(grid(), tmp_path)
    trial = session.controller.next_trial()
    assert trial is not None
    assert not session.paths.trials.exists()
    session.controller.on_start(trial)
    assert [row["status"] for row in session.rows()] == ["running"]


def test_a_trial_whose_process_dies_before_it_begins_comes_again_and_may_fail(
    tmp_path: Path,
) -> None:
    session = Session(grid(recovery=Recovery(max_failures=1)), tmp_path)
    trial = session.controller.next_trial()
    assert trial is not None
    for lost in (True, False):
        session.controller.on_error(trial, "the process of the trial died", lost=lost)
        assert session.controller.next_trial() == trial
        assert not session.paths.trials.exists()
    session.controller.on_error(trial, "the process of the trial died")
    assert session.ends == [(trial.id, "failed")]
    assert [row["status"] for row in session.rows()] == ["running", "failed"]
    assert session.begin() != trial


def test_a_failed_trial_comes_again_before_others_as_often_as_the_study_allows(
    tmp_path: Path,
) -> None:
    session = Session(grid(max_failures=1), tmp_path)
    trial = session.begin()
    session.controller.on_error(trial, "the process of the trial died")
    assert session.ends == []
    assert session.begin().id == trial.id
    session.controller.on_report(trial, TrialReport(raised="Traceback: no"))
    session.controller.on_error(trial, "what Ray says of it")
    assert session.ends == [(trial.id, "failed")]
    assert session.rows()[-1]["error"] == "Traceback: no"
    assert session.rows()[-1]["attempt"] == 2
    assert session.begin().id != trial.id


def raise_in(session: Session, error: str) -> Trial:
    trial = session.begin()
    session.controller.on_report(trial, TrialReport(raised=f"Traceback\n  File\n{error}"))
    session.controller.on_error(trial, "what Ray says of it")
    return trial


def test_an_error_of_every_trial_is_tried_again_in_the_first_alone(tmp_path: Path) -> None:
    session = Session(grid(max_failures=1), tmp_path)
    first = [raise_in(session, "ImportError: no module 'x'").id for _ in range(2)]
    assert first == ["0001", "0001"]
    assert raise_in(session, "ImportError: no module 'x'").id == "0002"
    assert session.ends == [("0001", "failed"), ("0002", "failed")]
    other = raise_in(session, "OSError: busy")
    assert session.begin().id == other.id == "0003", "another error may go away"


def test_once_an_epoch_is_recorded_every_trial_is_started_again(tmp_path: Path) -> None:
    session = Session(grid(max_failures=1), tmp_path)
    for _ in range(2):
        raise_in(session, "OSError: busy")
    session.complete(session.begin())
    assert raise_in(session, "OSError: busy").id == session.begin().id == "0003"


def test_a_node_that_was_lost_is_no_fault_of_its_trial_but_what_that_raised_is(
    tmp_path: Path,
) -> None:
    session = Session(grid(max_failures=0), tmp_path)
    for _ in range(5):
        trial = session.begin()
        session.controller.on_error(trial, "its node has died", lost=True)
    assert session.ends == []
    trial = session.begin()
    session.controller.on_report(trial, TrialReport(raised="ValueError: the host is unavailable"))
    session.controller.on_error(trial, "its node has died", lost=True)
    assert session.ends == [(trial.id, "failed")]


def test_a_silent_trial_is_named_once_and_fails_with_the_reason(tmp_path: Path) -> None:
    session = Session(grid(max_failures=0, stall_timeout=20), tmp_path)
    trial, begun = session.begin(), time.monotonic()
    ticks = {second: session.controller.on_tick(begun + second) for second in range(1, 40)}
    ((second, named),) = ((second, named) for second, named in ticks.items() if named)
    assert named == [trial.id]
    assert 10 < second <= 21, "a busy machine may take some between begin and now"
    session.controller.on_error(trial, "the process of the trial died")
    assert "reported nothing for 2" in session.rows()[-1]["error"]


def test_while_nobody_listened_nobody_was_silent(tmp_path: Path) -> None:
    """The driver waited for room on its disk."""
    session = Session(grid(stall_timeout=20), tmp_path)
    session.begin()
    now = time.monotonic()
    session.controller.on_tick(now)
    assert session.controller.on_tick(now + 1000) == []
    assert session.controller.on_tick(now + 1004) == []


def test_a_trial_that_waits_for_its_process_does_not_hang(tmp_path: Path) -> None:
    session = Session(searched_study(search=Random(trials=2)), tmp_path)
    assert session.controller.next_trial()
    now = time.monotonic()
    assert [session.controller.on_tick(now + 4 * step) for step in range(500)] == [[]] * 500


def test_nothing_is_written_before_it_is_checked_that_the_run_is_ours(tmp_path: Path) -> None:
    def lost() -> None:
        raise KeyboardInterrupt

    session = Session(grid(), tmp_path, check=lost)
    trial = session.begin()
    with pytest.raises(KeyboardInterrupt):
        session.report(trial, 1)
    assert not session.paths.epochs.exists() or session.paths.epochs.read_text() == ""


def test_the_first_of_all_reports_that_is_nonsense_stops_the_study_a_later_one_fails_its_trial(
    tmp_path: Path,
) -> None:
    nonsense = {"status": "failed", "error": "no score", "misreported": True}
    for name, reported in (("first", False), ("later", True)):
        (tmp_path / name).mkdir()
        session = Session(grid(), tmp_path / name)
        trial = session.begin()
        if reported:
            session.report(trial, 1)
        session.controller.on_report(trial, TrialReport(end=dict(nonsense)))
        session.controller.on_end(trial)
        assert session.controller.stops_study == (None if reported else "no score")
        assert (session.controller.next_trial() is None) == (not reported)
        assert session.controller.finished == (not reported)


def test_after_an_interruption_no_trial_comes_and_none_fails(tmp_path: Path) -> None:
    interrupted = []
    session = Session(grid(max_failures=0), tmp_path, interrupted=lambda: bool(interrupted))
    trial = session.begin()
    interrupted.append(True)
    assert session.controller.next_trial() is None
    assert not session.controller.finished, "one is under way"
    session.controller.on_error(trial, "it was killed")
    assert session.ends == []
    assert session.controller.next_trial() is None
    assert session.controller.finished


def test_the_confirmation_follows_the_last_trial_of_the_search_and_is_never_stopped(
    tmp_path: Path,
) -> None:
    study = grid(
        scheduler=Asha(grace_period=2, reduction_factor=2, pauses=False),
        confirm=Confirm(top=1, seeds=2),
    )
    session = Session(study, tmp_path, capacity=lambda: 3)
    trials = [session.begin() for _ in range(3)]
    scores = zip(trials, (5.0, 9.0, 1.0), strict=True)
    assert [session.report(trial, 2, score) for trial, score in scores] == [True, True, False]
    assert session.ends == [("0003", "pruned")]
    session.controller.on_end(trials[2])
    session.complete(trials[0], 5.0)
    assert session.controller.next_trial() is None, "one may still be the best"
    session.complete(trials[1], 9.0)
    fresh = session.begin()
    assert (fresh.id, fresh.params["x"], list(fresh.seeds)) == ("c0001", 0.2, [1, 2])
    assert session.report(fresh, 2, -100.0)
    session.complete(fresh)
    assert session.controller.next_trial() is None
    assert session.controller.finished


def test_a_trial_is_judged_by_the_mean_over_its_seeds(tmp_path: Path) -> None:
    session = Session(
        small_study(scheduler=Asha(grace_period=1, reduction_factor=2, pauses=False)),
        tmp_path,
        capacity=lambda: 2,
    )
    first, second = session.begin(), session.begin()
    rows = [
        {"trial": trial.id, "epoch": 1, "metrics": {"score": scores}, "arrays": {}, "diverged": []}
        | {"seconds": 0.1, "at": 0.0}
        for trial, scores in ((first, [5.0, 5.0]), (second, [9.0, 0.0]))
    ]
    assert session.controller.on_report(first, TrialReport(rows=rows[:1]))
    assert not session.controller.on_report(second, TrialReport(rows=rows[1:]))
    assert session.ends == [(second.id, "pruned")]
