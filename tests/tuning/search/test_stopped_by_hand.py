"""What searches, schedulers and estimates make of trials that a person stopped."""

from typing import Any

import numpy as np
import pytest
from optuna.study import StudyDirection
from searched_studies import searched_study

from analysis.stats.settling import CENSORED, SUPPORTED, Rule, settle
from tuning.callbacks.timed import TimedPhase
from tuning.runs.trial_record import TrialRecord
from tuning.search.asha import AshaScheduler
from tuning.search.optuna import OptunaSearcher
from tuning.search.promotion import PromotingScheduler
from tuning.search.rung_sampler import RungSampler
from tuning.spec.study import Asha, Optuna, Random, Study, Trial

STOPPED = "stopped by hand"


def trial(number: int, x: float = 0.5) -> Trial:
    return Trial(id=f"{number:04d}", params={"x": x, "kind": "a"}, seeds=[0])


def record(number: int, *scores: float, status: str = STOPPED, **facts: Any) -> TrialRecord:
    by_epoch = dict(enumerate(scores, start=1))
    about = {"scores": by_epoch, "last_epoch": len(scores), "status": status}
    return TrialRecord(trial=trial(number, number / 10), **{**about, **facts})


def pausing(**changes: Any) -> Study:
    scheduler = Asha(grace_period=2, reduction_factor=2)
    return searched_study(scheduler=scheduler, search=Random(trials=8), **changes)


def test_at_a_rung_that_it_reached_it_counts_and_does_not_wait() -> None:
    past = [record(1, 0.1, 0.9), record(2, 0.1, 0.8, status="paused", rung=2)]
    rebuilt = PromotingScheduler(pausing(confirm=None), past)
    assert rebuilt.promoted(()) is None, "of two there the better one would go on"
    live = PromotingScheduler(pausing(confirm=None))
    for number, score in ((1, 0.9), (2, 0.8)):
        live.judge(trial(number), 2, score)
    live.withdrawn("0001")
    assert live.promoted(()) is None
    for scheduler in (rebuilt, live):
        scheduler.judge(trial(3), 2, 0.7)
        scheduler.judge(trial(4), 2, 0.6)
        promoted = scheduler.promoted(())
        assert promoted
        assert promoted[0].id == "0002"


def test_it_counts_at_no_later_rung() -> None:
    rule = Asha(grace_period=2, reduction_factor=2, pauses=False, min_trials=2)
    study = searched_study(scheduler=rule)
    rungs = AshaScheduler(study, [record(1, 0.1, 0.9, 0.9), record(2, 0.1, 0.1, status="pruned")])
    assert rungs.goes_on("0003", 2, 0.4) is False, "it is below the middle of both"
    rungs = AshaScheduler(study, [record(number, 0.9) for number in (1, 2, 3)])
    assert rungs.goes_on("0004", 2, 0.1) is True, "nobody was there before"


def asked(*records: TrialRecord) -> OptunaSearcher:
    search = Optuna(trials=9, n_startup_trials=1, sampler="tpe")
    return OptunaSearcher(searched_study(search=search), records)


def test_optuna_is_told_its_values_as_of_one_that_was_pruned_and_nothing_where_it_had_none() -> (
    None
):
    known = asked(record(1, 0.2, 0.4), record(2))._told.trials
    assert known[0].state.name == "PRUNED"
    assert known[0].intermediate_values == {1: 0.2, 2: 0.4}
    assert known[1].state.name == "FAIL"
    distributions = known[0].distributions
    sampler = RungSampler(0, 1, [2, 8], distributions)
    seen = sampler._seen(known, StudyDirection.MAXIMIZE)
    assert seen.scores.tolist() == [0.4], "a failed one would be there as minus infinity"


def test_in_a_session_it_is_told_as_from_the_records() -> None:
    searcher = asked()
    first, second = searcher.ask(), searcher.ask()
    assert first
    assert second
    searcher.report(first, 1, 0.2)
    searcher.tell(first, STOPPED)
    searcher.tell(second, STOPPED)
    states = [(each.state.name, bool(each.user_attrs)) for each in searcher._told.trials]
    assert states == [("PRUNED", False), ("FAIL", True)]


def test_a_setting_that_lacks_seeds_for_it_is_given_up_and_the_others_go_on() -> None:
    rule = Rule.of({"at_least": 6, "at_most": 18, "smallest": 0.01, "futility": 0})
    pairs, families = np.array([[0, 1], [0, 2]]), np.zeros(2, dtype=int)
    values = np.array([0.1, 0.5, 0.9])[:, None] + np.linspace(0, 0.01, 18)[None] % 0.003
    ended = np.ones((3, 18), dtype=bool)
    ended[1, 4] = False
    values[1, 4] = np.nan
    waits = settle(rule, values, ended, pairs, families)
    assert waits.reached == 0
    found = settle(rule, values, ended, pairs, families, stopped=np.array([False, True, False]))
    assert found.reasons.tolist() == [CENSORED, SUPPORTED]
    assert 1 not in found.needed


@pytest.mark.parametrize(("status", "judged"), [(STOPPED, (0, 0)), ("pruned", (0, 1))])
def test_estimates_take_it_for_no_trial_that_fell_behind(
    status: str, judged: tuple[int, int]
) -> None:
    phase = TimedPhase([2, 4])
    phase.begin("0001", cold=False).take(1, 0.5)
    phase.end("0001", status)
    assert phase.judged(2) == judged
    assert phase.paces() == [0.5]
