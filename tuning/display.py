"""Progress for whoever looks: a bar on a terminal, plain lines on stderr elsewhere, JSON lines on stdout for programs."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from analysis.errors import headline
from analysis.inside import no_link
from analysis.means import mean
from analysis.records import finite
from analysis.run_paths import RunPaths
from analysis.runs import Run
from tuning.progress import LONG_SECONDS, StudyProgress, clock, left_words
from tuning.signals import Interrupted
from tuning.study import Study, Trial
from tuning.terminal import MISTAKES, shown

SECONDS_BETWEEN_LINES = 5.0
SHARE_BETWEEN_LINES = 0.02
"""Of the time passed: a study of hours does not print thousands of lines."""
BAR_WIDTH = 30
COLOURS = {"completed": "blue", "pruned": "yellow", "diverged": "magenta", "failed": "red"}


class Display:
    """Shows the progress of one session, as a ``Listener`` of the recorder, and notes what it says of the time left in the run folder."""

    share_between = SHARE_BETWEEN_LINES

    def __init__(self, progress: StudyProgress, paths: RunPaths) -> None:
        self.progress, self._paths = progress, paths
        self._printed = self._noted = time.monotonic()
        self._note({"began": True})

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        self.progress.epoch(trial, row)
        self._hear()

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        self.progress.end(trial, status, error)
        self._hear()

    def tick(self) -> None:
        """Say how far the study is, where that was said a while ago; to be called every few seconds at least, also between epochs."""
        if self._is_due(self._printed, self.share_between):
            self._printed = time.monotonic()
            self.show()
        if self._is_due(self._noted, SHARE_BETWEEN_LINES):
            self._noted = time.monotonic()
            if left := self.progress.left():
                said = {name: round(getattr(left, name), 1) for name in ("left", "low", "high")}
                self._note({**said, "done": round(self.progress.share(), 4)})

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
        """Say on stdout where the run is, in its last line, and where its report; returns ``code``."""
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
        self.progress.reckon()
        self.tick()

    def _is_due(self, last: float, share: float) -> bool:
        return time.monotonic() - last > max(SECONDS_BETWEEN_LINES, share * self.progress.elapsed)

    def _note(self, said: Mapping[str, Any]) -> None:
        # An estimate is worth no failing where the disk is full.
        with contextlib.suppress(OSError), open(self._paths.estimates, "a", encoding="utf-8", opener=no_link) as file:
            file.write(json.dumps({"at": round(time.time(), 3), **said}) + "\n")


def event_line(event: Mapping[str, Any], progress: StudyProgress) -> str:
    """What happened to a trial in words; empty where it is not notable."""
    what, trial = event["event"], event["trial"]
    if what in ("failed", "diverged"):
        return f"trial {trial} {what}: {headline(event.get('error')) or 'no reason is known'}"
    if what == "retried":
        return f"trial {trial} was started again (start {event['attempt']}) and goes on from epoch {event['epoch']}"
    if what == "best" and progress.elapsed > LONG_SECONDS:
        return f"trial {trial}: {progress.best()}"
    return ""


class Lines(Display):
    """Plain lines on stderr, now and then."""

    def __init__(self, progress: StudyProgress, paths: RunPaths, console: Console) -> None:
        super().__init__(progress, paths)
        self._console = console

    def line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self) -> None:
        parts = [self.progress.counts(), self.progress.best(), left_words(self.progress.left())]
        self.line("; ".join(part for part in parts if part))


class Bar(Lines):
    """One bar for the study, in place; events stand above it."""

    def __init__(self, progress: StudyProgress, paths: RunPaths, console: Console) -> None:
        super().__init__(progress, paths, console)
        self._stroke = "\u2501" if console.encoding.startswith("utf") else "-"
        self.live = Live(self, console=console, refresh_per_second=4, redirect_stdout=False, redirect_stderr=False)

    def close(self) -> None:
        self.live.stop()

    def __rich__(self) -> Group:
        progress = self.progress
        bar = self._bar().append("  ").append(self._counts())
        times = f"{clock(progress.elapsed)} passed, {left_words(progress.left()) or 'time left not known yet'}"
        words = (Text(line, overflow="ellipsis", no_wrap=True) for line in (times, progress.best() or "no trial has completed yet"))
        return Group(bar, *words)

    def show(self) -> None:
        """It redraws itself."""

    def _bar(self) -> Text:
        bar, done = Text(), 0
        for status, colour in COLOURS.items():
            cells = round(BAR_WIDTH * self.progress.statuses[status] / max(1, self.progress.total))
            bar.append(self._stroke * cells, colour)
            done += cells
        running = max(0, round(BAR_WIDTH * self.progress.share()) - done)
        bar.append(self._stroke * running, "cyan")
        return bar.append(self._stroke * max(0, BAR_WIDTH - done - running), "bright_black")

    def _counts(self) -> Text:
        counts = Text(f"{self.progress.statuses.total()}/{self.progress.total}")
        for status, colour in COLOURS.items():
            if number := self.progress.statuses[status]:
                counts.append(f" {number} {status}", colour)
        return counts


class Json(Display):
    """One JSON object per event and line, on ``out``: a program wants to hear every few seconds, however long the study."""

    share_between = 0.0

    def __init__(self, progress: StudyProgress, paths: RunPaths, out: TextIO) -> None:
        super().__init__(progress, paths)
        self._out = out
        self.say("began", run=str(paths.root), study=progress.study.name, trials=progress.total)

    def say(self, event: str, **facts: Any) -> None:
        line = json.dumps(finite({"event": event, "at": round(time.time(), 3), **facts}), default=str)
        # Where stdout goes to a full disk, the study goes on; what is missing comes once there is room.
        with contextlib.suppress(OSError):
            print(line, file=self._out, flush=True)

    def event(self, event: Mapping[str, Any]) -> None:
        self.say(**event)

    def address(self, what: str, address: str, note: str = "") -> None:
        self.say("address", what=what, address=address)

    def line(self, text: str) -> None:
        self.say("note", text=text)

    def ended(self, code: int, report: Path | None = None) -> int:
        self.show()
        self.say("ended", code=code, run=str(self._paths.root), report=str(report) if report else None)
        return code

    def stopped(self, code: int, error: str) -> None:
        """The run is null where nothing was recorded, for then nothing of it is kept."""
        run = str(self._paths.root) if self._paths.trials.exists() else None
        self.say("ended", code=code, run=run, report=None, error=error)

    def show(self) -> None:
        left, best = self.progress.left(), self.progress.best_setting()
        said = {name: round(getattr(left, name), 1) for name in ("left", "low", "high")} if left else None
        found = {"setting": dict(best[0]), "mean": mean(best[1]), "n": len(best[1])} if best else None
        ends = dict(self.progress.statuses)
        self.say("progress", ended=ends, trials=self.progress.total, elapsed=round(self.progress.elapsed, 1), seconds_left=said, best=found)


@contextmanager
def _end_said(lines: Json) -> Iterator[Json]:
    """A study that an error stops has an end too."""
    try:
        yield lines
    except (*MISTAKES, OSError) as error:
        lines.stopped(2, str(error))
        raise
    except Interrupted as error:
        lines.stopped(error.code, f"interrupted by {error}")
        raise
    except BaseException as error:
        lines.stopped(1, f"{type(error).__name__}: {error}")
        raise


@contextmanager
def progress_shown(study: Study, run: Run, *, slots: int = 1, json_to: TextIO | None = None) -> Iterator[Display]:
    """Progress of ``study`` for the time of the block, as the listener of a recorder; ``run``: what earlier sessions left; ``slots``: how
    many trials fit at once, as far as known; ``json_to``: where JSON lines go, in place of words for people."""
    console = Console(stderr=True)
    progress = StudyProgress(study, run, slots)
    if json_to:
        with _end_said(Json(progress, run.paths, json_to)) as json_lines:
            yield json_lines
        return
    if not console.is_terminal:
        yield Lines(progress, run.paths, console)
        return
    with (bar := Bar(progress, run.paths, console)).live:
        yield bar
