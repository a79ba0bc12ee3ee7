"""What a search found, from best to worst."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

import pandas as pd

from analysis.records.versions import pooled_words
from analysis.report.claims.words import sign_text
from analysis.report.export import Figures, readable
from analysis.report.section import Rounded, Section, Table, TableFile
from analysis.stats.findings import Findings, SearchFindings
from analysis.stats.labels import label, unambiguous
from analysis.stats.search_trials import few_trials
from analysis.text.format import joined, whole
from analysis.text.rounding import MISSING

SHOWN_ROWS = 60  # a longer leaderboard stands in its CSV file alone
INTERVAL = ("confirmed_low", "confirmed_high")
SCORES = Figures(
    ["confirmed_mean", "confirmed_std", *INTERVAL, "search_score", "shrinkage"],
    ["confirmed_std"],
    [INTERVAL],
)


def leaderboard(findings: Findings) -> Section | None:
    """The settings of a search, ranked."""
    search = findings.search
    if search is None:
        return None
    section = Section(anchor="leaderboard", title="Leaderboard", files=[_file(search)])
    if search.board.empty:
        return replace(section, notes=["No trial has begun."], files=[])
    marked = [key in search.confirmed.index for key in search.board.index[:SHOWN_ROWS]]
    note = board_caption(search) + (" Shaded rows were confirmed." if any(marked) else "")
    words = ["trial", "ended"]
    frame = readable_board(search)
    table = Table(frame=frame, note=note, marked=marked, words=words, dense=True)
    return replace(section, tables=[table])


def _file(search: SearchFindings) -> TableFile:
    run = search.run
    caption = f"{pooled_words(run)}{run.spec['name']}: {board_caption(search)}"
    rounded = [Rounded(readable_board(search), caption)]
    return TableFile("leaderboard", unambiguous(run, search.board), rounded)


def board_caption(search: SearchFindings) -> str:
    """What the leaderboard ranks by, and how much of it is shown."""
    ranked, fresh = "Settings ranked by search score", ""
    if len(search.confirmed):
        ranked = (
            "Settings trained again come first, ranked by their mean on fresh seeds; others follow"
            " by search score. Search score"
        )
        fresh = (
            " confirmed: mean \u00b1 std (ddof = 1) over n fresh seeds; interval: 95 % t interval"
            f"{picked_words(search)}; change: the confirmed mean minus the search score."
        )
    part = (
        ""
        if len(search.board) <= SHOWN_ROWS
        else f" The first {SHOWN_ROWS} of {len(search.board):,} settings."
    )
    return (
        f"{ranked}: {search.run.metric} of completed trials at their last epoch, mean over the"
        " seeds of the search. Trials that did not complete have no score, whatever they"
        f" reached.{fresh}{part}"
    )


def picked_words(search: SearchFindings) -> str:
    """How the interval of the best confirmed setting differs from those of others."""
    if len(search.confirmed) < 2:
        return ""
    return "; that of the best reaches further on its worse side, as it was picked for its mean"


def readable_board(search: SearchFindings) -> pd.DataFrame:
    """The leaderboard as texts, columns named for a reader: what was reached comes before the
    parameters.
    """
    board = search.board.head(SHOWN_ROWS).reset_index(drop=True)
    text = readable_scores(board)
    trials = board["trial"].map(few_trials, na_action="ignore")
    names = zip(trials, board["name"], strict=True)
    shown = {
        "rank": board["rank"].map(whole),
        "trial": [", ".join(name for name in both if isinstance(name, str)) for both in names],
        "search score": text["search_score"],
    }
    if len(search.confirmed):
        shown |= {
            "confirmed": joined(text["confirmed_mean"], text["confirmed_std"], " \u00b1 "),
            "n": fresh_seeds(board),
            "interval": joined(text["confirmed_low"], text["confirmed_high"], " to "),
            "change": text["shrinkage"],
        }
    shown |= {"ended": board["status"].fillna(MISSING), "epoch": board["last_epoch"].map(whole)}
    shown |= {
        key: map(partial(label, search.run, key), board[key]) for key in search.run.parameters
    }
    return frame_of(shown)


def frame_of(columns: Mapping[str, Iterable[str]]) -> pd.DataFrame:
    """A table of texts from its columns."""
    return pd.DataFrame({name: list(column) for name, column in columns.items()}, dtype=object)


def fresh_seeds(rows: pd.DataFrame) -> list[str]:
    """How many fresh seeds have a number, and how many were lost."""
    lost = rows["confirmed_lost"].fillna(0) if "confirmed_lost" in rows else [0] * len(rows)
    return [
        whole(n) + (f" ({whole(gone)} lost)" if gone else "")
        for n, gone in zip(rows["confirmed_n"], lost, strict=True)
    ]


def readable_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """The scores as texts; what changed on fresh seeds with its sign."""
    text = readable(rows[SCORES.names].astype(float), [SCORES])
    return text.assign(shrinkage=list(map(sign_text, text["shrinkage"])))
