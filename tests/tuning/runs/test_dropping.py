"""Trials that are left out of a run by hand, trained again, and taken back."""

import json
from pathlib import Path

import pytest
from inline_runs import run as trained
from searched_studies import searched_study
from settling_studies import settling
from small_studies import small_study

from analysis import Run, compare_runs, status_table, summary_table
from analysis.home.row import row_of
from analysis.report.claims import claim
from analysis.stats.findings import find
from analysis.stats.leaderboard import leaderboard
from analysis.stats.settled import settled
from analysis.stats.settling import EQUAL, OPEN, SUPPORTED
from tuning import Confirm, Optuna, Random, StudyError, drop, extend, resume
from tuning.runs.history import History


def grid(results: Path) -> tuple[Run, object]:
    study = small_study(seeds=3, seeds_per_trial=1)
    return trained(study, results), study


def numbers(run: Run) -> dict[int, int]:
    return dict(zip(summary_table(run)["slope"], summary_table(run)["n"], strict=True))


def test_no_number_rests_on_what_is_left_out_and_the_records_keep_it(tmp_path: Path) -> None:
    run, _ = grid(tmp_path)
    before = [(run.paths.root / name).read_bytes() for name in ("trials.jsonl", "epochs.jsonl")]
    out = drop(run, "0002", "0003")
    assert numbers(out) == {1: 1, 2: 3, 3: 3}
    assert set(out.epochs["trial"]) == set(run.epochs["trial"]) - {"0002", "0003"}
    assert out.dropped["trial"].tolist() == ["0002", "0003"]
    assert out.spec["trials"] == 7
    after = [(run.paths.root / name).read_bytes() for name in ("trials.jsonl", "epochs.jsonl")]
    assert after[0].startswith(before[0])
    assert after[1] == before[1]
    added = [json.loads(line) for line in after[0][len(before[0]) :].splitlines()]
    assert [(row["trial"], row["status"]) for row in added] == [
        ("0002", "dropped"),
        ("0003", "dropped"),
    ]


def test_the_report_the_list_and_a_comparison_say_how_many_are_left_out(tmp_path: Path) -> None:
    run, study = grid(tmp_path)
    out = drop(run, "0002")
    said = "1 trial of 9 trials (0002; 1 seed) was left out by hand: no number here rests on them."
    assert said in out.notes
    assert said in out.report.read_text()
    statuses = status_table(out).set_index("status")["trials"]
    assert statuses[["planned", "completed", "dropped", "not started"]].tolist() == [9, 8, 1, 0]
    row = row_of(run.paths.root)
    assert (row["planned"], row["completed"], row["dropped"], row["seeds"]) == (9, 8, 1, 8)
    other = trained(study, tmp_path)
    assert f"{out.paths.root.name}: {said}" in compare_runs([out, other]).notes


def test_a_claim_is_made_without_what_is_left_out(tmp_path: Path) -> None:
    run, _ = grid(tmp_path)
    rest = drop(run, "0007", "0008", "0009")
    assert numbers(rest) == {1: 3, 2: 3, 3: 0}
    assert "slope 2" in str(claim(find(rest)))
    assert "slope 3" in str(claim(find(run)))


def test_what_is_left_out_is_taken_back(tmp_path: Path) -> None:
    run, study = grid(tmp_path)
    drop(run, "0002", "0009")
    back = drop(run, "0002", "0009", undo=True)
    assert back.trials.equals(run.trials)
    assert back.epochs.equals(run.epochs)
    assert (back.notes, back.spec) == (run.notes, run.spec)
    assert numbers(resume(run, study, backend="inline")) == {1: 3, 2: 3, 3: 3}


def test_nothing_is_trained_in_its_place_unless_that_is_asked_for(tmp_path: Path) -> None:
    run, study = grid(tmp_path)
    drop(run, "0002", "0004")
    assert numbers(resume(run, study, backend="inline")) == {1: 2, 2: 2, 3: 3}
    waiting = drop(run, "0004", retrain=True)
    assert waiting.spec["trials"] == 8
    seeds = status_table(waiting).set_index("status")["seeds"]
    assert seeds[["planned", "not started"]].tolist() == [9 + 1, 1]
    again = resume(run, study, backend="inline")
    assert numbers(again) == {1: 2, 2: 3, 3: 3}
    new = set(again.trials["trial"]) - set(run.trials["trial"])
    assert new == {"0010"}
    ends = status_table(again).set_index("status")["trials"]
    assert ends[["planned", "completed", "dropped", "not started"]].tolist() == [10, 8, 2, 0]
    with pytest.raises(StudyError, match="seeds of trial 0004 have been trained again, as trial 0"):
        drop(run, "0004", undo=True)
    drop(run, "0010")
    assert numbers(drop(run, "0004", undo=True)) == {1: 2, 2: 3, 3: 3}


def test_a_search_draws_no_number_twice(tmp_path: Path) -> None:
    study = searched_study(search=Random(trials=5), scheduler=None, confirm=None)
    run = trained(study, tmp_path)
    out = drop(run, "0002")
    assert resume(run, study, backend="inline").trials["trial"].tolist() == [
        *("0001", "0003", "0004", "0005")
    ]
    more = extend(run, study, trials=1, backend="inline")
    whole = trained(study.override({"trials": 6}), tmp_path / "whole")
    assert more.trials["x"].tolist() == whole.trials["x"].drop(1).tolist()
    assert out.spec["trials"] == 4
    with pytest.raises(StudyError, match="trial 0003 was drawn by a search"):
        drop(run, "0003", retrain=True)


def test_a_search_that_learns_forgets_its_score_and_says_so_on_the_leaderboard(
    tmp_path: Path,
) -> None:
    study = searched_study(search=Optuna(trials=4), scheduler=None, confirm=Confirm(top=1, seeds=2))
    run = trained(study, tmp_path)
    first = leaderboard(run).iloc[0]
    best = run.trials[(run.trials["phase"] == "search") & (run.trials["x"] == first["x"])]
    out = drop(run, *best["trial"])
    left = leaderboard(out)
    assert left.loc[left["x"] == first["x"], "search_score"].isna().all()
    assert left.loc[left["x"] == first["x"], "confirmed_mean"].tolist() == [first["confirmed_mean"]]
    drawn = {each.id: each for each in History.of(study, out).drawn()}
    assert [drawn[name].score for name in best["trial"]] == [None] * len(best)
    assert len(drawn) == 4
    again = resume(run, study, backend="inline")
    confirmed = again.trials[again.trials["phase"] == "confirm"]
    assert confirmed["x"].nunique() == 2, "the next best is confirmed as well"


def test_a_trial_of_the_confirmation_is_left_out_or_trained_again(tmp_path: Path) -> None:
    study = searched_study(search=Random(trials=3), scheduler=None, confirm=Confirm(top=2, seeds=2))
    run = trained(study, tmp_path)
    drop(run, "c0001")
    same = resume(run, study, backend="inline")
    assert same.trials["trial"].tolist() == ["0001", "0002", "0003", "c0002"]
    row = row_of(run.paths.root)
    assert (row["awaited"], row["planned"], row["dropped"]) == (0, 5, 1)
    drop(run, "c0001", retrain=True)
    assert row_of(run.paths.root)["awaited"] == 1
    again = resume(run, study, backend="inline")
    assert again.trials["trial"].tolist()[3:] == ["c0002", "c0003"]


def test_seeds_that_stop_themselves_take_it_for_lost(tmp_path: Path) -> None:
    study = settling()
    run = trained(study, tmp_path)
    one = run.trials[run.trials["kind"] == "b"].iloc[5]
    out = drop(run, one["trial"])
    assert settled(run).reasons.tolist() == [SUPPORTED, EQUAL]
    assert settled(out).reasons.tolist() == [OPEN, OPEN]
    assert settled(out).reached == 3, "a look at which a seed is lost is a look"
    later = resume(run, study, backend="inline")
    seeds = {
        seed for each in later.trials.loc[later.trials["kind"] == "b", "seeds"] for seed in each
    }
    assert seeds == set(range(24)) - set(one["seeds"]), "a pair that lost a seed closes at the end"


def test_all_that_is_wrong_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    run, _ = grid(tmp_path)
    drop(run, "0002")
    before = run.paths.trials.read_bytes()
    with pytest.raises(StudyError) as refused:
        drop(run, "0002", "0099", "0001", "0001")
    assert "trial 0002 is left out already; --undo takes it back." in str(refused.value)
    assert "has no trial '0099'. It has 0001 to 0009." in str(refused.value)
    assert "trial 0001 is given more than once." in str(refused.value)
    with pytest.raises(StudyError, match="trial 0001 is not left out"):
        drop(run, "0001", undo=True)
    assert run.paths.trials.read_bytes() == before
