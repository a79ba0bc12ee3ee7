"""Orders from the page of a run: who may give them, and what the page says of them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
from live_runs import served_page
from run_folders import Trial, scores, write_run

from analysis.live.state import Watched
from analysis.live.steering import fields, given
from analysis.records.orders import Inbox, give
from analysis.records.paths import RunPaths
from tuning.spec.settings import recorded_problems

END = {"do": "end"}
Use = Callable[[aiohttp.ClientSession, str, str], Awaitable[None]]


def opened(folder: Path, use: Use, steers: bool = True) -> list[str]:
    """The orders that were given while ``use`` had the address of the page and its token."""
    run = write_run(folder / "run", [Trial(params={"width": 1}, epochs=scores([0.5, 0.6, 0.7]))])

    async def main() -> None:
        jar = aiohttp.CookieJar(unsafe=True)
        async with (
            served_page(run, steers=steers) as address,
            aiohttp.ClientSession(cookie_jar=jar) as session,
        ):
            here, _, token = address.partition("/?token=")
            await use(session, here.rstrip("/"), token)

    asyncio.run(main())
    return [order.words for order in Inbox(RunPaths(run)).new()]


def of(here: str, **others: str) -> dict[str, str]:
    """What the page itself sends along."""
    return {"Origin": here, "Content-Type": "application/json", **others}


def test_who_opened_the_whole_address_gives_orders_from_the_page(tmp_path: Path) -> None:
    async def use(session: aiohttp.ClientSession, here: str, token: str) -> None:
        async with session.get(f"{here}/?token={token}") as answer:
            text = await answer.text()
            assert "data-steers" in text
            assert token not in text
        for asked, status in (
            (END, 202),
            ({"do": "stop-trial", "trial": "t0000"}, 202),
            ({"do": "stop-trial", "trial": "t0099"}, 404),
            ({"do": "stop-trial", "trial": ["t0000"]}, 404),
            ({"do": "pause"}, 409),
            ({"do": "add"}, 400),
            ({"do": "add", "params": {"width": 2}}, 202),
            ({"do": "add", "params": {"width": 3, "<b>": 1}}, 422),
            ({"do": "stop"}, 400),
            ({"do": ["add"]}, 400),
            (["end"], 400),
        ):
            sent = session.post(f"{here}/orders", json=asked, headers=of(here))
            async with sent as answer:
                assert answer.status == status, asked
        sent = session.post(f"{here}/orders", data="{", headers=of(here))
        async with sent as answer:
            assert answer.status == 400
        async with session.post(f"{here}/orders", json=END, headers=of(here)) as answer:
            assert "the run is not running: the order is kept" in await answer.text()

    assert opened(tmp_path, use) == ["end", "stop-trial t0000", "add width=2", "end"]


def test_a_setting_is_refused_in_the_words_of_the_command(tmp_path: Path) -> None:
    space = {
        "lr": {"kind": "float", "low": 0.001, "high": 0.1, "log": True, "step": None},
        "width": {"values": [32, 64]},
        "model": {"values": ["svm", "mean"]},
        "C": {"values": [1.0], "when": {"model": ["svm"]}},
    }
    right = {"lr": 0.01, "width": 64, "model": "svm", "C": 1}
    run = Watched(write_run(tmp_path / "run", [], space=space, search={"kind": "random"}))

    def answer(params: object) -> str:
        text = json.dumps({"do": "add", "params": params})
        return asyncio.run(given(run, text, recorded_problems))[1]

    assert answer(right | {"lr": 7, "width": 48}) == (
        "lr=7 is not in the space: 0.001 to 0.1, logarithmic. width=48 is not in the space: 32, 64."
    )
    assert answer({"lr": 0.01, "width": 64, "model": "svm"}) == (
        "has values for lr, width, model; with model='svm' it needs one for each of lr, width,"
        " model, C."
    )
    assert answer(right | {"model": "mean"}).startswith("has values for lr, width, model, C;")
    assert answer([]) == "A setting maps the name of each parameter to a value."
    assert list(Inbox(run.paths).new()) == []
    assert answer(right).startswith('add lr=0.01, width=64, model="svm", C=1: the run is not')


def test_what_becomes_of_an_order_is_waited_for(tmp_path: Path) -> None:
    paths = RunPaths(write_run(tmp_path / "run", []))
    paths.lock.write_text("{}")
    run, inbox = Watched(paths.root), Inbox(paths)
    assert run.is_running

    async def answered(done: bool) -> tuple[int, str]:
        asked = asyncio.create_task(given(run, '{"do": "pause"}', recorded_problems))
        while not (orders := list(inbox.new())):
            await asyncio.sleep(0)
        row = {"order": orders[0].id, "at": "", "done": done, "answer": "so it is."}
        with paths.answers.open("a") as file:
            file.write(json.dumps(row) + "\n")
        run.steering.refresh()
        return await asked

    assert asyncio.run(answered(True)) == (202, "pause: carried out: so it is.")
    assert asyncio.run(answered(False)) == (409, "pause: refused: so it is.")


def test_the_form_asks_for_each_parameter_and_begins_with_the_best(tmp_path: Path) -> None:
    space = {"width": {"values": [1, 2.5]}, "lr": {"kind": "float", "low": 0.1, "high": 1.0}}
    trials = [Trial(params={"width": 1.0, "lr": 1}, epochs=scores([0.5, 0.6, 0.7]))]
    run = Watched(write_run(tmp_path / "run", trials, space=space, search={"kind": "random"}))
    run.refresh()
    assert fields(run.spec) == [
        {"name": "width", "when": None, "choices": ["1", "2.5"]},
        {"name": "lr", "when": None, "choices": None},
    ]
    best = run.best()
    assert best
    assert best["params"] == {"width": "1", "lr": "1.0"}
    assert fields({**run.spec, "search": {"kind": "grid"}}) == [], "it has every setting"


def test_nobody_else_does(tmp_path: Path) -> None:
    async def use(session: aiohttp.ClientSession, here: str, token: str) -> None:
        async with session.get(f"{here}/") as answer:
            assert answer.status == 200
            assert "data-steers" not in await answer.text()
        for address in (f"{here}/orders", f"{here}/orders?token={token}"):
            async with session.post(address, json=END, headers=of(here)) as answer:
                assert answer.status == 403, "no cookie, which alone counts"
        async with session.get(f"{here}/?token={token}") as answer:
            assert answer.status == 200
        port = here.rsplit(":", 1)[1]
        for headers in (
            of("http://evil.example"),
            of("null"),
            of(f"http://localhost:{port}"),
            of(here, **{"Sec-Fetch-Site": "cross-site"}),
            of(here, **{"Sec-Fetch-Site": "same-site"}),
            of(here, **{"Content-Type": "text/plain"}),
            of(here, **{"Content-Type": "application/x-www-form-urlencoded"}),
            of(f"http://evil.example:{port}", Host=f"evil.example:{port}"),
            {"Content-Type": "application/json"},
        ):
            sent = session.post(f"{here}/orders", data='{"do": "end"}', headers=headers)
            async with sent as answer:
                assert answer.status == 403, headers
        for method in ("GET", "PUT", "DELETE", "OPTIONS", "HEAD"):
            async with session.request(method, f"{here}/orders", headers=of(here)) as answer:
                assert answer.status == 405, method
        async with session.get(f"{here}/?do=end") as answer:
            assert answer.status == 200

    assert opened(tmp_path, use) == []


def test_a_page_that_does_not_steer_is_read_only(tmp_path: Path) -> None:
    async def use(session: aiohttp.ClientSession, here: str, token: str) -> None:
        assert token == ""
        async with session.get(f"{here}/") as answer:
            assert "data-steers" not in await answer.text()
        async with session.post(f"{here}/orders", json=END, headers=of(here)) as answer:
            assert answer.status == 405

    assert opened(tmp_path, use, steers=False) == []


def test_the_page_says_what_became_of_the_last_orders(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [Trial(params={"width": 1}, epochs=scores([0.5, 0.6]))])
    run = Watched(folder)
    first = give(run.paths, "stop-trial", trial="t0000", way="page")
    give(run.paths, "end")
    run.paths.answers.write_text(
        f'{{"order": "{first.id}", "at": "2026-01-02T03:04:05+00:00", "done": false,'
        ' "answer": "trial t0000 has ended: completed"}\n'
    )
    run.refresh()
    rows = run.steering.rows()
    assert [(row["words"], row["done"], row["answer"]) for row in rows] == [
        ("stop-trial t0000", False, "trial t0000 has ended: completed"),
        ("end", None, "not answered yet"),
    ]
    assert rows[0]["by"].endswith("(page)")


def test_half_a_line_of_an_order_is_no_order_and_hides_none(tmp_path: Path) -> None:
    paths = RunPaths(write_run(tmp_path / "run", []))
    paths.orders.write_text('{"id": "a1", "do": "en')
    give(paths, "end")
    with paths.orders.open("a") as file:
        file.write('{"id": "b2", "do": "stop-trial", "trial": "../x"}\n[]\n')
    assert [order.words for order in Inbox(paths).new()] == ["end"]
