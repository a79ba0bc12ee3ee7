"""The report of a run: one page that opens without a network, and the same tables and pictures as files beside it."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from analysis import page
from analysis.arm_answer import arm_answer
from analysis.arm_pictures import arm_pictures
from analysis.arm_sections import ArmFindings, written_arms
from analysis.arms import arms_table, compared, with_units
from analysis.comparison import answer, comparison_table, rival_table
from analysis.costs import costs_table
from analysis.export import readable_summary, write_aside, write_tables
from analysis.pictures import Picture, network_pictures, pictures, write_picture
from analysis.runs import DamagedRun, Run
from analysis.search import confirmed_table, leaderboard
from analysis.search_answer import search_answer
from analysis.search_costs import ledger, rung_table
from analysis.search_pictures import search_pictures
from analysis.search_sections import SearchFindings, written_leaderboard
from analysis.search_trials import is_search, phase_statuses
from analysis.sections import Findings, caption, opening, sections
from analysis.tables import published_table, seed_table, status_table, summary_table


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


def find(run: Run) -> Findings:
    """Compute all that the report of ``run`` says."""
    search, arms = find_search(run), find_arms(run)
    searched = run if search is None else run.phase("search")
    seeds = seed_table(searched)
    summary, statuses = summary_table(searched, seeds), status_table(run) if search is None else phase_statuses(run)
    comparisons = comparison_table(searched, seeds)
    return Findings(
        run=run,
        seeds=seeds,
        summary=summary,
        statuses=statuses,
        published=published_table(_claimed(run)),
        comparisons=comparisons,
        arms=arms,
        search=search,
        answer=search_answer(run, search.board, search.confirmed, statuses)
        if search
        else arm_answer(run, arms.what, arms.table, arms.costs, statuses)
        if arms
        else answer(run, summary, comparisons, rival_table(run, seeds, summary), statuses),
    )


def find_search(run: Run) -> SearchFindings | None:
    """Compute what the report of ``run`` says about its search; None where it is a plain grid."""
    if not is_search(run):
        return None
    board = leaderboard(run)
    return SearchFindings(run=run, board=board, confirmed=confirmed_table(run, board), rungs=rung_table(run), ledger=ledger(run))


def find_arms(run: Run) -> ArmFindings | None:
    """Compute what the report of ``run`` says about its arms; None where the study compares none."""
    what, claimed = compared(run), _claimed(run)
    if what is None:
        return None
    return ArmFindings(run=claimed, what=what, table=arms_table(claimed, what), costs=costs_table(claimed, what))


def render(found: Findings, drawn: list[Picture]) -> str:
    """The page as one self-contained HTML document."""
    parts = list(sections(found, drawn))
    contents = "".join(f'<li><a href="#{anchor}">{page.escape(title)}</a></li>' for anchor, title, _ in parts)
    body = "\n".join(page.section(anchor, title, content) for anchor, title, content in parts)
    name = str(found.run.spec["name"])
    return page.page(name, f'{opening(found)}\n<nav aria-label="Contents"><ul>{contents}</ul></nav>\n{body}', with_charts=bool(drawn))


def _claimed(run: Run) -> Run:
    """The trials that claims rest on: those on fresh seeds where the study has a confirmation."""
    return run.phase("confirm") if run.spec.get("confirm") else run


def draw(found: Findings) -> list[Picture]:
    """The pictures that the report shows, in reading order."""
    run = found.run
    drawn = [*arm_pictures(found.arms.run, found.arms.what)] if found.arms else []
    if found.search is None:
        return [*drawn, *pictures(run, found.seeds, found.summary)]
    drawn = [*search_pictures(run, found.search.board, found.search.confirmed), *drawn]
    more = pictures if found.over_seeds else network_pictures
    return [*drawn, *more(run.phase("search"), found.seeds, found.summary)]


def _write_tables(found: Findings) -> None:
    folder, tables = found.run.paths.tables, {"statuses": found.statuses, "seeds": found.seeds}
    if found.published is not None:
        tables["published"] = found.published
    if found.arms is not None:
        tables |= {"arms": with_units(found.arms.table, found.arms.what), "costs": found.arms.costs}
        _write_texts(folder, written_arms(found.arms))
    if found.search is not None:
        tables |= _search_tables(found.search)
        _write_texts(folder, written_leaderboard(found.search))
    if found.over_seeds:
        tables |= {"summary": found.summary, "comparisons": found.comparisons.drop(columns=["first_setting", "value_setting"])}
        write_tables(folder, tables, readable_summary(found.summary, found.run.metric), caption(found))
    else:
        _write_texts(folder, {f"{name}.csv": table.to_csv(index=False) for name, table in tables.items()})


def _search_tables(found: SearchFindings) -> dict[str, pd.DataFrame]:
    """The tables of a search, and the seeds of both phases."""
    seeds = [seed_table(found.run.phase(phase)).assign(phase=phase) for phase in ("search", "confirm")]
    tables = {"leaderboard": found.board, "rungs": found.rungs, "ledger": found.ledger, "seeds": pd.concat(seeds)}
    return tables | ({"confirmed": found.confirmed} if len(found.confirmed) else {})


def _write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        write_aside(folder / name, text)
