"""The page of a comparison of runs, with its tables and charts beside it."""

from pathlib import Path

import pandas as pd

from analysis.charts.pictures import OF_COMPARISONS, draw
from analysis.report.build import make_folder, write_page
from analysis.report.claims.runs import sentences as sentences
from analysis.report.export import Figures, readable, readable_tests
from analysis.report.section import Opening, Rounded, Section, Table, TableFile
from analysis.report.sections import with_charts
from analysis.stats.runs import Comparison
from analysis.text.format import listing
from analysis.text.rounding import rounded

WORDS = ["run", "study", "search", "setting", "chosen by", "first", "last"]


def write_comparison(comparison: Comparison, folder: str | Path) -> Path:
    """Write ``index.html``, ``tables`` and ``charts`` of what ``runs.compare_runs`` gives into
    ``folder``; returns the path of the page.

    Raises:
        DamagedRun: ``folder`` cannot be written.
    """
    make_folder(Path(folder) / "tables")
    drawn = draw(comparison, OF_COMPARISONS)
    made = [
        with_charts(make(comparison), drawn)
        for make in (_runs, _differences, _progress, _leaderboards)
    ]
    title = f"Comparison of {listing(comparison.names)}"
    return write_page(Path(folder), title, _opening(comparison, title), made, drawn)


def folder_name(comparison: Comparison) -> str:
    """What the folder of a comparison is called: after its runs, as far as a name may be long."""
    return "_".join(comparison.names)[:200]


def readable_runs(comparison: Comparison) -> pd.DataFrame:
    """The table of runs as text."""
    shown = comparison.runs.drop(columns=["search", "network_epochs"]).round({"seconds": 0})
    table = readable(shown, [Figures(["seconds"], decimals=0), Figures(["mean", "std"], ["std"])])
    return table.rename(columns={"chosen_by": "chosen by", "picked_from": "picked from"})


def readable_differences(comparison: Comparison) -> pd.DataFrame:
    """The table of differences as text."""
    text = readable_tests(comparison.differences, "p corrected")
    return text.drop(columns=["paired", "supported"])


def _opening(comparison: Comparison, title: str) -> Opening:
    better = "higher" if comparison.mode == "max" else "lower"
    return Opening(
        title=title,
        answers=sentences(comparison),
        facts=[("Metric", f"{comparison.metric}, {better} is better")],
        warnings=comparison.notes,
    )


def _file(comparison: Comparison, name: str, frame: pd.DataFrame, text: pd.DataFrame) -> TableFile:
    caption = f"{listing(comparison.names)}: {comparison.metric}, {name}."
    return TableFile(name, frame, [Rounded(text, caption, WORDS, small=True)])


def _runs(comparison: Comparison) -> Section:
    text = readable_runs(comparison)
    file = _file(comparison, "runs", comparison.runs, text)
    tables = [Table(frame=text, words=WORDS, dense=True)]
    return Section(anchor="runs", title="Runs", tables=tables, files=[file])


def _differences(comparison: Comparison) -> Section:
    text, rows = readable_differences(comparison), comparison.differences
    note = (
        f"Mean {comparison.metric} over the seeds of the setting that each run chose, last minus"
        " first, paired by seed where they share seeds. Corrected over all pairs by Holm's method,"
        " and for the choice of each setting as the best of so many by the same seeds. Shaded rows"
        " are supported: their corrected interval excludes 0 and their corrected p-value is at most"
        " 0.05."
    )
    file = _file(comparison, "differences", rows, text)
    table = Table(frame=text, note=note, marked=list(rows["supported"]), words=WORDS)
    return Section(anchor="differences", title="Differences", tables=[table], files=[file])


def _progress(comparison: Comparison) -> Section:
    files = [TableFile("progress", comparison.progress)]
    return Section(anchor="progress", title="What it took", files=files)


def _leaderboards(comparison: Comparison) -> Section:
    """The best settings of all runs side by side, one row per rank."""
    rows = comparison.leaderboards
    note = (
        f"The best ten settings of each run: {comparison.metric} at the last epoch of completed"
        " trials, mean over the seeds of the search."
    )
    if rows["confirmed_mean"].notna().any():
        note += " Those that were trained again come first, ranked by their mean on fresh seeds."
    frame = _side_by_side(comparison)
    words = [name for name in frame if name.endswith(": setting")]
    return Section(
        anchor="leaderboards",
        title="Leaderboards",
        tables=[Table(frame=frame, note=note, words=words, dense=True)],
        files=[TableFile("leaderboards", rows)],
    )


def _side_by_side(comparison: Comparison) -> pd.DataFrame:
    columns: dict[str, pd.Series] = {}
    rows = comparison.leaderboards
    for name in comparison.names:
        board = rows[rows["run"] == name].reset_index(drop=True)
        columns[f"{name}: setting"] = board["setting"]
        columns[f"{name}: score"] = pd.Series(rounded(board["score"]), dtype=object)
        if board["confirmed_mean"].notna().any():
            fresh = pd.Series(rounded(board["confirmed_mean"]), dtype=object)
            columns[f"{name}: on fresh seeds"] = fresh
    table = pd.DataFrame(columns, dtype=object).fillna("")
    table.insert(0, "rank", [str(place + 1) for place in table.index])
    return table
