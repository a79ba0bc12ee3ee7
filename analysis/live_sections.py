"""The sections of a report for a page that is kept up to date, from a process of their own: ``python -m analysis.live_sections RUN``.

For every line that comes in, it reads the run and writes one line of JSON: the same sections as the report's, by the same functions. Apart
from the process that serves them, because a large run takes seconds of pandas, in which that one would answer nobody.
"""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from analysis import load_run
from analysis.runs import DamagedRun, Run

NICER = 15  # as Ray has its trials: with less the page would come before them, with more it would stand still while all cores train


def live_sections(run: Run) -> list[dict[str, str]]:
    """``anchor, title, html`` of each section in reading order, the opening of the report among them."""
    from analysis import report
    from analysis.search_pictures import trial_pictures
    from analysis.sections import opening, sections

    found = report.find(run)
    drawn = report.draw(found)
    if found.search is None:  # the report of a grid shows settings; on the way there are trials to see
        drawn = [*trial_pictures(run), *drawn]
    listed = [("opening", "", opening(found)), *sections(found, drawn)]
    return [{"anchor": anchor, "title": title, "html": html} for anchor, title, html in listed]


def main() -> None:
    """Answer until nobody asks any more."""
    with contextlib.suppress(OSError):
        os.nice(NICER)
    folder = Path(sys.argv[1])
    for _ in sys.stdin:
        print(json.dumps(_answer(folder)), flush=True)


def _answer(folder: Path) -> dict[str, Any]:
    try:
        return {"sections": live_sections(load_run(folder))}
    except DamagedRun as error:
        return {"problem": str(error)}


if __name__ == "__main__":
    main()
