"""The sections of a report for a page that is kept up to date, from a process of their own:
``python -m analysis.live.sections RUN``.

For every line that comes in, it reads the run and writes one line of JSON: the same sections as the
report's, by the same functions. Apart from the process that serves them, because a large run takes
seconds of pandas, in which that one would answer nobody.
"""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from analysis import load_run
from analysis.records.load import DamagedRun, Run

# As Ray has its trials: with less the page would come before them, with more it would stand still
# while all cores train
NICER = 15


def live_sections(run: Run) -> list[dict[str, str]]:
    """``anchor, title, html`` of each section in reading order, the opening of the report among
    them.
    """
    from analysis.charts.pictures import draw
    from analysis.report.page import opening_html, section_html
    from analysis.report.sections import sections
    from analysis.report.sections.opening import opening
    from analysis.stats.findings import find

    findings = find(run, watched=True)
    head = {"anchor": "opening", "title": "", "html": opening_html(opening(findings))}
    return [head] + [
        {"anchor": section.anchor, "title": section.title, "html": section_html(section)}
        for section in sections(findings, draw(findings))
        if section.is_shown
    ]


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
