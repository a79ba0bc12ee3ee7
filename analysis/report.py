"""The report of a run: one page that opens without a network, and the same tables and pictures as files beside it."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from analysis import page
from analysis.arm_pictures import arm_pictures
from analysis.arm_sections import written_arms
from analysis.arms import with_units
from analysis.correlation_pictures import correlation_pictures, tells_correlations, written_correlations
from analysis.export import readable_summary, write_aside, write_tables
from analysis.findings import Findings, find
from analysis.labels import unambiguous, written
from analysis.pictures import Picture, network_pictures, pictures, write_picture
from analysis.runs import DamagedRun, Run
from analysis.search_pictures import search_pictures
from analysis.search_sections import SearchFindings, written_leaderboard
from analysis.sections import caption, opening, sections
from analysis.tables import seed_table


def write_report(run: Run) -> Path:
    """Write ``report/index.html``, ``report/tables`` and ``report/charts`` into the run folder; returns the path of the page.

    Works for a run that is still going on. The page comes last, so that what it links to is there.

    Raises:
        DamagedRun: the folder cannot be written, or what trials recorded cannot be read.
    """
    try:
        run.paths.report.mkdir(exist_ok=True)
    except OSError as error:
        raise DamagedRun(f"{run.paths.report} cannot be written as a folder: {error.strerror}.") from None
    found = find(run)
    drawn = draw(found)
    _write_tables(found)
    for picture in drawn:
        write_picture(run.paths.charts, picture)
    return write_aside(run.paths.index, render(found, drawn))


def render(found: Findings, drawn: list[Picture]) -> str:
    """The page as one self-contained HTML document."""
    parts = list(sections(found, drawn))
    contents = "".join(f'<li><a href="#{anchor}">{page.escape(title)}</a></li>' for anchor, title, _ in parts)
    body = "\n".join(page.section(anchor, title, content) for anchor, title, content in parts)
    name = str(found.run.spec["name"])
    return page.page(name, f'{opening(found)}\n<nav aria-label="Contents"><ul>{contents}</ul></nav>\n{body}', with_charts=bool(drawn))


def draw(found: Findings) -> list[Picture]:
    """The pictures that the report shows, in reading order."""
    run = found.run
    drawn = [*arm_pictures(found.arms.run, found.arms.what)] if found.arms else []
    drawn += correlation_pictures(run, found.correlations, found.importances)
    if found.search is None:
        return [*drawn, *pictures(run, found.seeds, found.summary)]
    drawn = [*search_pictures(run, found.search.board, found.search.confirmed), *drawn]
    more = pictures if found.over_seeds else network_pictures
    return [*drawn, *more(run.phase("search"), found.seeds, found.summary)]


def _write_tables(found: Findings) -> None:
    folder, tables = found.run.paths.tables, {"statuses": found.statuses, "seeds": unambiguous(found.run, found.seeds)}
    if found.published is not None:
        tables["published"] = unambiguous(found.run, found.published)
    if found.arms is not None:
        tables |= {"arms": with_units(found.arms.table, found.arms.what), "costs": found.arms.costs}
        _write_texts(folder, written_arms(found.arms))
    if found.search is not None:
        tables |= _search_tables(found.search)
        _write_texts(folder, written_leaderboard(found.search))
    if len(found.health):
        tables["health"] = found.health
    if tells_correlations(found.correlations):
        tables |= {"correlations": found.correlations, **({"importances": found.importances} if len(found.importances) else {})}
        _write_texts(folder, written_correlations(found.run, found.correlations))
    if found.over_seeds:
        tables |= {"summary": unambiguous(found.run, found.summary), "comparisons": _comparisons(found)}
        write_tables(folder, tables, readable_summary(found.run, found.summary), caption(found))
    else:
        _write_texts(folder, {f"{name}.csv": table.to_csv(index=False) for name, table in tables.items()})


def _comparisons(found: Findings) -> pd.DataFrame:
    rows = found.comparisons.drop(columns=["first_setting", "value_setting"])
    for name in ("first", "value"):
        told = [written(found.run, key, value) for key, value in zip(rows["parameter"], rows[name], strict=True)]
        rows[name] = pd.Series(told, index=rows.index, dtype=object)
    return rows


def _search_tables(found: SearchFindings) -> dict[str, pd.DataFrame]:
    """The tables of a search, and the seeds of both phases."""
    seeds = [seed_table(found.run.phase(phase)).assign(phase=phase) for phase in ("search", "confirm")]
    tables = {"leaderboard": found.board, "rungs": found.rungs, "ledger": found.ledger, "seeds": pd.concat(seeds)}
    tables |= {"confirmed": found.confirmed} if len(found.confirmed) else {}
    return {name: unambiguous(found.run, table) for name, table in tables.items()}


def _write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        write_aside(folder / name, text)
