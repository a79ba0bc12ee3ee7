"""The report of a run: one page that opens without a network, and the same tables and pictures as
files beside it.
"""

from collections.abc import Iterable
from pathlib import Path

from analysis.charts.picture import Picture
from analysis.charts.pictures import draw
from analysis.records.load import DamagedRun, Run
from analysis.report.export import write_aside
from analysis.report.page import page
from analysis.report.picture_files import file_names, write_picture
from analysis.report.section import Opening, Section
from analysis.report.sections import sections
from analysis.report.sections.opening import opening
from analysis.report.written import begin
from analysis.stats.findings import find


def write_report(run: Run) -> Path:
    """Write ``report/index.html``, ``report/tables`` and ``report/charts`` into the run folder;
    returns the path of the page.

    Works for a run that is still going on.

    Raises:
        DamagedRun: the folder cannot be written, or what trials recorded cannot be read.
    """
    findings = find(run)
    drawn = draw(findings)
    title, made = str(run.spec["name"]), sections(findings, drawn)
    make_folder(run.paths.report)
    return write_page(run.paths.report, title, opening(findings), made, drawn)


def write_page(
    folder: Path,
    title: str,
    head: Opening,
    made: Iterable[Section],
    drawn: Iterable[Picture],
) -> Path:
    """Write the page of some sections, with the files of their tables in ``tables`` and their
    pictures in ``charts``; returns its path. The page comes last, so that what it links to is
    there. What an earlier page of the folder had and this one has not is removed.
    """
    made, drawn = list(made), list(drawn)
    tables = {f"tables/{name}": text for one in made for name, text in one.texts().items()}
    charts = [f"charts/{name}" for picture in drawn for name in file_names(picture)]
    begin(folder, [*tables, *charts])
    for place, text in tables.items():
        write_aside(folder / place, text)
    for picture in drawn:
        write_picture(folder / "charts", picture)
    return write_aside(folder / "index.html", page(title, head, made))


def make_folder(folder: Path) -> None:
    """Make a folder to write a page into.

    Raises:
        DamagedRun: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DamagedRun(f"{folder} cannot be written as a folder: {error.strerror}.") from None
