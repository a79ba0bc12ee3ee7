"""What another rule would have spent and found, from recorded curves."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import invoke
from inline_runs import crash_after, prepared, run
from searched_studies import searched_study

from analysis import Run, load_run
from analysis.stats.continuations import continued, stops_below
from tuning import Asha, Random, Study, StudyError
from tuning.engine.whatif import Curves, Outcome, curves_of, held, rule_of, what_if
from tuning.engine.whatif_text import whatif_text


def rise(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    """The order of trials is the same at all epochs."""
    for epoch in range((resume or 0) + 1, config["epochs"] + 1):
        yield {"epoch": epoch, "score": [config["x"] * (1 - 0.5**epoch)] * len(seeds)}, epoch


def study_of(rule: Asha | None, trials: int = 27, **changes: Any) -> Study:
    values = {"search": Random(trials=trials), "scheduler": rule, "confirm": None, "epochs": 9}
    return searched_study(rise, export=None, **values | changes)


STOPS = Asha(grace_period=1, reduction_factor=3, pauses=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every trial to its end."""
    return run(study_of(None), tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(study_of(STOPS), tmp_path_factory.mktemp("cut"))


def asked(read: Run, slots: int = 1, trials: int = 27, **changes: Any) -> Outcome:
    rule = rule_of(read, changes)
    return what_if(read.recorded, curves_of(read, rule), rule, slots, trials)


def spent(read: Run) -> list[float]:
    ends = read.epochs[read.epochs["epoch"] == 9]["score"]
    return [float(read.trials["epochs"].sum()), float(len(ends)), float(ends.max())]


def found(outcome: Outcome) -> list[float]:
    return [*outcome.epochs, *outcome.completed, *outcome.best]


@pytest.mark.parametrize("rule", [STOPS, Asha(grace_period=2, reduction_factor=2)])
def test_on_whole_curves_it_says_what_the_rule_does_spend_and_find(
    whole: Run, tmp_path: Path, rule: Asha
) -> None:
    changes = dataclasses.asdict(rule)
    assert found(asked(whole, **changes)) == spent(run(study_of(rule), tmp_path))


def test_what_the_run_did_itself_is_not_drawn(cut: Run) -> None:
    assert found(asked(cut)) == spent(cut)
    text = whatif_text(cut, slots=1)
    assert "nothing had to be drawn" in text
    assert text.splitlines()[1].split()[3] == text.splitlines()[2].split()[1]
    assert " to " not in text.splitlines()[2], "no interval of what is known"


def test_fewer_trials_are_the_first_ones(whole: Run, tmp_path: Path) -> None:
    rule = Asha(grace_period=1)
    fewer = run(study_of(rule, trials=9), tmp_path)
    assert found(asked(whole, trials=9, **dataclasses.asdict(rule))) == spent(fewer)


def test_several_slots_take_less_time(whole: Run) -> None:
    one, four = (asked(whole, slots=slots) for slots in (1, 4))
    assert one.epochs == four.epochs == [27 * 9]
    assert one.seconds == pytest.approx(whole.epochs["seconds"].sum())
    assert one.seconds / 4 <= four.seconds < one.seconds


def test_what_is_not_known_is_drawn_and_the_interval_holds_what_would_have_been(
    cut: Run, whole: Run
) -> None:
    guess = asked(cut, grace_period=3)
    true = asked(whole, **dataclasses.asdict(dataclasses.replace(STOPS, grace_period=3)))
    assert len(guess.epochs) == len(guess.best) == 200
    low, high = np.quantile(guess.epochs, [0.1, 0.9])
    assert low <= true.epochs[0] <= high
    assert low < high
    assert np.array_equal(guess.epochs, asked(cut, grace_period=3).epochs), "drawn alike each time"
    text = whatif_text(cut, grace_period=3)
    assert "the middle 80 %" in text
    assert f"({low:.0f} to {high:.0f})" in text.splitlines()[2]


def test_continuations_keep_what_is_known_and_follow_the_others() -> None:
    stops = [*stops_below(4), 4, 12, 36]
    assert stops == [1, 2, 4, 12, 36]
    ends = np.linspace(1, 3, 30)
    values = ends[:, None] * (1 - 1 / (1 + np.array(stops)))
    seen = values.copy()
    seen[::2, 3:] = np.nan
    drawn = continued(seen, stops, 100, np.random.default_rng(0))
    assert np.array_equal(drawn[:, 1::2], np.repeat(values[None, 1::2], 100, axis=0))
    assert np.array_equal(drawn[:, :, :3], np.repeat(values[None, :, :3], 100, axis=0))
    low, high = np.quantile(drawn[:, ::2, -1], [0.1, 0.9], axis=0)
    assert np.mean((low <= values[::2, -1]) & (values[::2, -1] <= high)) > 0.7
    assert np.isnan(continued(np.array([[1.0, np.nan]]), [1, 2], 3, np.random.default_rng(0))).any()


def test_a_spared_trial_passes_every_rung_is_recorded_and_checks_what_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = dataclasses.replace(STOPS, spare=0.3)
    read = run(study_of(rule), tmp_path)
    spared = [name for name in read.trials["trial"] if rule.spares(0, name)]
    assert 3 <= len(spared) <= 14
    by_name = read.trials.set_index("trial")
    assert set(by_name.loc[spared, "status"]) == {"completed"}
    first = read.paths.trials.read_text().splitlines()
    assert {line.split('"')[3] for line in first if '"spared":true' in line} == set(spared)
    assert not {name for name in spared if Asha().spares(0, name)}
    inside, there = held(read, curves_of(read, rule), rule)
    assert there == len(spared)
    assert 0 <= inside <= there
    whole = curves_of(read, rule)
    monkeypatch.setattr(Curves, "drawn", lambda self, draws: whole.values + np.zeros((draws, 1, 1)))
    assert held(read, whole, rule) == (there, there), "each is drawn as it went on"
    monkeypatch.undo()
    assert f"Of {there} trials that rungs spared" in whatif_text(read, reduction_factor=2)


def test_pausing_trials_are_spared_too_and_none_goes_without_saying(tmp_path: Path) -> None:
    rule = Asha(grace_period=1, spare=0.3)
    read = run(study_of(rule), tmp_path)
    spared = {name for name in read.trials["trial"] if rule.spares(0, name)}
    whole = read.trials[read.trials["status"] == "completed"]
    assert spared <= set(whole["trial"])
    assert "spare" not in Asha().record(9)
    assert rule.record(9)["spare"] == 0.3
    with pytest.raises(StudyError, match=r"spare=1\.5 must be a number from 0 to below 1"):
        study_of(Asha(spare=1.5))


def test_without_a_trial_that_went_on_nothing_is_made_up(tmp_path: Path) -> None:
    study = study_of(Asha(grace_period=1), trials=3)
    paths = prepared(study, tmp_path)
    assert crash_after(6, study, paths)
    read = load_run(paths.root)
    assert read.trials["epochs"].tolist() == [1, 1]
    with pytest.raises(StudyError, match="too few of the others were trained further"):
        whatif_text(read, grace_period=3)


def test_what_cannot_be_said_is_refused_and_says_why(cut: Run, whole: Run) -> None:
    with pytest.raises(StudyError, match="needs something that is to be otherwise"):
        whatif_text(cut)
    with pytest.raises(StudyError, match="nothing is known of others"):
        whatif_text(cut, trials=28)
    with pytest.raises(StudyError, match="reduction_factor=1 must be"):
        whatif_text(cut, reduction_factor=1)
    with pytest.raises(StudyError, match="grace_period=9 must be below epochs=9"):
        whatif_text(whole, grace_period=9)
    done = invoke("whatif", str(cut.paths.root), "--slots", "0")
    assert done.exit_code == 2
