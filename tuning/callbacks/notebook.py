"""Progress in a notebook: one bar, drawn in place."""

import sys
import time
from html import escape
from typing import Any

from analysis.records.paths import RunPaths
from tuning.callbacks.console import COLOURS, Display
from tuning.callbacks.progress import NO_BEST, StudyProgress

SECONDS_BETWEEN_DRAWINGS = 0.5


def in_notebook() -> bool:
    """Whether this process runs the cells of a notebook."""
    ipython: Any = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


class NotebookBar(Display):
    """One bar for the study, in the output of the cell; what happened stands below it."""

    def __init__(self, progress: StudyProgress, paths: RunPaths) -> None:
        super().__init__(progress, paths)
        from IPython.display import display

        self._lines: list[str] = []
        self._drawn = time.monotonic()
        self._cell = display({"text/html": self.html()}, raw=True, display_id=True)

    def line(self, text: str) -> None:
        self._lines.append(text)
        self.show()

    def tick(self) -> None:
        super().tick()
        if time.monotonic() - self._drawn > SECONDS_BETWEEN_DRAWINGS:
            self.show()

    def show(self) -> None:
        self._drawn = time.monotonic()
        self._cell.update({"text/html": self.html()}, raw=True)

    def html(self) -> str:
        """The bar: its parts are as wide as their share of the trials."""
        progress, total = self.progress, max(1, self.progress.total)
        shares = {colour: progress.statuses[status] / total for status, colour in COLOURS.items()}
        running = max(0.0, progress.share() - sum(shares.values()))
        parts = "".join(
            f'<div style="width:{share:.2%};background:{colour}"></div>'
            for colour, share in {**shares, "cyan": running}.items()
        )
        words = [
            progress.counts(),
            progress.best() or NO_BEST,
            progress.times(),
            *self._lines,
        ]
        return (
            '<div style="display:flex;height:0.5em;max-width:40em;background:#ddd">'
            f"{parts}</div><div>{'<br>'.join(map(escape, words))}</div>"
        )
