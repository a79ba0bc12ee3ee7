"""Test data that a grid recorded are told: in a table, in files, and by ``summary_table``."""

import pandas as pd
import pytest
from report_pages import page_of
from run_folders import Trial, scores, write_run

from analysis import load_run, summary_table

SEEDS = list(range(6))
LOW, HIGH = [0.70, 0.71, 0.72, 0.73, 0.74, 0.75], [0.80, 0.81, 0.82, 0.83, 0.84, 0.85]
SPACE = {"width": {"values": [1, 2]}, "depth": {"values": [1]}}


def grid(folder, **spec):
    trials = [
        Trial(
            params={"width": width, "depth": 1},
            epochs=scores([0.9] * 6, test_accuracy=test, loss=[0.1] * 6),
            seeds=SEEDS,
        )
        for width, test in ((1, LOW), (2, HIGH))
    ]
    sizes = {"seeds": SEEDS, "seeds_per_trial": 6, "space": SPACE, "target": 0.8}
    return write_run(folder, trials, **{**sizes, **spec})


def test_a_grid_tells_its_test_data_apart_from_what_settings_are_judged_by(tmp_path):
    folder = grid(tmp_path)
    page = page_of(folder)
    written = pd.read_csv(folder / "report/tables/held_out.csv")
    assert list(written) == [
        "width",
        "depth",
        *(f"test_accuracy_{end}" for end in ("n", "mean", "std", "median", "low", "high")),
    ]
    assert written["test_accuracy_mean"].tolist() == pytest.approx([0.725, 0.825])
    assert written["test_accuracy_n"].tolist() == [6, 6]
    tex = (folder / "report/tables/held_out.tex").read_text(encoding="utf-8")
    assert r"test\_accuracy\_mean" in tex
    assert "nothing on this page was chosen or compared by these numbers" in tex
    assert "On test data" in page.text


def test_arms_that_are_compared_by_test_data_do_not_tell_them_twice(tmp_path):
    compare = {"parameter": "width", "baseline": 1, "metrics": ["test_accuracy"]}
    page = page_of(grid(tmp_path, compare=compare))
    assert "On test data" not in page.text
    assert not (tmp_path / "report/tables/held_out.csv").exists()


def test_the_summary_is_of_any_recorded_metric(tmp_path):
    run = load_run(grid(tmp_path))
    table = summary_table(run, "loss")
    assert table["loss_mean"].tolist() == pytest.approx([0.1, 0.1])
    assert "solved" in summary_table(run)
    assert "solved" not in table  # the target is one of the study's metric
    assert summary_table(run, "accuracy").equals(summary_table(run))
    with pytest.raises(ValueError, match="'lose' given; there is accuracy, test_accuracy and loss"):
        summary_table(run, "lose")
