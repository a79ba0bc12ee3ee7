"""How far a study is, on stderr: a bar on a terminal, plain lines elsewhere."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from tuning.study import Study, Trial

SECONDS_BETWEEN_LINES = 5.0


class StudyProgress:
    """Counts the epochs and trials of one study as a ``Listener`` of the recorder."""

    def __init__(self, study: Study, trials: int, already: Mapping[str, str] | None = None) -> None:
        """``already``: the ends of the trials that an earlier session trained, by their ids."""
        self._study = study
        self._trials = trials
        self._started = time.monotonic()
        self._last: dict[str, tuple[Trial, Mapping[str, Any]]] = {}
        self._scores: dict[str, dict[tuple[Any, ...], list[float]]] = {}
        self.epochs = 0
        self.statuses: Counter[str] = Counter((already or {}).values())
        self.all_epochs = (trials - self.statuses.total()) * study.epochs

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        if not self.epochs:
            self._started = time.monotonic() - row["seconds"]
        self.epochs += 1
        self._last[trial.id] = trial, row

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        self.statuses[status] += 1
        _, row = self._last.pop(trial.id, (trial, {"epoch": 0}))
        self.epochs += self._study.epochs - row["epoch"]
        if status == "completed" and "metrics" in row:
            value = row["metrics"][self._study.metric]
            self._scores.setdefault(trial.phase, {}).setdefault(tuple(trial.config.items()), []).extend(
                value if isinstance(value, list) else [value] * len(trial.seeds)
            )

    def best(self) -> str:
        """The best setting so far by the mean over its seeds so far, with their number; empty before the first trial is complete.

        Once a confirmation has a result, those of the search, which are too good, do not count any more.
        """
        scores = self._scores.get("confirm") or self._scores.get("search")
        if not scores:
            return ""
        pick = max if self._study.mode == "max" else min
        setting, values = pick(scores.items(), key=lambda item: fmean(item[1]))
        where = ", ".join(f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in setting)
        return f"best {self._study.metric} {fmean(values):.4g} (n = {len(values)}) at {where}"

    def counts(self) -> str:
        ended = sum(self.statuses.values())
        others = [f"{number} {status}" for status, number in self.statuses.items() if status != "completed"]
        return ", ".join([f"{ended} of {self._trials} trials", *others])

    def seconds_left(self) -> float | None:
        """What the remaining epochs take at the pace since the first one began; None before it ended."""
        if not self.epochs:
            return None
        return (time.monotonic() - self._started) / self.epochs * (self.all_epochs - self.epochs)


class _Plain:
    """One line now and then, and one for each failure."""

    def __init__(self, console: Console, progress: StudyProgress) -> None:
        self._console, self._progress, self._printed = console, progress, time.monotonic()

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        self._progress.epoch(trial, row)
        self._print_now_and_then()

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        self._progress.end(trial, status, error)
        if status != "completed" and error:
            line = f"trial {trial.id} {status}: {error.strip().splitlines()[-1]}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        self._print_now_and_then()

    def _print_now_and_then(self) -> None:
        if time.monotonic() - self._printed > SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            self.print()

    def print(self) -> None:
        parts = [self._progress.counts(), self._progress.best(), _time_left(self._progress)]
        self._console.print("; ".join(part for part in parts if part), markup=False, highlight=False, soft_wrap=True)


class _Left(ProgressColumn):
    def __init__(self, progress: StudyProgress) -> None:
        super().__init__()
        self._progress = progress

    def render(self, task: Task) -> Text:
        return Text(_time_left(self._progress))


class _Bar(_Plain):
    """The same on a terminal, in place."""

    def __init__(self, console: Console, progress: StudyProgress, bar: Progress) -> None:
        super().__init__(console, progress)
        self._bar = bar
        self._task = bar.add_task("", total=progress.all_epochs)

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        super().epoch(trial, row)
        self.print()

    def end(self, trial: Trial, status: str, error: str | None) -> None:
        super().end(trial, status, error)
        self.print()

    def print(self) -> None:
        self._bar.update(self._task, completed=self._progress.epochs, description=f"{self._progress.counts()}  {self._progress.best()}")


@contextmanager
def progress_shown(study: Study, already: Mapping[str, str] | None = None) -> Iterator[_Plain]:
    """Progress of ``study`` on stderr for the time of the block, as the listener of a recorder; ``already`` as in ``StudyProgress``."""
    console = Console(stderr=True)
    progress = StudyProgress(study, study.planned + study.planned_confirmations, already)
    if not console.is_terminal:
        plain = _Plain(console, progress)
        yield plain
        plain.print()
        return
    columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False), TimeElapsedColumn(), _Left(progress))
    with Progress(*columns, console=console) as bar:
        yield _Bar(console, progress, bar)


def _time_left(progress: StudyProgress) -> str:
    left = progress.seconds_left()
    if left is None:
        return ""
    minutes, seconds = divmod(round(left), 60)
    hours, minutes = divmod(minutes, 60)
    return f"about {hours}:{minutes:02}:{seconds:02} left" if hours else f"about {minutes}:{seconds:02} left"
