"""What open pages of a run are told, and when: changed trials at once, recomputed sections at a
slower beat. No page open, nothing done.
"""

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

from analysis.live.details import session_facts
from analysis.live.own_process import environment, module_command
from analysis.live.state import COLUMNS, Watched
from analysis.live.steering import fields
from analysis.records.lines import DamagedRun

SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_BETWEEN_STATES = 1.0
SECONDS_BETWEEN_SECTIONS = 2.0
SHARE_FOR_SECTIONS = 0.2
"""Of one core at the most: after sections that took a second, four pass before the next."""
SECONDS_TO_SETTLE = 10.0
LONGEST_ANSWER = 1 << 28
ORDERS = 5
"""So many of the last orders are shown."""


class Page:
    """One open page: what it has not been told yet."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.trials: set[str] | None = None
        """None: all of them."""
        self.sections: set[str] | None = None
        self.state = True


class Feed:
    """Follows one run for all pages that show it."""

    def __init__(self, folder: Path) -> None:
        self.run = Watched(folder)
        self.pages: set[Page] = set()
        self.sections: dict[str, dict[str, str]] = {}
        self.problem = ""
        self._renderer = Renderer(folder)
        self._known: Any = None

    async def follow(self) -> None:
        """Keep the pages up to date until cancelled."""
        self.run.refresh()
        try:
            await asyncio.gather(self._follow_records(), self._follow_sections())
        finally:
            await self._renderer.stop()

    def hello(self) -> dict[str, Any]:
        """What the page is of."""
        spec = self.run.spec
        return {
            **{name: spec[name] for name in ("name", "question", "metric", "mode", "epochs")},
            "run": self.run.paths.root.name,
            "columns": COLUMNS,
            "data": str((spec.get("data") or {}).get("name", "not stated by the study")),
            "parameters": list(spec["space"]),
            "fields": fields(spec),
            "rungs": (spec.get("scheduler") or {}).get("rungs") or [],
        }

    def state(self) -> dict[str, Any]:
        """How the run stands, but for its trials."""
        spec, sessions = self.run.spec, self.run.spec.get("sessions") or []
        facts = session_facts(self.run.paths) if self.run.is_running else {}
        return {
            "running": self.run.is_running,
            "planned": self.run.planned,
            "confirmations": (spec.get("confirm") or {}).get("trials") or 0,
            "best": self.run.best(),
            "started": sessions[-1]["started"] if sessions else spec.get("started"),
            "estimate": self.run.estimate,
            "dashboard": facts.get("dashboard"),
            "reported": self.run.paths.index.exists(),
            "problem": self.problem,
            "orders": self.run.steering.rows()[-ORDERS:],
            "now": time.time(),
        }

    def news_for(self, page: Page) -> list[tuple[str, Any]]:
        """The messages that the page has not had, which then count as told."""
        news: list[tuple[str, Any]] = []
        if page.trials is None:
            news.append(("hello", self.hello()))
        # Before its trials: those of a run that goes on are running, those of one that does not
        # were cut off.
        if page.state:
            news.append(("state", self.state()))
        trials = self.run.trials
        changed = trials.keys() if page.trials is None else page.trials & trials.keys()
        if changed or page.trials is None:
            news.append(("trials", [trials[name].row_of_table() for name in sorted(changed)]))
        wanted = self.sections.keys() if page.sections is None else page.sections
        if self.sections and wanted:
            sections = [part for name, part in self.sections.items() if name in wanted]
            news.append(("sections", {"order": list(self.sections), "changed": sections}))
            page.sections = set()
        page.trials, page.state = set(), False
        page.news.clear()
        return news

    async def settle(self) -> None:
        """Let open pages have the last of it, for a few seconds at the most."""
        deadline = time.monotonic() + SECONDS_TO_SETTLE
        while self.pages and self._known != self._stamp() and time.monotonic() < deadline:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        await asyncio.sleep(3 * SECONDS_BETWEEN_LOOKS if self.pages else 0)

    async def _follow_records(self) -> None:
        said, running = 0.0, False
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS if self.pages else SECONDS_BETWEEN_STATES)
            changed, was_running, running = self._refresh(), running, self.run.is_running
            due = running != was_running or time.monotonic() - said > SECONDS_BETWEEN_STATES
            if due:
                said = time.monotonic()
            for page in self.pages:
                page.trials = None if page.trials is None else page.trials | changed
                page.state = page.state or due
                if changed or due:
                    page.news.set()

    def _refresh(self) -> set[str]:
        dropped = self.run.dropped
        try:
            changed = self.run.refresh()
            if self.run.dropped != dropped:
                for page in self.pages:
                    page.trials = None
            return changed
        except (DamagedRun, OSError) as error:
            self.problem = str(error)
            return set()

    async def _follow_sections(self) -> None:
        while True:
            began = time.monotonic()
            if self.pages and (now := self._stamp()) != self._known:
                answer = await self._renderer.ask()
                self.problem = answer.get("problem", "")
                if "sections" in answer:
                    self._take({part["anchor"]: part for part in answer["sections"]})
                    self._known = now
            elif not self.pages:
                await self._renderer.stop()
            took = time.monotonic() - began
            await asyncio.sleep(
                max(SECONDS_BETWEEN_SECTIONS, took / SHARE_FOR_SECTIONS - took)
                if took > 0.01
                else SECONDS_BETWEEN_LOOKS
            )

    def _take(self, parts: dict[str, dict[str, str]]) -> None:
        changed = {name for name, part in parts.items() if part != self.sections.get(name)}
        gone = set(self.sections) - set(parts)
        self.sections = parts
        for page in self.pages:
            page.sections = None if gone or page.sections is None else page.sections | changed
            page.news.set()

    def _stamp(self) -> Any:
        """What changes when there is something new to compute."""
        paths = self.run.paths
        with contextlib.suppress(OSError):
            return [
                (path.stat().st_size, path.stat().st_mtime_ns)
                for path in (paths.study, paths.trials, paths.epochs)
                if path.exists()
            ]
        return None


class Renderer:
    """The process that computes the sections; started when it is first asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self) -> dict[str, Any]:
        """The ``sections`` as they stand now, or a ``problem``; a process that died is started
        again the next time.
        """
        process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(b"\n")
            await process.stdin.drain()
            return json.loads(await process.stdout.readline())
        except (OSError, ValueError):
            await self.stop()
            why = f"`study report {self._folder}` says why."
            return {"problem": f"The report so far could not be computed; {why}"}

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        one_thread = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
        )
        self._process = await asyncio.create_subprocess_exec(
            *module_command("analysis.live.sections", str(self._folder)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**environment(), **one_thread},
            limit=LONGEST_ANSWER,
        )
        return self._process
