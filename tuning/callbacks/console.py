"""Progress for whoever looks: a bar on a terminal, plain lines on stderr elsewhere, JSON lines on
stdout for programs.
"""

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

from analysis.numerics.means import mean
from analysis.records.lines import finite
from analysis.records.paths import RunPaths
from analysis.records.schema import Status
from tuning.callbacks.display import Display
from tuning.callbacks.progress import NO_BEST, StudyProgress, left_words
from tuning.process.signals import Interrupted
from tuning.process.terminal import MISTAKES
from tuning.runs.history import History
from tuning.spec.study import Study

BAR_WIDTH = 30
COLOURS = {
    Status.COMPLETED: "blue",
    Status.PRUNED: "yellow",
    Status.DIVERGED: "magenta",
    Status.FAILED: "red",
    Status.STOPPED: "bright_black",
}


class Lines(Display):
    """Plain lines on stderr, now and then."""

    def __init__(self, progress: StudyProgress, paths: RunPaths, console: Console) -> None:
        super().__init__(progress, paths)
        self._console, self._shown = console, ""

    def line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self) -> None:
        parts = [self.progress.counts(), self.progress.best(), left_words(self.progress.left())]
        text = "; ".join(part for part in parts if part)
        if text != self._shown:  # before the first epoch there is nothing new to say for a while
            self._shown = text
            self.line(text)


class Bar(Lines):
    """One bar for the study, in place; events stand above it."""

    def __init__(self, progress: StudyProgress, paths: RunPaths, console: Console) -> None:
        super().__init__(progress, paths, console)
        self._stroke = "\u2501" if console.encoding.startswith("utf") else "-"
        self.live = Live(
            self,
            console=console,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def close(self) -> None:
        self.live.stop()

    def __rich__(self) -> Group:
        bar = self._bar().append("  ").append(self._counts())
        lines = (self.progress.times(), self.progress.best() or NO_BEST)
        return Group(bar, *(Text(line, overflow="ellipsis", no_wrap=True) for line in lines))

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
        if waiting := len(self.progress.paused):
            counts.append(f" {waiting} paused", "cyan")
        return counts


class Json(Display):
    """One JSON object per event and line, on ``out``: a program wants to hear every few seconds,
    however long the study.
    """

    share_between = 0.0

    def __init__(self, progress: StudyProgress, paths: RunPaths, out: TextIO) -> None:
        super().__init__(progress, paths)
        self._out = out
        self.say("began", run=str(paths.root), study=progress.study.name, trials=progress.total)

    def say(self, event: str, **facts: Any) -> None:
        line = json.dumps(
            finite({"event": event, "at": round(time.time(), 3), **facts}), default=str
        )
        # Where stdout goes to a full disk, the study goes on; what is missing comes once there is
        # room.
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
        self.say(
            "ended", code=code, run=str(self._paths.root), report=str(report) if report else None
        )
        return code

    def stopped(self, code: int, error: str) -> None:
        """The run is null where nothing was recorded, for then nothing of it is kept."""
        run = str(self._paths.root) if self._paths.trials.exists() else None
        self.say("ended", code=code, run=run, report=None, error=error)

    def show(self) -> None:
        left, best = self.progress.left(), self.progress.best_params()
        if best:
            params, values = best
            score = {"setting": dict(params), "mean": mean(values), "n": len(values)}
        self.say(
            "progress",
            ended=dict(self.progress.statuses),
            trials=self.progress.total,
            paused=len(self.progress.paused),
            elapsed=round(self.progress.elapsed, 1),
            seconds_left=left.facts() if left else None,
            best=score if best else None,
        )


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
def progress_shown(
    study: Study,
    paths: RunPaths,
    history: History,
    *,
    slots: int = 1,
    json_to: TextIO | None = None,
    until: float | None = None,
) -> Iterator[Display]:
    """Progress of ``study`` for the time of the block, as a callback of the recorder; ``history``:
    what earlier sessions left, kept up to date; ``slots``: how many trials fit at once, as far as
    known; ``json_to``: where JSON lines go, in place of words for people; ``until``: as for
    ``StudyProgress``.
    """
    console = Console(stderr=True)
    progress = StudyProgress(study, history, slots, until)
    if json_to:
        with _end_said(Json(progress, paths, json_to)) as json_lines:
            yield json_lines
        return
    from tuning.callbacks.notebook import NotebookBar, in_notebook

    if in_notebook():
        yield NotebookBar(progress, paths)
        return
    if not console.is_terminal:
        yield Lines(progress, paths, console)
        return
    with (bar := Bar(progress, paths, console)).live:
        yield bar
