"""The live page in a real browser."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from live_runs import begin, epoch, served_page
from run_folders import Trial, scores, searched_like, write_run

from analysis.live.server import usual_port
from analysis.records.load import RunPaths
from benchmarks.browser import CHROMIUM, Tab, browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="there is no chromium on this machine: apt-get install chromium"
    ),
]
ROWS = "[...document.querySelectorAll('#rows tr[data-trial]')].map(row => row.dataset.trial)"
STATUS = "[...document.querySelectorAll('#rows tr[data-trial]')].map(row => row.className)"


def in_browser(folder: Path, use: Callable[[Tab], Awaitable[None]]) -> None:
    """Open the page of a run in a browser, and see that its console stays quiet."""

    async def run() -> None:
        async with served_page(folder) as address, browser() as tab:
            await tab.open(address)
            await tab.until(f"{ROWS}.length")
            await use(tab)
            assert tab.problems == []

    asyncio.run(run())


def test_sorting_filtering_and_details(tmp_path: Path) -> None:
    folder = searched_like(tmp_path / "run", trials=30)

    async def use(tab: Tab) -> None:
        assert (await tab.run(ROWS))[:3] == ["0001", "0002", "0003"]
        sort = "document.querySelector('#columns th[data-key=value] button').click()"
        best = (
            "[...document.querySelectorAll('#rows tr[data-trial]')].map(row =>"
            " Number(row.children[4].textContent)).filter(x => x)"
        )
        for order, before in (("descending", ">="), ("ascending", "<=")):
            await tab.run(sort)
            await tab.until(f"document.querySelector('th[data-key=value]').ariaSort === '{order}'")
            await tab.until(
                f"(all => all.length > 10 && all.every((x, i) => !i || all[i - 1] {before}"
                f" x))({best})"
            )
        await tab.run("document.querySelector('#states button[data-state=failed]').click()")
        await tab.until(f"{STATUS}.length && {STATUS}.every(name => name === 'failed')")
        assert await tab.run(ROWS) == ["0011"]
        await tab.run("document.querySelector('#rows button').click()")
        await tab.until("document.querySelector('dialog').open")
        assert (
            await tab.run("document.querySelector('dialog pre').textContent")
            == "Traceback\nRuntimeError: out of memory"
        )
        await tab.run("document.querySelector('dialog header button').click()")
        await tab.run("document.querySelector('#states button[data-state=failed]').click()")
        search = "document.getElementById('search')"
        await tab.run(
            f"{search}.value = 'optimizer=sgd'; {search}.dispatchEvent(new Event('input'))"
        )
        shown = await tab.until(
            "document.getElementById('shown').textContent.includes(' of ') &&"
            " document.getElementById('shown').textContent"
        )
        trials = {
            row["trial"]: row["params"]
            for row in map(json.loads, (folder / "trials.jsonl").read_text().splitlines())
        }
        wanted = {trial for trial, config in trials.items() if config["optimizer"] == "sgd"}
        assert shown == f"{len(wanted)} of {len(trials)} begun"
        known = f"{json.dumps(sorted(wanted))}.includes(row)"
        await tab.until(f"(rows => rows.length > 1 && rows.every(row => {known}))({ROWS})")

    in_browser(folder, use)


def test_the_sections_and_charts_of_the_report_come_and_follow(tmp_path: Path) -> None:
    folder = searched_like(tmp_path / "run", trials=20, confirm=None)
    paths = RunPaths(folder)
    setting = json.loads(paths.trials.read_text().splitlines()[0])["params"]

    async def use(tab: Tab) -> None:
        await tab.until("document.querySelectorAll('#pictures .chart svg').length >= 3")
        titles = await tab.run(
            "[...document.querySelectorAll('#sections h2')].map(head => head.textContent)"
        )
        assert titles[:2] == ["Leaderboard", "Pictures"]
        await tab.until(
            "[...document.querySelectorAll('#sections figure')].every(figure =>"
            " figure.querySelector('svg, img'))"
        )
        assert await tab.run("document.querySelectorAll('#correlations figure').length") >= 2
        assert "Rungs" in titles
        await tab.run("document.querySelector('#picture-progress svg').dataset.mark = 'kept'")
        about = {"params": setting, "seeds": [0], "phase": "search"}
        begin(paths, "0021", **about)
        for number in range(1, 19):
            values = {"metrics": {"validation_dice": [0.99], "loss": [0.1]}}
            epoch(paths, "0021", number, **values)
        begin(
            paths, "0021", **about, status="completed", epochs=18, seconds=9.0, node="n", error=None
        )
        await tab.until(
            "document.querySelector('#leaderboard tbody tr').textContent.includes('0021')"
        )
        await tab.until("document.querySelector('#best').textContent.includes('0.99')")
        assert await tab.run("document.querySelectorAll('#picture-trials svg').length") == 1

    in_browser(folder, use)


def test_a_running_study_shows_its_new_trials_and_goes_on_after_its_server_was_away(
    tmp_path: Path,
) -> None:
    folder = write_run(
        tmp_path / "run", [Trial(params={"width": 1}, epochs=scores([0.5, 0.6, 0.7]))], trials=4
    )
    paths = RunPaths(folder)

    async def run() -> None:
        async with browser() as tab:
            async with served_page(folder) as address:
                await tab.open(address)
                await tab.until(f"{ROWS}.length === 1")
                await tab.run("window.untouched = true")
                paths.lock.write_text("{}")
                begin(paths, "t0001")
                epoch(paths, "t0001", 1, 0.1, 0.2, 0.3)
                await tab.until(f"{ROWS}.length === 2")
                await tab.until("document.getElementById('nodes').textContent.includes('10.0.0.7')")
                await tab.until(
                    "document.getElementById('counts').textContent.startsWith('1 of 4 trials')"
                )
            await tab.until(
                "document.getElementById('time').textContent.startsWith('Not connected')"
            )
            begin(paths, "t0001", status="completed", epochs=1)
            begin(paths, "t0002")
            port = int(address.rsplit(":", 1)[1].strip("/"))
            async with served_page(folder, port=port):
                await tab.until(f"{ROWS}.length === 3")
                await tab.until(
                    "document.getElementById('counts').textContent.startsWith('2 of 4 trials')"
                )
                assert await tab.run("window.untouched"), "the page was never loaded again"
            async with served_page(
                write_run(tmp_path / "other", [Trial(params={"width": 1}, epochs=[])], trials=1),
                port=port,
            ):
                await tab.until("document.getElementById('run').textContent === 'other'")

    asyncio.run(run())
    assert usual_port(folder) >= 1024


HOSTILE = "</script><script>window.bad = 1</script><img src=x onerror='window.bad = 1'>"


def test_text_of_a_study_is_text(tmp_path: Path) -> None:
    trials = [
        Trial(params={HOSTILE: HOSTILE}, epochs=scores([0.5, 0.6, 0.7])),
        Trial(params={HOSTILE: 2}, epochs=scores([0.5, 0.6, 0.8]), status="failed", error=HOSTILE),
    ]
    space = {HOSTILE: {"values": [HOSTILE, 2]}}
    folder = write_run(
        tmp_path / "run",
        trials,
        question=HOSTILE,
        space=space,
        data={"name": HOSTILE},
        command=HOSTILE,
    )

    async def use(tab: Tab) -> None:
        assert await tab.run("document.querySelector('h1').textContent") == HOSTILE
        await tab.until("document.querySelectorAll('#pictures .chart svg').length >= 1")
        await tab.run("[...document.querySelectorAll('#rows tr.failed button')][0].click()")
        await tab.until("document.querySelector('dialog').open")
        assert await tab.run("document.querySelector('dialog pre').textContent") == HOSTILE
        assert await tab.run("window.bad") is None
        assert await tab.run("document.querySelectorAll('img').length") == 0

    in_browser(folder, use)


def test_thousands_of_trials_leave_few_rows_in_the_document(tmp_path: Path) -> None:
    trials = [
        Trial(params={"width": number}, epochs=scores([number / 3000], epochs=2), seeds=[0])
        for number in range(3000)
    ]
    folder = write_run(
        tmp_path / "run", trials, space={"width": {"values": list(range(3000))}}, seeds=[0]
    )

    async def use(tab: Tab) -> None:
        assert await tab.run("document.getElementById('shown').textContent") == "3000 begun"
        assert len(await tab.run(ROWS)) < 80
        await tab.run("document.getElementById('grid').scrollTop = 1e9")
        await tab.until(f"{ROWS}.includes('t2999')")
        await tab.run("document.querySelector('#columns th[data-key=value] button').click()")
        await tab.run("document.getElementById('grid').scrollTop = 0")
        await tab.until(f"{ROWS}[0] === 't2999'")

    in_browser(folder, use)
