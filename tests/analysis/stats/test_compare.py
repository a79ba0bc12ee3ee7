"""Several runs beside each other."""

import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from commands import invoke
from run_folders import Trial, scores, searched_like, write_run, xor_like
from scipy import stats

from analysis import load_run, seed_table
from analysis.charts.progress import best_so_far
from analysis.report.compare_page import (
    folder_name,
    readable_runs,
    sentences,
    write_comparison,
)
from analysis.stats.comparable import UnequalRuns, mismatches, run_names
from analysis.stats.runs import compare_runs

FIVE = np.array([0.80, 0.82, 0.81, 0.85, 0.84])


def run_of(folder, results, seeds=range(5), **spec):
    trials = [
        Trial(params={"width": width}, epochs=scores(values), seeds=list(seeds))
        for width, values in results.items()
    ]
    return load_run(write_run(folder, trials, **spec))


def fresh(folder, values, seeds=range(100, 105), **spec):
    """A search of two settings, the first one confirmed."""
    trials = [
        Trial(
            params={"width": width},
            epochs=scores([0.5 + width / 10]),
            seeds=(0,),
            name=f"000{width}",
        )
        for width in (1, 2)
    ]
    trials += [
        Trial(
            params={"width": 2},
            epochs=scores(values),
            seeds=list(seeds),
            phase="confirm",
            name="c0001",
        )
    ]
    return load_run(
        write_run(
            folder,
            trials,
            confirm={"top": 1, "seeds": len(values), "baselines": []},
            search={"kind": "random"},
            **spec,
        )
    )


def test_runs_that_differ_are_refused_with_all_names_and_values(tmp_path):
    first = run_of(tmp_path / "one", {1: FIVE})
    last = run_of(
        tmp_path / "two",
        {1: FIVE},
        metric="loss",
        mode="min",
        data={"name": "others", "sha256": "cd" * 32},
    )
    with pytest.raises(ValueError, match="These runs cannot be compared") as refused:
        compare_runs([first, last])
    assert str(refused.value).splitlines()[1:] == [
        "metric: accuracy (one), loss (two)",
        "mode: max (one), min (two)",
        f"data: sha256 {'ab' * 32} (one), sha256 {'cd' * 32} (two)",
    ]


def test_refused_runs_write_nothing(tmp_path):
    first, last = (
        run_of(tmp_path / "one", {1: FIVE}),
        run_of(tmp_path / "two", {1: FIVE}, mode="min"),
    )
    with pytest.raises(ValueError, match="mode: max"):
        write_comparison(compare_runs([first, last]), tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_data_without_a_hash_are_compared_by_all_that_is_known(tmp_path):
    runs = [
        run_of(tmp_path / name, {1: FIVE}, data={"name": "bowls", "training": size})
        for name, size in (("a", 40), ("b", 50))
    ]
    assert mismatches(runs, ["a", "b"]) == [
        "data: name bowls, training 40 (a), name bowls, training 50 (b)"
    ]
    assert mismatches(runs[:1] * 2, ["a", "b"]) == []


def test_one_run_is_no_comparison(tmp_path):
    with pytest.raises(ValueError, match="at least two runs, 1 run given"):
        compare_runs([run_of(tmp_path, {1: FIVE})])


def test_a_run_is_not_compared_with_itself(tmp_path):
    run = run_of(tmp_path, {1: FIVE})
    with pytest.raises(UnequalRuns, match="given more than once"):
        compare_runs([run, run])


def test_runs_go_by_their_folders(tmp_path):
    runs = [run_of(tmp_path / place / "same", {1: FIVE}) for place in ("a", "b")]
    assert run_names([*runs, runs[0]]) == ["same", "same (2)", "same (3)"]


def test_best_settings_of_grids_are_compared_pair_by_pair(tmp_path):
    shift = np.array([0.1, 0.11, 0.09, 0.1, 0.12, 0.1, 0.1, 0.13])
    values = np.linspace(0.5, 0.6, 8)
    first = run_of(tmp_path / "one", {1: values, 2: values - 0.2}, range(8))
    last = run_of(tmp_path / "two", {1: values - 0.3, 2: values + shift}, range(8))
    found = compare_runs([first, last])
    row = found.differences.iloc[0]
    assert row[["first", "last", "n", "paired", "supported"]].tolist() == [
        "one",
        "two",
        8,
        True,
        True,
    ]
    assert row["difference"] == pytest.approx(shift.mean())
    assert found.runs["setting"].tolist() == ["width 1", "width 2"]
    assert found.runs["mean"].tolist() == pytest.approx([values.mean(), (values + shift).mean()])
    assert found.runs["picked_from"].tolist() == [2, 2]
    assert [note.split(":")[0] for note in found.notes] == [
        f"The setting of {name} is the best of 2, picked by the same numbers that stand here"
        for name in ("one", "two")
    ]
    assert sentences(found)[0].startswith(
        "two against one, mean accuracy of the setting that each chose: better by 0.11 (corrected"
        " interval +0.096"
    )


def test_mode_min_takes_the_lowest_and_calls_higher_worse(tmp_path):
    values = np.linspace(0.5, 0.6, 8)
    runs = [
        run_of(tmp_path / name, {1: values + shift, 2: values + 0.5}, range(8), mode="min")
        for name, shift in (("one", 0.0), ("two", 0.1))
    ]
    found = compare_runs(runs)
    assert found.runs["setting"].tolist() == ["width 1", "width 1"]
    assert "worse by 0.1" in sentences(found)[0]


@pytest.mark.parametrize(("mode", "sign"), [("max", 1), ("min", -1)])
def test_a_difference_counts_as_often_as_the_run_ahead_had_settings_to_pick_from(
    tmp_path, mode, sign
):
    rng = np.random.default_rng(0)
    values = 5 + rng.normal(0, 0.01, (11, 12))
    values[10] += sign * 0.01  # the best of ten ends up behind the single one, or ahead of it
    ten = run_of(
        tmp_path / "ten",
        dict(enumerate(values[:10])),
        range(12),
        mode=mode,
        space={"width": {"values": list(range(10))}},
    )
    for shift, ahead in ((0.02, 1), (-0.02, 10)):
        one = run_of(
            tmp_path / f"one{ahead}",
            {99: values[10] + sign * shift},
            range(12),
            mode=mode,
            space={"width": {"values": [99]}},
        )
        row = compare_runs([ten, one]).differences.iloc[0]
        assert row["p_corrected"] == pytest.approx(min(1, row["p"] * ahead))
        low, high = ("low", "high") if sign > 0 else ("high", "low")
        assert row[f"corrected_{low}"] == row[f"ci_{low}"]  # of the one that was not picked
        assert sign * row[f"corrected_{high}"] > sign * row[f"ci_{high}"]


def test_confirmed_settings_are_compared_on_fresh_seeds_by_a_t_test(tmp_path):
    shift = np.array([0.01, 0.02, 0.015, 0.01, 0.02])
    found = compare_runs([fresh(tmp_path / "one", FIVE), fresh(tmp_path / "two", FIVE + shift)])
    row = found.differences.iloc[0]
    exact = stats.ttest_1samp(shift, 0)
    assert row["p"] == pytest.approx(exact.pvalue)
    assert row[["ci_low", "ci_high"]].tolist() == pytest.approx(
        list(exact.confidence_interval(0.95))
    )
    assert found.runs["chosen_by"].tolist() == ["confirmed"] * 2
    assert found.runs["n"].tolist() == [5, 5]
    assert found.notes == []
    board = found.leaderboards[found.leaderboards["run"] == "two"]
    assert board["setting"].tolist() == ["width 2", "width 1"]
    assert board["score"].tolist() == pytest.approx([0.7, 0.6])
    assert board["confirmed_mean"].iloc[0] == pytest.approx((FIVE + shift).mean())
    assert pd.isna(board["confirmed_mean"].iloc[1])


def test_fresh_seeds_that_are_not_shared_by_welchs_test(tmp_path):
    others = FIVE + 0.02
    found = compare_runs(
        [fresh(tmp_path / "one", FIVE), fresh(tmp_path / "two", others, seeds=range(200, 205))]
    )
    row = found.differences.iloc[0]
    exact = stats.ttest_ind(others, FIVE, equal_var=False)
    assert not row["paired"]
    assert row[["p", "p_corrected"]].tolist() == pytest.approx([exact.pvalue] * 2)
    assert row[["corrected_low", "corrected_high"]].tolist() == pytest.approx(
        list(exact.confidence_interval(0.95))
    )
    assert "on the smaller side" in sentences(found)[0]


def test_three_runs_are_one_family(tmp_path):
    rng = np.random.default_rng(0)
    runs = [
        run_of(tmp_path / name, {1: FIVE + rng.normal(0, 0.01, 5) + shift})
        for name, shift in (("a", 0), ("b", 0.001), ("c", 0.3))
    ]
    found = compare_runs(runs)
    assert found.differences[["first", "last"]].to_numpy().tolist() == [
        ["a", "b"],
        ["a", "c"],
        ["b", "c"],
    ]
    assert (found.differences["p_corrected"] >= found.differences["p"]).all()


def test_epochs_are_counted_once_per_seed(tmp_path):
    found = compare_runs(
        [run_of(tmp_path / "one", {1: FIVE, 2: FIVE}), run_of(tmp_path / "two", {1: FIVE})]
    )
    assert found.runs[["trials", "completed", "epochs", "network_epochs"]].to_numpy().tolist() == [
        [2, 2, 4, 20],
        [1, 1, 2, 10],
    ]
    assert found.progress["network_epochs"].tolist() == [10, 20, 10]
    assert found.progress["best"].tolist() == pytest.approx([FIVE.mean()] * 3)


def test_one_seed_gives_a_difference_without_an_interval(tmp_path):
    found = compare_runs(
        [
            run_of(tmp_path / name, {1: [value]}, seeds=[0])
            for name, value in (("one", 0.5), ("two", 0.7))
        ]
    )
    assert sentences(found) == [
        "two against one, mean accuracy of the setting that each chose: +0.2 (n = 1: too few seeds"
        " for an interval)."
    ]


def test_a_run_without_a_result_and_missing_values(tmp_path):
    failed = load_run(
        write_run(
            tmp_path / "one", [Trial(params={"width": 1}, epochs=[], status="failed", error="no")]
        )
    )
    gaps = run_of(tmp_path / "two", {1: [0.5, None, 0.7, 0.6, 0.8]})
    found = compare_runs([failed, gaps])
    assert found.runs["n"].tolist() == [0, 4]
    assert "one completed no trial with a number." in found.notes
    assert sentences(found) == [
        "two against one, mean accuracy of the setting that each chose: no result to compare."
    ]
    assert write_comparison(compare_runs([failed, gaps]), tmp_path / "page").is_file()


def test_ties_share_their_rank(tmp_path):
    runs = [run_of(tmp_path / name, {1: FIVE, 2: FIVE}) for name in ("one", "two")]
    assert compare_runs(runs).leaderboards["rank"].tolist() == [1, 1, 1, 1]


def test_unequal_lengths_are_noted(tmp_path):
    runs = [run_of(tmp_path / "one", {1: FIVE}), run_of(tmp_path / "two", {1: FIVE}, epochs=7)]
    assert (
        "The runs train for unequal numbers of epochs: 2 (one) and 7 (two)."
        in compare_runs(runs).notes
    )


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]


def test_the_page_stands_alone_and_its_files_lie_beside_it(tmp_path):
    runs = [
        load_run(searched_like(tmp_path / name, trials=trials))
        for name, trials in (("long", 40), ("short", 20))
    ]
    path = write_comparison(compare_runs(runs), tmp_path / "page")
    text = path.read_text()
    reader = Reader()
    reader.feed(text)
    assert all((path.parent / link).is_file() for link in reader.links if not link.startswith("#"))
    assert not {"img", "link", "iframe"} & set(reader.tags)
    frames = {
        name: pd.read_csv(path.parent / "tables" / f"{name}.csv")
        for name in ("runs", "progress", "leaderboards", "differences")
    }
    assert frames["runs"]["run"].tolist() == ["long", "short"]
    written = {
        name: (path.parent / "tables" / name).read_text()
        for name in ("runs.tex", "differences.tex", "runs.md", "differences.md")
    }
    assert "\\toprule" in written["differences.tex"]
    assert "| long |" in written["runs.md"]
    assert folder_name(compare_runs(runs)) == "long_short"
    confirmed = (
        seed_table(runs[0].phase("confirm")).groupby(level=0)["validation_dice"].mean().max()
    )
    assert frames["runs"]["mean"].iloc[0] == pytest.approx(confirmed)
    assert f"{confirmed:.3f}" in text
    assert len(text) < 3e6


def test_names_from_studies_are_text(tmp_path):
    runs = [
        run_of(tmp_path / f"<script>alert({place})<script>", {"<b>bold</b>": FIVE})
        for place in (1, 2)
    ]
    text = write_comparison(compare_runs(runs), tmp_path / "page").read_text()
    assert "<script>alert(" not in text
    assert "<b>bold" not in text
    assert "&lt;b&gt;bold" in text


def test_the_chart_draws_a_line_per_run(tmp_path):
    found = compare_runs(
        [load_run(xor_like(tmp_path / name, seeds=6, epochs=4)) for name in ("one", "two")]
    )
    spec = best_so_far(found.progress, metric="accuracy")
    rows = spec["datasets"]["facts"]
    assert len(rows) == 24
    assert {row["run"] for row in rows} == {"one", "two"}
    json.dumps(spec, allow_nan=False)
    assert readable_runs(found)["trials"].tolist() == ["12", "12"]


def test_the_command_says_what_it_found_and_where_the_page_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, shift in (("one", 0.0), ("two", 0.05)):
        run_of(tmp_path / name, {1: FIVE + shift})
    compared = invoke("compare", "one", "two")
    assert compared.exit_code == 0, compared.stderr
    first, *_, last = compared.stdout.splitlines()
    assert first.startswith("two against one, mean accuracy of the setting that each chose: ")
    assert last == "comparison: results/comparisons/one_two/index.html"
    assert (tmp_path / "results/comparisons/one_two/tables/differences.csv").is_file()


def test_the_command_refuses_in_lines_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_of(tmp_path / "one", {1: FIVE})
    run_of(tmp_path / "two", {1: FIVE}, mode="min", metric="loss")
    refused = invoke("compare", "one", "two", "--results", "there")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.splitlines() == [
        "error: These runs cannot be compared:", "error: metric: accuracy (one), loss (two)",
        "error: mode: max (one), min (two)"
    ]  # fmt: skip
    assert (
        invoke("compare", "one").stderr
        == "error: A comparison needs at least two runs, 1 run given.\n"
    )
    assert invoke("compare", "one", "nowhere").exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_settings_that_read_alike_keep_their_own_fresh_mean(tmp_path):
    """Their rates differ in the sixth digit, and are told in three."""
    space = {"rate": {"kind": "float", "low": 0.001, "high": 1.0, "log": True, "step": None}}
    rates = {0.0123401: (0.7, 0.71), 0.0123402: (0.6, 0.61)}
    trials = [
        Trial(
            name=f"{letter}000{place}",
            phase=phase,
            params={"rate": rate},
            epochs=scores([each[which]] * 3),
            seeds=[start, start + 1, start + 2],
        )
        for which, (phase, letter, start) in enumerate([("search", "", 0), ("confirm", "c", 10)])
        for place, (rate, each) in enumerate(rates.items())
    ]
    confirm = {"top": 2, "seeds": 3, "baselines": []}
    spec = {
        "space": space,
        "search": {"kind": "random", "trials": 2, "seed": 0},
        "confirm": confirm,
    }
    runs = [load_run(write_run(tmp_path / name, trials, **spec)) for name in "ab"]
    board = compare_runs(runs).leaderboards
    assert board[["run", "rank", "score", "confirmed_mean"]].to_numpy().tolist() == [
        [name, rank, pytest.approx(score), pytest.approx(fresh)]
        for name in "ab"
        for rank, (score, fresh) in enumerate(rates.values(), start=1)
    ]
