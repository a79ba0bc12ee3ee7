"""The settings, one row each, over their seeds."""

import pandas as pd

from analysis.numerics.intervals import FEW, RESAMPLES
from analysis.records.versions import pooled_words
from analysis.report.export import (
    readable_summary,
)
from analysis.report.section import Rounded, Section, Table, TableFile
from analysis.report.sections.trials import seeds_file
from analysis.stats.findings import Findings
from analysis.stats.labels import unambiguous

SHOWN_ROWS = 200  # longer tables stand in their CSV file alone


def summary(findings: Findings) -> Section | None:
    """Mean, spread and interval of each setting."""
    if not findings.over_seeds:
        return None
    run, frame = findings.run, findings.summary
    notes = [caption(findings, run.metric, frame)]
    shown = frame
    if len(frame) > SHOWN_ROWS:
        shown = frame.sort_values(f"{run.metric}_mean", ascending=not run.higher_is_better)
        shown = shown.head(SHOWN_ROWS)
        notes.append(
            f"The best {SHOWN_ROWS} of {len(frame):,} settings; all of them are in"
            " tables/summary.csv."
        )
    rounded = [Rounded(readable_summary(run, frame), notes[0])]
    files = [TableFile("summary", unambiguous(run, frame), rounded), seeds_file(findings)]
    table = Table(frame=readable_summary(run, shown))
    return Section(anchor="summary", title="Settings", notes=notes, tables=[table], files=files)


def caption(findings: Findings, metric: str, frame: pd.DataFrame) -> str:
    """The caption of a summary table by ``metric``: n, the standard deviation and the interval."""
    present = frame.loc[frame["n"] > 0, "n"]
    ends = dict.fromkeys(map(str, [present.min(), present.max()]))
    seeds = f"n = {' to '.join(ends)}" if len(present) else "no results"
    return (
        f"{pooled_words(findings.run)}{findings.run.spec['name']}: {metric} over the"
        f" seeds of each setting at the last epoch, {seeds}; std with ddof = 1; ci: 95 %"
        f" {_method(findings)}."
    )


def _method(findings: Findings) -> str:
    if len(findings.settled):
        return (
            "interval of the mean that holds at every look (Student's t at the level of the look)"
        )
    if findings.run.folds > 1:
        return (
            "t interval of the mean, of the variance corrected for folds that share training data"
            " (Nadeau and Bengio 2003)"
        )
    return (
        f"bootstrap interval of the mean (BCa, {RESAMPLES:,} resamples, widened for few seeds;"
        f" Student's t below {FEW})"
    )
