"""The documentation, executed as it stands there."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import study, train_here
from pages import EXPLAINED, PAGES, RUN_AS_WRITTEN, blocks, check_options, commands, run_page
from places import ROOT

from benchmarks.site.__main__ import loaded_from_elsewhere
from benchmarks.site.gathered import MARK, linked
from benchmarks.site.written import written


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture
def call(here: Path) -> Callable[[list[str]], None]:
    def called(words: list[str]) -> None:
        done = train_here(*words)
        assert done.exit_code == 0, f"study {' '.join(words)}\n{done.stderr}"
        told = re.search("next: `|` goes on", done.stderr)
        assert told, f"study {words[0]} says nothing of what comes next"
        assert "next: `" not in done.stdout

    return called


@pytest.mark.parametrize("page", [*RUN_AS_WRITTEN, *EXPLAINED], ids=name_of)
def test_a_page_runs_as_written(page: Path, call: Callable[[list[str]], None]) -> None:
    run_page(page, call)


@pytest.mark.slow
def test_the_tutorial_runs_on_ray(here: Path) -> None:
    def called(words: list[str]) -> None:
        done: subprocess.CompletedProcess[str] = study(*words, cwd=here)
        assert done.returncode == 0, f"study {' '.join(words)}\n{done.stderr}"

    run_page(ROOT / "docs/tutorial/first.md", called)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_have_the_options_that_pages_give_them(page: Path) -> None:
    for block in blocks(page, "sh", "shell"):
        for words in commands(block):
            check_options(words)


def test_every_page_stands_in_the_list_of_the_site() -> None:
    listed = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        assert f" {page.relative_to(ROOT / 'docs').as_posix()}\n" in listed, page
    assert {*written(), "gallery.md"} == {
        page.relative_to(ROOT / "docs").as_posix()
        for page in (ROOT / "docs").rglob("*.md")
        if MARK in page.read_text()
    }


def test_links_of_a_page_lead_within_the_site() -> None:
    text = "[a](docs/seeds.md#x) ![b](docs/img/b.png) [c](examples/patience.py) [d](https://d.org)"
    assert linked(text, "README.md") == (
        "[a](seeds.md#x) ![b](img/b.png) [c](reference/examples.md#patience) [d](https://d.org)"
    )
    assert linked("[a](../faults.md) [b](#c)", "docs/how/x.md") == "[a](../faults.md) [b](#c)"
    assert linked("[a](../docs/faults.md)", "cluster/README.md") == "[a](faults.md)"
    with pytest.raises(SystemExit, match=r"README\.md links to setup\.cfg"):
        linked("[a](setup.cfg)", "README.md")


def test_what_a_page_loads_from_the_network_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="https://a.org">a</a><link rel=canonical href="https://a.org/">'
        '<script src="https://b.org/x.js"></script><link href="//c.org/c.css" rel="stylesheet">'
        '<img src="img/d.png"><style>a {background: url(https://e.org/e.png)}</style>'
    )
    assert loaded_from_elsewhere(tmp_path) == [
        "a.html: https://b.org/x.js",
        "a.html: //c.org/c.css",
        "a.html: https://e.org/e.png",
    ]


def test_written_pages_have_every_command_and_name() -> None:
    pages = written()
    assert "--accept-code-change" in pages["reference/options.md"]
    assert "## study try\n" in pages["reference/options.md"]
    assert "::: tuning.spec.study.Study\n" in pages["reference/tuning.md"]
    assert "::: analysis.stats.tables.summary_table\n" in pages["reference/analysis.md"]
    assert "## patience {#patience}" in pages["reference/examples.md"]
