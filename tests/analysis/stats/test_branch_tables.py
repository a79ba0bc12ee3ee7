"""What is said of parameters that some trials do not have: nothing of those trials."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from run_folders import Trial, write_run
from scipy import stats

from analysis import load_run
from analysis.charts.parallel import BELOW, parallel
from analysis.charts.parameters import parameter_facts
from analysis.records.load import Run
from analysis.report.build import write_report
from analysis.stats.correlation import correlations
from analysis.stats.diverged import diverged
from analysis.stats.fidelity import evidence
from analysis.stats.health import health_checks
from analysis.stats.identity import identity
from analysis.stats.importance import importances
from analysis.stats.labels import describe, unambiguous
from analysis.stats.leaderboard import leaderboard
from analysis.stats.paired import comparison_table
from analysis.stats.tables import group_table, settings_table, summary_table

C = {"kind": "float", "low": 0.01, "high": 100.0, "log": True, "step": None}
SPACE: dict[str, Any] = {
    "rate": {"kind": "float", "low": 0.0, "high": 1.0, "log": False, "step": None},
    "model": {"values": ["svm", "forest"]},
    "C": {**C, "when": {"model": ["svm"]}},
    "depth": {"values": [2, 4, None], "when": {"model": ["forest"]}},
}
SEARCH = {"search": {"kind": "random", "trials": 40, "seed": 0}, "seeds": [0], "epochs": 2}


def searched(folder: Path, trials: int = 40, **spec: Any) -> Run:
    """An SVM in every second trial, the better the larger its C; of forests depth says nothing."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(trials):
        rate = float(rng.uniform())
        if number % 2:
            params = {"rate": rate, "model": "svm", "C": float(10 ** rng.uniform(-2, 2))}
            score = 0.5 + np.log10(params["C"]) / 10
        else:
            params = {"rate": rate, "model": "forest", "depth": [2, 4, None][number // 2 % 3]}
            score = 0.45 + float(rng.uniform(0, 0.01))
        epochs = [{"accuracy": score / 2}, {"accuracy": score}]
        rows.append(Trial(name=f"{number:04}", params=params, epochs=epochs, seeds=[0]))
    about = {"space": SPACE, "seeds_per_trial": 1, **SEARCH, **spec}
    return load_run(write_run(folder, rows, **about))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return searched(tmp_path_factory.mktemp("branches"))


def test_what_is_not_active_has_no_value(run: Run) -> None:
    first = run.trials.iloc[0]
    assert first["C"] is pd.NA
    assert first["depth"] == 2
    assert run.trials.iloc[4]["depth"] is None
    assert (identity(pd.NA), identity(None)) == ("", "null")
    texts = [describe(run, dict(row)) for _, row in run.trials.iloc[[0, 4]].iterrows()]
    assert [text.partition(", ")[2] for text in texts] == [
        "model forest, depth 2",
        "model forest, depth none",
    ]


def test_correlations_are_over_the_trials_that_have_the_parameter(run: Run) -> None:
    table = correlations(run).set_index(["parameter", "method"])
    assert table["n"].to_dict() == {
        ("rate", "spearman"): 40, ("rate", "pearson"): 40, ("model", "eta"): 40,
        ("C", "spearman"): 20, ("C", "pearson"): 20, ("depth", "eta"): 20,
    }  # fmt: skip
    assert table.loc[("C", "spearman"), "coefficient"] == pytest.approx(1)
    assert table.loc[("C", "pearson"), "coefficient"] == pytest.approx(1)
    forests = run.trials[run.trials["model"] == "forest"]
    scores = run.epochs[run.epochs["epoch"] == 2].set_index("trial")["accuracy"]
    groups = forests["trial"].map(scores).groupby(forests["depth"].map(str))
    between = sum(len(g) * (g.mean() - scores[forests["trial"]].mean()) ** 2 for _, g in groups)
    total = ((scores[forests["trial"]] - scores[forests["trial"]].mean()) ** 2).sum()
    assert table.loc[("depth", "eta"), "coefficient"] == pytest.approx((between / total) ** 0.5)


def test_stopped_trials_are_extrapolated_within_their_branch(tmp_path: Path) -> None:
    asha = {"kind": "asha", "grace_period": 1, "reduction_factor": 2, "rungs": [1]}
    run = searched(tmp_path, scheduler=asha)
    rows = [json.loads(line) for line in run.paths.trials.read_text().splitlines()]
    stopped = {row["trial"] for row in rows[::4]}
    for row in rows:
        row |= {"status": "pruned", "rung": 1, "epochs": 1} if row["trial"] in stopped else {}
    run.paths.trials.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    epochs = [json.loads(line) for line in run.paths.epochs.read_text().splitlines()]
    kept = [row for row in epochs if row["epoch"] == 1 or row["trial"] not in stopped]
    run.paths.epochs.write_text("".join(f"{json.dumps(row)}\n" for row in kept))
    table = correlations(load_run(tmp_path))
    full = table[table["evidence"] == "extrapolated"].set_index(["parameter", "method"])
    assert full.loc[("C", "spearman"), ["n", "measured"]].tolist() == [20, 20]
    assert full.loc[("depth", "eta"), ["n", "measured"]].tolist() == [20, 10]
    assert full.loc[("rate", "spearman"), ["n", "measured"]].tolist() == [40, 30]
    assert full.loc[("C", "spearman"), "low"] > 0.8


def test_importances_are_shares_among_the_trials_of_the_branch(run: Run) -> None:
    table = importances(run).set_index("parameter")
    assert table["n"].to_dict() == {"model": 40, "rate": 40, "C": 20, "depth": 20}
    always = table.loc[["model", "rate"], "importance"]
    assert always.sum() == pytest.approx(1)
    assert table.loc["C", "importance"] > 0.7
    assert table.loc["depth", "importance"] <= 1


def test_a_parameter_of_few_trials_has_no_importance(tmp_path: Path) -> None:
    assert "C" not in set(importances(searched(tmp_path, trials=18))["parameter"])


def test_health_checks_look_at_the_trials_of_the_branch(tmp_path: Path) -> None:
    run = searched(tmp_path, trials=160)
    assert [line for line in health_checks(run)["finding"] if "end of C" in line] == [
        "The best trials lie at the upper end of C (100): better ones may lie beyond it. Widen the"
        " range if it can be."
    ]
    assert "of all 80 trials" in health_checks(run)["evidence"].str.cat()


def test_divergence_is_explained_within_a_branch(tmp_path: Path) -> None:
    run = searched(tmp_path, trials=80)
    rows = [json.loads(line) for line in run.paths.trials.read_text().splitlines()]
    for row in rows:
        if row["params"].get("C", 0) > 10:
            row |= {"status": "diverged", "error": "loss became non-finite"}
    run.paths.trials.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    damaged = load_run(tmp_path)
    ((finding, told),) = diverged(damaged, evidence(damaged))
    assert finding.startswith("Trials diverge with C at or above ")
    lost = sum(row["status"] == "diverged" for row in rows)
    assert told.startswith(f"{lost} of {lost} trials with C at or above ")
    assert f"0 of the {80 - lost} others" in told
    svms = [row for row in rows if "C" in row["params"]]
    apart = [row["params"]["C"] for row in svms if row["status"] == "diverged"]
    p = stats.mannwhitneyu(
        np.log(apart), np.log([r["params"]["C"] for r in svms if r["params"]["C"] <= 10])
    ).pvalue
    assert p < 1e-4


def test_a_line_passes_below_the_axis_of_what_its_trial_does_not_have(run: Run) -> None:
    lines, labels = parallel(run)
    forest = lines[lines["trial"] == "0000"].set_index("name")
    assert forest.loc["C", ["place", "text"]].tolist() == [BELOW, "\u2013"]
    assert -0.1 < forest.loc["depth", "place"] < 1.1
    assert len(lines) == 40 * 5
    below = labels[labels["place"] == BELOW]
    assert below["index"].tolist() == [2, 3]


def test_panels_show_the_trials_that_have_the_parameter(run: Run) -> None:
    facts = parameter_facts(run)
    assert facts["parameter"].value_counts().to_dict() == {
        "rate": 40, "model": 40, "C": 20, "depth": 20,
    }  # fmt: skip


def test_tables_tell_none_from_what_is_not_active(run: Run, tmp_path: Path) -> None:
    frame = unambiguous(run, run.trials[run.parameters])
    frame.to_csv(tmp_path / "table.csv", index=False)
    lines = (tmp_path / "table.csv").read_text().splitlines()
    assert lines[1].endswith(",forest,,2")
    assert lines[5].endswith(",forest,,none")
    groups = group_table(run, ["depth"])
    assert groups["depth"].tolist()[:2] == [2, 4]
    assert groups["depth"][2] is None
    assert groups["depth"][3] is pd.NA
    assert groups["n"].sum() == 40
    board = leaderboard(run)
    assert board["C"].iloc[0] > 10
    assert board["depth"].iloc[0] is pd.NA


GRID = {
    "rate": {"values": [1, 2]},
    "model": {"values": ["svm", "mean", "median"]},
    "C": {"values": [1, 10], "when": {"model": ["svm"]}},
}


def test_a_grid_compares_settings_that_differ_in_one_parameter_alone(tmp_path: Path) -> None:
    settings = [
        {"rate": rate, **of}
        for rate in (1, 2)
        for of in (
            {"model": "svm", "C": 1}, {"model": "svm", "C": 10}, {"model": "mean"},
            {"model": "median"},
        )
    ]  # fmt: skip
    rows = [
        Trial(params=setting, epochs=[{"accuracy": [0.1 * number, 0.2, 0.3]}])
        for number, setting in enumerate(settings)
    ]
    run = load_run(write_run(tmp_path, rows, space=GRID, epochs=1))
    assert len(settings_table(run)) == len(summary_table(run)) == 8
    table = comparison_table(run)
    assert table["parameter"].value_counts().to_dict() == {"rate": 4, "C": 2}
    assert table["at"].tolist() == [
        "model svm, C 1", "model svm, C 10", "model mean", "model median",
        "rate 1, model svm", "rate 2, model svm",
    ]  # fmt: skip


def test_the_report_of_branches_shows_a_dash(run: Run) -> None:
    page = write_report(run).read_text(encoding="utf-8")
    assert "A line passes below the axis" in page
    assert "&lt;NA&gt;" not in page
    assert "<NA>" not in page
