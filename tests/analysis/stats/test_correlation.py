"""How parameters go with the metric: over evidence that can be compared, against pandas, scipy and
literals.
"""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
import vl_convert
from hypothesis import given
from hypothesis import strategies as st
from run_folders import Trial, scores, searched_like, write_run
from scipy import stats

from analysis import load_run
from analysis.charts.correlations import bars
from analysis.charts.importances import importance_bars
from analysis.charts.parallel import parallel
from analysis.charts.pictures import OF_RELATIONS, draw
from analysis.charts.style import style
from analysis.numerics.association import coefficient, eta, interval
from analysis.numerics.surrogate import most_certain
from analysis.report.page import section_html
from analysis.report.sections import with_charts
from analysis.report.sections.correlations import correlations as correlation_section
from analysis.report.sections.correlations import readable_correlations
from analysis.stats.correlation import correlations, recommended
from analysis.stats.extrapolation import at_full_length, can_extrapolate, fill_in, ridge
from analysis.stats.fidelity import comparable_epochs, evidence, features, kind_of
from analysis.stats.findings import find
from analysis.stats.importance import contradicts_itself, draw_settings, importances
from analysis.stats.optuna_importance import FANOVA
from benchmarks.simulations import SPACE, searched

RANGE = {"kind": "float", "low": 1e-4, "high": 1.0, "log": True, "step": None}
TWO = {"rate": RANGE, "loss": {"values": ["a", "b"]}}
ASHA = {"kind": "asha", "grace_period": 1, "reduction_factor": 2, "rungs": [1]}


def trial(rate, loss, curve, **about):
    return Trial(
        params={"rate": rate, "loss": loss},
        epochs=[{"accuracy": [value]} for value in curve],
        seeds=(0,),
        **about,
    )


def run_of(folder, trials, space=TWO, **spec):
    return load_run(
        write_run(
            folder,
            trials,
            space=space,
            seeds=[0],
            seeds_per_trial=1,
            search={"kind": "random"},
            epochs=2,
            **spec,
        )
    )


def row(table, **where):
    found = table[np.logical_and.reduce([table[name] == value for name, value in where.items()])]
    assert len(found) == 1
    return found.iloc[0]


@pytest.fixture(scope="module")
def stopped():
    return searched(3, 120)


@pytest.fixture(scope="module")
def table(stopped):
    return correlations(stopped)


@pytest.fixture(scope="module")
def shares(stopped):
    return importances(stopped)


def test_each_epoch_compares_those_that_reached_it_by_their_values_there(stopped, table):
    for epoch in (2, 6, 20):
        there = stopped.epochs[stopped.epochs["epoch"] == epoch].set_index("trial")["score"]
        settings = stopped.trials.set_index("trial").loc[there.index]
        found = row(table, parameter="dropout", epoch=epoch, evidence="reached", method="spearman")
        assert found["n"] == found["measured"] == len(there)
        assert found["coefficient"] == pytest.approx(
            settings["dropout"].astype(float).corr(there, method="spearman")
        )
        found = row(
            table, parameter="learning_rate", epoch=epoch, evidence="reached", method="pearson"
        )
        assert found["coefficient"] == pytest.approx(
            np.log(settings["learning_rate"].astype(float)).corr(there)
        )
    assert table[table["epoch"] == 2]["n"].iloc[0] == 120


def test_naive_takes_the_last_value_of_each_trial(stopped, table):
    last = stopped.epochs.groupby("trial")["score"].last()
    naive = stopped.trials.set_index("trial")["warmup"].astype(float).corr(last, method="spearman")
    rows = table[(table["parameter"] == "warmup") & (table["method"] == "spearman")]
    assert rows["naive"].tolist() == pytest.approx([naive] * 4)


def test_the_extrapolated_coefficient_is_near_the_truth_where_the_naive_one_is_not(stopped, table):
    whole = searched(3, 120, rungs=())
    ends = whole.epochs[whole.epochs["epoch"] == 20].set_index("trial")["score"]
    for key in ("learning_rate", "dropout", "width", "warmup"):
        truth = whole.trials.set_index("trial")[key].astype(float).corr(ends, method="spearman")
        found = row(table, parameter=key, evidence="extrapolated", method="spearman")
        assert found["coefficient"] == pytest.approx(truth, abs=0.1)
        assert found["low"] <= truth <= found["high"]
    assert (
        abs(row(table, parameter="warmup", evidence="extrapolated", method="spearman")["naive"])
        > 0.5
    )


def test_what_to_quote(stopped, table):
    quoted = recommended(table)
    assert quoted[["parameter", "method"]].to_numpy().tolist() == [
        ["learning_rate", "spearman"],
        ["dropout", "spearman"],
        ["width", "spearman"],
        ["optimizer", "eta"],
        ["warmup", "spearman"],
    ]
    assert set(quoted["evidence"]) == {"extrapolated"}
    assert set(recommended(correlations(searched(3, 40, rungs=())))["evidence"]) == {"reached"}


def test_without_stopping_naive_and_reached_agree_and_nothing_is_extrapolated():
    table = correlations(searched(0, 30, rungs=()))
    assert table["evidence"].unique().tolist() == ["reached"]
    assert table["naive"].tolist() == pytest.approx(table["coefficient"].tolist())


def test_the_correlation_ratio_against_its_definition():
    codes, metric = np.array([0, 0, 1, 1, 2, 2]), np.array([1.0, 3.0, 4.0, 6.0, 7.0, 9.0])
    assert eta(codes, metric) == pytest.approx(np.sqrt(36 / 42))  # between groups 36, in all 42
    groups = [metric[codes == code] for code in range(3)]
    ratio = stats.f_oneway(*groups).statistic
    assert eta(codes, metric) ** 2 == pytest.approx(2 * ratio / (2 * ratio + 3))


def test_the_interval_of_eta_leaves_as_much_on_each_side_as_the_noncentral_f_says():
    rng = np.random.default_rng(0)
    codes, metric = rng.integers(0, 3, 40), rng.normal(size=40)
    metric = metric + codes
    value = eta(codes, metric)
    low, high = interval("eta", codes, metric)
    ratio = (value**2 / 2) / ((1 - value**2) / 37)
    for limit, share in ((low, 0.975), (high, 0.025)):
        assert stats.ncf.cdf(ratio, 2, 37, 40 * limit**2 / (1 - limit**2)) == pytest.approx(
            share, abs=1e-6
        )
    assert interval("eta", np.arange(40) % 2, np.arange(40) // 2 * 1.0)[0] == 0


def test_intervals_of_coefficients_are_those_of_scipy_and_always_the_same():
    rng = np.random.default_rng(1)
    x = rng.uniform(size=30)
    y = x + rng.normal(size=30)
    assert interval("pearson", x, y) == interval("pearson", x, y)
    low, high = interval("pearson", x, y)
    exact = stats.pearsonr(x, y).confidence_interval(0.95)
    assert (low, high) == (pytest.approx(exact.low, abs=0.1), pytest.approx(exact.high, abs=0.1))
    assert coefficient("spearman", x, y) == pytest.approx(stats.spearmanr(x, y).statistic)


def test_many_trials_have_the_interval_that_theory_says():
    rng = np.random.default_rng(2)
    x = rng.normal(size=3_000)
    y = x + rng.normal(size=3_000)
    exact = stats.pearsonr(x, y).confidence_interval(0.95)
    assert interval("pearson", x, y) == (
        pytest.approx(exact.low, abs=0.01),
        pytest.approx(exact.high, abs=0.01),
    )


def test_below_ten_trials_there_is_no_interval(tmp_path):
    trials = [trial(10.0**-place, "ab"[place % 2], [0.1, 0.9 - 0.1 * place]) for place in range(4)]
    table = correlations(run_of(tmp_path, trials))
    assert row(table, parameter="rate", method="spearman")["coefficient"] == pytest.approx(1)
    assert row(table, parameter="rate", method="pearson")["coefficient"] == pytest.approx(1)
    assert table[["low", "high"]].isna().all(axis=None)


def test_ties_share_their_ranks(tmp_path):
    values = [0.5, 0.5, 0.75, 0.75, 1.0, 1.0]
    trials = [
        trial(rate, "a", [0.1, value])
        for rate, value in zip([0.1, 0.1, 0.2, 0.3, 0.3, 0.3], values, strict=True)
    ]
    found = row(correlations(run_of(tmp_path, trials)), parameter="rate", method="spearman")
    assert found["coefficient"] == pytest.approx(
        stats.spearmanr([0.1, 0.1, 0.2, 0.3, 0.3, 0.3], values).statistic
    )


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.integers(2, 6))
def test_points_on_a_line_have_one_at_the_most(offset, slope, n):
    line = np.random.default_rng(n).uniform(0, 1, n)
    assert 0.999 < coefficient("pearson", line, offset + slope * 1e3 * line) <= 1


def test_what_does_not_vary_has_no_coefficient(tmp_path):
    trials = [trial(0.1, "a", [0.1, 0.2 + place / 50]) for place in range(12)]
    run = run_of(tmp_path, trials)
    table = correlations(run)
    assert table[["coefficient", "low", "high", "naive"]].isna().all(axis=None)
    assert (table["n"] == 12).all()
    assert importances(run).empty


def test_failed_and_diverged_trials_and_missing_values_count_where_they_have_a_value(tmp_path):
    trials = [
        trial(0.01 * (place + 1), "ab"[place % 2], [0.1 + place / 100, 0.2 + place / 50])
        for place in range(12)
    ]
    trials += [
        trial(0.5, "a", [0.3], status="failed", error="RuntimeError: no"),
        trial(0.6, "b", [0.4, float("nan")], status="diverged"),
        trial(0.7, "a", [], status="failed", error="RuntimeError: at once"),
        trial(0.8, "a", [0.5, None]),
    ]
    table = correlations(run_of(tmp_path, trials, scheduler=ASHA))
    counts = (
        table[table["parameter"] == "rate"].groupby(["epoch", "evidence"])["n"].first().to_dict()
    )
    assert counts == {
        (1, "reached"): 15,
        (2, "reached"): 12,
        (2, "extrapolated"): 13,
    }  # the one whose last value is missing is guessed


def test_the_last_attempt_of_a_resumed_trial_counts(tmp_path):
    trials = [trial(0.01 * (place + 1), "a", [0.1, 0.2 + place / 50]) for place in range(6)]
    run = run_of(tmp_path, trials)
    before = correlations(run)["coefficient"].tolist()
    again = [
        {
            "trial": "t0000",
            "epoch": epoch,
            "metrics": {"accuracy": [value]},
            "seconds": 0.1,
            "at": 5.0,
        }
        for epoch, value in ((1, 0.3), (2, 0.9))
    ]
    with run.paths.epochs.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in again)
    after = correlations(load_run(run.paths.root))
    values = [0.9, *(0.2 + place / 50 for place in range(1, 6))]
    expected = stats.spearmanr(range(6), values).statistic
    assert row(after, parameter="rate", method="spearman")["coefficient"] == pytest.approx(expected)
    assert before[0] == pytest.approx(1)


def test_confirmation_takes_no_part(tmp_path):
    whole = load_run(searched_like(tmp_path / "with", trials=40))
    alone = load_run(searched_like(tmp_path / "without", trials=40, confirm=None))
    pd.testing.assert_frame_equal(correlations(whole), correlations(alone))


def test_kinds_of_parameters_and_the_epochs_compared(tmp_path):
    assert [
        kind_of({"values": values})
        for values in ([1, 2], [0.5], [True, False], ["a", "b"], [1, None], [1, "a"])
    ] == [
        "numeric",
        *["categorical"] * 5,
    ]
    assert kind_of(RANGE) == "numeric"
    run = run_of(tmp_path, [], scheduler={**ASHA, "rungs": [1]})
    assert comparable_epochs(run) == [1, 2]
    by_hand = [
        Trial(params={"width": 1}, epochs=scores([0.5], epochs), seeds=[0], status=status)
        for epochs, status in (
            (3, "stopped by hand"),
            (7, "stopped by hand"),
            (5, "failed"),
            (0, "stopped by hand"),
        )
    ]
    stopped = load_run(write_run(tmp_path / "by hand", by_hand, seeds=[0], epochs=9))
    assert comparable_epochs(stopped) == [3, 9]
    assert correlations(run)["n"].eq(0).all()
    assert importances(run).empty


def test_features_are_scaled_and_constant_ones_left_out():
    space = {"rate": RANGE, "loss": {"values": ["a", "b"]}, "same": {"values": [1, 2]}}
    settings = pd.DataFrame(
        {"rate": [1e-4, 1e-2, 1.0], "loss": ["a", "b", "a"], "same": [1, 1, 1]}, dtype=object
    )
    assert features(space, settings, squares=False).tolist() == [[-1, 1, 0], [0, 0, 1], [1, 1, 0]]
    assert features(space, settings, squares=True)[:, :2].tolist() == [[-1, 1], [0, -0.5], [1, 1]]


def test_ridge_is_least_squares_where_nothing_is_to_be_shrunk():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(60, 3))
    targets = 2 + inputs @ np.array([1.0, -2.0, 0.5])
    seen = np.arange(60) < 40
    found, error = ridge(inputs, targets, seen)
    assert found == pytest.approx(targets, abs=0.01)
    assert error < 1e-4


def test_ridge_leaves_out_one_by_one():
    rng = np.random.default_rng(1)
    inputs, targets, seen = rng.normal(size=(12, 2)), rng.normal(size=12), np.ones(12, dtype=bool)
    _, error = ridge(inputs, targets, seen)
    by_hand = np.mean(
        [(targets - targets[np.arange(12) != left].mean())[left] ** 2 for left in range(12)]
    )
    assert error <= by_hand * 1.001  # nothing explains noise better than the mean


def test_measured_values_stay_and_no_guess_is_better_than_the_best_measured(stopped):
    found = evidence(stopped)
    assert can_extrapolate(found, True)
    whole = at_full_length(found, True)
    measured = found.values[20].dropna()
    assert whole.loc[measured.index, "value"].tolist() == measured.tolist()
    assert (whole.loc[measured.index, "variance"] == 0).all()
    assert whole["value"].max() == measured.max()
    assert (whole.loc[~whole["measured"], "variance"] > 0).all()
    lower, _ = fill_in(
        -found.values.to_numpy(), features(SPACE, found.settings, squares=True), False
    )
    assert lower.min() == -measured.max()


@pytest.mark.parametrize(
    ("low", "high", "contradicts"),
    [
        ([0.02, 0.57, 0.02], [0.35, 0.93, 0.20], True),
        ([0.60, 0.10, 0.05], [0.64, 0.30, 0.20], False),
        ([0.02, 0.30, 0.02], [0.35, 0.93, 0.20], False),
        ([np.nan] * 3, [np.nan] * 3, False),
    ],
)
def test_ranges_that_say_the_opposite_of_the_order_contradict_it(low, high, contradicts):
    frame = pd.DataFrame({"importance": [0.67, 0.17, 0.16], "low": low, "high": high})
    assert contradicts_itself(frame) == contradicts


@pytest.mark.parametrize("foretold", [True, False])
def test_trials_are_extrapolated_by_what_foretells_those_that_went_on(tmp_path, foretold):
    """All that went on end between 0.92 and 0.95, in the order that they had before, or in none."""
    rng = np.random.default_rng(3)
    rates, early = 10 ** rng.uniform(-4, 0, 40), np.linspace(0.2, 0.89, 40)
    ends = 0.92 + 0.03 * np.linspace(0, 1, 20)
    ends = ends if foretold else rng.permutation(ends)
    trials = [
        trial(rate, "a", [value], status="pruned", rung=1)
        for rate, value in zip(rates[:20], early[:20], strict=True)
    ] + [
        trial(rate, "b", [value, end])
        for rate, value, end in zip(rates[20:], early[20:], ends, strict=True)
    ]
    run = run_of(tmp_path, trials, scheduler=ASHA)
    assert can_extrapolate(evidence(run), True) == foretold
    quoted = recommended(correlations(run))["evidence"]
    assert set(quoted) == {"extrapolated" if foretold else "reached"}


def test_too_few_completed_trials_are_not_extrapolated():
    run = searched(0, 12)
    assert not can_extrapolate(evidence(run), True)
    assert "extrapolated" not in set(correlations(run)["evidence"])


def test_importances_add_up_and_put_the_speed_last(shares):
    assert shares["importance"].sum() == pytest.approx(1)
    assert shares["naive"].sum() == pytest.approx(1)
    assert shares["importance"].is_monotonic_decreasing
    assert shares["parameter"].iloc[0] == "learning_rate"
    assert shares["parameter"].iloc[-1] == "warmup"
    assert (shares["low"] <= shares["high"]).all()
    assert shares["measured"].iloc[0] < shares["n"].iloc[0] == 120


def test_importances_by_fanova():
    table = importances(searched(1, 60, rungs=()), method=FANOVA)
    assert table["method"].unique().tolist() == ["fanova"]
    assert table["importance"].sum() == pytest.approx(1)
    assert table["parameter"].iloc[-1] in ("warmup", "width")


def test_lower_is_better_gives_the_same_importances_of_the_negative(stopped):
    from dataclasses import replace

    mirrored = replace(
        stopped,
        spec={**stopped.spec, "mode": "min"},
        epochs=stopped.epochs.assign(score=-stopped.epochs["score"]),
    )
    plain = replace(
        stopped, epochs=stopped.epochs.assign(score=stopped.epochs["score"] - 2)
    )  # no logarithm on either side
    first, last = (
        importances(run).set_index("parameter")["importance"] for run in (plain, mirrored)
    )
    assert last.reindex(first.index).tolist() == pytest.approx(first.tolist(), abs=0.05)


def test_settings_are_drawn_within_the_space():
    space = {
        "rate": RANGE,
        "layers": {"kind": "int", "low": 2, "high": 4, "log": False, "step": None},
        "loss": {"values": ["a", None]},
    }
    drawn = pd.DataFrame(draw_settings(space, 500, np.random.default_rng(0)), dtype=object)
    assert drawn["rate"].between(1e-4, 1).all()
    assert np.log10(drawn["rate"].astype(float)).mean() == pytest.approx(-2, abs=0.2)
    assert sorted(drawn["layers"].unique()) == [2, 3, 4]
    assert set(drawn["loss"]) == {"a", None}


def test_the_model_takes_the_most_certain_trials():
    chosen = most_certain(np.concatenate([np.ones(500), np.zeros(100)]))
    assert len(chosen) == 300
    assert set(range(500, 600)) <= set(chosen)


def test_bars_show_rungs_and_the_figures_to_quote(table, shares):
    facts = bars(table)
    assert facts["panel"].unique().tolist() == [
        "epoch 2 (n = 120)",
        f"epoch 6 (n = {(table['epoch'] == 6) @ table['n'] // 9})",
        "epoch 20, extrapolated (n = 120)",
    ]
    last = facts[facts["panel"].str.contains("extrapolated")].set_index("label")
    assert facts.loc[~facts["panel"].str.contains("extrapolated"), "naive"].isna().all()
    assert (
        last["naive"].notna().tolist()
        == (
            (last["coefficient"] - recommended(table).set_index("parameter")["naive"]).abs() > 0.05
        ).tolist()
    )
    assert importance_bars(shares)["label"].tolist() == shares["parameter"].tolist()


def test_parallel_coordinates_place_every_trial_on_every_axis(stopped):
    lines, labels = parallel(stopped)
    assert len(lines) == 120 * 6
    assert labels[labels["place"] > 1.05]["text"].tolist() == [*SPACE, "score"]
    rates = lines[lines["name"] == "learning_rate"].set_index("trial")["place"]
    expected = (np.log10(stopped.trials.set_index("trial")["learning_rate"].astype(float)) + 4) / 3
    assert rates.tolist() == pytest.approx(expected.reindex(rates.index).tolist())
    assert set(lines["state"]) == {"completed", "pruned"}


def test_pictures_can_be_drawn_and_the_section_escapes(tmp_path):
    space = {"<b>": RANGE, "loss": {"values": ["<script>", "b"]}}
    rng = np.random.default_rng(0)
    trials = [
        Trial(
            params={"<b>": 10.0 ** -rng.uniform(0, 4), "loss": ["<script>", "b"][place % 2]},
            epochs=[{"accuracy": [value / 2]}, {"accuracy": [value]}],
            seeds=(0,),
        )
        for place, value in enumerate(rng.uniform(0.2, 0.9, 20))
    ]
    run = run_of(tmp_path, trials, space)

    drawn = draw(find(run), OF_RELATIONS)
    assert [picture.name for picture in drawn] == ["correlations", "importances", "parallel"]
    for picture in drawn:
        assert vl_convert.vegalite_to_svg(
            {**picture.spec, "config": style("black", "white")}
        ).startswith("<svg")
    markup = section_html(with_charts(correlation_section(find(run)), drawn))
    assert "<script>" not in markup.replace('<script type="application/json"', "")
    assert "&lt;b&gt;" in markup


def test_the_table_puts_pearson_beside_spearman(table):
    text = readable_correlations(table)
    assert len(text) == 5 * 4
    first = text.iloc[0]
    pearson = row(table, parameter="learning_rate", epoch=2, method="pearson")["coefficient"]
    assert (first["method"], first["n"], first["Pearson"]) == ("Spearman", "120", f"{pearson:.2f}")


def test_nothing_warns(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = load_run(searched_like(tmp_path, trials=40))
        draw(find(run), OF_RELATIONS)
