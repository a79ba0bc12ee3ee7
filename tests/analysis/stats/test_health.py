"""Health checks: every injected fault is found, sound studies raise no alarm."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from run_folders import Trial, digits_like, searched_like, write_run, xor_like

from analysis import load_run
from analysis.numerics.ranks import agreement
from analysis.report.page import opening_html
from analysis.report.section import Opening
from analysis.report.sections.opening import health_warnings
from analysis.stats.health import health_checks
from benchmarks.faults import FAULTS, lost, sound
from benchmarks.recipes import RANGES, Recipe, build


def checks(run):
    return set(health_checks(run)["check"])


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_found(name):
    assert [name in checks(FAULTS[name](seed)) for seed in range(12)] == [True] * 12


@pytest.fixture(scope="module")
def studies():
    return [sound(seed) for seed in range(1_000, 1_050)]


def test_sound_studies_raise_no_alarm(studies):
    assert [checks(study) for study in studies] == [set()] * 50


def test_the_bank_of_sound_studies_is_varied(studies):
    assert {bool(run.spec["scheduler"]) for run in studies} == {True, False}
    assert {run.spec["mode"] for run in studies} == {"max", "min"}
    assert {len(run.trials["seeds"].iloc[0]) for run in studies} == {1, 2, 3, 4}
    assert any((run.trials["status"] == "diverged").any() for run in studies)
    assert any((run.trials["phase"] == "confirm").any() for run in studies)


@pytest.mark.parametrize("make", [xor_like, digits_like])
def test_the_grids_of_the_built_in_studies_raise_no_alarm(tmp_path, make):
    assert checks(load_run(make(tmp_path))) == set()


def test_findings_are_sentences_with_their_evidence(tmp_path):
    table = health_checks(load_run(searched_like(tmp_path, trials=120)))
    assert table["check"].tolist() == ["diverged"]
    finding, evidence = table.iloc[0][["finding", "evidence"]]
    assert (
        finding
        == "Trials diverge with learning_rate at or above 0.0606; leave that part of the space out,"
        " or make training there stable."
    )
    assert evidence.startswith(
        "16 of 16 trials with learning_rate at or above 0.0606 diverged, 0 of the 104 others (p = "
    )


def test_a_value_of_a_list_explains_divergence():
    run = build(np.random.default_rng(0), Recipe(trials=60))
    which = (run.trials["norm"] == "none").to_numpy()
    table = health_checks(lost(np.random.default_rng(0), run, which))
    row = table[table["check"] == "diverged"].iloc[0]
    assert "with norm none" in row["finding"]
    assert row["evidence"].startswith(
        f"{which.sum()} of {which.sum()} trials with norm none diverged, 0 of the"
        f" {60 - which.sum()} others"
    )


def test_two_diverged_trials_are_no_cluster():
    run = build(np.random.default_rng(0), Recipe(trials=60))
    rates = pd.to_numeric(run.trials["rate"])
    assert "diverged" not in checks(
        lost(np.random.default_rng(0), run, (rates >= rates.nlargest(2).min()).to_numpy())
    )


def test_where_all_trials_diverge_nothing_explains_it():
    run = build(np.random.default_rng(0), Recipe(trials=20))
    assert checks(lost(np.random.default_rng(0), run, np.ones(20, dtype=bool))) == set()


def test_an_optimum_inside_the_range_is_none_at_its_end():
    for place in (0.25, 0.3, 0.5):
        for seed in range(4):
            recipe = Recipe(trials=150, width=0.08, optima=(place, 0.5, 0.5, 0.5))
            assert "edge" not in checks(build(np.random.default_rng([seed, 77]), recipe))


def test_the_edge_is_named():
    recipe = Recipe(trials=150, width=0.08, optima=(1.0, 0.5, 0.5, 0.5))
    row = health_checks(build(np.random.default_rng(0), recipe)).iloc[0]
    assert row["finding"].startswith(
        "The best trials lie at the upper end of rate (0.1): better ones may lie beyond it."
    )
    assert "of the best 30 trials lie at that end" in row["evidence"]


def test_tpe_needs_more_trials_than_its_random_ones():
    for trials, search, found in [
        (10, "optuna", True),
        (11, "optuna", False),
        (5, "random", False),
    ]:
        run = build(np.random.default_rng(1), Recipe(trials=trials, search=search))
        assert ("startup" in checks(run)) == found
    run = build(np.random.default_rng(1), Recipe(trials=5, search="optuna"))
    assert "startup" not in checks(
        replace(
            run, spec={**run.spec, "search": {"kind": "optuna", "trials": 5, "n_startup_trials": 3}}
        )
    )
    assert "startup" not in checks(
        replace(run, spec={**run.spec, "trials": 40})
    )  # it has only begun


def test_a_metric_that_is_the_same_everywhere(tmp_path):
    trials = [Trial(params={"width": width}, epochs=[{"accuracy": 0.5}] * 2) for width in (1, 2)]
    table = health_checks(load_run(write_run(tmp_path, trials)))
    assert table[["check", "finding", "evidence"]].to_numpy().tolist() == [
        [
            "constant",
            "accuracy never changes: is it measured at all?",
            "0.5 at all 4 epochs of 2 trials",
        ]
    ]


def test_missing_values_failed_trials_one_seed_and_no_trial_at_all_are_borne(tmp_path):
    assert checks(load_run(write_run(tmp_path / "empty", []))) == set()
    trials = [
        Trial(params={"width": 1}, epochs=[{"accuracy": [None]}, {"accuracy": [0.4]}], seeds=(0,)),
        Trial(params={"width": 2}, epochs=[{"accuracy": [0.2]}, {"accuracy": [None]}], seeds=(0,)),
        Trial(params={"width": 2}, epochs=[], seeds=(0,), status="failed", error="no"),
    ]
    assert checks(load_run(write_run(tmp_path / "few", trials))) == set()


def test_a_parameter_that_never_varies_is_borne():
    run = build(np.random.default_rng(2), Recipe(trials=40))
    run = replace(
        run, trials=run.trials.assign(rate=0.01, norm="none"), spec={**run.spec, "space": RANGES}
    )
    assert checks(lost(np.random.default_rng(0), run, np.arange(40) < 5)) == set()


def test_the_section_escapes_and_is_empty_without_findings():
    table = pd.DataFrame(
        {"check": ["edge"], "finding": ["<b> is at its end."], "evidence": ["p = 1e-9"]}
    )
    head = opening_html(Opening(title="", warnings=health_warnings(table)))
    assert '<p class="warning">&lt;b&gt; is at its end. Evidence: p = 1e-9.</p>' in head
    assert health_warnings(table.head(0)) == []


def test_a_correlation_over_those_that_went_on_says_what_it_is_over_all():
    rng = np.random.default_rng(9)
    first = rng.normal(size=20_000)
    final = 0.6 * first + 0.8 * rng.normal(size=20_000)
    among = agreement(first, np.where(first > np.quantile(first, 2 / 3), final, np.nan))
    over_all = agreement(first, final)
    assert among is not None
    assert over_all is not None
    assert (among.n, among.rank) == (6667, pytest.approx(0.36, abs=0.02))
    assert over_all.rank == pytest.approx(0.58, abs=0.01)
    assert over_all.rank < among.highest < over_all.rank + 0.06
    assert over_all.rank < over_all.highest < over_all.rank + 0.02
