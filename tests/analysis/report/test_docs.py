"""The examples of the documentation, executed as they stand there."""

import pandas as pd
import pytest
from pages import run_examples
from places import ROOT
from run_folders import searched_like, xor_like


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """The run folders that the page names."""
    searched_like(tmp_path / "results/lungs_unet/20261123-234937-jvhy", trials=200)
    xor_like(tmp_path / "results/xor_width_depth/20261123-101500-abcd", seeds=20, epochs=10)
    xor_like(tmp_path / "results/xor_width_depth/20261124-090000-efgh", seeds=20, epochs=20)
    monkeypatch.chdir(tmp_path)


def test_the_page_on_analysis_shows_what_the_code_gives(runs):
    with pd.option_context("display.width", 140, "display.max_columns", 20):
        assert run_examples(ROOT / "docs" / "analysis.md", {}) > 15
