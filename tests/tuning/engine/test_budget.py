"""What a session may spend: what is begun, cut off, reserved and continued."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inline_runs import crash_after, prepared
from searched_studies import searched_study
from small_studies import scores, small_study
from test_controller import Session

import study_command
from analysis import load_run, write_report
from analysis.records.budget import budget_words
from benchmarks.deadlines import NEAR, simulated
from tuning import (
    Budget,
    Compare,
    Confirm,
    Random,
    Report,
    Resources,
    Study,
    StudyError,
    resume,
    run,
)
from tuning.engine.budget import sufficient
from tuning.engine.pace import makespan
from tuning.runs.budgets import Allowance, budget_record


def limited(**limits: Any) -> Resources:
    return Resources(budget=Budget(**limits))


@pytest.mark.parametrize("number", [0, 1, 5, 10, 18])
def test_a_simulated_study_ends_near_its_deadline_and_is_confirmed(number: int) -> None:
    _, _, ended = simulated(number)
    assert ended.confirmed
    assert abs(ended.late) <= NEAR


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def timed(study: Study, folder: Path, seconds: float, slots: int = 1) -> tuple[Session, Clock]:
    clock, allowance = Clock(), Allowance(seconds=seconds, total=seconds)
    options: dict[str, Any] = {"clock": clock, "allowance": allowance, "capacity": lambda: slots}
    return Session(study, folder, **options), clock


def test_no_trial_begins_that_cannot_end_before_the_report_is_due(tmp_path: Path) -> None:
    study = small_study(epochs=1, space={"slope": list(range(9))})
    session, clock = timed(study, tmp_path, 100)  # of which 9 are for the report
    begun = 0
    while trial := session.controller.next_trial():
        session.controller.on_start(trial)
        clock.now += 20  # its one epoch says 0.1 s: the rest is the start of its process
        session.report(trial, 1, end={"status": "completed"})
        session.controller.on_end(trial)
        begun += 1
    assert begun == 4  # a fifth would end after 100 s, and 91 are there
    assert session.controller.finished


def test_with_a_scheduler_a_trial_begins_that_reaches_its_next_rung(tmp_path: Path) -> None:
    study = searched_study(search=Random(trials=3), confirm=None)  # rungs 2 and 4 of 8 epochs
    session, clock = timed(study, tmp_path, 14.0)  # 2.8 for the report
    first = session.begin()
    for epoch in range(1, 9):
        clock.now += 1.0
        end = {"status": "completed"} if epoch == 8 else None
        session.report(first, epoch, seconds=1.0, end=end)
    session.controller.on_end(first)
    assert session.begin().id == "0002"  # at 8 of 11.2 s: 2 epochs fit, 8 do not


def test_a_trial_is_cut_off_before_an_epoch_that_would_be_late_and_is_unfinished(
    tmp_path: Path,
) -> None:
    session, clock = timed(small_study(epochs=50), tmp_path, 94.5)  # 3.5 for the report
    trial = session.begin()
    for epoch in range(1, 9):
        clock.now = 10.0 * epoch
        goes_on = session.report(trial, epoch, seconds=10.0)
        # 12.5 s for an epoch of 10 s in the mean: from 80 s on that is after 91 s
        assert goes_on == (epoch < 8)
    session.controller.on_end(trial)
    assert session.ends == []
    assert [row["status"] for row in session.rows()] == ["running"]
    assert session.controller.budget.facts()["cut"] == [trial.id]


def test_what_the_confirmation_needs_is_reserved_once_there_is_something_to_confirm(
    tmp_path: Path,
) -> None:
    study = searched_study(
        search=Random(trials=99), confirm=Confirm(top=1, seeds=2), seeds_per_trial=1, scheduler=None
    )
    session, clock = timed(study, tmp_path, 98.5)  # 7.5 for the report
    phases = []
    while trial := session.controller.next_trial():
        session.controller.on_start(trial)
        phases.append(trial.phase)
        for epoch in range(1, 9):
            clock.now += 1.0
            end = {"status": "completed"} if epoch == 8 else None
            session.report(trial, epoch, seconds=1.0, end=end)
        session.controller.on_end(trial)
    # 91 s less 16 s and some for doubt: nine trials of 8 s, then two
    assert phases == ["search"] * 9 + ["confirm"] * 2
    assert 16 < session.controller.budget.facts()["reserved"]["seconds"] < 19


@pytest.mark.parametrize(
    ("limits", "search", "confirm"),
    [({"epochs": 40}, 3, 2), ({"trials": 6}, 4, 2), ({"epochs": 1000, "trials": 1000}, 12, 2)],
)
def test_a_budget_of_epochs_or_trials_is_kept_and_its_confirmation_is_in_it(
    tmp_path: Path, limits: dict[str, int], search: int, confirm: int
) -> None:
    study = searched_study(
        search=Random(trials=12),
        scheduler=None,
        confirm=Confirm(top=2, seeds=1),
        resources=limited(**limits),
    )
    done = run(study, results=tmp_path, backend="inline")
    ended = done.trials[done.trials["status"] == "completed"]["phase"].value_counts()
    assert dict(ended) == {"search": search, "confirm": confirm}
    assert len(done.epochs[["trial", "epoch"]].drop_duplicates()) <= limits.get("epochs", 1000)


def test_a_budget_is_continued_unless_there_is_a_new_one(tmp_path: Path) -> None:
    study = searched_study(
        search=Random(trials=12), scheduler=None, confirm=None, resources=limited(epochs=20)
    )
    first = run(study, results=tmp_path, backend="inline")
    assert _epochs(first) == 16  # a third trial would end at 24
    assert budget_words(first) == (
        "20 epochs; spent before the report: 16 epochs; not begun: 10 trials of the search"
    )
    again = resume(first, study, backend="inline")
    assert _epochs(again) == 16
    assert again.recorded["sessions"][-1]["budget"]["before"]["epochs"] == 16
    renewed = resume(first, study, backend="inline", max_time="1h")
    assert _epochs(renewed) == 32
    assert renewed.recorded["sessions"][-1]["budget"]["seconds"] == 3600.0


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (None, "no epoch ended in that time: Ray, processes and data take longer to start; "),
        (61.0, "its first epoch ended after 61 s; "),
        (20.0, ""),
    ],
)
def test_what_the_start_took_of_the_time_is_said(
    tmp_path: Path, first: float | None, words: str
) -> None:
    study = searched_study(
        search=Random(trials=12),
        scheduler=None,
        confirm=None,
        resources=limited(time="2m", epochs=20),
    )
    done = run(study, results=tmp_path, backend="inline")
    spec = json.loads(done.paths.study.read_text())
    assert 0 < spec["sessions"][-1]["budget"]["first_epoch"] < 120
    spec["sessions"][-1]["budget"]["first_epoch"] = first
    done.paths.study.write_text(json.dumps(spec))
    assert f" and 16 epochs; {words}reserved" in budget_words(load_run(done.paths.root))


def _epochs(done: Any) -> int:
    return len(done.epochs[["trial", "epoch"]].drop_duplicates())


def test_what_was_cut_off_goes_on_and_gives_what_an_uninterrupted_run_gives(
    tmp_path: Path,
) -> None:
    study = searched_study(search=Random(trials=4), confirm=None)
    whole = run(study, results=tmp_path / "whole", backend="inline")
    parts = replace(study, resources=limited(epochs=11))
    done = run(parts, results=tmp_path / "parts", backend="inline")
    assert done.trials["status"].tolist() == ["completed", "unfinished"]
    assert "cut off: 1 trial (0002)" in budget_words(done)
    for _ in range(4):
        done = resume(done, parts, backend="inline", max_time="1h")
    assert done.trials["status"].tolist() == whole.trials["status"].tolist()
    numbers = ["trial", "epoch", "seed", "score"]
    assert done.epochs[numbers].equals(whole.epochs[numbers])


def test_a_budget_that_is_spent_up_ends_well_and_its_report_is_written(tmp_path: Path) -> None:
    study = searched_study(search=Random(trials=400), fixed={"pause": 0.02}, scheduler=None)
    done = run(study, results=tmp_path, backend="inline", max_time="4s")
    assert done.report.exists()
    assert "Budget" in done.report.read_text()
    assert len(done.trials) < 300


def test_arms_of_which_none_was_complete_in_time_have_a_report(tmp_path: Path) -> None:
    def timed_scores(config: Any, seeds: Any, resume: Any = None) -> Any:
        for metrics, state in scores(config, seeds):
            yield metrics | {"train_seconds": 0.1}, state

    arms = Report(compare=Compare(parameter="slope", baseline=1, metrics=["score"]))
    study = small_study(timed_scores, report=arms)
    paths = prepared(study, tmp_path)
    assert crash_after(2, study, paths)
    assert "Budget" not in write_report(load_run(paths.root)).read_text()


def test_the_start_of_the_command_is_part_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_command, "begun", time.time() - 20)
    assert 20 <= budget_record(Budget(time="1h"))["budget"]["before"]["seconds"] < 600
    monkeypatch.setattr(study_command, "begun", None)
    assert budget_record(Budget(time="1h"))["budget"]["before"]["seconds"] == 0


def test_a_session_that_was_killed_is_counted_up_to_its_last_epoch(tmp_path: Path) -> None:
    study = searched_study(search=Random(trials=1), scheduler=None, confirm=None)
    done = run(study, results=tmp_path, backend="inline", max_time="1h")
    (session,) = done.recorded["sessions"]
    del session["budget"]["spent"]
    record = budget_record(Budget(time="1h"), done)["budget"]
    assert record["before"]["epochs"] == 8
    assert record["before"]["trials"] == 1
    assert 0 < record["before"]["seconds"] < 600
    assert budget_record(Budget(time="1h"), done, renewed=True)["budget"]["before"]["epochs"] == 0
    assert budget_record(Budget(), done) == {}


def test_list_scheduling_gives_each_trial_to_the_slot_that_is_free_first() -> None:
    assert makespan([3, 2, 2], 2) == 4
    assert makespan([3, 2, 2], 1) == 7
    assert makespan([], 4) == 0
    assert 10 < sufficient([1.0] * 10, ["a"] * 10, 1) < 12
    assert sufficient([], [], 3) == 0


@pytest.mark.parametrize("span", ["soon", "", "0s", -1, True, "5 parsecs"])
def test_a_time_that_is_no_span_is_refused(span: Any) -> None:
    with pytest.raises(StudyError, match=r"budget: time=.* must be a span above 0: 90s, 45m"):
        small_study(resources=limited(time=span))


def test_a_budget_is_given_with_the_other_values(tmp_path: Path) -> None:
    study = small_study().override({"budget": {"time": "1h30m", "epochs": 7}})
    assert study.budget.limits() == {"seconds": 5400.0, "epochs": 7, "trials": None}
    assert study.override({"budget": None}).budget == Budget()
    with pytest.raises(StudyError, match="budget: epochs=0 must be a whole number, 1 or more"):
        study.override({"budget": {"epochs": 0}})
