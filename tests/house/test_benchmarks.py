"""Commands of ``benchmarks``: each that there is, or that a page names, runs something."""

import re

import pytest
from pages import PAGES
from places import ROOT

FILES = sorted((ROOT / "benchmarks").rglob("*.py"))
NAMED = sorted(
    {
        name
        for file in [*PAGES, ROOT / "Makefile", *FILES]
        for name in re.findall(r"python3?\s+-m\s+(benchmarks(?:\.\w+)+)", file.read_text())
    }
)
GUARD = '\n\nif __name__ == "__main__":\n    '


@pytest.mark.parametrize("name", NAMED)
def test_a_module_that_is_named_runs_something(name: str) -> None:
    place = ROOT.joinpath(*name.split("."))
    file = place / "__main__.py" if place.is_dir() else place.with_suffix(".py")
    assert GUARD in file.read_text()


def test_what_defines_a_main_calls_it() -> None:
    silent = [
        file.relative_to(ROOT).as_posix()
        for file in FILES
        if re.search(r"^def main\(", text := file.read_text(), re.M) and GUARD not in text
    ]
    assert silent == []


def test_pages_name_some() -> None:
    assert "benchmarks.seed_replays" in NAMED
