"""The examples of the page on spaces, executed as they stand there."""

from pathlib import Path

import pytest
from pages import run_examples
from places import ROOT


def test_the_page_on_spaces_shows_what_the_code_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_examples(ROOT / "docs" / "spaces.md", {"__name__": "page"}) > 10
