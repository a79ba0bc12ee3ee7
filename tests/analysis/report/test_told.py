"""What a reader sees of awkward numbers, values and errors: in pages, files, pictures and on the
terminal.
"""

import json
import re
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_progress import RecordedProgress
from run_folders import Trial as Recorded
from run_folders import scores, write_run
from small_studies import small_study

from analysis import latex, load_run, write_report
from analysis.live.state import mean_of
from analysis.records.load import Run
from analysis.report.page import section_html
from analysis.report.section import Section
from analysis.report.sections.comparisons import comparisons
from analysis.report.sections.known import known_of
from analysis.stats.findings import find
from tuning.callbacks.display import event_line
from tuning.callbacks.progress import StudyProgress
from tuning.engine.one_trial import _metrics
from tuning.spec.plan import plan_text
from tuning.spec.study import Trial


def run_of(folder: Path, samples: dict[Any, list[float]], **spec: Any) -> Run:
    trials = [
        Recorded(params={"k": value}, epochs=scores(sample), seeds=range(len(sample)))
        for value, sample in samples.items()
    ]
    seeds = list(range(max(map(len, samples.values()))))
    return load_run(
        write_run(folder, trials, space={"k": {"values": list(samples)}}, seeds=seeds, **spec)
    )


def rows_of(page: str, table: int) -> list[list[str]]:
    body = re.findall(r"<tbody>(.*?)</tbody>", page, re.S)[table]
    return [
        re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr.*?</tr>", body, re.S)
    ]


def specs_of(page: str) -> dict[str, Any]:
    found = re.findall(
        r'<script type="application/json" id="spec-(.*?)">(.*?)</script>', page, re.S
    )
    return {name: json.loads(text) for name, text in found}


def near_one(k: int) -> list[float]:
    return [0.99950 + 0.0001 * k + 1e-6 * (seed % 5) for seed in range(10)]


def test_accuracies_near_one_are_told_apart_everywhere(tmp_path: Path) -> None:
    run = run_of(tmp_path, {k: near_one(k) for k in (0, 2, 4)})
    page = write_report(run).read_text()
    for row, mean in zip(rows_of(page, 1), ("0.9995020", "0.9997020", "0.9999020"), strict=True):
        assert row[2] == mean
        assert float(row[5]) < float(mean) < float(row[6]) < 1
    assert "mean accuracy 0.9999020 [0.99990" in page
    for name in ("summary.md", "summary.tex"):
        assert "0.9999020" in (run.paths.tables / name).read_text()
    means = [
        float(line.split(",")[2])
        for line in (run.paths.tables / "summary.csv").read_text().splitlines()[1:]
    ]
    assert means == pytest.approx([0.999502, 0.999702, 0.999902], rel=0, abs=1e-15)
    drawn = specs_of(page)
    assert sorted(row["mean"] for row in drawn["mean"]["datasets"]["facts"]) == pytest.approx(
        [0.999502, 0.999702, 0.999902], abs=1e-9
    )
    assert ".4~f" in json.dumps(drawn["mean"]) or ".5~f" in json.dumps(drawn["mean"])
    assert len({row["value"] for row in drawn["seeds"]["datasets"]["facts"]}) == 15


def test_a_loss_that_blew_up_leaves_the_others_their_digits_and_their_place(tmp_path: Path) -> None:
    losses = {0.001: 1.43, 0.01: 0.61, 0.03: 0.72, 1.0: 48213.0}
    samples = {
        rate: [loss * (1 + (seed % 5 - 2) / 100) for seed in range(10)]
        for rate, loss in losses.items()
    }
    page = write_report(run_of(tmp_path, samples, mode="min")).read_text()
    assert [row[:3] for row in rows_of(page, 1)] == [
        ["0.001", "10", "1.430"],
        ["0.01", "10", "0.610"],
        ["0.03", "10", "0.720"],
        ["1", "10", "48,213"],
    ]
    drawn = specs_of(page)
    assert all('"type": "log"' in json.dumps(drawn[name]) for name in ("mean", "seeds"))
    dots = {row["column"]: row["x"] for row in drawn["seeds"]["datasets"]["facts"]}
    assert dots["k 0.01"] < dots["k 0.001"] < dots["k 1"]


def test_a_single_huge_number_is_short(tmp_path: Path) -> None:
    run = run_of(tmp_path, {3: [-1e300]}, mode="min")
    page = write_report(run).read_text()
    assert "lowest accuracy seen is -1.00e+300 at k 3" in page
    assert "0" * 30 not in "".join(path.read_text() for path in run.paths.charts.glob("*.svg"))


def progress_of(
    space: dict[str, list[Any]], ended: list[tuple[dict[str, Any], float]]
) -> StudyProgress:
    progress = RecordedProgress(small_study(space=space, seeds=1, seeds_per_trial=1))
    for number, (setting, value) in enumerate(ended):
        one = Trial(id=f"{number:04d}", params=setting, seeds=[0])
        progress.epoch(one, {"epoch": 3, "seconds": 0.1, "metrics": {"score": [value]}})
        progress.end(one, "completed", None)
    return progress


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.99987, "0.9999"),
        (0.9999996, "0.9999996"),
        (-1e300, "-1e+300"),
        (6e19, "6e+19"),
        (48213.7, "48,214"),
    ],
)
def test_the_terminal_tells_the_best_score_as_what_it_is(value: float, text: str) -> None:
    assert (
        progress_of({"slope": [1]}, [({"slope": 1}, value)]).best()
        == f"best score {text} (n = 1) at slope=1"
    )


def test_the_terminal_tells_settings_apart() -> None:
    values = [None, "none", True, "True", 1.5, "1.5", 0.12345671, 0.12345672]
    told = [progress_of({"slope": values}, [({"slope": value}, 1.0)]).best() for value in values]
    assert len(set(told)) == len(values)
    assert told[1] == 'best score 1 (n = 1) at slope="none"'
    assert 'slope      none, "none", True, "True", 1.5, "1.5", 0.12345671, 0.12345672' in plan_text(
        small_study(space={"slope": values})
    )


def test_the_terminal_tells_an_error_by_its_type_and_first_line() -> None:
    try:
        raise RuntimeError(
            "CUDA error: assert\nFor debugging consider ...\nCompile with `DSA` to enable"
            " assertions.\n"
        )
    except RuntimeError:
        event = {"event": "failed", "trial": "0002", "error": traceback.format_exc()}
    line = event_line(event, StudyProgress(small_study()))
    assert line.startswith("trial 0002 failed: RuntimeError: CUDA error: assert (")
    assert line.count("\n") == 0


def test_the_terminal_tells_the_place_of_an_error_in_the_users_own_files(tmp_path: Path) -> None:
    file, installed = tmp_path / "mine.py", tmp_path / "site-packages" / "other.py"
    error = (
        f'Traceback (most recent call last):\n  File "{file}", line 4, in train\n    other.read()\n'
        f"  File \"{installed}\", line 8, in read\n    raise error\nKeyError: 'Rate'\n"
    )
    event = {"event": "failed", "trial": "0001", "error": error}
    assert (
        event_line(event, StudyProgress(small_study()))
        == f"trial 0001 failed: KeyError: 'Rate' ({file}, line 4)"
    )


def test_one_epoch_tells_its_metrics_as_what_they_are() -> None:
    metrics = {
        "auc": 0.9999996,
        "loss": [0.99987, 0.99988],
        "images": 12_810,
        "huge": 6 * 10**19,
        "tiny": 1e-300,
    }
    assert (
        _metrics(metrics) == "auc 0.9999996  loss 0.999875  images 12,810  huge 6e+19  tiny 1e-300"
    )


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5))
def test_the_live_page_is_told_means_as_they_are(values: list[float]) -> None:
    mean = mean_of(values)
    assert mean == pytest.approx(sum(values) / len(values), rel=1e-12, abs=1e-6)
    assert mean_of([values[0]] * 3) == values[0]


def test_a_table_of_facts_shows_its_words_as_they_are() -> None:
    rows = [{"layer": "conv, relu", "weights": 109_386, "shape": [1, 28, 28], "": ""}]
    page = section_html(known_of({"Layers": rows}))
    assert '<td class="text">conv, relu</td>' in page
    assert "109,386" in page
    assert "1 x 28 x 28" in page


@pytest.mark.parametrize("sign", [1, -1])
def test_a_search_with_one_runaway_value_can_be_drawn(tmp_path: Path, sign: int) -> None:
    rates = {"kind": "float", "low": 1e-4, "high": 1.0, "log": True, "step": None}
    values = [0.5 + number / 100 for number in range(14)] + [sign * 1e12]
    trials = [
        Recorded(
            params={"rate": 0.001 * (number + 1), "depth": number % 2},
            epochs=scores([value]),
            seeds=[0],
        )
        for number, value in enumerate(values)
    ]
    space = {"rate": rates, "depth": {"values": [0, 1]}}
    about: dict[str, Any] = {
        "space": space,
        "seeds": [0],
        "mode": "min" if sign == 1 else "max",
        "trials": len(trials),
    }
    page = write_report(
        load_run(
            write_run(tmp_path, trials, search={"kind": "random", "trials": len(trials)}, **about)
        )
    ).read_text()
    drawn = specs_of(page)
    kind = '"type": "log"' if sign == 1 else '"type": "symlog"'
    assert all(
        kind in json.dumps(drawn[name]) for name in ("trials", "progress", "parameters", "parallel")
    )
    assert "1.00e+12" in page


def test_a_column_that_a_table_has_not_is_named_with_those_it_has() -> None:
    table = pd.DataFrame({"width": [1], "loss": [0.5]})
    with pytest.raises(ValueError, match=r"^no column accuracy\. Known: width, loss\.$"):
        latex(table, "caption", columns=["accuracy", "loss"])
    names: dict[str, object] = {}
    exec("from analysis import *", names)
    assert {"load_run", "load_runs", "Run"} <= names.keys()


def widths(folder: Path, seeds: Sequence[int]) -> Section:
    """The table of width 2 against width 1; the seeds of width 2 are ``seeds``."""
    low = [0.25, 0.5, 0.75, 1.0, 1.25]
    trials = [
        Recorded(params={"width": 1}, epochs=scores(low), seeds=range(5)),
        Recorded(params={"width": 2}, epochs=scores([v + 0.5 for v in low]), seeds=seeds),
    ]
    section = comparisons(find(load_run(write_run(folder, trials, seeds=list(range(10))))))
    assert section
    return section


def test_equal_differences_have_no_interval_and_too_few_seeds_are_said(tmp_path: Path) -> None:
    (table,) = widths(tmp_path / "paired", range(5)).tables
    (row,) = table.frame.to_dict("records")
    assert row["difference"] == "0.500"
    assert row["95 % interval"] == row["corrected interval"] == "\u2013"
    assert table.note.endswith(
        "With 5 seeds no row can be supported, however large its difference: 1 sign-flip test needs"
        " 6 seeds."
    )


def test_unpaired_seeds_are_not_counted_by_sign_flips(tmp_path: Path) -> None:
    (table,) = widths(tmp_path / "unpaired", range(5, 10)).tables
    assert "no row can be supported" not in table.note
