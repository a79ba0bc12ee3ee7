"""Brings one mirror of a run up to what the records say, as often as it is asked to."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from analysis.records.follow import Follower
from analysis.records.paths import RunPaths
from tuning.mirrors.base import Sink
from tuning.mirrors.trial import MirroredTrial
from tuning.runs.append import opened

SECONDS_BEFORE_TRYING_AGAIN = 60.0
"""After a failure: a server that is gone is asked once a minute."""
AT_ONCE = 8
SUMMARY = "summary"


class Delivery:
    """Follows the records for one sink. ``say``: told what was done and what is in the way, as
    facts by name; what is in the way is said once.
    """

    def __init__(self, paths: RunPaths, sink: Sink, say: Callable[..., None]) -> None:
        self._sink, self._say = sink, say
        self._done = Done(sink.folder / "mirror.jsonl", sink.place)
        self._records = Follower(paths, MirroredTrial)
        self._behind: dict[str, MirroredTrial] = {}
        self._open: dict[str, list[int]] = {}
        """Trials that were begun, each with the epochs that were not sent yet."""
        self._code: dict[str, str | None] = {}
        self._wait_until = 0.0
        self._problems: set[str] = set()
        self._summary_is_missing = False

    def look(self, *, all_of_them: bool = False) -> None:
        """Mirror what is new. ``all_of_them``: also trials that have not ended, of which nothing
        more comes.
        """
        self._take(self._changed())
        if self._sink.only_summary:
            self._behind.clear()
            return
        ready = [
            trial
            for trial in self._behind.values()
            if all_of_them or trial.status.has_ended or self._sink.streams
        ]
        if ready:
            with ThreadPoolExecutor(min(AT_ONCE, len(ready))) as pool:
                list(pool.map(lambda trial: self._send(trial, last=all_of_them), ready))

    def finish(self) -> None:
        """Mirror the study itself."""
        trials = list(self._records.trials.values())
        version = self._sink.version(trials)
        if trials and version and not self._done.has(SUMMARY, version):
            self._summary_is_missing = True
            self._attempt(SUMMARY, lambda: self._finish(trials, version))

    @property
    def missing(self) -> int:
        """How much the mirror lacks: trials, and the study where that is shown."""
        return len(self._behind) + self._summary_is_missing

    def leave(self) -> None:
        """Let go of the trials that were begun."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._sink.abandon, self._open))

    def _changed(self) -> dict[str, list[int]]:
        changed = self._records.look()
        if self._sink.only_summary or all(self._records.trials[name].is_whole for name in changed):
            return changed
        # A trial that was sent and forgotten goes on after all.
        self._records.begin()
        return self._records.look()

    def _take(self, changed: dict[str, list[int]]) -> None:
        for name, epochs in changed.items():
            trial = self._behind[name] = self._records.trials[name]
            if self._sink.only_summary and trial.status.has_ended:
                trial.forget()
            if name in self._open:
                self._open[name] += epochs
        for name, trial in self._records.dropped.items():
            self._behind.pop(name, None)
            if self._done.knows(name) and trial.is_whole:  # there, it is marked
                self._behind[name] = trial

    def _send(self, trial: MirroredTrial, *, last: bool) -> None:
        self._attempt(trial.trial, lambda: self._mirror(trial, last=last))

    def _mirror(self, trial: MirroredTrial, *, last: bool) -> None:
        name = trial.trial
        if not self._done.has(name, trial.version):
            self._bring_up(trial)
            if trial.status.has_ended or last:
                self._open.pop(name, None)
                self._sink.trial_end(trial)
                self._done.add(name, trial.version)
                self._say(mirrored=name)
        if trial.status.has_ended:
            trial.forget()
        self._behind.pop(name, None)

    def _bring_up(self, trial: MirroredTrial) -> None:
        """Send the epochs that were not sent, or all of them where it is sent anew."""
        name = trial.trial
        if name not in self._open or self._code[name] != trial.code:
            self._sink.start(trial)
            self._open[name], self._code[name] = sorted(trial.metrics), trial.code
        if new := self._open[name]:
            self._open[name] = []
            self._sink.epochs(trial, new)

    def _finish(self, trials: list[MirroredTrial], version: str) -> None:
        self._sink.finish(trials)
        self._done.add(SUMMARY, version)
        self._say(mirrored=SUMMARY)
        self._summary_is_missing = False

    def _attempt(self, name: str, mirror: Callable[[], None]) -> None:
        """Do it, unless something was in the way a short while ago."""
        if time.monotonic() < self._wait_until:
            return
        try:
            mirror()
        except Exception as error:  # none may end the mirror of the other trials
            self._open.pop(name, None)
            self._wait_until = time.monotonic() + SECONDS_BEFORE_TRYING_AGAIN
            reason = self._sink.reason(error)
            if reason not in self._problems:
                self._problems.add(reason)
                self._say(problem=reason)


class Done:
    """What is mirrored whole, and of which state of the records: a file, a line each."""

    def __init__(self, path: Path, place: str) -> None:
        self._path, self._place = path, place
        self._turn = threading.Lock()
        self._versions = {
            row["run"]: row["version"] for row in _rows(path) if row.get("where") == place
        }

    def has(self, run: str, version: str) -> bool:
        return self._versions.get(run) == version

    def knows(self, run: str) -> bool:
        """Whether any state of it is mirrored."""
        return run in self._versions

    def add(self, run: str, version: str) -> None:
        line = json.dumps({"run": run, "version": version, "where": self._place}).encode() + b"\n"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._turn, opened(self._path) as file:
            file.write(line)
        self._versions[run] = version


def _rows(path: Path) -> Iterable[dict[str, str]]:
    """What is whole; a damaged line is empty, so that its run is mirrored again."""
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            yield dict(json.loads(line))
        except (ValueError, TypeError):
            yield {}
