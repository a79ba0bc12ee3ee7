"""Tables against literals and the plainest recomputation with pandas and scipy."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import Trial, scores, write_run, xor_like
from scipy import stats

from analysis import (
    group_table,
    load_run,
    published_table,
    seed_table,
    settings_table,
    status_table,
    summary_table,
    write_tables,
)
from analysis.numerics.intervals import RESAMPLES, mean_intervals
from analysis.numerics.samples import RANDOM_SEED
from analysis.report.export import escape_latex, latex, markdown, readable_summary
from analysis.report.page import opening_html
from analysis.report.sections.opening import opening
from analysis.stats.findings import find
from analysis.stats.published import expected_range, measured_otherwise
from analysis.text.format import p_text
from analysis.text.rounding import number

HOSTILE = "<script>alert(1)</script> $%_&#{}~^\\"


def run_of(folder, *trials, **spec):
    return load_run(write_run(folder, trials, **spec))


def test_the_summary_holds_what_pandas_computes_from_the_rows_of_the_last_epoch(tmp_path):
    run = load_run(xor_like(tmp_path, seeds=20, epochs=4))
    last = run.epochs[run.epochs["epoch"] == 4].merge(
        run.trials[["trial", "width", "depth"]], on="trial"
    )
    plain = last.groupby(["width", "depth"], as_index=False)["accuracy"].agg(
        ["count", "mean", "std", "median"]
    )
    solved = (
        last.assign(solved=last["accuracy"] >= 0.99).groupby(["width", "depth"])["solved"].mean()
    )
    table = summary_table(run)
    statistics = [
        "n",
        "accuracy_mean",
        "accuracy_std",
        "accuracy_median",
        "ci_low",
        "ci_high",
        "solved",
        "solved_low",
        "solved_high",
    ]
    assert list(table) == ["width", "depth", "parameters", *statistics]
    assert list(table["parameters"]) == [5, 7, 9, 11, 9, 15, 21, 27, 13, 25, 37, 49]
    assert list(zip(table["width"], table["depth"], strict=True)) == [
        (width, depth) for width in (1, 2, 3) for depth in range(4)
    ]
    np.testing.assert_array_equal(table["n"], plain["count"])
    for name in ("mean", "std", "median"):
        np.testing.assert_allclose(table[f"accuracy_{name}"], plain[name], atol=1e-12)
    np.testing.assert_allclose(table["solved"], solved)
    wilson = stats.binomtest(
        round(solved.iloc[0] * table["n"].iloc[0]), int(table["n"].iloc[0])
    ).proportion_ci(method="wilson")
    assert table.loc[0, ["solved_low", "solved_high"]].tolist() == pytest.approx(
        [wilson.low, wilson.high]
    )


def test_the_interval_is_the_bca_bootstrap_of_scipy(tmp_path):
    values = [0.5, 0.75, 0.75, 1.0, 1.0, 1.0]
    trial = Trial(params={"width": 1}, epochs=scores(values), seeds=range(6))
    table = summary_table(run_of(tmp_path, trial))
    limit = np.sqrt(6 / 5) * stats.t.ppf(0.975, 5)
    wider = {"confidence_level": stats.norm.cdf(limit) - stats.norm.cdf(-limit)}
    plain = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        method="BCa",
        rng=np.random.default_rng(RANDOM_SEED),
        **wider,
    )
    assert tuple(table.loc[0, ["ci_low", "ci_high"]]) == pytest.approx(plain.confidence_interval)
    assert table.loc[0, "ci_low"] < table.loc[0, "accuracy_mean"] < table.loc[0, "ci_high"]


def test_the_interval_of_a_setting_does_not_depend_on_the_other_settings():
    rng = np.random.default_rng(3)
    samples = [rng.random(size) for size in (5, 5, 9, 5)]
    # Shares of 500 images, of which many resamples have the very mean of the sample.
    samples += [rng.integers(200, 500, 10) / 500 for _ in range(12)]
    together = mean_intervals(samples)
    alone = np.vstack([mean_intervals([sample]) for sample in samples])
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_an_interval_moves_and_grows_with_its_values():
    sample = np.random.default_rng(5).integers(200, 500, 20) / 500
    expected = mean_intervals([sample])
    for scale in (1e-200, 1e-5, 1.0, 1e200):
        for shift in (0.0, 1.0, -100.0):
            found = mean_intervals([scale * (sample + shift)])
            np.testing.assert_allclose(found / scale - shift, expected, rtol=1e-6)


def test_one_seed_has_a_mean_and_neither_std_nor_interval(tmp_path):
    table = summary_table(
        run_of(tmp_path, Trial(params={"width": 1}, epochs=scores([0.7]), seeds=[4]))
    )
    row = table.loc[0]
    assert (row["n"], row["accuracy_mean"], row["accuracy_median"]) == (1, 0.7, 0.7)
    assert np.isnan(row[["accuracy_std", "ci_low", "ci_high"]].astype(float)).all()


def test_equal_values_are_their_own_mean_and_interval_without_rounding_errors(tmp_path):
    trial = Trial(params={"width": 1}, epochs=scores([0.998] * 10), seeds=range(10))
    row = summary_table(run_of(tmp_path, trial)).loc[0]
    assert [row[name] for name in ("accuracy_mean", "accuracy_std", "ci_low", "ci_high")] == [
        0.998,
        0.0,
        0.998,
        0.998,
    ]


def test_a_missing_value_is_left_out_of_n_and_kept_among_the_seeds(tmp_path):
    run = run_of(
        tmp_path, Trial(params={"width": 1}, epochs=scores([0.5, np.nan, 1.0])), target=0.9
    )
    assert seed_table(run)["accuracy"].isna().tolist() == [False, True, False]
    row = summary_table(run).loc[0]
    assert (row["n"], row["accuracy_mean"], row["solved"]) == (2, 0.75, 0.5)


def test_a_failed_trial_keeps_its_setting_with_n_0_and_its_weights(tmp_path):
    failed = Trial(
        params={"width": 2},
        epochs=scores([0.9, 0.9, 0.9], parameters=8),
        status="failed",
        error="Traceback\nValueError: no\n",
    )
    run = run_of(
        tmp_path,
        Trial(params={"width": 1}, epochs=scores([0.5, 0.6, 0.7], parameters=4)),
        failed,
        target=0.6,
    )
    table = summary_table(run)
    assert table[["width", "parameters", "n"]].to_numpy().tolist() == [[1, 4, 3], [2, 8, 0]]
    assert table.loc[1, ["accuracy_mean", "accuracy_std", "ci_low", "solved"]].isna().all()
    assert set(seed_table(run)["width"]) == {1}


def test_an_unfinished_run_lists_settings_that_never_started(tmp_path):
    running = Trial(params={"width": 2}, epochs=scores([0.9, 0.9, 0.9], epochs=1), status="running")
    space = {"width": {"values": [1, 2, 3]}}
    run = run_of(
        tmp_path,
        Trial(params={"width": 1}, epochs=scores([0.5, 0.6, 0.7])),
        running,
        space=space,
        trials=3,
    )
    assert summary_table(run)[["width", "n"]].to_numpy().tolist() == [[1, 3], [2, 0], [3, 0]]
    counts = status_table(run).set_index("status")[["trials", "seeds"]]
    assert counts.loc[
        ["planned", "completed", "unfinished", "not started"]
    ].to_numpy().tolist() == [[3, 9], [1, 3], [1, 3], [1, 3]]


def test_planned_seeds_are_settings_times_seeds_where_the_last_trial_is_shorter(tmp_path):
    space = {"width": {"values": [1, 2, 3]}}
    first = Trial(params={"width": 1}, epochs=scores([0.5, 0.6, 0.7]), seeds=[0, 1, 2])
    counts = status_table(
        run_of(tmp_path, first, space=space, seeds=[0, 1, 2, 3, 4], seeds_per_trial=3, trials=6)
    ).set_index("status")
    assert counts.loc[
        ["planned", "completed", "not started"], ["trials", "seeds"]
    ].to_numpy().tolist() == [[6, 15], [1, 3], [5, 12]]


def test_planned_seeds_of_a_search_are_trials_times_seeds(tmp_path):
    first = Trial(params={"width": 1}, epochs=scores([0.5, 0.6]), seeds=[0, 1])
    run = run_of(tmp_path, first, search={"kind": "random"}, seeds=[0, 1], trials=4)
    assert status_table(run).set_index("status").loc[
        ["planned", "not started"], "seeds"
    ].tolist() == [8, 6]


def test_nothing_at_all_completed(tmp_path):
    run = run_of(tmp_path, trials=2)
    assert summary_table(run)["n"].tolist() == [0, 0]
    assert seed_table(run).empty
    assert list(seed_table(run)) == ["width", "seed", "trial", "accuracy"]
    assert status_table(run)["trials"].tolist() == [2, 0, 0, 0, 0, 0, 2]


@pytest.mark.parametrize(("mode", "share"), [("max", 2 / 3), ("min", 1 / 3)])
def test_solved_follows_the_mode(tmp_path, mode, share):
    trial = Trial(params={"width": 1}, epochs=scores([0.1, 0.5, 0.9]))
    values = {"max": 0.5, "min": 0.1}
    assert summary_table(run_of(tmp_path, trial, mode=mode, target=values[mode])).loc[
        0, "solved"
    ] == pytest.approx(share)


def test_the_last_epoch_counts_even_if_an_earlier_one_was_better(tmp_path):
    trial = Trial(
        params={"width": 1},
        epochs=[{"accuracy": [0.9, 0.9]}, {"accuracy": [0.4, 0.6]}],
        seeds=[0, 1],
    )
    assert seed_table(run_of(tmp_path, trial))["accuracy"].tolist() == [0.4, 0.6]


def test_a_setting_spread_over_several_trials_is_one_row(tmp_path):
    trials = [
        Trial(params={"width": 1}, epochs=scores([value]), seeds=[seed])
        for seed, value in enumerate([0.2, 0.4, 0.9])
    ]
    table = summary_table(run_of(tmp_path, *trials))
    assert (table.loc[0, "n"], table.loc[0, "accuracy_mean"]) == (3, pytest.approx(0.5))


def test_a_seed_that_ran_twice_counts_once_as_it_was_later(tmp_path):
    trials = [Trial(params={"width": 1}, epochs=scores([value]), seeds=[0]) for value in (0.2, 0.4)]
    assert seed_table(run_of(tmp_path, *trials))[["trial", "accuracy"]].to_numpy().tolist() == [
        ["t0001", 0.4]
    ]


def test_rows_follow_the_values_of_the_space_and_then_what_was_tried_besides(tmp_path):
    space = {
        "optimizer": {"values": ["sgd", "adam", None]},
        "rate": {"kind": "loguniform", "low": 1e-3, "high": 1},
    }
    tried = [("adam", 0.5), ("adam", 0.1), (None, 0.2), ("sgd", 0.3), ("other", 0.1)]
    trials = [
        Trial(params={"optimizer": name, "rate": rate}, epochs=scores([0.5]), seeds=[0])
        for name, rate in tried
    ]
    table = settings_table(run_of(tmp_path, *trials, space=space, search={"kind": "random"}))
    pairs = [(None if pd.isna(name) else name, rate) for name, rate in table.to_numpy().tolist()]
    assert pairs == [("sgd", 0.3), ("adam", 0.1), ("adam", 0.5), (None, 0.2), ("other", 0.1)]


def test_three_parameters(tmp_path):
    space = {name: {"values": [1, 2]} for name in "abc"}
    trial = Trial(params={"a": 2, "b": 1, "c": 2}, epochs=scores([0.5, 0.7]), seeds=[0, 1])
    table = summary_table(run_of(tmp_path, trial, space=space))
    assert len(table) == 8
    assert table.loc[table["n"] > 0, ["a", "b", "c", "accuracy_mean"]].to_numpy().tolist() == [
        [2, 1, 2, 0.6]
    ]


def test_published_means_are_marked_where_as_many_seeds_would_not_give_them(tmp_path):
    rows = [
        {"width": 1, "mean": 0.97, "std": 0.0},
        {"width": 2, "mean": 0.97, "std": 0.1},
        {"width": 9, "mean": 1.0, "std": 0.0},
    ]
    trials = [
        Trial(params={"width": 1}, epochs=scores([0.5] * 10 + [1.0] * 10), seeds=range(20)),
        Trial(params={"width": 2}, epochs=scores([0.97] * 20), seeds=range(20)),
    ]
    table = published_table(
        run_of(
            tmp_path,
            *trials,
            data={},
            published={"source": "s", "note": "", "runs": 3, "rows": rows},
        )
    )
    assert table["n"].tolist() == [20, 20, 0]
    reach = (
        stats.t.ppf(0.975, 19) * np.std([0.5] * 10 + [1.0] * 10, ddof=1) * np.sqrt(1 / 3 + 1 / 20)
    )
    assert table.loc[0, ["range_low", "range_high"]].tolist() == pytest.approx([0.75 - reach, 1.0])
    assert table.loc[1, ["range_low", "range_high"]].tolist() == pytest.approx([0.97, 0.97])
    assert table["outside"].tolist() == [False, False, pd.NA]
    strict = published_table(
        run_of(
            tmp_path,
            *trials,
            data={},
            published={"source": "s", "note": "", "runs": 30, "rows": rows},
        )
    )
    assert strict["outside"].tolist() == [True, False, pd.NA]


def test_the_published_range_is_wider_by_the_chance_of_the_evaluation_points(tmp_path):
    rows = [{"width": 1, "mean": 0.77}, {"width": 2, "mean": 0.97}]
    trials = [
        Trial(params={"width": width}, epochs=scores([share] * 20), seeds=range(20))
        for width, share in ((1, 0.75), (2, 1.0))
    ]
    published = {"source": "s", "note": "", "runs": 3, "rows": rows}
    table = published_table(
        run_of(tmp_path / "some", *trials, data={"evaluation": 500}, published=published)
    )
    reach = 1.96 * np.sqrt(
        2 * 0.75 * 0.25 / 500
    )  # all 20 seeds agree: what is left is the chance of two sets of 500 points
    assert table.loc[0, ["range_low", "range_high"]].tolist() == pytest.approx(
        [0.75 - reach, 0.75 + reach], abs=0.003
    )
    assert table.loc[1, ["range_low", "range_high"]].tolist() == [1.0, 1.0]
    assert table["outside"].tolist() == [False, True]
    exact = published_table(
        run_of(tmp_path / "none", *trials, data={"name": "x"}, published=published)
    )
    assert exact["outside"].tolist() == [True, True]
    assert exact.loc[0, ["range_low", "range_high"]].tolist() == [0.75, 0.75]


@pytest.mark.parametrize(("seeds", "runs"), [(5, 1), (10, 3), (100, 3)])
def test_a_published_mean_of_the_same_setting_is_outside_in_one_case_of_twenty(seeds, runs):
    values = np.random.default_rng([seeds, runs]).normal(0.9, 0.02, (300, seeds + runs))
    ranges = np.array([expected_range(one[:seeds], runs) for one in values])
    theirs = values[:, seeds:].mean(axis=1)
    assert np.mean((theirs < ranges[:, 0]) | (theirs > ranges[:, 1])) <= 0.05 + 3.5 * np.sqrt(
        0.05 * 0.95 / 300
    )


def test_one_seed_knows_no_range():
    assert np.isnan(expected_range(np.array([0.9]), 3)).all()


def test_numbers_measured_with_other_data_are_left_out_and_the_report_says_so(tmp_path):
    published = {
        "source": "them",
        "note": "",
        "runs": 3,
        "rows": [{"width": 1, "mean": 0.9}],
        "fixed": {"data": "mnist"},
    }
    trial = Trial(params={"width": 1}, epochs=scores([0.5, 0.7]), seeds=[0, 1])
    same = run_of(tmp_path / "same", trial, published=published, fixed={"data": "mnist"})
    other = run_of(tmp_path / "other", trial, published=published, fixed={"data": "optdigits"})
    assert len(published_table(same)) == 1
    assert measured_otherwise(same) == ""
    assert published_table(other) is None
    told = (
        "The published numbers (them) were measured with data mnist, this run has optdigits: they"
        " are left out."
    )
    assert told in opening_html(opening(find(other)))
    assert "left out" not in opening_html(opening(find(same)))


def test_no_published_rows_no_table(tmp_path):
    assert published_table(run_of(tmp_path)) is None


def test_statuses_count_every_trial_and_group_errors(tmp_path):
    errors = [
        "Traceback\n  line 1\nValueError: a\n",
        "Traceback\n  line 7\nValueError: a",
        "OSError: b",
    ]
    failed = [
        Trial(params={"width": 1}, epochs=[], seeds=[seed], status="failed", error=text)
        for seed, text in enumerate(errors)
    ]
    others = [
        Trial(params={"width": 2}, epochs=scores([0.5]), seeds=[0], status=status)
        for status in ("completed", "pruned", "diverged")
    ]
    table = status_table(run_of(tmp_path, *failed, *others, trials=7, seeds_per_trial=1)).set_index(
        "status"
    )
    assert table["trials"].to_dict() == {
        "planned": 7, "completed": 1, "pruned": 1, "diverged": 1, "failed": 3, "unfinished": 0,
        "not started": 1,
    }  # fmt: skip
    assert table.loc["failed", "errors"] == "2 x ValueError: a; 1 x OSError: b"


def test_files_hold_full_precision_in_csv_and_rounded_text_elsewhere(tmp_path):
    run = run_of(
        tmp_path,
        Trial(params={"width": 1}, epochs=scores([0.1, 0.2, 1 / 3], parameters=12810)),
        target=0.3,
    )
    summary = summary_table(run)
    paths = write_tables(
        run.paths.tables,
        {"summary": summary, "seeds": seed_table(run)},
        readable_summary(run, summary),
        "n = 3",
    )
    assert [path.name for path in paths] == [
        "summary.csv",
        "seeds.csv",
        "summary.tex",
        "summary.md",
    ]
    back = pd.read_csv(run.paths.tables / "summary.csv")
    np.testing.assert_array_equal(back["accuracy_mean"][:1], summary["accuracy_mean"][:1])
    assert pd.read_csv(run.paths.tables / "seeds.csv")["accuracy"].tolist() == [0.1, 0.2, 1 / 3]
    lines = (run.paths.tables / "summary.md").read_text().splitlines()
    assert lines[0] == "n = 3"
    assert (
        lines[4]
        == "| 1 | 12,810 | 3 | 0.211 | 0.117 | 0.200 | -0.080 | 0.502 | 0.333 | 0.061 | 0.792 |"
    )
    assert (
        lines[5]
        == "| 2 | \u2013 | 0 | \u2013 | \u2013 | \u2013 | \u2013 | \u2013 | \u2013 | \u2013 |"
        " \u2013 |"
    )


def test_latex_is_escaped_and_has_the_rules_of_booktabs():
    frame = pd.DataFrame({"a_b": ["50 %", HOSTILE]})
    assert (
        latex(frame, "x & y")
        == "\\begin{table}\n\\centering\n\\caption{x \\& y}\n\\begin{tabular}{l}\n\\toprule\na\\_b"
        " \\\\\n\\midrule\n50 \\%"
        " \\\\\n\\textless{}script\\textgreater{}alert(1)\\textless{}/script\\textgreater{}"
        " \\$\\%\\_\\&\\#\\{\\}\\textasciitilde{}\\textasciicircum{}\\textbackslash{}"
        " \\\\\n\\bottomrule\n\\end{tabular}\n\\end{table}\n"
    )


def test_words_stand_left_and_wide_tables_are_small():
    lines = latex(
        pd.DataFrame({"digit": ["0"], "p": ["0.5"]}), "x", ["digit"], small=True
    ).splitlines()
    assert lines[1:3] == [r"\centering", r"\small"]
    assert r"\begin{tabular}{lr}" in lines


def test_a_mapping_of_columns_gives_their_headings():
    frame = pd.DataFrame({"ci_low": [0.25], "n": [3], "left_out": [1]})
    lines = latex(
        frame, "x", columns={"n": "seeds", "ci_low": "95 % from"}, decimals=1
    ).splitlines()
    assert r"seeds & 95 \% from \\" in lines
    assert r"3 & 0.2 \\" in lines


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.nan, "\u2013"),
        (0.00002, "< 0.0001"),
        (0.0034, "0.0034"),
        (0.05, "0.05"),
        (0.0549, "0.055"),
        (0.0504, "0.0504"),
        (0.046, "0.046"),
        (0.0449, "0.04"),
        (0.2, "0.20"),
        (0.654, "0.65"),
        (1.0, "1.00"),
    ],
)
def test_p_values_have_as_many_decimals_as_matter(value, text):
    assert p_text(value) == text


def test_a_line_break_in_a_name_cannot_end_a_row():
    assert escape_latex("a\n\nb") == "a b"
    assert markdown(pd.DataFrame({"x": ["a\nb|c"]}), "t").splitlines()[-1] == "| a b\\|c |"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX on this machine")
def test_latex_compiles(tmp_path):
    table = latex(pd.DataFrame({HOSTILE: [HOSTILE, "\u2013"]}), HOSTILE)
    start = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n"
    text = f"{start}{table}\\end{{document}}\n"
    (tmp_path / "t.tex").write_text(text)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def test_same_run_same_table(tmp_path):
    xor_like(tmp_path, seeds=15, epochs=2)
    pd.testing.assert_frame_equal(
        summary_table(load_run(tmp_path)), summary_table(load_run(tmp_path)), check_exact=True
    )


numbers = st.one_of(st.sampled_from([0.5, 0.75, 1.0]), st.floats(-1e6, 1e6), st.just(float("nan")))
trial_lists = st.lists(
    st.tuples(
        st.sampled_from([1, 2]),
        st.sampled_from(["completed", "failed", "running", "diverged"]),
        st.lists(numbers, min_size=1, max_size=5),
    ),
    max_size=5,
)


@given(trial_lists)
def test_the_ns_add_up_to_the_seeds_with_a_number(trials):
    spread = [
        Trial(
            params={"width": width},
            epochs=[{"accuracy": values}],
            seeds=range(10 * place, 10 * place + len(values)),
            status=status,
        )
        for place, (width, status, values) in enumerate(trials)
    ]
    with tempfile.TemporaryDirectory() as folder:
        run = load_run(write_run(Path(folder), spread))
    expected = sum(
        np.isfinite(values).sum() for _, status, values in trials if status == "completed"
    )
    table = summary_table(run)
    assert table["n"].sum() == expected
    assert seed_table(run)["accuracy"].notna().sum() == expected
    assert status_table(run).set_index("status")["trials"].drop(
        ["planned", "not started"]
    ).sum() == len(trials)
    known = table[table["n"] > 1]
    assert (known["ci_low"] <= known["ci_high"]).all()


def test_latex_takes_no_value_for_an_option_of_the_row_before_and_markdown_none_for_markup():
    frame = pd.DataFrame({"layers": ["[64, 64]", "*"], "n": ["1", "2"]})
    rows = latex(frame, "x").splitlines()
    assert r"{}[64, 64] & 1 \\" in rows
    assert r"{}* & 2 \\" in rows
    assert (
        markdown(pd.DataFrame({"x": ["a&lt;b ~~c~~"]}), "t").splitlines()[-1]
        == r"| a\&lt;b \~\~c\~\~ |"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (999.7, "1,000"),
        (99.97, "100"),
        (123.4, "123"),
        (1234.5, "1,234"),
        (5e-5, "5e-05"),
        (1e9, "1e+09"),
        (0.0, "0"),
    ],
)
def test_a_number_is_rounded_before_it_is_known_how_long_it_is(value, expected):
    assert number(value) == expected
    assert number(-value) == ("-" if value else "") + expected


def test_groups_of_values_of_several_kinds_are_in_the_order_of_the_space(tmp_path):
    space = {"width": {"values": ["auto", 32, 8]}}
    trials = [
        Trial(params={"width": width}, epochs=scores([0.5, 0.6, 0.7])) for width in (8, "auto", 32)
    ]
    table = group_table(load_run(write_run(tmp_path, trials, space=space)), ["width"])
    assert table["width"].tolist() == ["auto", 32, 8]
