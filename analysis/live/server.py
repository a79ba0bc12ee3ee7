"""The page of a run, served while it goes on and afterwards: reads the records, pushes what
changes, and writes nothing but orders.
"""

import asyncio
import contextlib
import json
import os
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from analysis.live.auth import Access, add_headers, guard, may_steer
from analysis.live.details import trial_details
from analysis.live.feed import Feed, Page
from analysis.live.page import live_page
from analysis.live.steering import Check, given
from analysis.records.load import DamagedRun
from analysis.report.page import vega_script

STATIC = Path(__file__).parent / "static"
SCRIPTS = (
    "live.js",
    "live_trials.js",
    "live_details.js",
    "live_sections.js",
    "live_steering.js",
    "live_adding.js",
    "live_format.js",
)
FIRST_PORT, PORTS = 8400, 500
SECONDS_TO_CLOSE = 1.0
SECONDS_BETWEEN_PUSHES = 0.1
FEED: web.AppKey[Feed] = web.AppKey("feed", Feed)
ACCESS: web.AppKey[Access] = web.AppKey("access", Access)
CHECK: web.AppKey[Check] = web.AppKey("check")
FOLLOWING: web.AppKey[asyncio.Task[None]] = web.AppKey("following", asyncio.Task)


def watch(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    ready: Callable[[str], None],
    check: Check | None = None,
) -> None:
    """Serve the page of the run in ``folder`` until KeyboardInterrupt; ``ready`` is told its
    address once it can be opened. Who opens the whole address may give orders where there is a
    ``check`` of the settings that they add.

    Raises:
        DamagedRun: the folder is no run folder, or the page cannot be served there.
    """
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(serve(folder, host, port, ready=ready, check=check))


def usual_port(folder: Path) -> int:
    """The port of a run where nobody says another: the same each time, so that an open page finds
    the run again.
    """
    return FIRST_PORT + zlib.crc32(os.fsencode(folder.resolve())) % PORTS


async def serve(
    folder: Path,
    host: str = "127.0.0.1",
    port: int | None = None,
    *,
    ready: Callable[[str], None],
    until: Callable[[], Awaitable[object]] | None = None,
    check: Check | None = None,
) -> None:
    """``watch`` as a coroutine: until cancelled, or until ``until`` returns."""
    feed = Feed(folder)
    access = Access.at(host, 0, str(folder.resolve()), steers=check is not None)
    ports = [port] if port is not None else [usual_port(folder), 0]
    async with served(application(feed, access, check), access, ports, ready):
        await (until or asyncio.Event().wait)()
        await feed.settle()


@contextlib.asynccontextmanager
async def served(
    app: web.Application, access: Access, ports: Sequence[int], ready: Callable[[str], None]
) -> AsyncIterator[None]:
    """Serve ``app`` on the first of ``ports`` that is free for the time of the block; ``ready`` is
    told its address.

    Raises:
        DamagedRun: it cannot be served there.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SECONDS_TO_CLOSE)
    await runner.setup()
    try:
        bound = await _bind(runner, access.host, ports)
        ready(replace(access, port=bound).address)
        yield
    finally:
        await runner.cleanup()


async def _bind(runner: web.AppRunner, host: str, ports: Sequence[int]) -> int:
    """Listen on the first of ``ports`` that is free; returns it."""
    for port in ports:
        try:
            await web.TCPSite(runner, host, port).start()
            return int(runner.addresses[0][1])
        except (OSError, OverflowError) as error:
            problem = error
    raise DamagedRun(
        f"the page cannot be served at {host}, port {ports[-1]}:"
        f" {str(getattr(problem, 'strerror', None) or problem).rstrip('.')}."
    )


def application(feed: Feed, access: Access, check: Check | None = None) -> web.Application:
    """The server of one run's page."""
    app = web.Application(middlewares=[guard(access)])
    app[FEED], app[ACCESS] = feed, access
    if check:
        app[CHECK] = check
    app.on_response_prepare.append(add_headers)
    app.cleanup_ctx.append(_following)
    app.router.add_get("/", _page)
    app.router.add_get("/events", _events)
    app.router.add_get("/trials/{trial}", _trial)
    app.router.add_get("/vega.js", _vega)
    app.router.add_post("/orders", _order)
    for script in SCRIPTS:
        app.router.add_get(f"/{script}", _script)
    app.router.add_get("/{kind:tables|charts}/{name}", _file)
    return app


async def _following(app: web.Application) -> AsyncIterator[None]:
    app[FOLLOWING] = asyncio.create_task(app[FEED].follow())
    yield
    app[FOLLOWING].cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await app[FOLLOWING]


async def _page(request: web.Request) -> web.Response:
    page = live_page(request.app[FEED].hello(), steers=may_steer(request, request.app[ACCESS]))
    return web.Response(text=page, content_type="text/html")


async def _events(request: web.Request) -> web.StreamResponse:
    """Server-sent events; see ``Feed.news_for`` for what they hold."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    feed, page = request.app[FEED], Page()
    feed.pages.add(page)
    page.news.set()
    try:
        while not request.app[FOLLOWING].done():
            await page.news.wait()
            for kind, content in feed.news_for(page):
                await response.write(f"event: {kind}\ndata: {_json(content)}\n\n".encode())
            await asyncio.sleep(SECONDS_BETWEEN_PUSHES)
    except ConnectionResetError:  # the page was closed
        pass
    finally:
        feed.pages.discard(page)
    return response


async def _trial(request: web.Request) -> web.Response:
    feed = request.app[FEED]
    trial = feed.run.trials.get(request.match_info["trial"])
    if trial is None:
        raise web.HTTPNotFound(text="There is no such trial.\n")
    return web.Response(text=_json(trial_details(feed.run, trial)), content_type="application/json")


async def _order(request: web.Request) -> web.Response:
    app = request.app
    status, text = await given(app[FEED].run, await request.text(), app[CHECK])
    return web.Response(status=status, text=text + "\n")


async def _vega(request: web.Request) -> web.Response:
    script = await asyncio.to_thread(vega_script)
    return web.Response(
        text=script, content_type="text/javascript", headers={"Cache-Control": "max-age=86400"}
    )


async def _script(request: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / request.path.removeprefix("/"))


async def _file(request: web.Request) -> web.StreamResponse:
    """A table or a picture of the report, once that is written."""
    paths = request.app[FEED].run.paths
    folder = {"tables": paths.tables, "charts": paths.charts}[request.match_info["kind"]]
    path = folder / request.match_info["name"]
    if path.parent != folder or path.is_symlink() or not path.is_file():
        raise web.HTTPNotFound(
            text=f"It is not there yet: `study report {paths.root}` writes it.\n"
        )
    return web.FileResponse(path)


def _json(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"), allow_nan=False)
