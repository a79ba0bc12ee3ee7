"""The tables of a search against literals and plain recomputation, and the sentence that rests on
them.
"""

import json

import numpy as np
import pandas as pd
import pytest
from run_folders import Trial, searched_like, write_run
from scipy import stats
from search_runs import ASHA, CONFIRM, FIVE, RANGE, SEARCH, four, fresh, run_of, tried

from analysis import best_vs_rest, load_run, summary_table
from analysis.charts.confirmed import confirmed_facts
from analysis.charts.ends import shown_trials, value_limits
from analysis.charts.parameters import parameter_facts
from analysis.charts.trials import trial_curves
from analysis.stats.cost import cost_table, rung_table, search_progress
from analysis.stats.held_out import held_out_facts, held_out_metrics
from analysis.stats.leaderboard import confirmed_table, leaderboard
from analysis.stats.search_trials import is_search, short_name, trial_ends


@pytest.fixture(scope="module")
def lungs(tmp_path_factory):
    return load_run(searched_like(tmp_path_factory.mktemp("lungs")))


def test_what_is_told_as_a_search(tmp_path):
    plain = {"space": {"rate": {"values": [0.1]}}, "search": {"kind": "grid"}}
    for place, (more, expected) in enumerate(
        [({}, False), ({"scheduler": None, "confirm": None}, False), ({"scheduler": ASHA}, True)]
    ):
        assert (
            is_search(run_of(tmp_path / f"{place}", tried("0001", 0.1, [0.5]), **plain, **more))
            is expected
        )
    assert is_search(run_of(tmp_path / "confirm", **plain, confirm=CONFIRM))
    assert is_search(run_of(tmp_path / "random"))


def test_only_completed_trials_rank_whatever_the_others_reached(tmp_path):
    board = leaderboard(run_of(tmp_path, *four(), scheduler=ASHA))
    assert board["trial"].tolist() == ["0002", "0001", "0003", "0004"]
    assert board["rank"].tolist() == [1, 2, pd.NA, pd.NA]
    assert board["search_score"].dropna().tolist() == [0.6, 0.4]
    assert board["status"].tolist() == ["completed", "completed", "pruned", "diverged"]
    assert board["last_epoch"].tolist() == [4, 4, 1, 2]
    assert board["rung"].tolist() == [pd.NA, pd.NA, 1, pd.NA]
    assert board["rate"].tolist() == [0.2, 0.1, 0.3, 0.4]


def test_fresh_seeds_are_not_pooled_with_those_that_a_setting_was_chosen_by(tmp_path):
    chosen = tried("0001", 0.1, [0.8])
    run = run_of(tmp_path, chosen, fresh("c0001", 0.1, [0.5, 0.6]), confirm=CONFIRM)
    mean = ["n", "accuracy_mean"]
    assert summary_table(run)[mean].to_numpy().tolist() == [[1, 0.8]]
    assert summary_table(run.phase("confirm"))[mean].to_numpy().tolist() == [[2, 0.55]]


@pytest.mark.parametrize(
    ("trials", "name"),
    [
        ("0007", "trial 0007"),
        ("0007, 0008", "trials 0007 and 1 other"),
        (None, "a setting without"),
    ],
)
def test_a_setting_of_many_trials_has_a_short_name(trials, name):
    assert short_name({"trial": trials, "name": None}).startswith(name)


def test_lower_is_better_where_the_study_says_so(tmp_path):
    board = leaderboard(run_of(tmp_path, *four(), mode="min"))
    assert board["trial"].tolist()[:2] == ["0001", "0002"]


def test_equals_share_their_rank_and_a_score_is_the_mean_over_seeds(tmp_path):
    trials = [
        tried("0001", 0.1, [[0.2, 0.6]], seeds=(0, 1)),
        tried("0002", 0.2, [[0.4, 0.4]], seeds=(0, 1)),
    ]
    trials += [
        tried("0003", 0.3, [[0.1, 0.3]], seeds=(0, 1)),
        tried("0004", 0.4, [[0.5, float("nan")]], seeds=(0, 1)),
    ]
    board = leaderboard(run_of(tmp_path, *trials))
    assert dict(zip(board["trial"], board["rank"], strict=True)) == {
        "0004": 1,
        "0001": 2,
        "0002": 2,
        "0003": 4,
    }
    assert board["search_n"].tolist() == [1, 2, 2, 2]  # one seed has no number


def test_a_setting_tried_twice_is_one_row(tmp_path):
    board = leaderboard(
        run_of(
            tmp_path,
            tried("0001", 0.1, [0.5], status="pruned", rung=1),
            tried("0002", 0.1, [0.5, 0.75]),
        )
    )
    assert board[["trial", "status", "last_epoch", "search_score"]].to_numpy().tolist() == [
        ["0002", "completed", 2, 0.75]
    ]


def test_confirmed_settings_against_a_plain_recomputation(lungs):
    board = leaderboard(lungs)
    known = board[board["confirmed_n"].notna()]
    assert known["name"].dropna().tolist() == ["published best"]
    assert known["rank"].tolist() == [1, 2, 3, 4]
    assert known["confirmed_mean"].is_monotonic_decreasing
    assert board["search_score"].iloc[4:].dropna().is_monotonic_decreasing
    epochs = lungs.epochs[lungs.epochs["epoch"] == 18]
    for row in known.to_dict("records"):
        trial = next(
            name
            for name in ("c0001", "c0002", "c0003", "c0004")
            if _rate(lungs, name) == row["learning_rate"]
        )
        values = epochs[epochs["trial"] == trial]
        dice = values["validation_dice"]
        found = [
            row[name]
            for name in (
                "confirmed_mean",
                "confirmed_std",
                "confirmed_n",
                "test_f1_mean",
                "test_f1_std",
                "test_dice_min",
            )
        ]
        plain = [
            dice.mean(),
            dice.std(),
            5,
            values["test_f1"].mean(),
            values["test_f1"].std(),
            values["test_dice_min"].min(),
        ]
        assert found == pytest.approx(plain)
        low, high = stats.t.interval(0.95, 4, loc=dice.mean(), scale=stats.sem(dice))
        if row["rank"] == 1:  # picked as the best of so many
            level = 1 - 0.05 / board["confirmed_n"].notna().sum()
            low, _ = stats.t.interval(level, 4, loc=dice.mean(), scale=stats.sem(dice))
        assert (row["confirmed_low"], row["confirmed_high"]) == pytest.approx((low, high))
        if row["trial"] == row["trial"]:
            searched = epochs.loc[epochs["trial"] == row["trial"], "validation_dice"].item()
            assert row["shrinkage"] == pytest.approx(dice.mean() - searched)


def _rate(run, trial):
    return run.trials.set_index("trial").loc[trial, "learning_rate"]


def test_the_best_confirmed_setting_against_each_other_one_paired_by_seed(lungs):
    table = confirmed_table(lungs, leaderboard(lungs))
    assert table["confirmed_mean"].is_monotonic_decreasing
    assert table["difference"].isna().tolist() == [True, False, False, False]
    last = lungs.epochs[lungs.epochs["epoch"] == 18].set_index(["trial", "seed"])["validation_dice"]
    trials = [
        next(name for name in ("c0001", "c0002", "c0003", "c0004") if _rate(lungs, name) == rate)
        for rate in table["learning_rate"]
    ]
    differences = [last[trials[0]] - last[trial] for trial in trials[1:]]
    assert table["difference"].tolist()[1:] == pytest.approx([one.mean() for one in differences])
    p = np.array([stats.ttest_1samp(one, 0).pvalue for one in differences])
    assert table["p"].tolist()[1:] == pytest.approx(list(p))
    order = np.argsort(p)
    assert table["p_corrected"].to_numpy()[1:][order] == pytest.approx(
        np.maximum.accumulate(np.minimum(1, p[order] * [6, 3, 1]))
    )
    smallest = stats.ttest_1samp(differences[order[0]], 0).confidence_interval(1 - 0.05 / 6)
    assert table[["corrected_low", "corrected_high"]].to_numpy()[1:][
        order[0]
    ].tolist() == pytest.approx(list(smallest))


def test_student_leaves_the_other_tests_as_they_were(lungs):
    confirm = lungs.phase("confirm")
    plain, student = best_vs_rest(confirm), best_vs_rest(confirm, student=True)
    assert plain["difference"].tolist() == student["difference"].tolist()
    assert plain["p"].min() >= 0.0625  # five signs can do no more
    assert student["p"].min() < 0.0625


def test_test_metrics_by_the_end_of_their_names():
    values = {
        "test_f1": [0.5, 0.7],
        "test_f1_min": [0.3, 0.1],
        "extra_test_f1": [0.2, 0.4],
        "test_none": [np.nan] * 2,
        "loss": 1.0,
    }
    facts = held_out_facts(pd.DataFrame(values, index=[0, 0]))
    spread = pytest.approx(0.02**0.5)
    assert facts.to_dict("records") == [
        {
            "test_f1_mean": pytest.approx(0.6),
            "test_f1_std": spread,
            "test_f1_min": pytest.approx(0.1),
            "extra_test_f1_mean": pytest.approx(0.3),
            "extra_test_f1_std": spread,
        }
    ]
    assert held_out_metrics(facts) == ["test_f1", "test_f1_min"]
    assert held_out_metrics(facts, "extra_test_") == ["extra_test_f1"]


def test_rungs_count_who_was_stopped_and_who_went_on(tmp_path):
    trials = [
        *four(),
        tried("0005", 0.5, [0.05], status="failed", error="no"),
        tried("0006", 0.6, [0.15, 0.2], status="pruned", rung=2),
    ]
    assert rung_table(run_of(tmp_path, *trials, scheduler=ASHA)).to_dict("records") == [
        {
            "rung": 1,
            "reached": 6,
            "stopped": 1,
            "went_on": 4,
            "others": 1,
            "best": 0.9,
            "passed_at": 0.1,
        },
        {
            "rung": 2,
            "reached": 4,
            "stopped": 1,
            "went_on": 2,
            "others": 1,
            "best": 0.3,
            "passed_at": 0.2,
        },
    ]
    assert rung_table(run_of(tmp_path / "none", *trials)).empty


def test_an_earlier_attempt_leaves_no_later_epoch(tmp_path):
    folder = write_run(
        tmp_path,
        [tried("0001", 0.1, [0.3, 0.5], status="pruned", rung=2, attempt=2)],
        **SEARCH,
        scheduler=ASHA,
    )
    stale = {
        "trial": "0001",
        "epoch": 3,
        "attempt": 1,
        "metrics": {"accuracy": 0.9},
        "seconds": 7.0,
        "at": 1.0,
    }
    with (folder / "epochs.jsonl").open("a") as file:
        file.write(json.dumps(stale) + "\n")
    run = load_run(folder)
    assert run.trials[["status", "attempt"]].to_numpy().tolist() == [["pruned", 2]]
    assert trial_ends(run).loc["0001", ["epoch", "value"]].tolist() == [2, 0.5]
    assert rung_table(run)[["reached", "stopped", "went_on"]].to_numpy().tolist() == [
        [1, 0, 1],
        [1, 1, 0],
    ]


def test_the_ledger_adds_up(tmp_path):
    table = cost_table(
        run_of(tmp_path, *four(pace=10.0), fresh("c0001", 0.2, FIVE), scheduler=ASHA)
    ).set_index(["phase", "status"])
    assert table["epochs"].to_dict() == {
        ("search", "completed"): 8, ("search", "pruned"): 1, ("search", "diverged"): 2,
        ("confirm", "completed"): 2, ("all", "all"): 13,
    }  # fmt: skip
    assert table["seconds"].tolist() == pytest.approx([20, 5, 20, 0.2, 45.2])
    assert table["epochs_saved"].tolist() == [pd.NA, 3, 2, pd.NA, 5]
    assert table["seconds_saved"].tolist() == pytest.approx(
        [np.nan, 15, 20, np.nan, 35], nan_ok=True
    )


def test_progress_follows_the_order_in_which_trials_ended(tmp_path):
    facts = search_progress(run_of(tmp_path, *four()))
    assert facts["trial"].tolist() == ["0001", "0003", "0002", "0004"]
    assert facts["epochs_spent"].tolist() == [4, 5, 9, 11]
    assert facts["best"].tolist() == [0.4, 0.4, 0.6, 0.6]
    assert facts["score"].isna().tolist() == [False, True, False, True]
    assert search_progress(run_of(tmp_path / "none", *four()[2:])).empty


def test_facts_of_parameters_and_curves(tmp_path):
    space = {**RANGE, "net": {"values": ["b", "a"]}}
    trials = [
        Trial(
            name=trial.name,
            phase="search",
            params={**trial.params, "net": net},
            epochs=trial.epochs,
            seeds=[0],
            status=trial.status,
        )
        for trial, net in zip(four(), "abab", strict=True)
    ]
    run = run_of(tmp_path, *trials, space=space)
    facts = parameter_facts(run).set_index(["parameter", "trial"])
    assert facts.loc["rate", "number"].tolist() == [0.1, 0.2, 0.3, 0.4]
    assert facts.loc["net", "place"].tolist() == [1, 0, 1, 0]
    assert facts.loc[("net", "0004"), ["value", "y"]].isna().tolist() == [True, False]
    assert facts.loc[("net", "0004"), "y"] == value_limits(run)[0] == 0.1
    curves = trial_curves(run, shown_trials(run))
    assert curves.loc[curves["last"], ["trial", "epoch", "value"]].to_numpy().tolist() == [
        ["0001", 4, 0.4], ["0002", 4, 0.6], ["0003", 1, 0.9], ["0004", 1, 0.5],
    ]  # fmt: skip


def test_of_many_trials_the_best_and_the_worst_are_shown(tmp_path):
    run = run_of(
        tmp_path,
        *(tried(f"{number:04d}", number / 200, [number / 200]) for number in range(1, 101)),
    )
    shown = shown_trials(run, 10)
    assert len(shown) == 10
    assert {"0001", "0100"} <= set(shown)


def test_confirmed_seeds_stand_at_their_setting(lungs):
    means, seeds = confirmed_facts(lungs, confirmed_table(lungs, leaderboard(lungs)))
    assert "published best" in means["place"].tolist()
    assert seeds.groupby("place")["value"].mean().to_dict() == pytest.approx(
        dict(zip(means["place"], means["mean"], strict=True))
    )
