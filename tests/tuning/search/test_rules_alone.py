"""Rules of searching and stopping, asked without a run."""

from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from drawn_studies import drawing
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
from searched_studies import searched_study
from test_own_search import HillClimber
from test_schedulers import Third, ended_early, stopping

from analysis.records.schema import Status
from tuning import Asha, Optuna, Random
from tuning.runs.trial_record import TrialRecord
from tuning.search import rung_sampler
from tuning.search.asha import AshaScheduler
from tuning.search.gaussian import _scaled
from tuning.search.grid import trials_left
from tuning.search.optuna_space import OptunaSpace, is_unknown
from tuning.search.own import OwnSearcher
from tuning.search.rung_tpe import _PausedArePruned
from tuning.search.samplers import Samplers
from tuning.spec.trial import Trial


def trial(name: str, **params: Any) -> Trial:
    return Trial(id=name, params=params, seeds=[0])


def test_scores_have_mean_0_and_deviation_1_and_bad_ones_count_no_more_than_the_best() -> None:
    assert _scaled(np.array([1.0, 3.0, 5.0, 7.0])) == pytest.approx(
        np.array([-3, -1, 1, 3]) / 5**0.5
    )
    assert _scaled(np.array([0.0, 2.0, 4.0, -np.inf])) == pytest.approx(
        _scaled(np.array([0.0, 2.0, 4.0, 0.0]))
    )
    assert _scaled(np.array([2.0, 2.0])).tolist() == [0.0, 0.0]


def test_a_trial_that_was_cut_off_at_a_rung_counts_there_once() -> None:
    study = searched_study(scheduler=Asha(grace_period=1, reduction_factor=2), epochs=9)
    past = TrialRecord(trial=trial("0001"))
    past.take(1, 0.75)
    scheduler = AshaScheduler(study, [past])
    assert scheduler.goes_on("0001", 2, 0.75)
    assert scheduler.goes_on("0001", 3, 0.75)
    assert not scheduler.goes_on("0002", 1, 0.25)
    assert scheduler.goes_on("0003", 1, 0.5), "the median of 0.25 and 0.75"


def test_a_trial_that_ended_itself_has_its_last_value_from_the_next_epoch_on() -> None:
    study = stopping(Third())
    assert study.scheduler
    past = ended_early(study, {"0001": [1.0, 3.0], "0004": [2.0, 4.0]})
    rule = study.scheduler.scheduler(study, past)
    assert rule.judge(trial("0007"), 3, 2.9) == {"status": "pruned", "rung": 3}


def test_a_planned_trial_whose_id_is_taken_gets_the_next_free_one() -> None:
    planned = [trial("0001", x=1), trial("0002", x=2)]
    past = TrialRecord(trial=trial("0001", x=9), status="completed")
    assert [each.id for each in trials_left(planned, [past])] == ["0003", "0002"]


def test_a_random_search_goes_on_with_the_number_after_the_last() -> None:
    study = drawing(Random(trials=3))
    first = study.search.searcher(study).ask()
    assert first
    past = [TrialRecord(trial=first, status="completed")]
    searcher = study.search.searcher(study, past)
    assert [each and each.id for each in (searcher.ask() for _ in range(3))] == [
        "0002",
        "0003",
        None,
    ]


def test_an_own_searcher_is_told_of_a_trial_that_a_person_added() -> None:
    study = drawing(HillClimber(), epochs=1)
    searcher = study.search.searcher(study)
    assert isinstance(searcher, OwnSearcher)
    added = TrialRecord(trial=trial("a1", x=0.75, kind="a"), status="completed")
    added.take(1, 0.5)
    searcher.learn(added)
    assert searcher._own.best == (0.5, 0.75)


def test_optuna_takes_trials_that_wait_for_pruned_and_leaves_the_others() -> None:
    study = optuna.create_study()
    space = {"x": FloatDistribution(0.0, 1.0)}
    waits, runs, failed = (study.ask(space) for _ in range(3))
    waits.report(0.5, 1)
    failed.report(0.5, 1)
    study.tell(failed, state=TrialState.FAIL)
    seen = _PausedArePruned(study)
    states = [TrialState.PRUNED, TrialState.RUNNING, TrialState.FAIL]
    assert [each.state for each in seen.get_trials()] == states
    assert [each.number for each in seen.get_trials(states=(TrialState.PRUNED,))] == [waits.number]
    assert study.trials[runs.number].state == study.trials[waits.number].state == TrialState.RUNNING


@pytest.mark.parametrize(("sampler", "made"), [("nsga2", "NSGAIISampler"), ("qmc", "QMCSampler")])
def test_a_sampler_is_the_one_that_was_named(sampler: str, made: str) -> None:
    study = drawing(Optuna(trials=5, sampler=sampler))
    assert type(Samplers(study, OptunaSpace(study), lambda: None).of_seed(0)).__name__ == made


def test_only_what_was_stopped_by_hand_before_it_said_anything_is_unknown() -> None:
    ends = [(Status.STOPPED, None), (Status.STOPPED, 0.5), (Status.PRUNED, None)]
    assert [is_unknown(status, score) for status, score in ends] == [True, False, False]


def test_a_suggestion_says_what_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rung_sampler, "time", SimpleNamespace(perf_counter=count(5).__next__))
    space = {"x": FloatDistribution(0.0, 1.0)}
    study = optuna.create_study(sampler=rung_sampler.RungSampler(0, 1, [1], space))
    for x in (0.25, 0.5):
        values = {"params": {"x": x}, "intermediate_values": {1: x}, "value": x}
        study.add_trial(optuna.trial.create_trial(distributions=space, **values))
    study.ask(space)
    assert study.sampler.facts() == {"by": "gp", "seconds": 1}
