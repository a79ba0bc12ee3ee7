"""docs/searching.md and the examples that go with it, executed."""

import importlib.util
from pathlib import Path

import pytest
from inline_runs import run
from pages import blocks
from places import ROOT

from analysis import write_report
from tuning import Study
from tuning.spec.loading import find_study

PAGE = ROOT / "docs" / "searching.md"
EXAMPLES = ("own_sampler", "own_search", "two_families")


def test_every_block_of_the_page_runs(tmp_path: Path) -> None:
    known: dict[str, object] = {}
    for block in blocks(PAGE, "python"):
        if "hyperopt" in block.text and importlib.util.find_spec("hyperopt") is None:
            continue
        exec(block.text, known)  # what the page defines, in its order
    studied = known["study"]
    assert isinstance(studied, Study)
    assert set(run(studied, tmp_path).trials["status"]) == {"completed"}
    changes = {"search": known["NearTheBest"](), "scheduler": known["Budget"]()}
    searched = Study(
        name="page",
        question="?",
        trainable=studied.trainable,
        space={"x": [0.5, *(each / 100 for each in range(100) if each != 50)]},
        fixed={"fold": 0},
        metric="score",
        epochs=4,
        **changes,
    )
    assert searched.planned == 12


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_short_and_reach_a_report(tmp_path: Path, name: str) -> None:
    file = ROOT / "examples" / f"{name}.py"
    code = [line for line in file.read_text().splitlines() if line.strip()]
    assert len(code) <= 40
    found = run(find_study(str(file)), tmp_path)
    assert {"completed"} <= set(found.trials["status"]) <= {"completed", "pruned"}
    assert found.report.exists() or write_report(found).exists()
