"""A confirmation whose seeds stop themselves: settings race, and a crash changes nothing of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_studies import cut_off_anywhere
from inline_runs import run

from analysis import Run, leaderboard, load_run, write_report
from analysis.stats.best import best_setting
from analysis.stats.leaderboard import awaited, confirmed_table
from analysis.stats.search_trials import claimed
from analysis.stats.settled_table import settled_table, settled_words
from tuning import Budget, Confirm, Folds, Grid, Random, Resources, Study, StudyError, UntilSettled
from tuning.engine.session import is_complete
from tuning.runs.changes import confirmed, extended
from tuning.runs.history import History, params_key
from tuning.search.confirmation import likely_confirmations
from tuning.spec.plan import plan_text

MEANS = {"a": 0.90, "b": 0.895, "c": 0.8, "d": 0.5, "e": 0.1}
RACE = UntilSettled(smallest=0.03, at_least=4, at_most=24)


def noisy(config: Any, seeds: Any, resume: Any = None) -> Any:
    """a is the best, b its equal but for 0.03, c and d are worse, e is no match."""
    for epoch in range(resume + 1 if resume else 1, config["epochs"] + 1):
        draws = [np.random.default_rng([seed, ord(config["kind"])]).normal() for seed in seeds]
        yield {"epoch": epoch, "score": [MEANS[config["kind"]] + 0.02 * z for z in draws]}, epoch


def racing(**changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "racing",
        "question": "Which kind?",
        "trainable": noisy,
        "space": {"kind": list(MEANS)},
        "metric": "score",
        "epochs": 1,
        "seeds": 2,
        "confirm": Confirm(top=4, seeds=RACE),
    }
    return Study(**values | changes)


def fresh(found: Run) -> dict[str, list[int]]:
    """The seeds of each setting that was confirmed."""
    return {
        kind: sorted(seed for seeds in rows["seeds"] for seed in seeds)
        for kind, rows in found.phase("confirm").trials.groupby("kind")
    }


@pytest.mark.parametrize("together", [1, 3])
def test_seeds_are_added_for_those_that_may_still_be_the_best(
    tmp_path: Path, together: int
) -> None:
    found = run(racing(seeds_per_trial=together), tmp_path)
    spent = fresh(found)
    assert sorted(spent) == ["a", "b", "c", "d"]
    assert all(seeds == [*range(2, 2 + len(seeds))] for seeds in spent.values())
    assert len(spent["c"]) == len(spent["d"]) == 12, "no sign-flip test supports six by 8 seeds"
    assert len(spent["a"]) == len(spent["b"]) == 20
    reasons = settled_table(claimed(found)).set_index("comparison")["closed"].to_dict()
    assert reasons["kind b against kind a"] == "equal"
    assert "supported" in (reasons["kind c against kind a"], reasons["kind c against kind b"])
    assert awaited(found) == 0


def test_the_smallest_wins_where_the_metric_is_to_be_small(tmp_path: Path) -> None:
    spent = fresh(run(racing(mode="min", confirm=Confirm(top=2, seeds=RACE)), tmp_path))
    assert sorted(spent) == ["d", "e"]
    assert {*map(len, spent.values())} == {12}


def test_who_has_left_ranks_behind_who_has_not(tmp_path: Path) -> None:
    """c had better luck with its first seeds than a and b have over all."""

    def lucky(config: Any, seeds: Any, resume: Any = None) -> Any:
        for metrics, state in noisy(config, seeds):
            drift = [0.6 * (seed < 10) for seed in seeds]
            metrics["score"] = [s + d for s, d in zip(metrics["score"], drift, strict=True)]
            yield metrics, state

    race = replace(RACE, smallest=1e-6, futility=0)
    study = racing(trainable=lucky, confirm=Confirm(top=4, seeds=race))
    found = run(study, tmp_path)
    board = leaderboard(found)
    means = board.set_index("kind")["confirmed_mean"]
    assert means["c"] > max(means["a"], means["b"])
    assert board["kind"].tolist()[:2] == [*means[["a", "b"]].sort_values(ascending=False).index]
    best = best_setting(found)
    history = History.of(study, found)
    assert is_complete(study, history)
    assert best is not None
    assert best.params["kind"] in "ab"
    assert history.best_params()[0] == best.params == history.ranked_params("confirm")[0]
    assert confirmed_table(found, board)["kind"].iloc[0] == best.params["kind"]


def test_a_crash_after_any_row_changes_nothing(tmp_path: Path) -> None:
    cut_off_anywhere(racing(epochs=2, seeds_per_trial=4), tmp_path, step=9)


def test_the_report_says_how_the_race_went(tmp_path: Path) -> None:
    found = run(racing(), tmp_path)
    page = write_report(found).read_text()
    assert "on 4 to 24 fresh seeds each" in page
    assert "When the comparisons were settled" in page
    assert "intervals hold although the seeds stopped themselves" in page
    assert "the two differ by less than 0.03" in page
    table = confirmed_table(found, leaderboard(found)).set_index("kind")
    assert table.loc["d", "supported"]
    assert settled_words(found).startswith("6 comparisons: ")


def test_nobody_races_where_nothing_is_complete(tmp_path: Path) -> None:
    def never(config: Any, seeds: Any, resume: Any = None) -> Any:
        raise RuntimeError("no")
        yield

    found = run(racing(trainable=never), tmp_path)
    assert set(found.trials["phase"]) == {"search"}
    assert settled_table(claimed(found)).empty
    assert settled_words(found) == ""


def test_new_settings_of_an_extended_search_enter_the_race(tmp_path: Path) -> None:
    first = racing(space={"kind": ["a", "c", "d", "e"]}, confirm=Confirm(top=3, seeds=RACE))
    found = run(first, tmp_path)
    assert sorted(fresh(found)) == ["a", "c", "d"]
    more = racing(space={"kind": ["a", "c", "d", "e", "b"]}, confirm=Confirm(top=3, seeds=RACE))
    assert not is_complete(more, History.of(more, found))
    from tuning.engine.backends.inline import run_inline

    run_inline(more, found.paths)
    again = load_run(found.paths.root)
    assert sorted(fresh(again)) == ["a", "b", "c", "d"]
    assert len(fresh(again)["b"]) == len(fresh(again)["a"]) > len(fresh(again)["d"])


def test_a_budget_reserves_the_first_seeds_of_all_and_all_seeds_of_two() -> None:
    study = racing(resources=Resources(budget=Budget(time=60)))
    settings = {params_key({"kind": kind}): {"kind": kind} for kind in "abcd"}
    likely = likely_confirmations(study, settings)
    assert len(likely) == 2 * 24 + 2 * 4


def test_what_it_will_take_is_said_beforehand(tmp_path: Path) -> None:
    text = plan_text(racing())
    assert "4 to 24 fresh seeds, 4 at a time" in text
    assert f"{10 + 16} to {10 + 96} trials" in text
    found = run(racing(), tmp_path)
    assert found.recorded["confirm"]["trials"] == 16
    assert found.recorded["confirm"]["until_settled"] == {
        "smallest": 0.03,
        "at_least": 4,
        "at_most": 24,
        "futility": 0.2,
        "first": 2,
        "race": "max",
    }


def test_the_most_seeds_may_be_overridden_and_not_extended(tmp_path: Path) -> None:
    fewer = racing().override({"confirm": {"seeds": 3}}).confirm.seeds
    assert fewer == UntilSettled(smallest=0.03, at_least=3, at_most=3)
    study = racing()
    found = run(study, tmp_path)
    with pytest.raises(StudyError, match="shares its error out over 24 seeds"):
        extended(study, study, found, seeds=5)
    wanted = confirmed(study, study, found)["confirm"]
    assert study.override({"confirm": wanted}).confirm == study.confirm


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"confirm": Confirm(seeds=UntilSettled(smallest=0))}, "confirm: seeds: smallest=0 must"),
        ({"confirm": Confirm(top=1, seeds=RACE)}, "compares settings, and top=1 confirms one"),
        ({"seeds": Folds(3)}, "does not go with seeds=Folds"),
    ],
)
def test_what_cannot_race_is_refused(changes: Any, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        racing(**{"search": Random(trials=3), **changes})
    assert Grid() == racing().search
