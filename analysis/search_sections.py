"""What stands in the report of a search: findings in, markup out."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from analysis import page
from analysis.export import Figures, latex, markdown, readable
from analysis.held_out import held_out_tables
from analysis.labels import label
from analysis.rounding import MISSING, number, signed
from analysis.runs import Run
from analysis.search_answer import setting_name
from analysis.search_costs import ALL
from analysis.tables import repeats
from analysis.versions import pooled_words
from analysis.wording import count, joined, listing

SHOWN_ROWS = 60  # a longer leaderboard stands in its CSV file alone
INTERVAL = ("confirmed_low", "confirmed_high")
SCORES = Figures(["confirmed_mean", "confirmed_std", *INTERVAL, "search_score"], ["confirmed_std"], [INTERVAL])
DIFFERENCES = Figures(["difference", "corrected_low", "corrected_high"], limits=[("corrected_low", "corrected_high")])


@dataclass(frozen=True, kw_only=True)
class SearchFindings:
    """What a report says about a search: the frames of ``search.leaderboard``, ``search.confirmed_table``, ``search_costs.rung_table`` and
    ``search_costs.ledger``."""

    run: Run
    board: pd.DataFrame
    confirmed: pd.DataFrame
    rungs: pd.DataFrame
    ledger: pd.DataFrame


def result_sections(found: SearchFindings) -> Iterator[tuple[str, str, str]]:
    """Anchor, title and markup of what the search found, in reading order."""
    yield "leaderboard", "Leaderboard", _leaderboard(found)
    if len(found.confirmed):
        yield "confirmed", "On fresh seeds", _confirmed(found)


def cost_sections(found: SearchFindings) -> Iterator[tuple[str, str, str]]:
    """Anchor, title and markup of what the search spent, in reading order."""
    if len(found.rungs):
        yield "rungs", "Rungs", _rungs(found)
    if len(found.ledger):
        yield "ledger", "What it took", _ledger(found)


def searched_by(run: Run) -> str:
    """How settings were chosen, stopped and confirmed, in one line."""
    search, stopping, confirm = run.spec["search"], run.spec.get("stopping"), run.spec.get("confirm")
    chosen = [search["kind"], *([count(search["trials"], "trial")] if "trials" in search else [])]
    chosen += [f"{key} {value}" for key, value in search.items() if key not in ("kind", "trials", "first")]
    parts = [", ".join([*chosen, *([f"begun with {count(len(search['first']), 'given setting')}"] if search.get("first") else [])])]
    if stopping:
        at = f" at epoch {listing(map(str, stopping['rungs']))}" if stopping.get("rungs") else ""
        parts.append(f"stopped early by {stopping['kind']}: one in {stopping['keep_one_in']} goes on{at}")
    if confirm:
        also = "".join(f", and {entry['name']}" for entry in confirm.get("also") or [])
        parts.append(f"confirmed: the best {confirm['top']}{also}, on {count(confirm['seeds'], 'fresh seed')} each")
    return "; ".join(parts)


def searched_sizes(found: SearchFindings) -> str:
    """How many trials and seeds stand behind the page."""
    scores = found.board["search_n"].dropna()
    if scores.empty:
        return "no trial of the search has a result"
    seeds = found.confirmed["confirmed_n"]
    fresh = "" if seeds.empty else f"; {count(len(seeds), 'setting')} on fresh seeds, {_spread(seeds)} each"
    twice = repeats(found.run.phase("search"))
    again = f"; {count(twice, 'trial')} had a setting again, whose seeds count once, as the later trial had them" if twice else ""
    return f"{count(len(scores), 'setting')} with a search score, n = {_spread(scores)} each{fresh}{again}"


def written_leaderboard(found: SearchFindings) -> dict[str, str]:
    """The leaderboard rounded for reading, by file name."""
    table, caption = readable_board(found), f"{pooled_words(found.run)}{found.run.spec['name']}: {board_caption(found)}"
    return {"leaderboard.tex": latex(table, caption), "leaderboard.md": markdown(table, caption)}


def board_caption(found: SearchFindings) -> str:
    """What the leaderboard ranks by, and how much of it is shown."""
    ranked, fresh = "Settings ranked by search score", ""
    if len(found.confirmed):
        ranked = "Settings trained again come first, ranked by their mean on fresh seeds; others follow by search score. Search score"
        fresh = " confirmed: mean \u00b1 std (ddof = 1) over n fresh seeds, with its 95 % t interval; shrinkage: it minus the search score."
    part = "" if len(found.board) <= SHOWN_ROWS else f" The first {SHOWN_ROWS} of {len(found.board):,} settings."
    return (
        f"{ranked}: {found.run.metric} of completed trials at their last epoch, mean over the seeds of the search. "
        f"Trials that did not complete have no score, whatever they reached.{fresh}{part}"
    )


def readable_board(found: SearchFindings) -> pd.DataFrame:
    """The leaderboard as texts, columns named for a reader: what was reached comes before the parameters."""
    board = found.board.head(SHOWN_ROWS).reset_index(drop=True)
    text = _readable_scores(board)
    named = zip(board["trial"], board["name"], strict=True)
    shown = {"rank": board["rank"].map(_whole), "trial": [", ".join(text for text in both if isinstance(text, str)) for both in named]}
    shown |= {"search score": text["search_score"]}
    if len(found.confirmed):
        shown["confirmed"] = joined(text["confirmed_mean"], text["confirmed_std"], " \u00b1 ")
        shown["n"] = _seeds(board)
        shown["95 % interval"] = joined(text["confirmed_low"], text["confirmed_high"], " to ")
        shown["shrinkage"] = [signed(value) for value in board["shrinkage"]]
    shown |= {"ended": board["status"].map(_word), "epoch": board["last_epoch"].map(_whole)}
    shown |= {column: [label(found.run, column, value) for value in board[column]] for column in found.run.parameters}
    return pd.DataFrame({name: list(column) for name, column in shown.items()}, dtype=object)


def _leaderboard(found: SearchFindings) -> str:
    if found.board.empty:
        return page.paragraph("No trial has begun.")
    marked = [key in found.confirmed.index for key in found.board.index[:SHOWN_ROWS]]
    note = page.paragraph(board_caption(found) + (" Shaded rows were confirmed." if any(marked) else ""))
    table = page.table(readable_board(found), marked, ["trial", "ended"])
    return note + page.dense(table) + page.files("leaderboard.csv", "leaderboard.tex", "leaderboard.md")


def _confirmed(found: SearchFindings) -> str:
    rows = found.confirmed
    marks = [bool(mark) for mark in rows["supported"].fillna(False)]
    note = (
        f"Settings trained again on seeds that the search did not use: {found.run.metric} at the last epoch, best mean first. difference: "
        "best setting minus this one, over the seeds that both have. Shaded rows are supported: their corrected interval excludes 0 and "
        "their corrected p-value is at most 0.05."
    )
    parts = [page.paragraph(note), page.dense(page.table(_readable_confirmed(found), marks, ["setting"]))]
    for title, told, table in held_out_tables(found.run, rows):
        parts += [f"<h3>{title}</h3>", page.paragraph(told), page.dense(page.table(table, left=["setting"]))]
    return "\n".join(parts) + page.files("confirmed.csv")


def _readable_confirmed(found: SearchFindings) -> pd.DataFrame:
    rows = found.confirmed.reset_index(drop=True)
    text = _readable_scores(rows).join(readable(rows[DIFFERENCES.names].astype(float), [DIFFERENCES]))
    shown = {
        "setting": [setting_name(found.run, row) for row in rows.to_dict("records")],
        "n": _seeds(rows),
        "mean \u00b1 std": joined(text["confirmed_mean"], text["confirmed_std"], " \u00b1 "),
        "95 % interval": joined(text["confirmed_low"], text["confirmed_high"], " to "),
        "search score": text["search_score"],
        "shrinkage": [signed(value) for value in rows["shrinkage"]],
    }
    if len(rows) > 1:
        shown |= {"difference": text["difference"], "corrected interval": joined(text["corrected_low"], text["corrected_high"], " to ")}
        shown["p corrected"] = [number(value, 2) for value in rows["p_corrected"]]
    return pd.DataFrame({name: list(column) for name, column in shown.items()}, dtype=object)


def _seeds(rows: pd.DataFrame) -> list[str]:
    """How many fresh seeds have a number, and how many were lost."""
    lost = rows["confirmed_lost"].fillna(0) if "confirmed_lost" in rows else [0] * len(rows)
    return [_whole(n) + (f" ({_whole(gone)} lost)" if gone else "") for n, gone in zip(rows["confirmed_n"], lost, strict=True)]


def _readable_scores(rows: pd.DataFrame) -> pd.DataFrame:
    return readable(rows[SCORES.names].astype(float), [SCORES])


def _rungs(found: SearchFindings) -> str:
    text = readable(found.rungs, [Figures(["best"]), Figures(["passed_at"])]).rename(
        columns={"went_on": "went on", "passed_at": "passed at"}
    )
    note = (
        f"What became of the trials that reached each rung, an epoch at which the worse are stopped. best: the best {found.run.metric} at "
        "that epoch; passed at: the worst there of the trials that went on, for the first trials pass more easily than later ones; others "
        "failed, diverged or are not finished there."
    )
    return page.paragraph(note) + page.table(text) + page.files("rungs.csv")


def _ledger(found: SearchFindings) -> str:
    rows = found.ledger
    shown = {name: rows[name].map(_amount) for name in ("trials", "epochs", "seconds", "epochs_saved", "seconds_saved")}
    names = {"status": "ended", "epochs_saved": "epochs saved", "seconds_saved": "seconds saved (estimate)"}
    text = pd.DataFrame({"phase": rows["phase"], "status": rows["status"].mask(rows["status"] == ALL, ""), **shown}, dtype=object)
    note = (
        "Epochs and seconds that the trials spent, as their epochs were timed. Saved is what pruned and diverged trials would have needed "
        "to the full length; its seconds are an estimate: the epochs left, at the mean seconds per epoch of that very trial."
    )
    table = page.table(text.rename(columns=names), list(rows["phase"] == ALL), ["phase", "ended"])
    return page.paragraph(note) + table + page.files("ledger.csv")


def _spread(seeds: pd.Series) -> str:
    return f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"


def _whole(value: float) -> str:
    return MISSING if pd.isna(value) else f"{int(value):,}"


def _amount(value: float) -> str:
    return MISSING if pd.isna(value) else f"{value:,.0f}" if value >= 10 or value == int(value) else number(value, 2)


def _word(value: object) -> str:
    return value if isinstance(value, str) else MISSING
