"""Arms against a baseline: the tables against plain recomputation and literals, and the sentence
that rests on them.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import Trial, digits_like, write_run
from scipy import stats

from analysis import load_run, published_table, status_table
from analysis.numerics.intervals import t_intervals, t_p_values
from analysis.numerics.sign_flips import seeds_for_sign_flips
from analysis.report.claims.arms import arm_answer
from analysis.stats.arm_means import arm_means
from analysis.stats.arms import arms_table, with_units
from analysis.stats.compared import compared, part_names
from analysis.stats.cost import arm_costs

ARMS = {"net": {"values": ["old", "new"]}}
COMPARE = {
    "parameter": "net",
    "baseline": "old",
    "metrics": ["hits", "hits_a", "hits_b"],
    "parts": "letter",
    "percent": True,
}
FIVE = np.array([0.80, 0.81, 0.79, 0.82, 0.80])
GAIN = np.array([0.05, 0.06, 0.04, 0.05, 0.055])


def trial(net, hits, a=None, b=None, seeds=None, weights=100, **options):
    """A trial of two epochs whose metrics are there at the last one only; the parts are as the
    whole unless given.
    """
    hits = np.asarray(hits, dtype=float)
    found = {"hits": hits, "hits_a": hits if a is None else a, "hits_b": hits if b is None else b}
    last = {name: np.asarray(values, dtype=float).tolist() for name, values in found.items()}
    shared = {"accuracy": 0.5, "parameters": weights}
    params = {"net": net, **options.pop("params", {})}
    return Trial(
        params=params,
        epochs=[shared, {**shared, **last}],
        seeds=range(len(hits)) if seeds is None else seeds,
        **options,
    )


def run_of(folder, *trials, **spec):
    return load_run(write_run(folder, trials, **{"space": ARMS, "compare": COMPARE, **spec}))


def table_of(run):
    return arms_table(run, compared(run))


def sentence(run):
    what = compared(run)
    return arm_answer(run, what, arms_table(run, what), arm_costs(run, what), status_table(run))


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return load_run(digits_like(tmp_path_factory.mktemp("digits")))


def test_the_table_agrees_with_a_plain_recomputation_from_the_recorded_predictions(digits):
    ffn, cnn = digits.arrays("t0000"), digits.arrays("t0001")
    table = table_of(digits)
    assert list(table["part"]) == ["overall", *map(str, range(10))]
    for row, digit in zip(table.to_dict("records"), [None, *range(10)], strict=True):
        of_digit = (
            ffn["labels"] == digit if digit is not None else np.ones(len(ffn["labels"]), dtype=bool)
        )
        first, last = (
            100 * (arm["predictions"] == arm["labels"])[:, of_digit].mean(axis=1)
            for arm in (ffn, cnn)
        )
        plain = [
            first.mean(),
            first.std(ddof=1),
            last.mean(),
            last.std(ddof=1),
            (last - first).mean(),
            (last > first).mean(),
        ]
        names = [
            "baseline_mean",
            "baseline_std",
            "arm_mean",
            "arm_std",
            "difference",
            "probability_better",
        ]
        assert [row[name] for name in names] == pytest.approx(plain)
        test = stats.ttest_rel(last, first)
        assert row["p"] == pytest.approx(test.pvalue, rel=1e-6)
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(test.confidence_interval()))
        # Holm judges the smallest of the ten p-values at 1 - 0.05 / 10, the next at 1 - 0.05 / 9,
        # and so on.
        smaller = (table["p"][1:] < row["p"] - 1e-15).sum()
        level = 0.95 if digit is None else 1 - 0.05 / (10 - smaller)
        assert (row["corrected_low"], row["corrected_high"]) == pytest.approx(
            tuple(test.confidence_interval(level))
        )


def test_overall_is_judged_apart_and_the_parts_by_holm(digits):
    table = table_of(digits)
    raw = table["p"].tolist()
    assert table.loc[0, "p_corrected"] == raw[0]
    ordered = sorted(raw[1:])
    steps = np.maximum.accumulate([min(1, p * (10 - place)) for place, p in enumerate(ordered)])
    assert sorted(table["p_corrected"][1:]) == pytest.approx(list(steps))
    assert table["p_flips"].tolist() == [0.0625] * 11  # 2 / 2^5: five seeds can do no more


def test_corrected_interval_and_corrected_p_value_say_the_same(tmp_path):
    rng = np.random.default_rng(3)
    for place in range(20):
        old = rng.normal(0.8, 0.01, (3, 5))
        new = old + rng.normal(0.012, 0.01, (3, 5))
        table = table_of(run_of(tmp_path / str(place), trial("old", *old), trial("new", *new)))
        parts = table[table["part"] != "overall"].sort_values("p")
        excludes = (parts["corrected_low"] > 0) | (parts["corrected_high"] < 0)
        assert (parts["p_corrected"] <= 0.05).tolist() == excludes.cummin().tolist()
        assert parts["supported"].tolist() == (parts["p_corrected"] <= 0.05).tolist()


def test_published_values_stand_beside_their_part(digits):
    table = table_of(digits).set_index("part")
    assert np.isnan(table.loc["overall", "published_difference"])
    row = table.loc["5", ["published_baseline", "published_arm", "published_difference"]]
    assert row.tolist() == pytest.approx([89.6825, 98.4127, 8.7302])
    assert published_table(digits) is None  # no row is for the study's own metric


def test_published_rows_of_other_metrics_stay_out_of_the_published_table(tmp_path):
    rows = [{"net": "old", "mean": 0.5}, {"net": "old", "metric": "hits", "mean": 0.8}]
    run = run_of(
        tmp_path, trial("old", FIVE), published={"source": "A report", "runs": 1, "rows": rows}
    )
    assert published_table(run)["published_mean"].tolist() == [0.5]
    assert arm_means(run, compared(run))["published"].tolist() == pytest.approx(
        [80, np.nan, np.nan] + [np.nan] * 3, nan_ok=True
    )


def test_files_name_their_units(digits):
    columns = list(with_units(table_of(digits), compared(digits)))
    assert {
        "baseline_mean_percent",
        "difference_percentage_points",
        "published_difference_percentage_points",
    } <= set(columns)
    assert not {"difference", "baseline_setting"} & set(columns)


def test_without_percent_numbers_stay_as_they_are(tmp_path):
    run = run_of(
        tmp_path,
        trial("old", FIVE),
        trial("new", FIVE + GAIN),
        compare={**COMPARE, "percent": False},
    )
    row = table_of(run).iloc[0]
    assert (row["baseline_mean"], row["difference"]) == pytest.approx((FIVE.mean(), GAIN.mean()))
    assert "difference" in with_units(table_of(run), compared(run))
    assert (
        sentence(run)
        == "new is better than old at every letter: +0.0510 (both corrected intervals above 0, n ="
        " 5 paired seeds); overall 0.855 against 0.804, +0.0510 [0.0418, 0.0602]."
    )


def test_seeds_are_paired_by_number_and_those_of_one_arm_only_are_left_out(tmp_path):
    run = run_of(
        tmp_path,
        trial("old", [0.8, 0.7], seeds=[0, 1]),
        trial("old", [0.6, 0.1], seeds=[2, 9]),
        trial("new", [0.65, 0.75, 0.85, 0.2, 0.2], seeds=[2, 1, 0, 7, 8]),
    )
    row = table_of(run).iloc[0]
    assert (row["n"], row["left_out"], row["baseline_mean"]) == (3, 3, pytest.approx(70))
    assert row["difference"] == pytest.approx(5)
    assert "3 seeds that only one arm has stand behind no difference." in sentence(run)


def test_equal_differences_have_no_t_interval_and_the_p_value_of_sign_flips(tmp_path):
    row = table_of(
        run_of(tmp_path, trial("old", [0.1, 0.2, 0.3]), trial("new", [0.2, 0.3, 0.4]))
    ).iloc[0]
    assert (row["difference"], row["p"]) == pytest.approx((10, 0.25))
    assert row[["ci_low", "corrected_high"]].isna().all()
    assert not row["supported"]


def test_ties_count_half(tmp_path):
    old, new = [0.5, 0.5, 0.5, 0.5], [0.5, 0.6, 0.7, 0.4]
    run = run_of(tmp_path, trial("old", old), trial("new", new, a=old))
    assert table_of(run)["probability_better"].tolist() == [0.625, 0.5, 0.625]
    worse = run_of(tmp_path / "min", trial("old", old), trial("new", new), mode="min")
    assert table_of(worse).loc[0, "probability_better"] == 0.375


def test_one_seed_has_a_difference_and_no_claim(tmp_path):
    run = run_of(tmp_path, trial("old", [0.5]), trial("new", [0.75]))
    row = table_of(run).iloc[0]
    assert (row["n"], row["difference"], row["supported"]) == (1, 25, False)
    assert (
        row[["baseline_std", "ci_low", "p", "p_corrected", "p_flips", "probability_better"]]
        .isna()
        .all()
    )
    assert (
        sentence(run)
        == "One paired seed supports no claim about new and old; hits 75.00 % against 50.00 %, n"
        " = 1."
    )


def test_a_missing_arm_keeps_its_rows_and_claims_nothing(tmp_path):
    failed = trial("new", FIVE, status="failed", error="ValueError: no")
    run = run_of(tmp_path, trial("old", FIVE), failed)
    table = table_of(run)
    assert table[["n", "left_out"]].to_numpy().tolist() == [[0, 5]] * 3
    assert table["baseline_mean"].tolist() == pytest.approx([80.4] * 3)
    assert table[["arm_mean", "difference", "p"]].isna().all(axis=None)
    assert (
        sentence(run)
        == "new has no completed seed, so there is no difference to speak of. Net new lost 5 of 5"
        " seeds: before anything is called better, a lost seed counts as the worst (hits 0 %). 5"
        " seeds that only one arm has stand behind no difference. 1 of 2 planned trials"
        " completed; 1 failed stands behind no number here."
    )


def test_a_missing_part_takes_no_part_in_the_family(tmp_path):
    holes = np.where([True, True, True, True, False], np.nan, FIVE)
    run = run_of(tmp_path, trial("old", FIVE, a=holes), trial("new", FIVE + GAIN))
    table = table_of(run).set_index("part")
    assert table["n"].to_dict() == {"overall": 5, "a": 1, "b": 5}
    assert table.loc["b", "p_corrected"] == table.loc["b", "p"]
    assert "every" not in sentence(run)


def test_nothing_completed(tmp_path):
    assert (
        sentence(run_of(tmp_path, trials=2))
        == "No trial has completed with a number, so there is no answer yet. "
        "0 of 2 planned trials completed; 2 not started stand behind no number here."
    )


def test_arms_that_share_no_seed(tmp_path):
    run = run_of(
        tmp_path, trial("old", [0.1, 0.2], seeds=[0, 1]), trial("new", [0.3, 0.4], seeds=[2, 3])
    )
    assert sentence(run).startswith(
        "new and old share no seed, so there is no difference to speak of. 4 seeds that only one"
        " arm has"
    )


def test_a_study_that_compares_nothing(tmp_path):
    assert compared(run_of(tmp_path, trial("old", FIVE), compare=None)) is None
    assert (
        compared(run_of(tmp_path, trial("old", FIVE), compare={**COMPARE, "parameter": "gone"}))
        is None
    )


def test_better_at_every_part(digits):
    text = sentence(digits)
    table = table_of(digits)
    assert table["supported"].all()
    assert text.startswith("cnn is better than ffn at every digit: +")
    assert (
        "percentage points (all 10 corrected intervals above 0, n = 5 paired seeds); overall "
        in text
    )
    assert text.endswith("percentage points, with 88.29 % fewer parameters.")
    assert f"+{table['difference'][1:].min():.2f} to +{table['difference'][1:].max():.2f}" in text


def test_better_overall_and_at_some_parts(tmp_path):
    run = run_of(tmp_path, trial("old", FIVE), trial("new", FIVE + GAIN, a=FIVE[::-1], weights=150))
    assert (
        sentence(run)
        == "new is better than old overall: 85.50 % against 80.40 %, +5.10 [4.18, 6.02] percentage"
        " points, n = 5 paired seeds, with 50.00 % more parameters; better at 1 of 2 letters"
        " (b), no evidence at 1."
    )


def test_the_shorter_list_of_parts_is_named(tmp_path):
    metrics = ["hits", *(f"hits_{name}" for name in "abcdefgh")]

    def many(net, values, odd):
        last = {
            name: (odd if name in ("hits_c", "hits_g") else values).tolist() for name in metrics
        }
        return Trial(params={"net": net}, epochs=[{"accuracy": 0.5, **last}], seeds=range(5))

    run = run_of(
        tmp_path,
        many("old", FIVE, FIVE),
        many("new", FIVE + GAIN, FIVE[::-1]),
        compare={**COMPARE, "metrics": metrics},
    )
    assert "better at 6 of 8 letters (all but c and g), no evidence at 2." in sentence(run)


def test_worse_everywhere_and_mode_min(tmp_path):
    trials = trial("old", FIVE), trial("new", FIVE - GAIN)
    assert sentence(run_of(tmp_path, *trials)).startswith(
        "new is worse than old at every letter: -5.10 percentage points (both corrected"
    )
    better = sentence(run_of(tmp_path / "min", *trials, mode="min"))
    assert better.startswith(
        "new is better than old at every letter: -5.10 percentage points (both corrected intervals"
        " below 0, n = 5"
    )


def test_no_evidence(tmp_path):
    assert (
        sentence(run_of(tmp_path, trial("old", FIVE), trial("new", FIVE[::-1])))
        == "No evidence of a difference between new and old overall: 80.40 % against 80.40 %, +0.00"
        " [-0.88, 0.88] percentage points, n = 5 paired seeds; at no letter does the corrected"
        " interval exclude 0."
    )


def test_a_single_metric_has_no_parts(tmp_path):
    run = run_of(
        tmp_path,
        trial("old", FIVE),
        trial("new", FIVE + GAIN),
        compare={**COMPARE, "metrics": ["hits"]},
    )
    assert sentence(run).startswith(
        "new is better than old by hits: 85.50 % against 80.40 %, +5.10 [4.18, 6.02] percentage"
        " points, n = 5"
    )


def test_metrics_that_are_no_declared_parts_are_called_by_their_names(tmp_path):
    compare = {**COMPARE, "metrics": ["hits", "hits_a"], "parts": ""}
    run = run_of(tmp_path, trial("old", FIVE), trial("new", FIVE + GAIN), compare=compare)
    table = table_of(run)
    assert table["part"].tolist() == ["hits", "hits_a"]
    # Whether more of another metric is better nobody said.
    assert table["probability_better"].tolist() == pytest.approx([1, np.nan], nan_ok=True)
    assert sentence(run).endswith(" points, n = 5 paired seeds; higher by hits_a.")
    assert "new is better than old by hits: " in sentence(run)
    as_recorded_before = {**compare, "parts": "part"}
    before = run_of(tmp_path / "b", trial("old", FIVE), compare=as_recorded_before)
    assert compared(before).names == ["hits", "hits_a"]


def test_arms_are_compared_by_the_metric_of_the_study_unless_others_are_given(tmp_path):
    compare = {"parameter": "net", "baseline": "old", "metrics": [], "parts": ""}
    run = run_of(tmp_path, trial("old", FIVE), trial("new", FIVE), compare=compare)
    assert compared(run).metrics == ["accuracy"]


def test_other_parameters_are_held(tmp_path):
    space = {"rate": {"values": [0.1, 0.2]}, **ARMS}
    trials = [
        trial(net, FIVE + gain + rate, params={"rate": rate})
        for rate in (0.1, 0.2)
        for net, gain in (("old", 0), ("new", GAIN))
    ]
    run = run_of(tmp_path, *trials, space=space)
    table = table_of(run)
    assert table["at"].tolist() == ["rate 0.1"] * 3 + ["rate 0.2"] * 3
    assert table["difference"].tolist() == pytest.approx([5.1] * 6)
    level = 1 - 0.05 / 2  # two overall rows are a family of two
    interval = stats.ttest_1samp(100 * GAIN, 0).confidence_interval(level)
    assert (table.loc[0, "corrected_low"], table.loc[0, "corrected_high"]) == pytest.approx(
        tuple(interval)
    )
    assert sentence(run).count("at every letter at rate") == 2


def test_many_comparisons_are_counted_and_the_largest_is_named(tmp_path):
    rates = [0.01, 0.02, 0.03, 0.04, 0.05]
    gains = [GAIN, -GAIN / 2, 0 * GAIN, 2 * GAIN, 0 * GAIN]
    trials = [
        trial(net, hits, params={"rate": rate})
        for rate, gain in zip(rates, gains, strict=True)
        for net, hits in (("old", FIVE), ("new", FIVE[::-1] + gain))
    ]
    run = run_of(tmp_path, *trials, space={"rate": {"values": rates}, **ARMS})
    assert sentence(run).startswith(
        "new is better than old overall in 2 of 5 comparisons, worse in 1, no evidence of a"
        " difference in 2; largest supported difference: new against old at rate 0.04, 90.60 %"
        " against 80.40 %, +10.20 ["
    )


def test_costs_by_hand(tmp_path):
    def epochs(seconds, speed, weights, final):
        rows = [
            {"hits": None, "train_seconds": s, "images_per_second": speed, "parameters": weights}
            for s in seconds
        ]
        return [
            {name: value for name, value in row.items() if value is not None} for row in rows[:-1]
        ] + [{**rows[-1], "hits": final}]

    trials = [
        Trial(
            params={"net": "old"}, epochs=epochs([1.0, 2.0], 100, 109386, [0.1, 0.2]), seeds=[0, 1]
        ),
        Trial(params={"net": "old"}, epochs=epochs([3.0, 4.0], 200, 109386, [0.3]), seeds=[2]),
        Trial(params={"net": "new"}, epochs=epochs([0.5, 0.5], 300, 12810, [0.3]), seeds=[0]),
    ]
    run = run_of(tmp_path, *trials, compare={**COMPARE, "metrics": ["hits"]})
    table = arm_costs(run, compared(run))
    assert table["arm"].tolist() == ["old", "new"]
    assert table["train_seconds"].tolist() == [10, 1]
    assert table["train_seconds_per_seed"].tolist() == pytest.approx([10 / 3, 1])
    assert table["images_per_second"].tolist() == [150, 300]
    assert table["fewer_parameters"].tolist() == pytest.approx(
        [np.nan, 1 - 12810 / 109386], nan_ok=True
    )
    assert f"{table.loc[1, 'fewer_parameters']:.2%}" == "88.29%"
    assert table["n"].tolist() == [3, 1]


def test_costs_that_were_not_recorded_have_no_columns(tmp_path):
    found = [Trial(params={"net": "old"}, epochs=[{"hits": [0.5, 0.6]}], seeds=[0, 1])]
    run = run_of(tmp_path, *found, compare={**COMPARE, "metrics": ["hits"]})
    assert list(arm_costs(run, compared(run))) == ["arm", "at", "n", "mean", "std", "low", "high"]


@pytest.mark.parametrize(
    ("metrics", "names"),
    [
        (["test_accuracy_0", "test_accuracy_1"], ["0", "1"]),
        (["accuracy_10", "accuracy_11"], ["10", "11"]),
        (["f1_lung", "f1_heart"], ["lung", "heart"]),
        (["lung", "heart"], ["lung", "heart"]),
        (["accuracy_0"], ["0"]),
        ([], []),
    ],
)
def test_a_part_is_named_by_what_follows_the_common_beginning(metrics, names):
    assert part_names(metrics) == names


def test_seeds_that_sign_flips_need():
    assert [seeds_for_sign_flips(tests) for tests in (1, 10)] == [6, 9]
    assert 10 * 2 / 2**9 <= 0.05 < 10 * 2 / 2**8


def test_t_intervals_and_p_values_below_two_values_are_missing():
    samples = [np.array([]), np.array([1.0]), np.array([0.0, 0.0]), np.array([1.0, 2.0, 4.0])]
    assert np.isnan(t_intervals(samples)).any(axis=1).tolist() == [True, True, True, False]
    assert t_intervals(samples)[3] == pytest.approx(
        stats.t.interval(0.95, 2, loc=7 / 3, scale=stats.sem([1, 2, 4]))
    )
    assert t_p_values(samples).tolist() == pytest.approx(
        [np.nan, np.nan, 1, stats.ttest_1samp([1, 2, 4], 0).pvalue], nan_ok=True
    )


SHARES = st.lists(st.tuples(*[st.integers(0, 20)] * 6), min_size=1, max_size=6)


@given(SHARES)
def test_what_holds_for_all_results(tmp_path_factory, counts):
    values = np.array(counts) / 20
    old, new = values[:, :3].T, values[:, 3:].T
    folder = tmp_path_factory.mktemp("run")
    forth = table_of(run_of(folder / "forth", trial("old", *old), trial("new", *new)))
    back = table_of(run_of(folder / "back", trial("old", *new), trial("new", *old)))
    np.testing.assert_allclose(forth["difference"], -back["difference"], atol=1e-9)
    np.testing.assert_allclose(forth["probability_better"], 1 - back["probability_better"])
    np.testing.assert_allclose(forth["p"], back["p"])
    pd.testing.assert_series_equal(forth["supported"], back["supported"])
    assert (
        forth.loc[forth["supported"], "p_corrected"] <= 0.05 + 1e-9
    ).all()  # Bonferroni asks for more than Holm
    known = forth.dropna(subset="corrected_low")
    assert (known["corrected_low"] <= known["ci_low"] + 1e-9).all()
    assert known["difference"].between(known["ci_low"], known["ci_high"]).all()


def test_equal_values_have_no_spread(tmp_path):
    """Not the rounding error of their mean, which 34 / 35 in percent has."""
    table = table_of(run_of(tmp_path, trial("old", [34 / 35] * 3), trial("new", [34 / 35] * 3)))
    assert table[["baseline_mean", "arm_mean"]].to_numpy().tolist() == [[100 * (34 / 35)] * 2] * 3
    assert table[["baseline_std", "arm_std"]].to_numpy().tolist() == [[0.0, 0.0]] * 3
