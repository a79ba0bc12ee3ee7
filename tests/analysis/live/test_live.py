"""The page of a run while it goes on, without a browser: what is read, what is sent, and to
whom.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from live_runs import begin, epoch, served_page
from run_folders import SPEC, Trial, scores, write_run

from analysis import DamagedRun
from analysis.live.auth import Access, is_loopback
from analysis.live.details import tail_of, trial_details
from analysis.live.feed import Feed, Page
from analysis.live.server import usual_port, watch
from analysis.live.state import COLUMNS, Watched
from analysis.records.load import RunPaths

WIDTHS = [
    Trial(params={"width": 1}, epochs=scores([0.5, 0.6, 0.7])),
    Trial(params={"width": 2}, epochs=scores([0.8, 0.9, 1.0])),
]


def row_of(run: Watched, trial: str) -> dict[str, Any]:
    return dict(zip(COLUMNS, run.trials[trial].row_of_table(), strict=True))


def best_of(run: Watched) -> tuple[str, float, int] | None:
    best = run.best()
    return (best["trial"], best["value"], best["n"]) if best else None


def test_trials_are_followed_as_they_go(tmp_path: Path) -> None:
    run = Watched(write_run(tmp_path / "run", WIDTHS))
    assert run.refresh() == {"t0000", "t0001"}
    assert run.refresh() == set()
    assert row_of(run, "t0001") | {"seconds": 0.2} == {
        "trial": "t0001", "phase": "search", "status": "completed", "epoch": 2, "value": 0.9,
        "seconds": 0.2, "attempt": 1, "place": "",
        "curve": [0.45, 0.9], "setting": ["2"],
    }  # fmt: skip
    begin(run.paths, "t0002")
    assert run.refresh() == {"t0002"}
    epoch(run.paths, "t0002", 1, 0.25, 0.5, 0.75)
    epoch(run.paths, "t0002", 2, None, 0.5, 0.75)
    run.refresh()
    found = row_of(run, "t0002")
    assert (found["status"], found["epoch"], found["value"], found["curve"], found["place"]) == (
        "running",
        2,
        None,
        [0.5, None],
        "10.0.0.7",
    )
    # Started again from its checkpoint: the later row of an epoch counts.
    begin(run.paths, "t0002", attempt=2)
    epoch(run.paths, "t0002", 2, 0.5, 0.5, 0.8)
    begin(run.paths, "t0002", attempt=2, status="pruned", rung=2, epochs=2)
    run.refresh()
    found = row_of(run, "t0002")
    assert (found["status"], found["value"], found["attempt"], found["seconds"]) == (
        "pruned",
        0.6,
        2,
        1.0,
    )


def test_the_best_setting_is_that_of_all_its_seeds_and_of_fresh_ones_alone_once_there_are(
    tmp_path: Path,
) -> None:
    close = [
        Trial(params={"width": 0.12345}, epochs=scores([0.9]), seeds=[0]),
        Trial(params={"width": 0.12349}, epochs=scores([0.8]), seeds=[0]),
        Trial(params={"width": 0.12345}, epochs=scores([0.3, 0.3]), seeds=[1, 2]),
    ]
    run = Watched(write_run(tmp_path / "run", close, space={"width": {"low": 0, "high": 1}}))
    assert run.best() is None
    run.refresh()
    assert run.best() == {
        "value": 0.8,
        "n": 1,
        "setting": ["0.1235"],
        "params": {"width": "0.12349"},
        "phase": "search",
        "trial": "t0001",
    }
    begin(run.paths, "c0001", phase="confirm", params={"width": 0.12345}, seeds=[7])
    epoch(run.paths, "c0001", 1, 0.1)
    begin(
        run.paths,
        "c0001",
        phase="confirm",
        params={"width": 0.12345},
        seeds=[7],
        status="completed",
        epochs=1,
    )
    run.refresh()
    assert run.best() == {
        "value": 0.1,
        "n": 1,
        "setting": ["0.123"],
        "params": {"width": "0.12345"},
        "phase": "confirm",
        "trial": "c0001",
    }


def test_a_setting_that_is_trained_anew_is_not_the_best_any_more(tmp_path: Path) -> None:
    run = Watched(write_run(tmp_path / "run", WIDTHS))
    run.refresh()
    assert best_of(run) == ("t0001", 0.9, 3)
    begin(run.paths, "t0001", code="new")
    assert run.refresh() == {"t0001"}
    assert best_of(run) == ("t0000", pytest.approx(0.6), 3)
    epoch(run.paths, "t0001", 1, 0.7, 0.7, 0.7, code="new")
    begin(run.paths, "t0001", code="new", status="completed", epochs=1)
    run.refresh()
    assert best_of(run) == ("t0001", pytest.approx(0.7), 3)


def test_what_is_left_out_is_neither_shown_nor_the_best(tmp_path: Path) -> None:
    feed = Feed(write_run(tmp_path / "run", WIDTHS))
    page = Page()
    feed.pages.add(page)
    feed._refresh()
    feed.news_for(page)
    assert best_of(feed.run) == ("t0001", 0.9, 3)
    begin(feed.run.paths, "t0001", status="dropped", epochs=2, params={"width": 2})
    feed._refresh()
    assert best_of(feed.run) == ("t0000", 0.6, 3)
    news = dict(feed.news_for(page))
    assert [row[0] for row in news["trials"]] == ["t0000"], "all of them anew"


def test_of_a_long_curve_some_points_are_sent_the_last_among_them(tmp_path: Path) -> None:
    run = Watched(write_run(tmp_path / "run", []))
    begin(run.paths, "0001")
    order = [*range(1, 60), *range(61, 101), 60]  # one was written late
    for number in order:
        epoch(run.paths, "0001", number, float(number))
    run.refresh()
    assert row_of(run, "0001")["curve"] == [float(number) for number in range(5, 101, 5)]
    assert row_of(run, "0001")["seconds"] == 50.0
    epoch(run.paths, "0001", 100, 0.5)
    run.refresh()
    assert row_of(run, "0001")["curve"][-1] == 0.5
    assert row_of(run, "0001")["seconds"] == 50.0


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ({"at": 1.0, "began": True}, None),
        ({"at": 2.0, "done": 0.1, "left": None}, None),
        ({"at": 3.0, "done": 0.2, "left": 9.0, "low": 7.0, "high": 12.0}, 9.0),
        ({"at": 4.0, "ended": True, "left": 0.0}, None),
    ],
)
def test_the_time_left_is_told_where_something_is_known(
    said: dict[str, Any], known: float | None, tmp_path: Path
) -> None:
    run = Watched(write_run(tmp_path / "run", WIDTHS))
    run.paths.estimates.write_text(
        json.dumps({"at": 0.0, "left": 5.0, "low": 4.0, "high": 6.0})
        + "\n"
        + json.dumps(said)
        + "\n"
    )
    run.refresh()
    assert (run.estimate and run.estimate["left"]) == known


def test_a_run_that_is_extended_says_so(tmp_path: Path) -> None:
    run = Watched(write_run(tmp_path / "run", WIDTHS))
    run.refresh()
    run.paths.study.write_text(json.dumps({**SPEC, "trials": 9}))
    run.refresh()
    assert run.spec["trials"] == 9
    assert len(run.trials) == 2


def test_a_trial_in_full(tmp_path: Path) -> None:
    run = Watched(write_run(tmp_path / "run", WIDTHS))
    begin(run.paths, "t0002")
    for number in range(1, 4):
        epoch(run.paths, "t0002", number, 0.25, 0.5, 0.75)
    begin(run.paths, "t0002", status="failed", error="Traceback\nValueError: <b>no</b>", epochs=3)
    logs = tmp_path / "ray"
    logs.mkdir()
    (logs / "worker-ab-01-4321.err").write_text(":job_id:01\n:actor_name:x\nout of memory\n")
    (logs / "worker-ab-01-1234.err").write_text("another process\n")
    run.paths.session.write_text(json.dumps({"dashboard": None, "logs": str(logs)}))
    run.paths.log("t0002").parent.mkdir()
    run.paths.log("t0002").write_text("hello\n")
    run.refresh()
    found = trial_details(run, run.trials["t0002"])
    assert found["error"] == "Traceback\nValueError: <b>no</b>"
    assert found["names"] == ["epoch", "accuracy", "seconds"]
    assert found["rows"] == [[1, 0.5, 0.5], [2, 0.5, 0.5], [3, 0.5, 0.5]]
    assert found["log"] == "hello\n"
    assert found["process"] == [{"name": "worker-ab-01-4321.err", "text": "out of memory\n"}]


def test_of_a_long_log_the_last_whole_lines_are_shown(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("first\nsecond\nthird\n")
    assert tail_of(tmp_path / "log", 100) == "first\nsecond\nthird\n"
    assert tail_of(tmp_path / "log", 9) == "third\n"
    assert tail_of(tmp_path / "none") == ""


def with_page(
    folder: Path, use: Callable[[aiohttp.ClientSession, str], Awaitable[None]], **where: Any
) -> None:
    async def run() -> None:
        async with (
            served_page(folder, **where) as address,
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        ):
            await use(session, address)

    asyncio.run(asyncio.wait_for(run(), 60))


async def events(session: aiohttp.ClientSession, address: str) -> AsyncIterator[tuple[str, Any]]:
    """What an open page is told."""
    async with session.get(f"{address}events") as answer:
        kind = ""
        while line := (await answer.content.readuntil(b"\n")).decode().rstrip("\n") or " ":
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield kind, json.loads(line.removeprefix("data: "))


def test_new_trials_are_pushed_and_only_they(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", WIDTHS)

    async def use(session: aiohttp.ClientSession, address: str) -> None:
        told = events(session, address)
        assert [(await anext(told))[0] for _ in range(2)] == ["hello", "state"]
        kind, rows = await anext(told)
        assert (kind, [row[0] for row in rows]) == ("trials", ["t0000", "t0001"])
        begin(RunPaths(folder), "t0002")
        async for kind, rows in told:
            if kind == "trials":
                assert [row[0] for row in rows] == ["t0002"]
                return

    with_page(folder, use)


def test_that_a_run_goes_on_is_told_before_its_trials_are(tmp_path: Path) -> None:
    """Or they would be shown as cut off."""
    paths = RunPaths(
        write_run(
            tmp_path / "run", WIDTHS, confirm={"top": 1, "seeds": 2, "baselines": [], "trials": 2}
        )
    )

    async def use(session: aiohttp.ClientSession, address: str) -> None:
        told, begun = None, False
        async for kind, content in events(session, address):
            if kind == "state":
                told = content
            if kind == "trials" and not begun:
                begun = True
                assert told is not None
                assert (told["running"], told["planned"], told["confirmations"]) == (False, 2, 2)
                paths.lock.touch()
                begin(paths, "t0002")
            elif kind == "trials":
                assert told is not None
                assert told["running"]
                break

    with_page(tmp_path / "run", use)


def test_the_page_is_read_only_and_keeps_to_itself(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", WIDTHS)
    (folder / "report" / "tables").mkdir(parents=True)
    (folder / "report" / "tables" / "summary.csv").write_text("a\n1\n")

    async def use(session: aiohttp.ClientSession, address: str) -> None:
        async with session.get(address) as answer:
            assert answer.status == 200
            assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
            assert answer.headers["Cache-Control"] == "no-store"
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            async with session.request(method, address) as answer:
                assert answer.status == 405
        for host, status in (
            ("evil.example:80", 403),
            ("localhost:1", 200),
            ("[::1]:1", 200),
            ("127.0.0.1.evil.example", 403),
        ):
            async with session.get(address, headers={"Host": host}) as answer:
                assert answer.status == status, host
        for path, status in (
            ("tables/summary.csv", 200),
            ("tables/none.csv", 404),
            ("tables/..%2f..%2fstudy.json", 404),
            ("tables/../study.json", 404),
            ("trials/t0001", 200),
            ("trials/..%2fx", 404),
            ("study.json", 404),
        ):
            async with session.get(aiohttp.client.URL(address + path, encoded=True)) as answer:
                assert answer.status == status, path

    with_page(folder, use)


def test_where_others_can_reach_it_a_token_is_asked_for(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", WIDTHS)

    async def use(session: aiohttp.ClientSession, address: str) -> None:
        here, token = address.split("?token=")
        here = here.replace("0.0.0.0", "127.0.0.1")
        assert len(token) >= 40
        for wrong in ("", "?token=", "?token=no", f"?token={token[:-1]}"):
            async with session.get(here + wrong) as answer:
                assert answer.status == 403, wrong
        async with session.get(f"{here}events") as answer:
            assert answer.status == 403
        async with session.get(f"{here}?token={token}", allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"] == "/"
            assert "HttpOnly" in answer.headers["Set-Cookie"]
            assert "SameSite=Strict" in answer.headers["Set-Cookie"]
        async with session.get(here) as answer:
            assert answer.status == 200
            assert token not in await answer.text()

    with_page(folder, use, host="0.0.0.0")


@pytest.mark.parametrize("same_run", [True, False])
def test_two_pages_on_one_host_are_open_in_one_browser(tmp_path: Path, same_run: bool) -> None:
    """A browser sends the cookies of a host to all its ports."""
    folders = [write_run(tmp_path / name, WIDTHS) for name in ("one", "one" if same_run else "two")]

    async def both() -> None:
        jar = aiohttp.CookieJar(unsafe=True)
        first, second = (served_page(folder, "0.0.0.0", 0) for folder in folders)
        async with first as one, second as two, aiohttp.ClientSession(cookie_jar=jar) as session:
            pages = [address.replace("0.0.0.0", "127.0.0.1") for address in (one, two)]
            for page in [*pages, *(page.split("?")[0] for page in pages)]:
                async with session.get(page) as answer:
                    assert answer.status == 200
            assert len({cookie.key for cookie in jar}) == 2

    asyncio.run(asyncio.wait_for(both(), 60))


def test_a_token_is_not_shown_by_accident() -> None:
    access = Access.at("0.0.0.0", 80)
    assert access.token
    assert access.token not in repr(access)
    assert Access.at("127.0.0.1", 80).address == "http://127.0.0.1:80/"
    assert Access.at("::1", 80).address == "http://[::1]:80/"


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
    ],
)
def test_loopback_is_told_apart(host: str, is_ours: bool) -> None:
    assert is_loopback(host) == is_ours


def test_a_run_has_the_same_port_each_time_and_another_where_that_is_taken(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", WIDTHS)

    async def both() -> list[str]:
        async with served_page(folder) as first, served_page(folder) as second:
            return [first, second]

    first, second = asyncio.run(both())
    assert first != second
    if f":{usual_port(folder)}/" in first:  # unless somebody else on this machine has it
        assert first == f"http://127.0.0.1:{usual_port(folder)}/"


def test_what_cannot_be_served_is_said(tmp_path: Path) -> None:
    with pytest.raises(DamagedRun, match=r"is no run folder: it has no study\.json"):
        watch(tmp_path, ready=print)
    folder = write_run(tmp_path / "run", WIDTHS)
    with pytest.raises(DamagedRun, match=r"the page cannot be served at 203\.0\.113\.1, port 1"):
        watch(folder, host="203.0.113.1", port=1, ready=print)
    with pytest.raises(DamagedRun, match=r"port 70000: [^.]*\.$"):
        watch(folder, port=70000, ready=print)
