"""Parts of a session, asked by themselves."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from inline_runs import prepared
from searched_studies import searched_study
from small_studies import small_study
from test_controller import Session as Driven
from test_orders import ADD, X, answers, ordered, random_search

from cluster import nodes
from tuning import Asha, Confirm, Random, Resources, StudyError
from tuning.engine import capacity, reporter
from tuning.engine.orders import SEARCH_IS_OVER
from tuning.engine.pace import Paces
from tuning.engine.session import Session
from tuning.spec.trial import Trial


def test_while_the_disk_is_full_it_is_looked_whether_the_run_is_still_held(tmp_path: Path) -> None:
    def check() -> None:
        raise StudyError("another process has taken this run over")

    about: Any = {"lock": SimpleNamespace(check=check), "check": lambda: None}
    interruption: Any = SimpleNamespace(by=None)
    paths = prepared(small_study(), tmp_path)
    session = Session(small_study(), paths, [], **about, interruption=interruption)
    with pytest.raises(StudyError, match="taken this run over"):
        session._between()


def test_epochs_up_to_the_rung_where_a_trial_was_paused_are_not_recorded_again(
    tmp_path: Path,
) -> None:
    rule = Asha(grace_period=2, reduction_factor=2)
    session = Driven(searched_study(search=Random(trials=3), scheduler=rule), tmp_path)
    for score in (0.9, 0.1):
        trial = session.begin()
        assert not session.report(trial, 2, score)
        session.controller.on_end(trial)
    again = session.begin()
    assert again.id == "0001"
    assert session.report(again, 2, 0.9)
    assert session.report(again, 3, 0.9)
    rows = session.paths.epochs.read_text().splitlines()
    assert [row.partition('"epoch":')[2][0] for row in rows] == ["2", "2", "3"]


def test_no_setting_is_added_while_the_best_are_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "SECONDS_BETWEEN_REPORTS", -1.0)
    study = random_search(search=Random(trials=2), confirm=Confirm(top=1, seeds=2))
    run = ordered(study, tmp_path, {14: [(ADD, {"params": X})]})
    assert [answer[1:] for answer in answers(run)] == [(False, SEARCH_IS_OVER)]


def test_nodes_and_the_disk_are_refused_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "unsatisfiable", lambda wanted: "no node has 9 CPUs")
    monkeypatch.setattr(nodes, "slots", lambda wanted: 1)
    monkeypatch.setattr(capacity, "disk_problem", lambda *given: "the disk is full")
    sent: Any = None
    with pytest.raises(StudyError) as refused:
        capacity.check_nodes(small_study(), sent, tmp_path, cluster=False)
    assert len(refused.value.problems) == 2
    with pytest.raises(StudyError, match="no node has 9 CPUs") as refused:
        capacity.check_nodes(small_study(), sent, None, cluster=False)
    assert len(refused.value.problems) == 1


@pytest.mark.parametrize(("trials", "seconds"), [(None, 60.0), (4, 20.0)])
def test_a_confirmation_takes_longer_by_the_seeds_that_a_trial_of_the_search_lacks(
    trials: int | None, seconds: float
) -> None:
    """A trial of the grid has one of the three seeds, one of the random search has all."""
    search = {"search": Random(trials=trials)} if trials else {}
    paces = Paces(small_study(seeds=3, seeds_per_trial=1, **search), clock=lambda: 0.0)
    searched = Trial(id="0001", params={"slope": 1}, seeds=[0])
    paces.started(searched, 0)
    paces.reported(searched, [{"epoch": 1, "seconds": 2.0}])
    paces.ended(searched)
    confirmed = Trial(id="c0001", params={"slope": 1}, seeds=[0, 1, 2], phase="confirm")
    assert paces.seconds(confirmed, 10) == seconds


@pytest.mark.parametrize(("fresh", "seconds"), [(False, 2.5), (True, 16.75)])
def test_the_start_of_processes_that_are_used_again_is_no_time_of_later_trials(
    fresh: bool, seconds: float
) -> None:
    """The first trial reports after 30 s, of which it trained 1; the second after 1.5 s."""
    now, study = [0.0], small_study(resources=Resources(fresh_process=fresh))
    paces = Paces(study, clock=lambda: now[0])
    for number, reported in ((1, 30.0), (2, 31.5)):
        trial = Trial(id=f"000{number}", params={"slope": 1}, seeds=[0])
        paces.started(trial, 0)
        now[0] = reported
        paces.reported(trial, [{"epoch": 1, "seconds": 1.0}])
        paces.ended(trial)
    third = Trial(id="0003", params={"slope": 1}, seeds=[0])
    assert paces.seconds(third, 2) == seconds, "two epochs, and what a trial takes beside them"
