"""Which sections a report has: one entry of a list each, in reading order. A new section is a
function that gives a ``Section`` for findings, or None, and its entry here.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from analysis.charts.picture import Picture
from analysis.report.section import Section
from analysis.report.sections.arms import arms, costs
from analysis.report.sections.comparisons import comparisons
from analysis.report.sections.confirmed import confirmed
from analysis.report.sections.correlations import correlations
from analysis.report.sections.estimates import estimates
from analysis.report.sections.held_out import held_out
from analysis.report.sections.interventions import interventions
from analysis.report.sections.known import known
from analysis.report.sections.leaderboard import leaderboard
from analysis.report.sections.machine import machine
from analysis.report.sections.opening import provenance
from analysis.report.sections.published import published
from analysis.report.sections.reading import reading
from analysis.report.sections.settled import settled
from analysis.report.sections.spent import cost_table, rungs
from analysis.report.sections.summary import summary
from analysis.report.sections.trials import records, trials
from analysis.stats.findings import Findings

Make = Callable[[Findings], Section | None]


def pictures(findings: Findings) -> Section:
    """The pictures that belong to no other section."""
    return Section(anchor="pictures", title="Pictures")


RESULTS: Sequence[Make] = (
    trials,
    settled,
    arms,
    costs,
    summary,
    held_out,
    comparisons,
    published,
)
CHARTS: Sequence[Make] = (pictures, correlations)
REST: Sequence[Make] = (machine, interventions, known, estimates, reading, provenance, records)
OF_GRIDS = (*RESULTS, *CHARTS, *REST)
OF_SEARCHES = (leaderboard, confirmed, *CHARTS, rungs, cost_table, *RESULTS, *REST)


def sections(findings: Findings, drawn: Iterable[Picture]) -> list[Section]:
    """All sections that have something to show or to write, with their pictures."""
    drawn, makers = list(drawn), OF_GRIDS if findings.search is None else OF_SEARCHES
    made = [section for make in makers if (section := make(findings)) is not None]
    return [with_charts(section, drawn) for section in made]


def with_charts(section: Section, drawn: Iterable[Picture]) -> Section:
    """The section with the pictures that belong to it."""
    charts = [picture for picture in drawn if picture.section == section.anchor]
    return replace(section, charts=charts)
