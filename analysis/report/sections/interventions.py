"""What people ordered of a run while it went on, and what became of it."""

import pandas as pd

from analysis.records.orders import Steering
from analysis.report.section import Section, Table, TableFile
from analysis.stats.findings import Findings

COLUMNS = {
    "at": "when",
    "by": "who",
    "words": "order",
    "done": "done",
    "answer": "what became of it",
}


def interventions(findings: Findings) -> Section | None:
    """A row per order; None where there was none."""
    rows = Steering(findings.run.paths).refresh().rows()
    if not rows:
        return None
    frame = pd.DataFrame(rows)
    words = {True: "yes", False: "no", None: "not yet"}
    readable = frame.assign(done=[words.get(row["done"], "no") for row in rows])
    return Section(
        anchor="interventions",
        title="Interventions",
        notes=[
            "Orders that people gave while the study went on. A trial that one of them stopped is"
            " stopped by hand: it did not fail, and what it would have reached is treated as"
            " unknown. Intervals and tests do not know why it was stopped."
        ],
        tables=[Table(frame=readable.rename(columns=COLUMNS), words=list(COLUMNS.values()))],
        files=[TableFile("interventions", frame)],
    )
