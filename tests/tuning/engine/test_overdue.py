"""Trials that still train when their time is over."""

from pathlib import Path

from searched_studies import searched_study
from small_studies import small_study
from test_budget import timed

from tuning import Confirm, Random


def test_a_trial_in_a_long_epoch_is_killed_when_the_report_is_due_and_not_tried_again(
    tmp_path: Path,
) -> None:
    session, clock = timed(small_study(), tmp_path, 94.5)  # 3.5 for the report
    trial = session.begin()
    clock.now = 90.0
    assert session.controller.on_tick(clock.now) == []
    clock.now = 92.0
    assert session.controller.on_tick(clock.now) == [trial.id]
    session.controller.on_error(trial, "the process of the trial died")
    assert session.controller.next_trial() is None
    assert session.controller.finished
    assert session.ends == []


def test_a_late_trial_of_the_search_is_waited_for_as_long_as_another_process_would_take_to_start(
    tmp_path: Path,
) -> None:
    """Two trials of 8 epochs of 1 s, the first with 6 s for its process: of 91 s some 8 are for the
    confirmation of the first one, so that the second is to end by 82 s or so.
    """
    study = searched_study(
        search=Random(trials=99), confirm=Confirm(top=1, seeds=1), scheduler=None
    )
    session, clock = timed(study, tmp_path, 98.5)  # 7.5 for the report
    first = session.begin()
    clock.now = 6.0
    for epoch in range(1, 9):
        clock.now += 1.0
        end = {"status": "completed"} if epoch == 8 else None
        session.report(first, epoch, seconds=1.0, end=end)
    session.controller.on_end(first)
    second = session.begin()
    clock.now += 1.0
    assert session.report(second, 1, seconds=1.0)
    late: list[str] = []
    while not late:
        clock.now += 0.5
        late = session.controller.on_tick(clock.now)
    reserved = session.controller.budget.facts()["reserved"]["seconds"]
    assert late == [second.id]
    assert 91 - reserved + 6 < clock.now <= 91 - reserved + 6.5
