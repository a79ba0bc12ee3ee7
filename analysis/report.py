"""The report of a run: one page that opens without a network, and the same tables and pictures as files beside it."""

from pathlib import Path

from analysis import page
from analysis.arm_answer import arm_answer
from analysis.arm_pictures import arm_pictures
from analysis.arm_sections import ArmFindings, written_arms
from analysis.arms import arms_table, compared, with_units
from analysis.comparison import answer, comparison_table, rival_table
from analysis.costs import costs_table
from analysis.export import readable_summary, write_aside, write_tables
from analysis.pictures import Picture, pictures, write_picture
from analysis.runs import Run
from analysis.sections import Findings, caption, opening, sections
from analysis.tables import published_table, seed_table, status_table, summary_table


def write_report(run: Run) -> Path:
    """Write ``report/index.html``, ``report/tables`` and ``report/charts`` into the run folder; returns the path of the page.

    Works for a run that is still going on. The page comes last, so that what it links to is there.
    """
    found = find(run)
    drawn = [*arm_pictures(run, found.arms.what)] if found.arms else []
    drawn += pictures(run, found.seeds, found.summary)
    _write_tables(found)
    for picture in drawn:
        write_picture(run.paths.charts, picture)
    return write_aside(run.paths.index, render(found, drawn))


def find(run: Run) -> Findings:
    """Compute all that the report of ``run`` says."""
    seeds = seed_table(run)
    summary, statuses = summary_table(run, seeds), status_table(run)
    comparisons, rivals = comparison_table(run, seeds), rival_table(run, seeds, summary)
    arms = find_arms(run)
    return Findings(
        run=run,
        seeds=seeds,
        summary=summary,
        statuses=statuses,
        published=published_table(run, seeds),
        comparisons=comparisons,
        rivals=rivals,
        arms=arms,
        answer=arm_answer(run, arms.what, arms.table, arms.costs, statuses)
        if arms
        else answer(run, summary, comparisons, rivals, statuses),
    )


def find_arms(run: Run) -> ArmFindings | None:
    """Compute what the report of ``run`` says about its arms; None where the study compares none."""
    what = compared(run)
    if what is None:
        return None
    return ArmFindings(run=run, what=what, table=arms_table(run, what), costs=costs_table(run, what))


def render(found: Findings, drawn: list[Picture]) -> str:
    """The page as one self-contained HTML document."""
    parts = list(sections(found, drawn))
    contents = "".join(f'<li><a href="#{anchor}">{page.escape(title)}</a></li>' for anchor, title, _ in parts)
    body = "\n".join(page.section(anchor, title, content) for anchor, title, content in parts)
    name = str(found.run.spec["name"])
    return page.page(name, f'{opening(found)}\n<nav aria-label="Contents"><ul>{contents}</ul></nav>\n{body}', with_charts=bool(drawn))


def _write_tables(found: Findings) -> list[Path]:
    tables = {"summary": found.summary, "seeds": found.seeds, "statuses": found.statuses}
    tables["comparisons"] = found.comparisons.drop(columns=["first_setting", "last_setting"])
    if found.published is not None:
        tables["published"] = found.published
    if found.arms is not None:
        tables |= {"arms": with_units(found.arms.table, found.arms.what), "costs": found.arms.costs}
        for name, text in written_arms(found.arms).items():
            write_aside(found.run.paths.tables / name, text)
    return write_tables(found.run.paths.tables, tables, readable_summary(found.summary, found.run.metric), caption(found))
