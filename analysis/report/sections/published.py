"""Beside what others measured."""

from analysis.report.export import Figures, labels_of, readable
from analysis.report.section import Section, Table, TableFile
from analysis.stats.findings import Findings
from analysis.stats.labels import unambiguous
from analysis.stats.published import evaluation_points
from analysis.text.format import count, sentences


def published(findings: Findings) -> Section | None:
    """A row per published mean."""
    table, run = findings.published, findings.run
    if table is None:
        return None
    source = run.spec["published"]
    marks = [bool(mark) for mark in table["outside"].fillna(False)]
    names = ["published_mean", "published_std", f"{run.metric}_mean", "range_low", "range_high"]
    figures = Figures(names, ["published_std"], [("range_low", "range_high")])
    text = readable(table, [figures], labels_of(run))
    text["outside"] = ["outside" if mark else "" for mark in marks]
    points = evaluation_points(run, findings.seeds)
    chance = f" and by two draws of {count(points, 'evaluation point')}" if points else ""
    note = (
        f"Published: {sentences(source['source'], source.get('note'))} range_low to range_high is"
        f" where the mean of {count(source['runs'], 'other run')} would fall 95 % of the time if"
        f" nothing differed, both means being off by the luck of their seeds{chance}; a row is"
        f" marked outside where the published mean does not lie in it ({sum(marks)} of"
        f" {len(marks)}; one of twenty would by chance)."
    )
    return Section(
        anchor="published",
        title="Beside the published table",
        tables=[Table(frame=text, note=note, marked=marks)],
        files=[TableFile("published", unambiguous(run, table))],
    )
