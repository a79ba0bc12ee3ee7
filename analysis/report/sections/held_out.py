"""What the settings of a grid reach on data that chose nothing."""

import pandas as pd

from analysis.report.export import readable_summary
from analysis.report.section import Rounded, Section, Table, TableFile
from analysis.report.sections.summary import SHOWN_ROWS, caption
from analysis.stats.findings import Findings
from analysis.stats.held_out import held_out_names
from analysis.stats.labels import unambiguous
from analysis.stats.summary import judged_by
from analysis.stats.tables import last_epochs, summary_table

OPEN = 3  # tables of more metrics open on a click


def held_out(findings: Findings) -> Section | None:
    """A table of settings for each metric of held-out data, but for those that the arms are
    compared by. What a confirmation measured stands beside its settings.
    """
    run, arms = findings.run, findings.arms
    told = {run.metric, *(arms.what.metrics if arms else [])}
    names = [name for name in held_out_names(last_epochs(run)) if name not in told]
    if not names or not findings.over_seeds or run.spec.get("confirm"):
        return None
    frames = {name: summary_table(run, name) for name in names}
    shown = [
        (readable_summary(judged_by(run, name), frame), name, caption(findings, name, frame))
        for name, frame in frames.items()
    ]
    tables = [
        Table(frame=text.head(SHOWN_ROWS), title=name, note=note, folded=place >= OPEN)
        for place, (text, name, note) in enumerate(shown)
    ]
    rounded = [Rounded(text, f"{note} {_NOTE}") for text, _, note in shown]
    written = unambiguous(run, _beside_each_other(frames))
    return Section(
        anchor="held_out",
        title="On test data",
        notes=[_NOTE],
        tables=tables,
        files=[TableFile("held_out", written, rounded)],
    )


_NOTE = (
    "Metrics of data that took part in no training, as their names say: nothing on this page was"
    " chosen or compared by these numbers."
)


def _beside_each_other(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The tables by each metric as one, whose figures are called after their metric."""
    parts: list[pd.DataFrame] = []
    for name, frame in frames.items():
        called = {"n": f"{name}_n", "ci_low": f"{name}_low", "ci_high": f"{name}_high"}
        figures = {*called, *(f"{name}_{figure}" for figure in ("mean", "std", "median"))}
        own = [column for column in frame if column in figures]
        parts += [] if parts else [frame.drop(columns=own)]
        parts.append(frame[own].rename(columns=called))
    return pd.concat(parts, axis=1)
