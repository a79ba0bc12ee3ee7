"""The process that mirrors one run: ``python -m tuning.tracking_process RUN MODE SECONDS``, started by ``tuning.tracking``.

It follows the records until its stdin says ``end`` (mirror the rest, then the summary) or is closed (leave off), and says on stdout, a JSON
line each, what it did and what is in its way.
"""

import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import wandb

from tuning import tracking_summary
from tuning.lines import opened
from tuning.tracking_records import Follower, Told
from tuning.tracking_runs import Place, TrialRun

SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_BEFORE_TRYING_AGAIN = 60.0
"""After a failure: a server that is gone is asked once a minute."""
AT_ONCE = 8
TRIALS_AS_RUNS = 1000
"""A study of more trials is mirrored as one run with tables: so many runs are slow to send and to look at."""
LEAST_FREE = 32_000_000
"""Bytes. wandb does not say when it cannot write its file: below this, nothing counts as written."""


class Mirror:
    """Brings the runs of wandb up to what the records say, as often as it is asked to."""

    def __init__(self, root: Path, mode: str, seconds: float, say: Callable[..., None]) -> None:
        self._root, self._mode, self._say = root, mode, say
        self._spec: dict[str, Any] = json.loads((root / "study.json").read_text(encoding="utf-8"))
        self._place = Place(self._spec["name"], root.name, root, mode, seconds)
        self._done = Done(root / "wandb" / "mirror.jsonl", mode)
        self._records = Follower(root / "trials.jsonl", root / "epochs.jsonl")
        self._open: dict[str, TrialRun] = {}
        self._behind: dict[str, Told] = {}
        self._wait_until = 0.0
        self._problems: set[str] = set()
        self._summary_is_missing = False
        self.as_one = self._spec.get("trials", 0) > TRIALS_AS_RUNS

    def look(self, *, all_of_them: bool = False) -> None:
        """Mirror what is new. Offline, a run is written once its trial has ended; online it is sent epoch by epoch. ``all_of_them``: also
        the trials that have not ended."""
        for told in self._records.look():
            self._behind[told.trial] = told
            if self.as_one and told.ended:
                told.forget()
        if self.as_one:
            self._behind.clear()
            return
        ready = [told for told in self._behind.values() if all_of_them or told.ended or self._mode == "online"]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda told: self._attempt(told.trial, lambda: self._mirror(told, whole=all_of_them)), ready))

    def summarise(self) -> None:
        """Mirror the study itself."""
        trials, report = list(self._records.told.values()), self._root / "report"
        version = tracking_summary.version(trials, report)
        if trials and not self._done.has(tracking_summary.NAME, version):
            self._summary_is_missing = True
            self._attempt(tracking_summary.NAME, lambda: self._summarise(trials, report, version))

    def missing(self) -> int:
        """How many runs the mirror lacks, that of the study counted in."""
        return len(self._behind) + self._summary_is_missing

    def leave(self) -> None:
        """Let go of the runs that are open."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(TrialRun.abandon, self._open.values()))

    def _mirror(self, told: Told, *, whole: bool) -> None:
        if self._done.has(told.trial, told.version):
            self._behind.pop(told.trial, None)
            return
        if told.trial not in self._open:
            self._open[told.trial] = TrialRun(self._place, told, self._spec)
        run = self._open[told.trial]
        run.log(told)
        if told.ended or whole:
            self._open.pop(told.trial)
            run.finish(told)
            self._wrote(told.trial, told.version)
        self._behind.pop(told.trial, None)

    def _summarise(self, trials: list[Told], report: Path, version: str) -> None:
        tracking_summary.send(self._place, self._spec, trials, report)
        self._wrote(tracking_summary.NAME, version)
        self._summary_is_missing = False

    def _wrote(self, name: str, version: str) -> None:
        free = os.statvfs(self._root)
        if free.f_bavail * free.f_frsize < LEAST_FREE:
            raise OSError(f"the disk is full (less than {LEAST_FREE / 1e6:.0f} MB free)")
        self._done.add(name, version)
        if self._mode == "online":
            self._place.remove(name)
        self._say(mirrored=name)

    def _attempt(self, name: str, mirror: Callable[[], None]) -> None:
        """Do it, unless something was in the way a short while ago; what is in the way is said once."""
        if time.monotonic() < self._wait_until:
            return
        try:
            mirror()
        except Exception as error:  # wandb raises many kinds; none may end the mirror of the other trials
            self._open.pop(name, None)
            self._wait_until = time.monotonic() + SECONDS_BEFORE_TRYING_AGAIN
            reason = _reason(error)
            if reason not in self._problems:
                self._problems.add(reason)
                self._say(problem=reason)


class Done:
    """Which runs are whole, and of which state of the records: a file beside them, a line each."""

    def __init__(self, path: Path, mode: str) -> None:
        self._path, self._where = path, _where(mode)
        self._turn = threading.Lock()
        rows = [_row(line) for line in path.read_bytes().splitlines()] if path.exists() else []
        self._versions = {row["run"]: row["version"] for row in rows if row.get("where") == self._where}

    def has(self, run: str, version: str) -> bool:
        return self._versions.get(run) == version

    def add(self, run: str, version: str) -> None:
        line = json.dumps({"run": run, "version": version, "where": self._where}).encode() + b"\n"
        with self._turn, opened(self._path) as file:
            file.write(line)
        self._versions[run] = version


def _row(line: bytes) -> dict[str, str]:
    """A line of what is whole; empty where it is damaged, so that its run is mirrored again."""
    try:
        return dict(json.loads(line))
    except (ValueError, TypeError):
        return {}


def _where(mode: str) -> str:
    """What makes two mirrors different ones: offline, or the server and the entity."""
    settings = wandb.Settings()
    return mode if mode == "offline" else f"{settings.base_url} {settings.entity or ''}".strip()


def _reason(error: Exception) -> str:
    """In one line: what went wrong last, for wandb tells the whole way there. Of a refused key it says a number or nothing at all."""
    text = str(error)
    if isinstance(error, wandb.errors.CommError):
        if "<no message>" in text or re.search(r"\berror 40[13]\b", text):
            return "the server refuses the API key (`wandb login` sets it)"
        if "timed out" in text:
            return f"{wandb.Settings().base_url} does not answer"
    lines = [line for line in text.splitlines() if line.strip()] or [type(error).__name__]
    return lines[-1].strip()[:300]


class Orders:
    """What the driver wants, from stdin: nothing yet, ``end``, or (when it is gone) to leave off."""

    def __init__(self) -> None:
        self.given = threading.Event()
        self.to_the_end = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        self.to_the_end = sys.stdin.readline().strip() == "end"
        self.given.set()


def main() -> None:
    root, mode, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    os.nice(10)
    orders = Orders()
    mirror = Mirror(root, mode, seconds, _say)
    if mirror.as_one:
        _say(note=f"more than {TRIALS_AS_RUNS:,} trials: they are mirrored as one run with tables, at the end")
    while not orders.given.wait(SECONDS_BETWEEN_LOOKS):
        mirror.look()
    if orders.to_the_end:
        mirror.look(all_of_them=True)
        mirror.summarise()
    mirror.leave()
    _say(missing=mirror.missing())


_TURN = threading.Lock()


def _say(**what: Any) -> None:
    with _TURN:
        print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
