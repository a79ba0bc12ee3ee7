"""The page of a comparison of runs, with its tables and charts beside it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from analysis import page
from analysis.axes import axis, scale
from analysis.charts import COLOURS, FACTS, Spec, spec_of, tips
from analysis.compare import Comparison
from analysis.export import Figures, latex, markdown, readable, write_aside
from analysis.pictures import Picture, write_picture
from analysis.rounding import number, rounded, signed, span
from analysis.runs import DamagedRun
from analysis.sections import DIFFERENCES
from analysis.wording import count, joined, listing, p_text

DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]]
WORDS = ["run", "study", "search", "setting", "chosen by", "first", "last"]


def write_comparison(found: Comparison, folder: str | Path) -> Path:
    """Write ``index.html``, ``tables`` and ``charts`` of what ``compare.compare_runs`` found into ``folder``; returns the path of the page.

    Raises:
        DamagedRun: ``folder`` cannot be written.
    """
    root, drawn = Path(folder), list(comparison_pictures(found))
    try:
        (root / "tables").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DamagedRun(f"{root} cannot be written as a folder: {error.strerror}.") from None
    for name, text in written_comparison(found).items():
        write_aside(root / "tables" / name, text)
    for picture in drawn:
        write_picture(root / "charts", picture)
    return write_aside(root / "index.html", render(found, drawn))


def written_comparison(found: Comparison) -> dict[str, str]:
    """The tables as files, by name: all of them in full precision, the runs and their differences also rounded for reading."""
    frames = {"runs": found.runs, "progress": found.progress, "leaderboards": found.leaderboards, "differences": found.differences}
    texts = {f"{name}.csv": frame.to_csv(index=False) for name, frame in frames.items()}
    for name, table in {"runs": readable_runs(found), "differences": readable_differences(found)}.items():
        caption = f"{listing(found.names)}: {found.metric}, {name}."
        texts |= {f"{name}.tex": latex(table, caption, WORDS, small=True), f"{name}.md": markdown(table, caption)}
    return texts


def folder_name(found: Comparison) -> str:
    """What the folder of a comparison is called: after its runs, as far as a name may be long."""
    return "_".join(found.names)[:200]


def comparison_pictures(found: Comparison) -> Iterator[Picture]:
    """What the runs reached for what they spent."""
    from altair.utils.schemapi import debug_mode

    if not found.progress["best"].notna().any():
        return
    note = (
        f"The best {found.metric} of completed trials so far, against the epochs that all trials had spent by then, each counted once per "
        "seed. Dots are the scores of single trials. Among more trials the best one is better by chance alone."
    )
    with debug_mode(False):  # as in ``pictures.pictures``
        chart = best_so_far(found.progress, metric=found.metric)
    yield Picture(name="progress", title=f"Best {found.metric} against epochs spent", note=note, spec=chart)


def best_so_far(facts: pd.DataFrame, *, metric: str) -> Spec:
    """A step line per run. ``facts``: ``run, network_epochs, best`` (missing before the first score), ``score`` (missing for a trial that
    did not complete), ``trial``."""
    frame = facts.assign(text=rounded(facts["score"]), top=rounded(facts["best"]))
    runs = list(dict.fromkeys(frame["run"]))
    colours = alt.Scale(domain=runs, range=(COLOURS * len(runs))[: len(runs)])
    dashes = alt.Scale(domain=runs, range=(DASHES * len(runs))[: len(runs)])
    legend = alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3, labelLimit=300)
    across = alt.X("network_epochs:Q", title="epochs spent, times seeds", axis=alt.Axis(format=",d", tickCount=8))
    base = alt.Chart(FACTS).encode(x=across, color=alt.Color("run:N", scale=colours, legend=legend))
    drawn = [frame["score"], frame["best"]]
    up: dict[str, Any] = {"title": metric, "scale": scale(*drawn), "axis": axis(*drawn)}
    lines = base.transform_filter(alt.datum.best != None).mark_line(interpolate="step-after", strokeWidth=2.5)  # noqa: E711
    dash = alt.StrokeDash("run:N", scale=dashes, legend=legend)
    lines = lines.encode(y=alt.Y("best:Q", **up), strokeDash=dash)
    dots = base.transform_filter(alt.datum.score != None).mark_circle(size=26, opacity=0.55)  # noqa: E711
    shown = [*tips(run="run", trial="trial", text=metric, top="best so far"), alt.Tooltip("network_epochs:Q", title="epochs", format=",d")]
    dots = dots.encode(y=alt.Y("score:Q", **up), tooltip=shown)
    return spec_of(alt.layer(dots, lines).properties(width=680, height=300), facts=frame)


def render(found: Comparison, drawn: Sequence[Picture]) -> str:
    """The page as one self-contained HTML document."""
    title = f"Comparison of {listing(found.names)}"
    notes = [page.paragraph(note, "warning") for note in found.notes]
    answers = [page.paragraph(sentence, "answer") for sentence in sentences(found)]
    better = f"{found.metric}, {'higher' if found.mode == 'max' else 'lower'} is better"
    head = "\n".join([f"<h1>{page.escape(title)}</h1>", *answers, page.facts([("Metric", better)]), *notes])
    figures = "\n".join(page.figure(picture.name, picture.title, picture.note, picture.spec) for picture in drawn)
    parts = [
        (
            "runs",
            "Runs",
            page.dense(page.table(readable_runs(found), left=WORDS)) + page.files("runs.csv", "runs.tex", "runs.md"),
        ),
        ("differences", "Differences", _differences(found)),
        *([("progress", "What it took", figures + page.files("progress.csv"))] if figures else []),
        ("leaderboards", "Leaderboards", _leaderboards(found)),
    ]
    contents = "".join(f'<li><a href="#{anchor}">{page.escape(name)}</a></li>' for anchor, name, _ in parts)
    body = "\n".join(page.section(anchor, name, content) for anchor, name, content in parts)
    return page.page(
        title, f'<header>{head}</header>\n<nav aria-label="Contents"><ul>{contents}</ul></nav>\n{body}', with_charts=bool(drawn)
    )


def sentences(found: Comparison) -> list[str]:
    """What the corrected intervals say about each pair of runs, one sentence each."""
    return [_sentence(found, row) for row in found.differences.to_dict("records")]


def readable_runs(found: Comparison) -> pd.DataFrame:
    """The table of runs as text."""
    shown = found.runs.drop(columns=["search", "network_epochs"]).assign(seconds=found.runs["seconds"].round())
    table = readable(shown, [Figures(["seconds"], decimals=0), Figures(["mean", "std"], ["std"])])
    return table.rename(columns={"chosen_by": "chosen by", "picked_from": "picked from"})


def _sentence(found: Comparison, row: dict[Any, Any]) -> str:
    subject = f"{row['last']} against {row['first']}, mean {found.metric} of the setting that each chose"
    if not row["n"]:
        return f"{subject}: no result to compare."
    seeds = count(int(row["n"]), "pair" if row["paired"] else "seed")
    if pd.isna(row["corrected_low"]):
        return f"{subject}: {signed(row['difference'])} (n = {row['n']:.0f}: too few seeds for an interval)."
    ends = " to ".join(span(row["corrected_low"], row["corrected_high"]))
    within = f"{ends}, {seeds} {'of seeds' if row['paired'] else 'on the smaller side'}"
    if not row["supported"]:
        outside = row["corrected_low"] > 0 or row["corrected_high"] < 0
        why = (
            " where lost seeds count as the worst"
            if row["p_corrected"] <= 0.05
            else f" after correction: p = {number(row['p_corrected'], 2)}"
        )
        after = why if outside else ""
        return f"{subject}: no evidence of a difference{after} ({signed(row['difference'])}, corrected interval {within})."
    better = (row["difference"] > 0) == (found.mode == "max")
    return f"{subject}: {'better' if better else 'worse'} by {number(abs(row['difference']), 2)} (corrected interval {within})."


def readable_differences(found: Comparison) -> pd.DataFrame:
    """The table of differences as text."""
    table = found.differences
    text = readable(table, [DIFFERENCES])
    return text[["first", "last", "n", "difference"]].assign(
        **{
            "95 % interval": joined(text["ci_low"], text["ci_high"], " to "),
            "corrected interval": joined(text["corrected_low"], text["corrected_high"], " to "),
            "p": [p_text(value) for value in table["p"]],
            "p corrected": [p_text(value) for value in table["p_corrected"]],
        }
    )


def _differences(found: Comparison) -> str:
    note = (
        f"Mean {found.metric} over the seeds of the setting that each run chose, last minus first, paired by seed where they share seeds. "
        "Corrected over all pairs by Holm's method, and for the choice of each setting as the best of so many by the same seeds. Shaded "
        "rows are supported: their corrected interval excludes 0 and their corrected p-value is at most 0.05."
    )
    table = page.table(readable_differences(found), list(found.differences["supported"]), WORDS)
    return page.paragraph(note) + table + page.files("differences.csv", "differences.tex", "differences.md")


def _leaderboards(found: Comparison) -> str:
    """The best settings of all runs side by side, one row per rank."""
    boards = {name: found.leaderboards[found.leaderboards["run"] == name].reset_index(drop=True) for name in found.names}
    columns: dict[str, pd.Series] = {}
    for name, board in boards.items():
        columns[f"{name}: setting"] = board["setting"]
        columns[f"{name}: score"] = pd.Series(rounded(board["score"]), dtype=object)
        if board["confirmed_mean"].notna().any():
            columns[f"{name}: on fresh seeds"] = pd.Series(rounded(board["confirmed_mean"]), dtype=object)
    table = pd.DataFrame(columns, dtype=object).fillna("")
    table.insert(0, "rank", [str(place + 1) for place in table.index])
    note = f"The best ten settings of each run: {found.metric} at the last epoch of completed trials, mean over the seeds of the search."
    if found.leaderboards["confirmed_mean"].notna().any():
        note += " Those that were trained again come first, ranked by their mean on fresh seeds."
    left = [name for name in table if name.endswith(": setting")]
    return page.paragraph(note) + page.dense(page.table(table, left=left)) + page.files("leaderboards.csv")
