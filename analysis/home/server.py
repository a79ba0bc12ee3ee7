"""The page of all runs in a folder: it reads, opens the pages of runs, compares two, and writes
nothing.
"""

import asyncio
import contextlib
import json
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from analysis.home.index import rows_below
from analysis.live.auth import Access, add_headers, guard
from analysis.live.server import STATIC as LIVE
from analysis.live.server import serve, served
from analysis.records.inside import is_below
from analysis.records.lines import DamagedRun
from analysis.report.page import asset, environment
from analysis.stats.comparable import UnequalRuns

HERE = Path(__file__).parent
USUAL_PORT = 8399
SECONDS_TO_READ = 2.0
MOST_PAGES = 8
"""So many pages of runs are open; the one that was asked for first is closed for another."""
# A report brings its scripts along; kept apart from this page, they can ask nothing of it.
OF_REPORTS = {
    "Content-Security-Policy": (
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval';"
        " style-src 'unsafe-inline'; img-src data:"
    )
}


def home(
    folder: Path, *, host: str = "127.0.0.1", port: int | None = None, ready: Callable[[str], None]
) -> None:
    """Serve the page of the runs below ``folder`` until KeyboardInterrupt; ``ready`` is told its
    address once it can be opened.

    Raises:
        DamagedRun: the page cannot be served there.
    """
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(serve_home(folder, host, port, ready))


async def serve_home(
    folder: Path, host: str, port: int | None, ready: Callable[[str], None]
) -> None:
    """``home`` as a coroutine, until cancelled."""
    access = Access.at(host, 0, str(folder.resolve()))
    ports = [port] if port is not None else [USUAL_PORT, 0]
    async with served(Home(folder.resolve(), host).application(access), access, ports, ready):
        await asyncio.Event().wait()


class Home:
    """What the page of ``folder`` is asked for; ``seconds``: after so long it gets the runs that
    are read by then, and asks for more.
    """

    def __init__(self, folder: Path, host: str, seconds: float = SECONDS_TO_READ) -> None:
        self._folder, self._host, self._seconds = folder, host, seconds
        self._reading = asyncio.Lock()
        self._pages: dict[Path, tuple[asyncio.Task[None], asyncio.Future[str]]] = {}

    def application(self, access: Access) -> web.Application:
        app = web.Application(middlewares=[guard(access)])
        app.on_response_prepare.append(add_headers)
        app.cleanup_ctx.append(self._closing)
        app.router.add_get("/", self._page)
        app.router.add_get("/runs", self._runs)
        app.router.add_get("/open", self._open)
        app.router.add_get("/compare", self._compare)
        app.router.add_get("/home.js", _file(HERE / "static" / "home.js"))
        app.router.add_get("/live_format.js", _file(LIVE / "live_format.js"))
        return app

    async def _closing(self, app: web.Application) -> AsyncIterator[None]:
        yield
        for task, _ in self._pages.values():
            task.cancel()
        await asyncio.gather(*(task for task, _ in self._pages.values()), return_exceptions=True)

    async def _page(self, request: web.Request) -> web.Response:
        page = environment(HERE / "templates").get_template("home.html.j2")
        style = asset("style.css") + asset("home.css", HERE / "templates")
        text = page.render(folder=self._folder.name, style=style)
        return web.Response(text=text, content_type="text/html")

    async def _runs(self, request: web.Request) -> web.Response:
        """All rows, unless they are those that the page has already: ``mark`` says which."""
        async with self._reading:
            rows = await asyncio.to_thread(rows_below, self._folder, seconds=self._seconds)
        for row in rows:
            row["run"] = Path(row["run"]).relative_to(self._folder).as_posix()
        text = json.dumps(rows, separators=(",", ":"))
        mark = f"{zlib.crc32(text.encode()):08x}"
        if request.query.get("mark") == mark:
            return web.Response(status=204)
        return web.Response(
            text=f'{{"mark":"{mark}","rows":{text}}}', content_type="application/json"
        )

    async def _open(self, request: web.Request) -> web.Response:
        """The page of a run, live or finished, served beside this one."""
        run = self._run(request.query.get("run", ""))
        try:
            raise web.HTTPSeeOther(await self._served(run))
        except DamagedRun as error:
            raise web.HTTPConflict(text=f"{error}\n") from None

    async def _served(self, run: Path) -> str:
        if run in self._pages and self._pages[run][0].done():
            del self._pages[run]
        if run not in self._pages:
            while len(self._pages) >= MOST_PAGES:
                self._pages.pop(next(iter(self._pages)))[0].cancel()
            address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(serve(run, self._host, ready=address.set_result))
            self._pages[run] = task, address
        task, address = self._pages[run]
        either: list[asyncio.Future[Any]] = [task, address]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not address.done():
            task.result()  # raises why it could not be served
        return address.result()

    async def _compare(self, request: web.Request) -> web.Response:
        """The page that ``study compare`` writes, of the runs asked for."""
        runs = [self._run(name) for name in request.query.getall("run", [])]
        try:
            text = await asyncio.to_thread(_comparison, runs)
        except (UnequalRuns, DamagedRun) as error:
            raise web.HTTPConflict(text=f"{error}\n") from None
        return web.Response(text=text, content_type="text/html", headers=OF_REPORTS)

    def _run(self, name: str) -> Path:
        """The run of that name, if there is one below the folder."""
        run = self._folder / name
        safe = is_below(name) and 0 < len(Path(name).parts) <= 2
        if not safe or not (run / "study.json").is_file() or run.resolve() != run:
            raise web.HTTPNotFound(text="There is no such run.\n")
        return run


def _comparison(runs: list[Path]) -> str:
    from analysis.records.load import load_run
    from analysis.report.compare_page import write_comparison
    from analysis.stats.runs import compare_runs

    with tempfile.TemporaryDirectory() as folder:
        found = compare_runs([load_run(run) for run in runs])
        return write_comparison(found, folder).read_text(encoding="utf-8")


def _file(path: Path) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.FileResponse:
        return web.FileResponse(path)

    return answer
