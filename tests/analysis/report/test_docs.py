"""The examples of the documentation, executed as they stand there."""

import doctest
import re

import pandas as pd
import pytest
from places import ROOT
from run_folders import searched_like, xor_like

PAGE = ROOT / "docs" / "analysis.md"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """The run folders that the page names."""
    searched_like(tmp_path / "results/lungs_unet/20261123-234937-jvhy", trials=200)
    xor_like(tmp_path / "results/xor_width_depth/20261123-101500-abcd", seeds=20, epochs=10)
    xor_like(tmp_path / "results/xor_width_depth/20261124-090000-efgh", seeds=20, epochs=20)
    monkeypatch.chdir(tmp_path)


def test_the_page_on_analysis_shows_what_the_code_gives(runs):
    text = re.sub(r"^```.*$", "", PAGE.read_text(encoding="utf-8"), flags=re.M)
    example = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(example.examples) > 15
    said = []
    with pd.option_context("display.width", 140, "display.max_columns", 20):
        failed = (
            doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
            .run(example, out=said.append)
            .failed
        )
    assert not failed, "".join(said)
