"""What a session finds of earlier ones: settings as the study has them, and only what is left."""

from pathlib import Path

from ray import tune
from run_folders import SPEC, Trial, write_run
from small_studies import small_study

from analysis import load_run
from tuning import Confirm, Random
from tuning.runs.history import History
from tuning.runs.recorded_trials import trial_records
from tuning.search.confirmation import confirmations
from tuning.search.grid import trials_left

SPACE = {"slope": [1, 2.5], "kind": [None, 3]}


def test_settings_come_back_as_the_study_has_them_and_are_not_trained_again(tmp_path: Path) -> None:
    """A frame turns 1 beside 2.5 into 1.0, and 3 beside None into 3.0."""
    study = small_study(space=SPACE, seeds=2, seeds_per_trial=2)
    done = [
        Trial(params=trial.params, epochs=[{"score": 1.0}] * 3, seeds=trial.seeds)
        for trial in study.trials()[:3]
    ]
    spec = {
        "metric": "score",
        "epochs": 3,
        "seeds": [0, 1],
        "fixed": {},
        "space": {key: {"values": values} for key, values in SPACE.items()},
    }
    past = trial_records(load_run(write_run(tmp_path / "run", done, **SPEC | spec)))
    assert [repr(dict(one.trial.params)) for one in past] == [
        repr(dict(trial.params)) for trial in study.trials()[:3]
    ]
    assert [
        (dict(trial.params), trial.seeds) for trial in trials_left(study.trials(), _renamed(past))
    ] == [({"slope": 2.5, "kind": 3}, [0, 1])]


def test_a_number_is_the_same_setting_however_it_is_written(tmp_path: Path) -> None:
    """A setting that the confirmation names as 1, in a range of numbers, is recorded as 1.0."""
    study = small_study(
        space={"slope": tune.uniform(0.0, 2.0)},
        search=Random(trials=1),
        confirm=Confirm(top=1, seeds=2, baselines={"one": {"slope": 1}, "two": {"slope": 2}}),
        seeds=1,
    )
    done = Trial(
        name="c0001",
        phase="confirm",
        params={"slope": 1},
        epochs=[{"score": 1.0}] * 3,
        seeds=study.fresh_seeds,
    )
    spec = {
        "metric": "score",
        "epochs": 3,
        "fixed": {},
        "space": {"slope": {"kind": "float", "low": 0.0, "high": 2.0}},
    }
    history = History.of(study, load_run(write_run(tmp_path / "run", [done], **SPEC | spec)))
    left = trials_left(confirmations(study, history.to_confirm()), list(history.phase("confirm")))
    assert [dict(trial.params) for trial in left] == [{"slope": 2.0}]


def test_a_seed_without_a_number_leaves_no_mean_of_the_others(tmp_path: Path) -> None:
    spec = {
        "metric": "score",
        "epochs": 3,
        "fixed": {},
        "space": {"slope": {"values": [1]}},
        "seeds": [0, 1],
    }
    ends = [{"score": [1.0, 2.0]}, {"score": [3.0, float("nan")]}]
    trial = Trial(params={"slope": 1}, epochs=ends, seeds=[0, 1], status="diverged")
    (one,) = trial_records(load_run(write_run(tmp_path / "run", [trial], **SPEC | spec)))
    assert (one.scores, one.last_epoch) == ({1: 1.5}, 2)


def _renamed(past: list) -> list:
    """With ids as the recorder gives them, not as the run folders of tests do."""
    from dataclasses import replace

    return [
        replace(one, trial=replace(one.trial, id=one.trial.id.removeprefix("t"))) for one in past
    ]
