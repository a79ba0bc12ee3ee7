"""The examples of the page on spaces, executed as they stand there."""

import doctest
import re
from pathlib import Path

import pytest
from places import ROOT

PAGE = ROOT / "docs" / "spaces.md"


def test_the_page_on_spaces_shows_what_the_code_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = re.sub(r"^```.*$", "", PAGE.read_text(encoding="utf-8"), flags=re.M)
    example = doctest.DocTestParser().get_doctest(
        text, {"__name__": "page"}, PAGE.name, str(PAGE), 0
    )
    assert len(example.examples) > 10
    said: list[str] = []
    ran = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(
        example, out=said.append
    )
    assert not ran.failed, "".join(said)
