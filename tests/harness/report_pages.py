"""Pages of reports, read back."""

from html.parser import HTMLParser

import altair as alt

from analysis import load_run, write_report
from analysis.charts.style import style

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> $%_&"


class Page(HTMLParser):
    """What a browser would make of the page: its elements, the text a reader sees, the content of
    its scripts.
    """

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self.words, self.within = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag in ("script", "style", "title"):
            self.within.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        if self.within and self.within[-1] == tag:
            self.within.pop()

    def handle_data(self, data):
        if not self.within:
            self.words.append(data)
        elif self.within[-1] == "script":
            self.scripts[-1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def page_of(folder):
    return Page(write_report(load_run(folder)).read_text(encoding="utf-8"))


def files_of(report):
    """The content of every file of a report."""
    return {
        str(path.relative_to(report)): path.read_bytes()
        for path in report.rglob("*")
        if path.is_file()
    }


def is_valid(picture):
    """Whether it is as Vega-Lite says, which says nothing of the rows that it shows."""
    datasets = {name: rows[:1] for name, rows in picture.spec["datasets"].items()}
    spec = {**picture.spec, "datasets": datasets, "config": style("black", "white")}
    alt.Chart.from_dict(spec, validate=True)
    return True
