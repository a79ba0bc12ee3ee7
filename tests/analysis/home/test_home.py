"""The page of all runs, without a browser and in one."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from run_folders import Trial, write_run

from analysis.home.index import INDEX
from analysis.home.server import MOST_PAGES, Home, serve_home
from analysis.live.auth import Access
from analysis.live.server import served
from analysis.records.labels import set_tags
from analysis.records.paths import RunPaths
from benchmarks.browser import CHROMIUM, Tab, browser

Use = Callable[[aiohttp.ClientSession, str], Awaitable[None]]


def write_runs(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        trials = [
            Trial(
                params={"width": width}, epochs=[{"accuracy": [0.5 + 0.1 * number, 0.6, 0.7]}] * 3
            )
            for width in (1, 2)
        ]
        write_run(folder / "bowls" / name, trials, started=f"2026-01-0{1 + number}T00:00:00Z")
    return folder


@asynccontextmanager
async def page_of(folder: Path, token: str = "") -> AsyncIterator[str]:
    address: list[str] = []
    access = Access("127.0.0.1", 0, token, str(folder))
    app = Home(folder.resolve(), "127.0.0.1", math.inf).application(access)
    async with served(app, access, [0], address.append):
        yield address[0]


def asked(folder: Path, use: Use, token: str = "") -> None:
    async def ask() -> None:
        jar = aiohttp.CookieJar(unsafe=True)  # also of hosts without a name
        async with (
            page_of(folder, token) as address,
            aiohttp.ClientSession(cookie_jar=jar) as session,
        ):
            await use(session, address)

    asyncio.run(ask())


def test_the_page_and_its_rows(tmp_path: Path) -> None:
    async def use(session: aiohttp.ClientSession, address: str) -> None:
        async with session.get(address) as page:
            assert "<h1>Runs in" in await page.text()
            assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        async with session.get(f"{address}runs") as answer:
            found = await answer.json()
        assert [row["run"] for row in found["rows"]] == ["bowls/b", "bowls/a"]
        assert found["rows"][0]["curve"] == pytest.approx([1.9 / 3] * 3)
        async with session.get(f"{address}runs?mark={found['mark']}") as same:
            assert same.status == 204
        set_tags(RunPaths(tmp_path / "bowls" / "a"), ["quick"])
        async with session.get(f"{address}runs?mark={found['mark']}") as changed:
            assert (await changed.json())["rows"][1]["tags"] == ["quick"]
        for script in ("home.js", "live_format.js"):
            async with session.get(f"{address}{script}") as answer:
                assert answer.content_type.endswith("/javascript")

    asked(write_runs(tmp_path, "a", "b"), use)


def test_a_click_opens_the_page_of_a_run(tmp_path: Path) -> None:
    names = [f"r{number}" for number in range(MOST_PAGES + 1)]

    async def use(session: aiohttp.ClientSession, address: str) -> None:
        opened = {}
        for name in [names[0], *names]:
            url = f"{address}open?run={quote(f'bowls/{name}')}"
            async with session.get(url, allow_redirects=False) as answer:
                assert answer.status == 303
                opened.setdefault(name, answer.headers["Location"])
                assert opened[name] == answer.headers["Location"], "one page a run"
        async with session.get(opened[names[-1]]) as page:
            assert "Does width help?" in await page.text()

    asked(write_runs(tmp_path, *names), use)


@pytest.mark.parametrize(
    "name", ["", "none", "../bowls/a", "bowls/link", "bowls", "a/b/c", "{root}/bowls/a"]
)
def test_nothing_but_a_run_below_the_folder_is_opened(name: str, tmp_path: Path) -> None:
    folder = write_runs(tmp_path / "results", "a")
    (folder / "bowls" / "link").symlink_to(folder / "bowls" / "a")

    async def use(session: aiohttp.ClientSession, address: str) -> None:
        for path in ("open", "compare"):
            url = f"{address}{path}?run={quote(name.format(root=folder))}"
            async with session.get(url, allow_redirects=False) as answer:
                assert answer.status == 404

    asked(folder, use)


def test_two_runs_are_compared_without_a_trace(tmp_path: Path) -> None:
    folder = write_runs(tmp_path, "a", "b")

    async def use(session: aiohttp.ClientSession, address: str) -> None:
        async with session.get(f"{address}compare?run=bowls/a&run=bowls/b") as answer:
            assert answer.status == 200
            assert "Comparison of a and b" in await answer.text()
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("sandbox allow-scripts; default-src 'none'")
        async with session.get(f"{address}compare?run=bowls/a&run=bowls/c") as answer:
            assert answer.status == 409
            assert "metric" in await answer.text()

    other = [Trial(params={"width": 1}, epochs=[{"loss": [0.1] * 3}] * 2)]
    write_run(folder / "bowls" / "c", other, metric="loss", mode="min")
    before = {file for file in folder.rglob("*") if file.name != INDEX}
    asked(folder, use)
    assert {file for file in folder.rglob("*") if file.name != INDEX} == before


def test_strangers_get_nothing(tmp_path: Path) -> None:
    async def use(session: aiohttp.ClientSession, address: str) -> None:
        for method in ("POST", "PUT", "DELETE"):
            async with session.request(method, f"{address}runs") as answer:
                assert answer.status == 405
        for host in ("evil.example", "127.0.0.1.evil.example"):
            async with session.get(f"{address}runs", headers={"Host": host}) as answer:
                assert answer.status == 403

    asked(write_runs(tmp_path, "a"), use)


def test_elsewhere_a_token_is_asked_for(tmp_path: Path) -> None:
    async def use(session: aiohttp.ClientSession, address: str) -> None:
        plain = address.partition("?")[0]
        for path in ("", "runs", "open?run=bowls/a", "compare?run=bowls/a"):
            async with session.get(plain + path) as answer:
                assert answer.status == 403
                assert "holds a token" in await answer.text()
        async with session.get(address) as answer:
            assert answer.status == 200

    asked(write_runs(tmp_path, "a"), use, token="secret")


def test_a_damaged_run_says_so_where_it_is_opened(tmp_path: Path) -> None:
    folder = write_runs(tmp_path, "a")
    RunPaths(folder / "bowls" / "a").study.write_text("{}")

    async def use(session: aiohttp.ClientSession, address: str) -> None:
        async with session.get(f"{address}open?run=bowls/a", allow_redirects=False) as answer:
            assert answer.status == 409
            assert "is of schema None" in await answer.text()

    asked(folder, use)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium")
def test_finding_sorting_and_comparing_in_a_browser(tmp_path: Path) -> None:
    folder = write_runs(tmp_path, "a", "b", "c")
    set_tags(RunPaths(folder / "bowls" / "a"), ["quick"])
    rows = (
        "[...document.querySelectorAll('#rows tr')].map(row => row.dataset.run.slice(6)).join('')"
    )

    async def use(tab: Tab) -> None:
        await tab.until(f"{rows} === 'cba'")
        sort = "document.querySelector('th[data-key=best] button').click()"
        await tab.run(sort)
        await tab.until(f"{rows} === 'cba' && !!document.querySelector('th[aria-sort=descending]')")
        await tab.run(sort)
        await tab.until(f"{rows} === 'abc'")
        find = "document.getElementById('search')"
        await tab.run(f"{find}.value = 'quick'; {find}.dispatchEvent(new Event('input'))")
        await tab.until(f"{rows} === 'a'")
        await tab.run(f"{find}.value = ''; {find}.dispatchEvent(new Event('input'))")
        await tab.run("document.querySelector('[data-focus=\"tick bowls/a\"]').focus()")
        await tab.run("document.activeElement.click()")
        set_tags(RunPaths(folder / "bowls" / "b"), ["late"])
        await tab.until("document.querySelectorAll('.tag').length === 2")
        assert await tab.run("document.activeElement.dataset.focus") == "tick bowls/a"
        assert await tab.run("document.getElementById('compare').hasAttribute('href')") is False
        await tab.run("document.querySelector('[data-focus=\"tick bowls/c\"]').click()")
        await tab.run("document.getElementById('compare').click()")
        await tab.until("document.querySelector('h1').textContent === 'Comparison of a and c'")
        await tab.until("!!document.querySelector('.chart svg')")
        assert tab.problems == []

    async def run() -> None:
        address = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(serve_home(folder, "127.0.0.1", 0, address.set_result))
        async with browser() as tab:
            await tab.open(await address)
            await use(tab)
        serving.cancel()

    asyncio.run(run())
