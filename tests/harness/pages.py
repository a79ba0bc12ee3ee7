"""The documentation as tests run it: its blocks, and the commands in them.

A block of ``python`` is executed, or written to the file that its title names. Each ``study`` of a
block of ``sh`` is called. What needs more than this machine has stands in a block of ``shell``:
its options alone are checked.
"""

import doctest
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import typer
from places import ROOT

from tuning.cli.app import app

BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.M | re.S)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "cluster/README.md"])
RUN_AS_WRITTEN = sorted([*ROOT.glob("docs/tutorial/*.md"), *ROOT.glob("docs/how/*.md")])
EXPLAINED = sorted(ROOT.glob("docs/why/*.md"))


class Block(NamedTuple):
    language: str
    title: str
    text: str


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page in these languages, in their order."""
    found = [Block(*parts) for parts in BLOCK.findall(page.read_text(encoding="utf-8"))]
    return [block for block in found if block.language in languages]


def commands(block: Block) -> Iterator[list[str]]:
    """The words behind ``study`` in each line of a block that calls it."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if "study" in words[:1]:
            ends = [place for place, word in enumerate(words) if word in ("|", ">", "&")]
            yield words[1 : min(ends, default=None)]


def check_options(words: list[str]) -> None:
    """Raise what the command would raise of wrong words, without calling it."""
    command = typer.main.get_command(app).commands[words[0]]  # type: ignore[attr-defined]
    command.make_context(words[0], words[1:])


def run_page(page: Path, call: Callable[[list[str]], None]) -> None:
    """Run the blocks of a page in the working folder; ``call`` runs a command."""
    known: dict[str, object] = {"__name__": "page"}
    for block in blocks(page, "python", "sh"):
        if block.language == "sh":
            for words in commands(block):
                call(as_there(words))
        elif block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        else:
            (text,) = as_there([block.text])
            exec(compile(text, page.name, "exec"), known)


def as_there(words: list[str]) -> list[str]:
    """The words with the runs that there are: ``RUN`` is the first of a study, ``OTHER`` the
    second.
    """
    return [re.sub(r"results/(\w+)/(RUN|OTHER)", _run_there, word) for word in words]


def _run_there(match: re.Match[str]) -> str:
    runs = sorted(Path("results", match[1]).iterdir())
    return str(runs[0 if match[2] == "RUN" else 1])


def run_examples(page: Path, known: dict[str, object]) -> int:
    """Run the examples of a page that stand behind ``>>>``; returns how many there are.

    Raises:
        AssertionError: one gives something else than the page shows.
    """
    text = re.sub(r"^```.*$", "", page.read_text(encoding="utf-8"), flags=re.M)
    example = doctest.DocTestParser().get_doctest(text, known, page.name, str(page), 0)
    said: list[str] = []
    ran = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert not ran.run(example, out=said.append).failed, "".join(said)
    return len(example.examples)
