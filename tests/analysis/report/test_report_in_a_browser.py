"""The page of a report in a real browser."""

import asyncio
from pathlib import Path

import pytest
from run_folders import searched_like

from analysis import load_run, write_report
from benchmarks.browser import CHROMIUM, browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="there is no chromium on this machine: apt-get install chromium"
    ),
]
CURRENT = "document.querySelector('nav a[aria-current]')?.textContent"
SECOND = "document.querySelectorAll('section')[1]"
WIDE = "[...document.querySelectorAll('.scroll')].find(each => each.scrollWidth > each.clientWidth)"


def test_contents_follow_and_columns_are_chosen(tmp_path: Path) -> None:
    page = write_report(load_run(searched_like(tmp_path / "run", trials=30)))

    async def use() -> None:
        async with browser() as tab:
            await tab.open(page.as_uri())
            await tab.until("document.readyState === 'complete'")
            await tab.run(f"{SECOND}.scrollIntoView()")
            await tab.until(f"{CURRENT} === {SECOND}.querySelector('h2').textContent")
            await tab.run(f"globalThis.wide = {WIDE}; 0")
            last = "[...wide.querySelectorAll('tr')].map(row => row.children[1].hidden)"
            assert not any(await tab.run(last))
            await tab.run("wide.previousElementSibling.querySelector('input').click()")
            assert all(await tab.run(last))
            assert tab.problems == []

    asyncio.run(use())
