"""Trials that pause at rungs: who goes on, what is kept, and what is stopped after all."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_runs import crash_after, prepared, run
from launching import run as run_on_ray
from searched_studies import learn, searched_study

from analysis import Run, load_run
from analysis.report.build import write_report
from analysis.stats.leaderboard import leaderboard
from analysis.stats.statuses import status_table
from tuning import Asha, Confirm, Optuna, Random, Study, StudyError
from tuning.callbacks.progress import StudyProgress
from tuning.engine import disk, reporter
from tuning.engine.backends.inline import run_inline
from tuning.runs.history import TrialRecord
from tuning.search.promotion import PromotingScheduler
from tuning.spec.study import Trial


def study_of(trials: int = 30, **changes: Any) -> Study:
    """Rungs at epochs 1 and 3 of 9, one in three goes on."""
    values: dict[str, Any] = {
        "search": Random(trials=trials),
        "scheduler": Asha(grace_period=1, reduction_factor=3),
        "confirm": None,
        "epochs": 9,
    }
    return searched_study(**values | changes)


def trial(number: int) -> Trial:
    return Trial(id=f"{number:04}", params={"x": 0.5, "kind": "a"}, seeds=[0])


def judged(scheduler: PromotingScheduler, epoch: int, *scores: float) -> list[Any]:
    """The status that each trial gets at ``epoch``, in the order of their numbers from 1."""
    answers = [
        scheduler.judge(trial(number), epoch, score) for number, score in enumerate(scores, start=1)
    ]
    return [answer and answer["status"] for answer in answers]


def names(answers: Any) -> list[tuple[str, int]]:
    return [(trial.id, rung) for trial, rung in answers]


def promoted(scheduler: PromotingScheduler, **how: Any) -> tuple[str, int] | None:
    answer = scheduler.promoted((), **how)
    return answer and (answer[0].id, answer[1])


def test_a_trial_pauses_until_it_is_in_the_best_third() -> None:
    scheduler = PromotingScheduler(study_of())
    assert judged(scheduler, 1, 0.5, 0.9) == ["paused", "paused"]
    assert promoted(scheduler) is None
    assert scheduler.judge(trial(3), 1, 0.1) == {"status": "paused", "rung": 1}
    assert scheduler.promoted(busy={"0002"}) is None
    assert promoted(scheduler) == ("0002", 1)
    assert promoted(scheduler) is None
    assert scheduler.judge(trial(2), 1, 0.9) is None, "as it comes again with its checkpoint"
    assert scheduler.judge(trial(2), 2, 0.9) is None, "epoch 2 is no rung"


def test_one_that_is_in_the_best_third_when_it_comes_goes_on_at_once() -> None:
    scheduler = PromotingScheduler(study_of())
    assert judged(scheduler, 1, 0.1, 0.2, 0.3, 0.4, 0.0) == [
        "paused",
        "paused",
        None,
        None,
        "paused",
    ]
    # Of five one is in the best third, and it went on.
    assert promoted(scheduler) is None


def test_the_highest_rung_comes_first() -> None:
    scheduler = PromotingScheduler(study_of())
    judged(scheduler, 1, 0.1, 0.2, 0.3, 0.4, 0.5)
    assert judged(scheduler, 3, 0.1, 0.3, 0.2) == ["paused", "paused", "paused"]
    judged(scheduler, 1, *[0.0] * 5, 0.45)
    assert promoted(scheduler) == ("0002", 3)


def test_what_cannot_get_among_the_best_is_given_up_and_ends() -> None:
    """Of nine trials three can go on: the fourth best of all, and worse ones, never can."""
    scheduler = PromotingScheduler(study_of(trials=9))
    assert judged(scheduler, 1, 0.1, 0.2, 0.05) == ["paused", "paused", "paused"]
    assert names(scheduler.given_up()) == []
    assert scheduler.judge(trial(4), 1, 0.15) == {"status": "paused", "rung": 1}
    assert names(scheduler.given_up()) == [("0003", 1)]
    assert scheduler.judge(trial(5), 1, 0.01) == {"status": "pruned", "rung": 1}
    assert names(scheduler.given_up(last=True)) == [("0001", 1), ("0004", 1), ("0002", 1)]
    assert names(scheduler.given_up(last=True)) == []


def test_at_the_end_shares_are_rounded_up_and_enough_are_left_to_confirm() -> None:
    scheduler = PromotingScheduler(study_of(trials=2))
    judged(scheduler, 1, 0.1, 0.2)
    assert promoted(scheduler) is None
    assert promoted(scheduler, last=True) == ("0002", 1)
    assert promoted(scheduler, last=True) is None
    both = PromotingScheduler(study_of(trials=2, confirm=Confirm(top=2, seeds=2)))
    judged(both, 1, 0.1, 0.2)
    assert [promoted(both, last=True) for _ in "12"] == [("0002", 1), ("0001", 1)]


def test_at_the_end_all_of_a_rung_go_on_at_once_and_of_a_higher_one_once_nobody_can_reach_it() -> (
    None
):
    scheduler = PromotingScheduler(study_of(trials=7))
    judged(scheduler, 1, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
    busy: set[str] = set()
    for expected in [("0001", 1), ("0002", 1), ("0003", 1)]:
        answer = scheduler.promoted(busy, last=True)
        assert answer
        assert names([answer]) == [expected]
        busy.add(answer[0].id)
    assert scheduler.promoted(busy, last=True) is None
    scheduler.judge(trial(1), 3, 0.7)
    assert scheduler.promoted(busy - {"0001"}, last=True) is None, "two others may reach epoch 3"
    judged(scheduler, 3, 0.7, 0.6, 0.5)
    assert promoted(scheduler, last=True) == ("0001", 3)


def test_smaller_is_better_where_the_study_says_so_and_equals_go_by_their_ids() -> None:
    scheduler = PromotingScheduler(study_of(mode="min"))
    judged(scheduler, 1, 0.3, 0.3, 0.9)
    assert promoted(scheduler) == ("0001", 1)


def test_a_trial_that_diverged_is_not_judged() -> None:
    scheduler = PromotingScheduler(study_of())
    assert scheduler.judge(trial(1), 1, None) is None
    assert scheduler.judge(trial(2), 1, float("nan")) is None
    assert judged(scheduler, 1, 0.3)[0] is None or promoted(scheduler) is None


EVENTS = st.lists(st.integers(0, 30), min_size=1, max_size=25)


@given(scores=EVENTS, at=st.integers(0, 60), step=st.integers(1, 4))
def test_rebuilt_from_the_records_at_any_moment_it_decides_as_before(
    scores: list[int], at: int, step: int
) -> None:
    """One process, as the controller works: who is promoted comes first."""
    study = study_of(trials=len(scores))
    whole = decisions(study, scores, step, rebuild_at=None)
    assert decisions(study, scores, step, rebuild_at=at) == whole


def decisions(study: Study, scores: list[int], step: int, rebuild_at: int | None) -> list[Any]:
    """Every answer of a search whose trials report one epoch in ``step``, where a trial's score is
    its number's at every epoch; one in five ends itself where it is not judged. At the answer
    ``rebuild_at`` the scheduler is built anew from what is recorded.
    """
    records: dict[str, TrialRecord] = {}
    scheduler, found, waiting = PromotingScheduler(study), [], list(range(1, len(scores) + 1))
    while True:
        if len(found) == rebuild_at:
            scheduler = PromotingScheduler(study, list(records.values()))
        answer = scheduler.promoted(()) or (
            (trial(waiting.pop(0)), 0) if waiting else scheduler.promoted((), last=True)
        )
        if answer is None:
            return found + names(scheduler.given_up(last=True))
        one, rung = answer
        record = records.setdefault(one.id, TrialRecord(trial=one))
        record.status, record.rung = "unfinished", rung or None
        found.append((one.id, rung))
        score = scores[int(one.id) - 1]
        reported = {*range(step, study.epochs, step), study.epochs}
        for epoch in sorted(each for each in reported if each > record.last_epoch):
            record.take(epoch, float(score))
            if end := scheduler.judge(one, epoch, float(score)):
                record.status, record.rung = end["status"], end["rung"]
                break
            if epoch == study.epochs or score % 5 == 4:
                record.status = "completed"
                scheduler.completed(one.id)
                break
        for given_up, _ in scheduler.given_up():
            records[given_up.id].status = "pruned"
            found.append(given_up.id)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(study_of(trials=9), tmp_path_factory.mktemp("searched"))


def rows(read: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read.paths.trials.read_text().splitlines()]


def test_a_search_ends_with_no_trial_paused_and_no_epoch_trained_twice(searched: Run) -> None:
    assert set(searched.trials["status"]) == {"completed", "pruned"}
    assert len(searched.trials) == 9
    lines = searched.paths.epochs.read_text().splitlines()
    epochs = [(row["trial"], row["epoch"]) for row in map(json.loads, lines)]
    assert len(set(epochs)) == len(epochs)
    said = [row["status"] for row in rows(searched)]
    assert said.count("paused") > said.count("pruned") - 6
    gone_on = [row for row in rows(searched) if row["status"] == "running" and "rung" in row]
    assert gone_on
    assert {row["attempt"] for row in gone_on} == {1}, "going on is no new start"


def test_a_promoted_trial_goes_on_from_its_state_to_the_last_bit(searched: Run) -> None:
    """``learn`` remembers in its state what every epoch drew."""
    completed = searched.trials[searched.trials["status"] == "completed"]
    for name, x in zip(completed["trial"], completed["x"], strict=True):
        config = {"x": x, "epochs": 9, "test": False}
        plain = [metrics["score"][0] for metrics, _ in learn(config, [0])]
        own = searched.epochs[searched.epochs["trial"] == name]
        assert own["score"].tolist() == plain


def test_states_are_kept_of_paused_trials_alone_and_of_none_at_the_end(searched: Run) -> None:
    best = json.loads((searched.paths.best / "setting.json").read_text())["trial"]
    assert [path.name for path in searched.paths.checkpoints.iterdir()] == [best]


def test_of_a_paused_trial_one_checkpoint_is_kept_and_the_estimates_know_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "SECONDS_BETWEEN_REPORTS", -1.0)
    study = study_of(
        trials=3, checkpoint_seconds=0, scheduler=Asha(grace_period=4, reduction_factor=3)
    )
    paths = prepared(study, tmp_path)
    progress = StudyProgress(study)
    waiting, files, said = [], [], []

    class Looks:
        def epoch(self, trial: Trial, row: Any) -> None:
            progress.epoch(trial, row)
            if trial.id == "0002":
                files.append(len(list((paths.checkpoints / "0001").iterdir())))

        def pause(self, trial: Trial) -> None:
            progress.pause(trial)
            waiting.append(trial.id not in progress._left._phases["search"].running)
            said.append(progress.counts())

        def end(self, trial: Trial, status: str, error: str | None) -> None:
            progress.end(trial, status, error)

    run_inline(study, paths, Looks())
    assert set(files) == {1}
    assert len(waiting) >= 2
    assert all(waiting)
    assert said[:2] == ["0 of 3 trials, 1 paused", "0 of 3 trials, 2 paused"]
    assert "paused" not in progress.counts()
    assert progress.share() == 1.0


def stateless(config: Any, seeds: Any, resume: Any = None) -> Iterator[Any]:
    assert resume is None
    for metrics, _ in learn(config, seeds):
        yield metrics, None


@pytest.mark.parametrize("seed", range(4))
def test_a_trainable_without_a_state_is_stopped_as_where_nothing_pauses_and_that_is_said(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = study_of(search=Random(trials=9, seed=seed), trainable=stateless, export=None)
    read = run(study, tmp_path / "default")
    assert capsys.readouterr().err.count("are stopped at rungs instead of paused") == 1
    assert "paused" not in {row["status"] for row in rows(read)}
    rule = Asha(grace_period=1, reduction_factor=3, pauses=False)
    plain = run(dataclasses.replace(study, scheduler=rule), tmp_path / "plain")
    columns = ["trial", "status", "rung", "epochs", "x"]
    pd.testing.assert_frame_equal(read.trials[columns], plain.trials[columns])
    assert set(read.trials["status"]) == {"completed", "pruned"}
    assert capsys.readouterr().err == ""


def test_a_run_that_was_interrupted_has_paused_trials_and_says_so(tmp_path: Path) -> None:
    study = study_of(trials=9)
    paths = prepared(study, tmp_path)
    assert crash_after(6, study, paths)
    read = load_run(paths.root)
    assert read.trials["status"].tolist() == ["paused", "paused"]
    assert read.trials["rung"].tolist() == [1, 1]
    table = status_table(read).set_index("status")["trials"]
    assert (table["paused"], table["not started"]) == (2, 7)
    assert leaderboard(read)["status"].tolist() == ["paused", "paused"]
    assert "This run is not complete" in write_report(read).read_text()
    run_inline(study, paths)
    assert "paused" not in set(load_run(paths.root).trials["status"])


def test_a_paused_trial_whose_epochs_were_lost_is_trained_again(tmp_path: Path) -> None:
    """The records of epochs were cut, before the row that says it is paused."""
    study = study_of(trials=9, scheduler=Asha(grace_period=3, reduction_factor=3))
    whole = run(study, tmp_path / "whole")
    paths = prepared(study, tmp_path / "cut")
    assert crash_after(5, study, paths)
    assert load_run(paths.root).trials["status"].tolist() == ["paused"]
    lines = paths.epochs.read_text().splitlines(keepends=True)
    paths.epochs.write_text("".join(lines[:2]))
    assert load_run(paths.root).trials["status"].tolist() == ["unfinished"]
    run_inline(study, paths)
    again, columns = load_run(paths.root), ["trial", "status", "epochs", "x"]
    pd.testing.assert_frame_equal(again.trials[columns], whole.trials[columns])
    columns = ["trial", "epoch", "seed", "score"]
    pd.testing.assert_frame_equal(again.epochs[columns], whole.epochs[columns])


def test_a_trial_that_ended_itself_counts_at_the_rungs_that_are_left() -> None:
    scheduler = PromotingScheduler(study_of())
    assert judged(scheduler, 1, 0.1, 0.2, 0.9)[2] is None
    assert scheduler.judge(trial(3), 2, 0.8) is None
    scheduler.completed("0003")
    past = TrialRecord(trial=trial(3), status="completed")
    past.take(1, 0.9)
    past.take(2, 0.8)
    for each in (scheduler, PromotingScheduler(study_of(), [past])):
        assert judged(each, 3, 0.7, 0.6) == ["paused", "paused"]
        assert each.judge(trial(4), 3, 0.5) == {"status": "paused", "rung": 3}
        assert promoted(each) is None, "of four the best went on, by itself"


def test_the_disk_is_asked_for_the_states_of_paused_trials() -> None:
    """Of 30 trials at most 10 wait at the first rung and 4 at the second."""
    assert disk.most_paused(study_of()) == 10 + 4
    assert disk.most_paused(study_of(scheduler=Asha(pauses=False))) == 0
    assert disk.most_paused(study_of(scheduler=None)) == 0


@pytest.mark.slow
@pytest.mark.usefixtures("private_ray")
def test_on_ray_a_paused_trial_frees_its_place_and_goes_on_from_its_state(tmp_path: Path) -> None:
    read = run_on_ray(study_of(trials=9), tmp_path)
    assert len(read.trials) == 9
    assert set(read.trials["status"]) == {"completed", "pruned"}
    assert "paused" in {row["status"] for row in rows(read)}
    assert read.trials["attempt"].eq(1).all()
    test_a_promoted_trial_goes_on_from_its_state_to_the_last_bit(read)


def test_min_trials_is_for_trials_that_do_not_pause() -> None:
    with pytest.raises(StudyError, match="min_trials"):
        study_of(scheduler=Asha(grace_period=1, min_trials=2))
    assert study_of(scheduler=Asha(grace_period=1, min_trials=2, pauses=False))
    with pytest.raises(StudyError, match="pauses='no'"):
        study_of(scheduler=Asha(pauses="no"))  # type: ignore[arg-type]


def test_the_first_rung_follows_from_the_epochs() -> None:
    firsts = {epochs: Asha().rungs(epochs) for epochs in (1, 2, 7, 10, 52, 100)}
    assert firsts == {
        1: [],
        2: [1],
        7: [1, 3],
        10: [2, 6],
        52: [4, 12, 36],
        100: [8, 24, 72],
    }


def test_what_optuna_is_told_of_a_paused_trial(tmp_path: Path) -> None:
    study = study_of(search=Optuna(trials=9, n_startup_trials=4))
    searcher = study.search.searcher(study)
    first = searcher.ask()
    assert first
    searcher.report(first, 1, 0.5)
    past = TrialRecord(trial=first, status="paused", rung=1)
    past.take(1, 0.5)
    again = study.search.searcher(study, [past])
    second = again.ask()
    assert second
    assert second.id == "0002", "a paused trial is not begun again"
