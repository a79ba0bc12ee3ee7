"""When each comparison closed whose seeds stop themselves, and why."""

import pandas as pd

from analysis.charts.settled import LOOKS
from analysis.report.export import Figures, readable
from analysis.report.section import Section, Table, TableFile
from analysis.stats.findings import Findings
from analysis.stats.search_trials import claimed
from analysis.stats.settled_table import settled_words
from analysis.text.format import joined, p_text
from analysis.text.rounding import number

UNSHOWN = ["first_setting", "value_setting", "low", "high", "p", "p_equal"]
SHOWN_ROWS = 200  # longer tables stand in their CSV file alone
RACE = (
    "The settings race on fresh seeds. One that is worse than another, or that differs from the"
    " best by less than what matters, leaves: it gets no more seeds, its other comparisons stay as"
    " they are, and it ranks behind those that stayed."
)
FUTILITY = (
    "It also closed where, by the seeds that it had, the chance that {} would settle it was below"
    " {} % (predictive power: Spiegelhalter, Freedman and Blackburn 1986). Nothing is said of it"
    " then: whether its settings differ is open."
)
FIGURES = Figures(["difference", "low", "high"], limits=[("low", "high")])


def settled(findings: Findings) -> Section | None:
    """A row per comparison."""
    rows = findings.settled
    if rows.empty:
        return None
    rule = claimed(findings.run).spec["until_settled"]
    races = "race" in rule
    corrected = "the methods of Shaffer and of Holm" if races else "Holm's method"
    chance = number(100 * rule["futility"])
    notes = [
        f"{settled_words(findings.run)}.",
        (
            f"All settings were trained on {rule['at_least']} seeds, then on {rule['at_least']}"
            " more at a time, those that an open comparison needed. A comparison closed when its"
            f" difference was supported, when it was smaller than {number(rule['smallest'])} either"
            f" way, or at {rule['at_most']} seeds; later seeds of its settings change nothing of"
            " it."
        ),
        *([FUTILITY.format(rule["at_most"], chance)] if rule["futility"] else []),
        *([RACE] if races else []),
        (
            "The intervals hold however often it is looked: the error of 5 % is spent look by look"
            " (Lan and DeMets 1983; Kim and DeMets 1987, power 1.5) and corrected over the"
            f" comparisons by {corrected}, for those called different and for those called equal"
            " each. A difference that was supported early is on average somewhat smaller than it"
            " was then; its interval allows for that. What fails in fewer seeds than were trained"
            " may not have been seen, and no interval knows of it."
        ),
    ]
    table = Table(
        frame=_readable(rows.head(SHOWN_ROWS)),
        marked=list(rows["closed"].head(SHOWN_ROWS) == "supported"),
        words=["comparison", "closed"],
        dense=True,
    )
    files = [TableFile("settled", rows.drop(columns=["first_setting", "value_setting"]))]
    return Section(
        anchor="settled",
        title="When the comparisons were settled",
        notes=notes,
        tables=[table],
        files=files,
    )


def _readable(rows: pd.DataFrame) -> pd.DataFrame:
    text = readable(rows, [FIGURES])
    interval = joined(text["low"], text["high"], " to ")
    closed = [LOOKS[reason][0] for reason in rows["closed"]]
    p_values = {
        "p": list(map(p_text, rows["p"])),
        "p (equal)": list(map(p_text, rows["p_equal"])),
    }
    shown = text.drop(columns=UNSHOWN)
    return shown.assign(closed=closed, interval=interval, **p_values)
