"""What the settings of a search reach on fresh seeds, and on data that took part in
no training and no choice.
"""

from collections.abc import Iterator

import pandas as pd

from analysis.records.frames import rows_of
from analysis.records.load import Run
from analysis.report.claims.search import setting_name
from analysis.report.export import Figures, readable
from analysis.report.section import Section, Table, TableFile
from analysis.report.sections.leaderboard import (
    frame_of,
    fresh_seeds,
    picked_words,
    readable_scores,
)
from analysis.stats.findings import Findings, SearchFindings
from analysis.stats.held_out import held_out_metrics
from analysis.stats.labels import unambiguous
from analysis.stats.search_trials import short_name
from analysis.text.format import joined
from analysis.text.rounding import number, rounded

AGAINST_BEST = Figures(
    ["difference", "corrected_low", "corrected_high"], limits=[("corrected_low", "corrected_high")]
)
_OVER_SEEDS = "at the last epoch: mean \u00b1 std over the fresh seeds"
_LEAST = "; in columns that end in _min, the lowest value of any of these seeds"


def confirmed(findings: Findings) -> Section | None:
    """The confirmed settings, best first, and their held-out metrics."""
    search = findings.search
    if search is None or search.confirmed.empty:
        return None
    run, rows = search.run, search.confirmed
    picked = picked_words(search)
    if (run.spec.get("confirm") or {}).get("until_settled"):
        picked += "; intervals hold although the seeds stopped themselves"
    note = (
        f"Settings trained again on seeds that the search did not use: {run.metric} at the"
        f" last epoch, best mean first. interval: 95 % t interval{picked}. change: the mean minus"
        " the search score. difference: best setting minus this one, over the seeds that both"
        " have. Shaded rows are supported: their corrected interval excludes 0 and their corrected"
        " p-value is at most 0.05."
    )
    marks = [bool(mark) for mark in rows["supported"].fillna(False)]
    words = ["setting"]
    table = Table(frame=_readable(search), note=note, marked=marks, words=words, dense=True)
    held_out = [
        Table(frame=frame, title=title, note=text, words=words, dense=True)
        for title, text, frame in held_out_tables(run, rows)
    ]
    files = [TableFile("confirmed", unambiguous(run, rows))]
    return Section(
        anchor="confirmed", title="On fresh seeds", tables=[table, *held_out], files=files
    )


def _readable(search: SearchFindings) -> pd.DataFrame:
    rows = search.confirmed.reset_index(drop=True)
    text = readable_scores(rows).join(
        readable(rows[AGAINST_BEST.names].astype(float), [AGAINST_BEST])
    )
    shown = {
        "setting": [setting_name(search.run, row) for row in rows_of(rows)],
        "n": fresh_seeds(rows),
        "mean \u00b1 std": joined(text["confirmed_mean"], text["confirmed_std"], " \u00b1 "),
        "interval": joined(text["confirmed_low"], text["confirmed_high"], " to "),
        "search score": text["search_score"],
        "change": text["shrinkage"],
    }
    if len(rows) > 1:
        shown |= {
            "difference": text["difference"],
            "corrected interval": joined(text["corrected_low"], text["corrected_high"], " to "),
            "p corrected": [number(value, 2) for value in rows["p_corrected"]],
        }
    return frame_of(shown)


def held_out_tables(run: Run, confirmed: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Title, note and table of each kind of held-out data; ``confirmed`` as
    ``leaderboard.confirmed_table`` gives it.
    """
    rows = confirmed.reset_index(drop=True)
    for of, title, where in _kinds(run):
        if names := held_out_metrics(rows.columns, of):
            # What the other settings have on data set aside must not become a second choice.
            judged = rows[(rows.index == 0) | rows["name"].notna()] if of == "set_aside_" else rows
            least = _LEAST if any(name.endswith("_min") for name in names) else ""
            yield title, f"{where}, {_OVER_SEEDS}{least}.", _readable_metrics(judged, names)


def _kinds(run: Run) -> Iterator[tuple[str, str, str]]:
    """How the metrics of held-out data begin, with a title, and what data they are."""
    data = run.spec.get("data") or {}
    yield "test_", "Test data", "On the test data"
    count = f" ({data['set_aside']} images)" if "set_aside" in data else ""
    aside = (
        f"On data that were set aside before anything else{count}: the best setting, and those it"
        " was to be compared with"
    )
    yield "set_aside_", "Data set aside", aside
    known = [str(data[key]) for key in ("extra_test_name", "extra_test") if key in data]
    named = f" ({', '.join(known)})" if "extra_test" in data else ""
    yield (
        "extra_test_",
        "Data of another source",
        f"On data of another source{named}, which took part in no training and no choice",
    )


def _readable_metrics(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    shown = {"setting": [short_name(row) for row in rows_of(rows)]}
    for name in names:
        if name.endswith("_min"):
            shown[name] = rounded(rows[name])
        else:
            mean, std = f"{name}_mean", f"{name}_std"
            text = readable(rows[[mean, std]], [Figures([mean, std], [std])])
            shown[name] = joined(text[mean], text[std], " \u00b1 ")
    return frame_of(shown)
