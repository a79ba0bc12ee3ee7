"""Which sampler "auto" stands for, and what the records say of it."""

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from inline_runs import prepared
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.samplers import TPESampler
from optuna.trial import TrialState, create_trial
from searched_studies import searched_study

from analysis import load_run
from tuning import Optuna
from tuning.engine.backends.inline import run_inline
from tuning.runs.history import History, TrialRecord
from tuning.runs.recorded_trials import trial_records
from tuning.search.optuna import OptunaSearcher
from tuning.search.rung_tpe import RungTPE

STUDY = searched_study(search=Optuna(trials=9, n_startup_trials=2))


def drawn(searcher: OptunaSearcher, trials: int) -> list[Any]:
    """By what so many trials are drawn, each of which has a score before the next one is."""
    found = []
    for number in range(trials):
        trial = searcher.ask()
        assert trial
        searcher.report(trial, 2, number / 10)
        found.append(trial.drawn and trial.drawn["by"])
    return found


def past(seconds: list[float]) -> list[TrialRecord]:
    """Trials whose suggestions took so long, paused at the first rung."""
    searcher, records = OptunaSearcher(STUDY), []
    for number, each in enumerate(seconds):
        trial = searcher.ask()
        assert trial
        facts = {"by": "gp", "seconds": each}
        records.append(
            TrialRecord(
                trial=type(trial)(id=trial.id, params=trial.params, seeds=[0], drawn=facts),
                status="paused",
                rung=2,
                scores={2: number / 10},
                last_epoch=2,
            )
        )
    return records


def test_a_gaussian_process_draws_where_trials_take_long_and_tpe_where_they_are_short() -> None:
    long = OptunaSearcher(STUDY, trial_seconds=lambda: 1e4)
    assert drawn(long, 5) == [None, None, "gp", "gp", "gp"]
    short = OptunaSearcher(STUDY, trial_seconds=lambda: 1e-4)
    assert drawn(short, 5) == [None, None, "gp", "tpe", "tpe"], "one tells what it costs"


@pytest.mark.parametrize(
    ("costs", "by"),
    [([2.9, 2.9, 2.9], "gp"), ([3.1, 3.1, 3.1], "tpe"), ([9.0, 2.0, 2.0], "gp")],
)
def test_a_session_that_goes_on_chooses_by_the_records_alone(costs: list[float], by: str) -> None:
    """At most 3 % of the 100 s that a trial takes; one slow suggestion decides nothing."""
    searcher = OptunaSearcher(STUDY, past(costs), trial_seconds=lambda: 100.0)
    trial = searcher.ask()
    assert trial
    assert trial.drawn
    assert trial.drawn["by"] == by


def test_the_records_say_how_each_trial_was_drawn_and_what_trials_took(tmp_path: Path) -> None:
    paths = prepared(STUDY, tmp_path)
    run_inline(STUDY, paths)
    rows = [json.loads(line) for line in paths.trials.read_text().splitlines()]
    said = [row["drawn"]["by"] for row in rows if "drawn" in row]
    assert said == ["gp", *["tpe"] * 6]
    read = load_run(paths.root)
    search = trial_records(read)
    assert [each.trial.drawn and each.trial.drawn["by"] for each in search] == [None, None, *said]
    taken = read.phase("search").epochs.drop_duplicates(["trial", "epoch"])["seconds"].sum()
    assert History.of(STUDY, read).trial_seconds() == pytest.approx(taken / 9)


def test_tpe_takes_a_paused_trial_for_one_that_was_stopped() -> None:
    """As Optuna's own does where it is told so."""
    distributions = {"x": FloatDistribution(0, 1), "k": CategoricalDistribution(("a", "b"))}

    def params(waiting: TrialState, sampler: Any) -> dict[str, Any]:
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for number in range(60):
            x, state = number * 7 % 60 / 60, [TrialState.COMPLETE, waiting][number % 2]
            study.add_trial(
                create_trial(
                    params={"x": x, "k": "ab"[number % 3 > 0]},
                    distributions=distributions,
                    state=state,
                    value=None if state == TrialState.RUNNING else x,
                    intermediate_values={1: x / 2, 3: x},
                )
            )
        return study.ask(distributions).params

    expected = params(TrialState.PRUNED, TPESampler(seed=3, n_startup_trials=4))
    assert params(TrialState.RUNNING, RungTPE(3, 4)) == expected
    assert params(TrialState.RUNNING, TPESampler(seed=3, n_startup_trials=4)) != expected
