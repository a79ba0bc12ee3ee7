"""A real Chromium without a window, driven through its DevTools protocol."""

import asyncio
import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--disable-extensions",
)
SECONDS_TO_START = 60.0
SECONDS_TO_WAIT = 240.0


class Tab:
    """One tab; ``problems`` holds what its console complained about."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.problems: list[str] = []

    async def listen(self) -> None:
        """Take what the browser says until cancelled."""
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            else:
                self._note(told["method"], told["params"])

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        answer = await asyncio.wait_for(self._answers[number], SECONDS_TO_WAIT)
        assert "error" not in answer, answer
        return dict(answer["result"])

    async def open(self, address: str) -> None:
        await self.ask("Page.navigate", url=address)

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = await self.ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, script: str, *, seconds: float = SECONDS_TO_WAIT) -> Any:
        """The value of an expression once it is true."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                value = await self.run(script)
            except AssertionError:  # the page is being replaced
                value = None
            if value:
                return value
            assert time.monotonic() < deadline, f"never true: {script}; {self.problems}"
            await asyncio.sleep(0.02)

    async def picture(
        self,
        path: Path,
        *,
        width: int = 1200,
        height: int = 900,
        dark: bool = False,
        whole: bool = False,
    ) -> None:
        """A screenshot of what is in view, or of the whole page."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.ask("Emulation.setEmulatedMedia", features=scheme)
        await self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        shot = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.problems.append(str(told["exceptionDetails"]))
        if method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
            self.problems.append(str(told["args"]))
        if method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.problems.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")


@asynccontextmanager
async def browser(**environment: str) -> AsyncIterator[Tab]:
    """A browser with one empty tab, for the time of the block."""
    assert CHROMIUM, "there is no chromium"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            address = f"http://127.0.0.1:{await _port(Path(profile), process)}"
            async with aiohttp.ClientSession() as session, _tab(session, address) as tab:
                yield tab
        finally:
            process.terminate()
            process.wait(20)


async def _port(profile: Path, process: subprocess.Popen[bytes]) -> int:
    """The port of the protocol, which the browser writes into its profile."""
    deadline = time.monotonic() + SECONDS_TO_START
    file = profile / "DevToolsActivePort"
    while not (file.exists() and "\n" in file.read_text()):  # there, and written
        assert process.poll() is None, "chromium ended at once"
        assert time.monotonic() < deadline, "chromium did not start"
        await asyncio.sleep(0.05)
    return int(file.read_text().splitlines()[0])


@asynccontextmanager
async def _tab(session: aiohttp.ClientSession, address: str) -> AsyncIterator[Tab]:
    async with session.get(f"{address}/json/list") as answer:
        page = next(each for each in await answer.json() if each["type"] == "page")
    async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=1 << 28) as socket:
        tab = Tab(socket)
        listening = asyncio.create_task(tab.listen())
        for domain in ("Page", "Runtime", "Log"):
            await tab.ask(f"{domain}.enable")
        yield tab
        listening.cancel()
