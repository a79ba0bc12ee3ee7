"""When progress is said, and which events are worth a line, whoever shows them."""

import contextlib
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.records.inside import no_link
from analysis.records.paths import RunPaths
from analysis.records.schema import Status
from analysis.text.errors import headline
from tuning.callbacks.progress import LONG_SECONDS, StudyProgress
from tuning.process.terminal import shown
from tuning.spec.imports import is_own
from tuning.spec.study import Trial

SECONDS_BETWEEN_LINES = 5.0
SHARE_BETWEEN_LINES = 0.02
"""Of the time passed: a study of hours does not print thousands of lines."""


class Display:
    """Shows the progress of one session, as a ``Callback`` of the recorder, and notes what it says
    of the time left in the run folder.
    """

    share_between = SHARE_BETWEEN_LINES

    def __init__(self, progress: StudyProgress, paths: RunPaths) -> None:
        self.progress, self._paths = progress, paths
        self._printed = self._noted = time.monotonic()
        self._note({"began": True})

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        self.progress.epoch(trial, row)
        self._hear()

    def pause(self, trial: Trial) -> None:
        self.progress.pause(trial)
        self._hear()

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        self.progress.end(trial, status, error)
        self._hear()

    def tick(self) -> None:
        """Say how far the study is, where that was said a while ago; to be called every few seconds
        at least, also between epochs.
        """
        if self._is_due(self._printed, self.share_between):
            self._printed = time.monotonic()
            self.show()
        if self._is_due(self._noted, SHARE_BETWEEN_LINES):
            self._noted = time.monotonic()
            if left := self.progress.left():
                self._note({**left.facts(), "done": round(self.progress.share(), 4)})

    def address(self, what: str, address: str, note: str = "") -> None:
        """Say where something can be looked at."""
        self.line(f"{what}: {address}{f' ({note})' if note else ''}")

    def event(self, event: Mapping[str, Any]) -> None:
        """Say in a line what happened to a trial, if it is worth one."""
        if line := event_line(event, self.progress):
            self.line(line)

    def line(self, text: str) -> None:
        """Print a line of its own."""

    def show(self) -> None:
        """Print how far the study is."""

    def ended(self, code: int, report: Path | None = None) -> int:
        """Say on stdout where the run is, in its last line, and where its report; returns
        ``code``.
        """
        self.close()
        if report:
            print(f"report: {shown(report)}")
        print(shown(self._paths.root), flush=True)
        return code

    def stopped(self, code: int, error: str) -> None:
        """Say that an error ended the study, where a program listens."""

    def close(self) -> None:
        """Nothing moves any more."""
        self.show()

    def finished(self) -> None:
        """The session has trained all that there was."""
        self._note({"ended": True, "left": 0.0})

    def _hear(self) -> None:
        for event in self.progress.news():
            self.event(event)
        self.progress.update_estimate()
        self.tick()

    def _is_due(self, last: float, share: float) -> bool:
        return time.monotonic() - last > max(SECONDS_BETWEEN_LINES, share * self.progress.elapsed)

    def _note(self, said: Mapping[str, Any]) -> None:
        # An estimate is worth no failing where the disk is full.
        with (
            contextlib.suppress(OSError),
            open(self._paths.estimates, "a", encoding="utf-8", opener=no_link) as file,
        ):
            file.write(json.dumps({"at": round(time.time(), 3), **said}) + "\n")


def _place(error: str | None) -> str:
    """The last line of the user's own files that a traceback names, in brackets; empty where it
    names none.
    """
    frames = re.findall(r'^ *File "(.+)", line (\d+)', error or "", re.MULTILINE)
    own = [(Path(file), line) for file, line in frames if is_own(Path(file))]
    return f" ({shown(own[-1][0])}, line {own[-1][1]})" if own else ""


def event_line(event: Mapping[str, Any], progress: StudyProgress) -> str:
    """What happened to a trial in words; empty where it is not notable."""
    what, trial = event["event"], event["trial"]
    if what in (Status.FAILED, Status.DIVERGED):
        error = event.get("error")
        return f"trial {trial} {what}: {headline(error) or 'no reason is known'}{_place(error)}"
    if what == "retried":
        return (
            f"trial {trial} was started again (start {event['attempt']}) and goes on from epoch"
            f" {event['epoch']}"
        )
    if what == "best" and progress.elapsed > LONG_SECONDS:
        return f"trial {trial}: {progress.best()}"
    return ""
