"""The pages of the repository as pages of the site: copied, with links that lead within it."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
MARK = "*This part is written when the site is built: `make docs`.*"
HOME = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "LICENSE": "licence.txt",
    "cluster/README.md": "cluster_files.md",
}
"""Where pages stand in the site that lie elsewhere than in docs/."""
LINK = re.compile(r"(\]\(|<img src=\")(?!https?:|#)([^)#\s\"]+)")


def page_of(file: str) -> str:
    """Where a file of the repository stands in the site, "" if nowhere."""
    if file.startswith("examples"):
        name = PurePosixPath(file).stem
        return "reference/examples.md" + (f"#{name}" if file.endswith(".py") else "")
    return HOME.get(file, file.removeprefix("docs/") if file.startswith("docs/") else "")


def linked(text: str, file: str) -> str:
    """The text of a page whose links lead to pages of the site.

    Raises:
        SystemExit: one leads to a file that the site does not have.
    """
    here = os.path.dirname(page_of(file))

    def lead(match: re.Match[str]) -> str:
        target = os.path.normpath(os.path.join(os.path.dirname(file), match[2]))
        if not page_of(target):
            raise SystemExit(f"{file} links to {match[2]}, which is no page of the site.")
        return match[1] + os.path.relpath(page_of(target), here)

    return LINK.sub(lead, text)


def gather(target: Path) -> None:
    """Copy all pages, and what they show, to a new folder ``target``."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "docs", target)
    files = [file.relative_to(ROOT).as_posix() for file in (ROOT / "docs").rglob("*.md")]
    for file in [*files, *HOME]:
        text = (ROOT / file).read_text(encoding="utf-8")
        (target / page_of(file)).write_text(linked(text, file), encoding="utf-8")


def write(pages: Path, texts: Mapping[str, str]) -> None:
    """Write texts into the gathered pages that have a place for them."""
    for name, text in texts.items():
        page = pages / name
        before, _, after = page.read_text(encoding="utf-8").partition(MARK)
        page.write_text(before + text + after, encoding="utf-8")
