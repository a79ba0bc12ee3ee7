"""Differences, their correction, and the sentence that rests on them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import Trial, scores, write_run
from scipy import stats

from analysis import answer, best_vs_rest, comparison_table, load_run, status_table, summary_table
from analysis.numerics.intervals import two_sample_interval
from analysis.numerics.multiplicity import best_tests, corrected, holm, holm_tests
from analysis.numerics.sign_flips import sign_flip_share
from analysis.stats.paired import differences

TWELVE = np.array([0.51, 0.52, 0.51, 0.55, 0.53, 0.50, 0.54, 0.56, 0.52, 0.51, 0.57, 0.58])
WIDTH = {"width": {"values": [1, 2, 3]}}
GRID = {"width": {"values": [1, 3]}, "depth": {"values": [0, 2]}}


def run_of(folder, results, space=WIDTH, seeds=range(12), **spec):
    """A run with one trial per setting; ``results``: values of the space -> a number per seed."""
    keys = list(space)
    trials = [
        Trial(
            params=dict(zip(keys, setting, strict=True)),
            epochs=scores(values),
            seeds=list(seeds)[: len(values)],
        )
        for setting, values in results.items()
    ]
    return load_run(write_run(folder, trials, space=space, **spec))


def sentence(run):
    summary = summary_table(run)
    return answer(run, summary, comparison_table(run), best_vs_rest(run), status_table(run))


def seeds_frame(**arms):
    """Settings 0, 1, ... with a dictionary seed -> value each."""
    rows = [
        (number, seed, value)
        for number, arm in enumerate(arms.values())
        for seed, value in arm.items()
    ]
    return pd.DataFrame(rows, columns=["setting", "seed", "score"]).set_index("setting")


def test_holm_on_an_example_worked_by_hand():
    corrected = holm(pd.Series([0.01, 0.04, np.nan, 0.03, 0.005]))
    assert corrected.tolist()[:2] + corrected.tolist()[3:] == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )
    assert np.isnan(corrected[2])


@given(st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), max_size=30))
def test_holm_is_monotone_never_below_the_raw_value_and_at_most_1(values):
    raw = pd.Series(values, dtype=float)
    corrected = holm(raw)
    assert corrected.isna().tolist() == raw.isna().tolist()
    present = raw.dropna()
    assert (corrected.dropna() >= present).all()
    assert (corrected.dropna() <= 1).all()
    assert corrected[present.sort_values().index].is_monotonic_increasing
    if len(present):
        assert corrected.min() == pytest.approx(min(1.0, present.min() * len(present)))


def test_arms_are_paired_by_seed_not_by_place():
    frame = seeds_frame(first={0: 0.1, 1: 0.2, 2: 0.4}, last={2: 0.5, 1: 0.4, 0: 0.4, 7: 99.0})
    row = differences(frame, "score", np.array([[0, 1]])).iloc[0]
    assert (row["n"], row["paired"], row["difference"]) == (3, True, pytest.approx(0.2))
    assert row["p"] == 0.25  # of the 8 ways to flip three signs, 2 are as extreme
    assert not row["supported"]


def test_seeds_that_are_not_shared_are_compared_unpaired():
    first, last = dict(enumerate(TWELVE)), dict(enumerate(TWELVE + 0.3, start=100))
    row = differences(seeds_frame(first=first, last=last), "score", np.array([[0, 1]])).iloc[0]
    assert (row["n"], row["paired"], row["difference"]) == (12, False, pytest.approx(0.3))
    assert 0.27 < row["ci_low"] < 0.3 < row["ci_high"] < 0.33
    assert row["p"] < 0.001
    assert row["supported"]


def test_the_p_value_agrees_with_a_t_test_where_that_one_is_right():
    rng = np.random.default_rng(5)
    noise = rng.normal(0.015, 0.05, 40)
    frame = seeds_frame(first=dict.fromkeys(range(40), 0.0), last=dict(enumerate(noise)))
    row = differences(frame, "score", np.array([[0, 1]])).iloc[0]
    assert row["p"] == pytest.approx(stats.ttest_1samp(noise, 0).pvalue, abs=0.03)


def test_equal_arms_give_no_difference_and_no_support():
    arm = dict(enumerate(TWELVE))
    row = differences(seeds_frame(first=arm, last=arm), "score", np.array([[0, 1]])).iloc[0]
    assert row[["difference", "ci_low", "ci_high", "p", "p_corrected"]].tolist() == [0, 0, 0, 1, 1]
    assert not row["supported"]


def test_one_seed_or_none_has_a_difference_at_most():
    frame = seeds_frame(first={0: 0.1}, last={0: 0.4})
    table = differences(frame, "score", np.array([[0, 1], [0, 5]]))
    assert table["n"].tolist() == [1, 0]
    assert table["difference"].tolist()[0] == pytest.approx(0.3)
    assert table[["ci_low", "p", "p_corrected"]].isna().all(axis=None)
    assert not table["supported"].any()


def test_the_corrected_interval_is_wider_and_the_last_one_is_the_plain_one():
    rng = np.random.default_rng(6)
    arms = {"a": {}, "b": {}, "c": {}}
    for name, shift in zip(arms, (0.0, 0.5, 0.0), strict=True):
        arms[name] = dict(enumerate(rng.normal(shift, 0.2, 30)))
    table = differences(seeds_frame(**arms), "score", np.array([[0, 1], [0, 2]]))
    assert table.loc[0, "corrected_low"] < table.loc[0, "ci_low"]
    assert table.loc[1, ["corrected_low", "corrected_high"]].tolist() == pytest.approx(
        table.loc[1, ["ci_low", "ci_high"]].tolist()
    )
    assert table["supported"].tolist() == [True, False]


def test_every_parameter_is_compared_at_every_combination_of_the_others(tmp_path):
    results = {(1, 0): TWELVE, (1, 2): TWELVE - 0.1, (3, 0): TWELVE + 0.2, (3, 2): TWELVE + 0.3}
    table = comparison_table(run_of(tmp_path, results, GRID))
    assert table[["parameter", "first", "value", "at"]].to_numpy().tolist() == [
        ["width", 1, 3, "depth 0"],
        ["width", 1, 3, "depth 2"],
        ["depth", 0, 2, "width 1"],
        ["depth", 0, 2, "width 3"],
    ]
    assert table["difference"].tolist() == pytest.approx([0.2, 0.4, -0.1, 0.1])
    assert table["supported"].all()


def test_a_range_has_no_first_and_last_value(tmp_path):
    space = {"rate": {"kind": "loguniform", "low": 1e-3, "high": 1}}
    run = run_of(tmp_path, {(0.01,): TWELVE, (0.1,): TWELVE}, space, search={"kind": "random"})
    assert comparison_table(run).empty


def test_an_effect_everywhere_and_one_that_turns(tmp_path):
    results = {(1, 0): TWELVE, (1, 2): TWELVE - 0.1, (3, 0): TWELVE + 0.2, (3, 2): TWELVE + 0.3}
    assert (
        sentence(run_of(tmp_path, results, GRID))
        == "More width helps at every depth (3 against 1: +0.2 to +0.4, both corrected intervals"
        " above 0); more depth helps at width 3 (2 against 0: +0.1, the same at any seed),"
        " hurts at width 1 (2 against 0: -0.1, the same at any seed); best setting: width 3,"
        " depth 2 with mean accuracy 0.833 [0.814, 0.852], n = 12."
    )


def test_mode_min_turns_helping_around(tmp_path):
    results = {(1,): TWELVE, (2,): TWELVE - 0.05, (3,): TWELVE - 0.1}
    assert (
        sentence(run_of(tmp_path, results, mode="min"))
        == "More width helps (2 against 1: -0.05, 3 against 1: -0.1, both corrected intervals below"
        " 0); best setting: width 3 with mean accuracy 0.433 [0.418, 0.456], n = 12."
    )


def test_a_value_between_that_is_best_is_no_trend(tmp_path):
    results = {(1,): TWELVE, (2,): TWELVE + 0.2, (3,): TWELVE - 0.1}
    assert (
        sentence(run_of(tmp_path, results))
        == "Width 2 is better than width 1 (+0.2, the same at any seed); width 3 is worse than"
        " width 1 (-0.1, the same at any seed); best setting: width 2 with mean accuracy"
        " 0.733 [0.715, 0.752], n = 12."
    )


def test_a_step_back_between_supported_values_is_no_trend(tmp_path):
    text = sentence(run_of(tmp_path, {(1,): TWELVE, (2,): TWELVE + 0.2, (3,): TWELVE + 0.1}))
    assert text.startswith(
        "Width 2 is better than width 1 (+0.2, the same at any seed); width 3 is better than"
        " width 1 (+0.1, "
    )
    assert "more width" not in text.lower()


def test_each_value_is_compared_with_the_first_at_each_combination_in_one_family(tmp_path):
    space = {"depth": {"values": [0, 1, 3]}, "width": {"values": [1, 2]}}
    shift = {0: 0.0, 1: 0.001, 3: -0.1}
    noise = np.roll(TWELVE, 4) - TWELVE
    results = {
        (depth, width): TWELVE + 0.2 * width + shift[depth] + noise * (depth == 1)
        for depth in shift
        for width in (1, 2)
    }
    run = run_of(tmp_path, results, space)
    table = comparison_table(run)
    assert table[["parameter", "first", "value", "at"]].to_numpy().tolist() == [
        *(["depth", 0, value, f"width {width}"] for value in (1, 3) for width in (1, 2)),
        *(["width", 1, 2, f"depth {depth}"] for depth in (0, 1, 3)),
    ]
    assert table["p_corrected"].tolist() == pytest.approx(holm(table["p"]).tolist())
    assert table["p"].count() == 7
    assert sentence(run).startswith(
        "Depth 3 is worse than depth 0 at every width (-0.1, both corrected intervals below 0); no"
        " evidence that depth 1 differs from 0; more width helps at every depth (2 against 1: +0.2,"
        " all 3 corrected intervals above 0); "
    )


def test_many_values_that_do_not_agree_are_counted(tmp_path):
    space = {"rate": {"values": [1, 2, 3, 4, 5]}}
    results = {
        (rate,): TWELVE + shift
        for rate, shift in zip((1, 2, 3, 4, 5), (0, 0.1, 0.2, -0.1, -0.2), strict=True)
    }
    text = sentence(run_of(tmp_path, results, space))
    assert text.startswith(
        "Other values of rate are better in 2 and worse in 2 of 4 comparisons with 1; best setting:"
        " rate 3"
    )


def test_no_evidence_is_said_and_nobody_is_called_the_best(tmp_path):
    assert (
        sentence(
            run_of(
                tmp_path,
                {(1,): TWELVE, (2,): TWELVE[::-1] - 0.001, (3,): np.roll(TWELVE, 3) - 0.002},
            )
        )
        == "No evidence of an effect of width (2 and 3 against 1: -0.002 to -0.001, none of 2"
        " corrected intervals excludes 0); highest mean: width 1 with mean accuracy 0.533"
        " [0.515, 0.552], n = 12, not distinguishable from 2 other settings (width 2 and"
        " width 3)."
    )


@pytest.mark.parametrize(
    ("beaten", "ends"),
    [
        ([], ", n = 12, not distinguishable from 2 other settings (width 2 and width 3)."),
        ([3], ", n = 12, not distinguishable from 1 other setting (width 2)."),
        ([2, 3], "; highest mean: width 1 with mean accuracy 0.533 [0.515, 0.552], n = 12."),
    ],
)
def test_what_a_comparison_tells_apart_is_not_called_indistinguishable(tmp_path, beaten, ends):
    """The one family of tests may support what the other, of more tests, does not."""
    run = run_of(tmp_path, {(1,): TWELVE, (2,): TWELVE - 0.001, (3,): TWELVE - 0.002})
    comparisons, rivals = comparison_table(run), best_vs_rest(run).assign(supported=False)
    comparisons["supported"] = comparisons["value"].isin(beaten)
    text = answer(run, summary_table(run), comparisons, rivals, status_table(run))
    assert text.endswith(ends)


def test_three_seeds_are_too_few_however_large_the_difference(tmp_path):
    text = sentence(run_of(tmp_path, {(1,): [0.5] * 3, (3,): [1.0] * 3}))
    assert "no evidence of an effect of width" in text.lower()
    assert "3 seeds are too few to show one" in text
    assert "best setting" not in text


def test_one_seed_supports_no_claim(tmp_path):
    assert (
        sentence(run_of(tmp_path, {(1,): [0.5], (2,): [0.8], (3,): [0.7]}))
        == "One seed per setting supports no claim about width; the highest accuracy seen is 0.800"
        " at width 2, n = 1."
    )


def test_nothing_completed(tmp_path):
    assert (
        sentence(run_of(tmp_path, {}, trials=3))
        == "No trial has completed with a number, so there is no answer yet. "
        "0 of 3 planned trials completed; 3 not started stand behind no number here."
    )


def test_failed_trials_are_named_and_their_settings_claim_nothing(tmp_path):
    trials = [
        Trial(params={"width": 1, "depth": 0}, epochs=scores(TWELVE), seeds=range(12)),
        Trial(params={"width": 3, "depth": 0}, epochs=scores(TWELVE + 0.2), seeds=range(12)),
        Trial(params={"width": 1, "depth": 2}, epochs=scores(TWELVE), seeds=range(12)),
        Trial(
            params={"width": 3, "depth": 2},
            epochs=[],
            seeds=range(12),
            status="failed",
            error="ValueError: no",
        ),
    ]
    text = sentence(load_run(write_run(tmp_path, trials, space=GRID)))
    assert text.startswith(
        "More width helps at depth 0 (3 against 1: +0.2, the same at any seed), too few results"
        " at depth 2; "
    )
    assert text.endswith("3 of 4 planned trials completed; 1 failed stands behind no number here.")


def test_a_parameter_of_words_is_named_by_its_values(tmp_path):
    space = {"optimizer": {"values": ["sgd", "adam"]}}
    text = sentence(run_of(tmp_path, {("sgd",): TWELVE, ("adam",): TWELVE + 0.1}, space))
    assert text.startswith(
        "Optimizer adam is better than sgd (+0.1, the same at any seed); best setting: optimizer"
        " adam with"
    )


def test_a_single_setting(tmp_path):
    text = sentence(run_of(tmp_path, {(1,): TWELVE}, {"width": {"values": [1]}}))
    assert (
        text == "The only setting with a result: width 1 with mean accuracy 0.533 [0.518, 0.552], n"
        " = 12."
    )


def test_a_best_mean_over_more_seeds_is_not_called_the_best_setting(tmp_path):
    first = np.array([*TWELVE[:8], 5.0, 5.0])
    text = sentence(
        run_of(tmp_path, {(1,): first, (2,): TWELVE[:8] + 0.3}, {"width": {"values": [1, 2]}})
    )
    assert "highest mean: width 1 with mean accuracy" in text
    assert text.endswith("but seed by seed worse than 1 other setting (width 2).")
    assert "best setting" not in text


def test_intervals_that_exclude_0_are_counted_where_no_p_value_stands_correction(tmp_path):
    """Five seeds: no p-value of a sign-flip test is below 0.0625, whatever the intervals say."""
    text = sentence(
        run_of(
            tmp_path,
            {
                (1,): TWELVE[:5],
                (2,): TWELVE[:5] + 0.2 + TWELVE[5:10] / 100,
                (3,): TWELVE[:5] + 0.3 + TWELVE[5:10] / 100,
            },
        )
    )
    assert (
        "2 of 2 corrected intervals exclude 0, but to count as evidence it takes a corrected"
        " p-value of 0.05 or less as well; 5 seeds are too few to show one" in text
    )


def test_a_family_of_any_size_can_support_what_enough_seeds_show():
    """321 settings over 30 seeds: of 320 p-values, the smallest must be below 0.00016."""
    rng = np.random.default_rng(7)
    noise = rng.normal(size=(321, 30)) / 100
    arms = {f"s{number}": dict(enumerate(number + values)) for number, values in enumerate(noise)}
    table = differences(
        seeds_frame(**arms), "score", np.array([[0, number] for number in range(1, 321)])
    )
    assert table["supported"].all()
    assert table["p"].max() == pytest.approx(2**-29)


@pytest.mark.parametrize("draw", ["normal", "clumps", "skewed"])
@pytest.mark.parametrize("size", [14, 17])
def test_sign_flips_are_counted_as_trying_them_all_counts_them(draw, size):
    rng = np.random.default_rng(size)
    for shift in (0.0, 0.5, 1.0):
        sample = {
            "normal": rng.normal(shift, 1, size),
            "clumps": rng.choice(
                [-0.25, 0, 0.25, 0.5], size, p=[0.2 - shift / 10, 0.3, 0.3, 0.2 + shift / 10]
            ),
            "skewed": rng.exponential(1, size) - 0.5 + shift / 2,
        }[draw]
        sums = np.zeros(1)
        for value in sample:
            sums = np.concatenate([sums + value, sums - value])
        exact = (np.abs(sums) >= abs(sample.sum()) - 1e-12 * np.abs(sample).sum()).mean()
        assert exact <= sign_flip_share(sample) * (1 + 1e-9)
        assert sign_flip_share(sample) - exact <= 0.2 * exact + 4 / 2**size


def test_unpaired_intervals_hold_what_they_say():
    rng = np.random.default_rng(8)
    held = []
    for _ in range(400):
        low, high = two_sample_interval(rng.normal(0, 1, 3), rng.normal(1, 2, 5))
        held.append(low < 1 < high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)
    assert two_sample_interval(np.full(3, 0.5), np.full(4, 0.75)) == (0.25, 0.25)
    assert np.isnan(two_sample_interval(np.array([1.0]), np.array([1.0, 2.0]))).all()


def test_equal_differences_at_enough_seeds_are_supported_by_their_p_value():
    first = dict(enumerate(TWELVE[:6]))
    table = differences(
        seeds_frame(first=first, last={seed: value + 2 for seed, value in first.items()}),
        "score",
        np.array([[0, 1]]),
        student=True,
    )
    assert table["supported"].tolist() == [True]
    assert table["p"].tolist() == [2**-5]


def test_none_is_no_number_that_more_or_less_of_could_help(tmp_path):
    space = {"clip": {"values": [0.1, 0.5, None]}}
    text = sentence(
        run_of(tmp_path, {(0.1,): TWELVE, (0.5,): TWELVE + 0.1, (None,): TWELVE + 0.2}, space)
    )
    assert "clip none is better than clip 0.1" in text
    assert "ess clip" not in text
    assert "ore clip" not in text


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_best_is_judged_over_the_pairs_of_all_settings_not_yet_told_apart(p_values):
    p = pd.Series(p_values)
    tests, ordered = best_tests(p), sorted(p_values)
    for value, counted in zip(p, tests, strict=True):
        left = len(p_values) - ordered.index(value) + 1
        assert counted == left * (left - 1) / 2
    assert (tests >= holm_tests(p)).all()
    assert (corrected(p, tests) >= holm(p)).all()
