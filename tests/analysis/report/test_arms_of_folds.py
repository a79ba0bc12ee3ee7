"""What a report of arms over the folds of a cross-validation says of its methods and costs."""

from pathlib import Path
from typing import Any

import pytest
from run_folders import Trial, write_run

from analysis import load_run
from analysis.report.sections.arms import arms, costs
from analysis.report.sections.comparisons import comparisons
from analysis.report.sections.reading import reading
from analysis.report.sections.summary import caption
from analysis.stats.findings import Findings, find

SCORES = {"a": [0.5, 0.6, 0.7, 0.6], "b": [0.6, 0.7, 0.9, 0.6]}
OF_SEEDS = ["bootstrap", "sign-flip", "BCa", "image", "network", "part", "initialisation"]


def findings_of(folder: Path, more: dict[str, float], **spec: Any) -> Findings:
    trials = [
        Trial(params={"net": net, "rate": rate}, seeds=range(4), epochs=[{"score": hits, **more}])
        for net, hits in SCORES.items()
        for rate in (1, 2)
    ]
    space = {"net": {"values": ["a", "b"]}, "rate": {"values": [1, 2]}}
    compare = {"parameter": "net", "baseline": "a", "metrics": ["score"], "parts": ""}
    return find(
        load_run(write_run(folder, trials, space=space, compare=compare, metric="score", **spec))
    )


def said_of(findings: Findings) -> str:
    words = caption(findings, findings.run.metric, findings.summary)
    return " ".join([*reading(findings).points, words])


@pytest.mark.parametrize("folds", [1, 2])
def test_methods_are_those_of_the_seeds(tmp_path: Path, folds: int) -> None:
    said = said_of(findings_of(tmp_path, {}, folds=folds))
    found = [word for word in OF_SEEDS if word in said]
    assert found == ([] if folds == 2 else ["bootstrap", "sign-flip", "BCa", "initialisation"])
    assert ("of the same fold and seed" in said) == (folds == 2)


def test_seeds_to_settle_are_explained_where_the_table_has_them(tmp_path: Path) -> None:
    section = comparisons(findings_of(tmp_path, {}))
    assert section is not None
    (table,) = section.tables
    assert ("Seeds to settle" in table.note) == ("seeds to settle" in table.frame)


@pytest.mark.parametrize("known", [False, True])
def test_costs_have_a_section_where_any_is_known(tmp_path: Path, known: bool) -> None:
    findings = findings_of(tmp_path, {"train_seconds": 2.0} if known else {})
    section = arms(findings)
    assert section is not None
    assert (costs(findings) is not None) == known
    assert ("costs.csv" in section.file_names()) == known
