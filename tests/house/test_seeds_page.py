"""docs/seeds.md, executed."""

from pathlib import Path

from inline_runs import run
from pages import blocks
from places import ROOT

from analysis.stats.settled_table import settled_table
from tuning import Study


def test_the_study_of_the_page_settles_its_comparisons(tmp_path: Path) -> None:
    known: dict[str, object] = {}
    (block,) = blocks(ROOT / "docs" / "seeds.md", "python")
    exec(block.text, known)
    study = known["study"]
    assert isinstance(study, Study)
    found = settled_table(run(study, tmp_path)).set_index("comparison")
    assert found["closed"].to_dict() == {
        "schedule cosine against schedule none": "supported",
        "schedule step against schedule none": "equal",
    }
    assert found["seeds"].max() < 100
