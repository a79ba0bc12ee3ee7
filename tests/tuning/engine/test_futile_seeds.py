"""Seeds that are not trained because they would hardly settle anything, and that a crash, a new
session or new values change nothing of it.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from drawn_studies import cut_off_anywhere
from inline_runs import run
from settling_studies import settling

import tuning
from analysis import Run, load_run, write_report
from analysis.report.claims import claim
from analysis.stats.findings import find
from analysis.stats.leaderboard import awaited
from analysis.stats.search_trials import claimed
from analysis.stats.settled_table import settled_table, settled_words
from tuning import Confirm, Study, StudyError, UntilSettled
from tuning.runs.changes import resumed
from tuning.runs.reopen import continued
from tuning.spec.plan import plan_text

NOISE = {"noise": 3.0}
"""Of a seed; the settings differ by 0.4."""
RULE = UntilSettled(smallest=0.15, at_least=4, at_most=24)


def racing(**changes: Any) -> Study:
    """a and c are equal, b is better by a seventh of a standard deviation."""
    race = Confirm(top=3, seeds=replace(RULE, smallest=1e-6))
    return settling(**{"fixed": NOISE, "seeds": 2, "confirm": race} | changes)


def closed(found: Run) -> pd.DataFrame:
    return settled_table(claimed(found))[["comparison", "closed", "seeds"]]


def most_seeds(found: Run) -> int:
    return sum(map(len, found.trials["seeds"]))


def test_seeds_are_saved_that_would_hardly_settle_anything(tmp_path: Path) -> None:
    found = run(settling(fixed=NOISE), tmp_path)
    assert set(closed(found)["closed"]) == {"not going to settle"}
    assert closed(found)["seeds"].max() < 24
    assert most_seeds(found) < 72
    assert settled_words(found).startswith("2 comparisons: 2 not going to be settled by 24 seeds; ")
    page = write_report(found).read_text()
    assert "2 not going to be settled by 24 seeds" in page
    assert "the chance that 24 would settle it was below 20 %" in page
    assert "This run is not complete" not in page


def test_a_race_ends_without_a_winner_once_nothing_is_likely_to_tell_apart(tmp_path: Path) -> None:
    found = run(racing(), tmp_path)
    assert set(closed(found)["closed"]) == {"not going to settle"}
    assert closed(found)["seeds"].max() < 24
    assert awaited(found) == 0
    said = claim(find(found))
    assert "more seeds were unlikely to tell the two apart" in said
    assert "better than" not in said


@pytest.mark.parametrize("study", [settling(fixed=NOISE, epochs=2, seeds_per_trial=4), racing()])
def test_a_crash_after_any_row_changes_nothing(study: Study, tmp_path: Path) -> None:
    cut_off_anywhere(study, tmp_path, step=9)


def test_new_values_are_compared_as_if_they_had_been_there_from_the_first(tmp_path: Path) -> None:
    part = run(settling(fixed=NOISE, space={"kind": ["a", "b"]}), tmp_path / "part")
    study = settling(fixed=NOISE)
    values = {"kind": ["a", "b", "c"]}
    fewer = settling(fixed=NOISE, space={"kind": ["a", "b"]})
    more = tuning.extend(part.paths.root, fewer, values=values, backend="inline")
    pd.testing.assert_frame_equal(closed(more), closed(run(study, tmp_path / "whole")))


@pytest.mark.parametrize("race", [False, True])
def test_a_run_from_before_the_rule_goes_on_without_it(tmp_path: Path, race: bool) -> None:
    study, before = (
        racing(confirm=Confirm(top=3, seeds=rule)) if race else settling(fixed=NOISE, seeds=rule)
        for rule in (RULE, replace(RULE, futility=0))
    )
    found = run(before, tmp_path)
    spec = json.loads(found.paths.study.read_text())
    said = spec["confirm"] if race else spec
    del said["until_settled"]["futility"]
    found.paths.study.write_text(json.dumps(spec))
    read = load_run(found.paths.root)
    pd.testing.assert_frame_equal(closed(read), closed(found))
    assert set(closed(read)["seeds"]) == {24}
    assert continued(read, resumed, study=before).study == before
    with pytest.raises(StudyError, match=r'was .*"futility": 0.0.* now it is .*"futility": 0.2'):
        continued(read, resumed, study=study)


def test_show_says_it_and_how_many_seeds_it_saves() -> None:
    text = plan_text(settling())
    assert "or either is unlikely by 24 seeds (chance below 0.2): 12 to 72 trials" in text
    assert "unlikely" not in plan_text(settling(seeds=replace(RULE, futility=0)))
    assert "or either is unlikely by 24 seeds (chance below 0.2)" in plan_text(racing())


@pytest.mark.parametrize("wrong", [-0.1, 1.0, 1, True, "0.2", None, float("nan")])
def test_what_is_no_such_chance_is_refused(wrong: Any) -> None:
    with pytest.raises(StudyError, match=r"futility=.* must be a number from 0 to below 1: the ch"):
        settling(seeds=replace(RULE, futility=wrong))
