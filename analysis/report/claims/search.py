"""The sentence at the top of the report of a search: a winner only where fresh seeds set it apart
from every other confirmed setting.
"""

from typing import Any

import pandas as pd

from analysis.records.load import Run
from analysis.report.claims.words import missing, range_text, sentence, sign_text
from analysis.stats.held_out import held_out_metrics
from analysis.stats.identity import setting_keys
from analysis.stats.labels import describe
from analysis.stats.leaderboard import awaited
from analysis.stats.lost import lost_words
from analysis.stats.search_trials import short_name
from analysis.stats.settling import EQUAL, FUTILE, LEFT
from analysis.stats.tables import settings_table
from analysis.text.format import count, listing
from analysis.text.rounding import MISSING, number, rounded_rows, signed, span, spread_of

LIMITS = ["corrected_low", "corrected_high"]
CLOSED = {
    EQUAL: "the two differ by less than {}",
    LEFT: "one of the two left the race before they were told apart",
    FUTILE: "more seeds were unlikely to tell the two apart",
}
"""Why a comparison of a race is not supported, where that is not for want of seeds; ``{}`` is the
smallest difference that matters.
"""
NAMED = 3  # so many settings are named with their interval; more are counted


def search_answer(
    run: Run, board: pd.DataFrame, confirmed: pd.DataFrame, statuses: pd.DataFrame
) -> str:
    """What the search found, and what does not stand behind it.

    The frames are those of ``leaderboard.leaderboard``, ``leaderboard.confirmed_table`` and
    ``search_trials.phase_statuses``.
    """
    said = _confirmed(run, board, confirmed) if len(confirmed) else _searched(run, board)
    return " ".join(text for text in (said, sentence(*_missing(statuses))) if text)


def setting_name(run: Run, row: Any) -> str:
    """What a row of the leaderboard is called, and its values: ``trial 0012 (width 3, depth
    1)``.
    """
    return f"{short_name(row)} ({describe(run, row)})"


def _searched(run: Run, board: pd.DataFrame) -> str:
    """The best search score, which is no claim."""
    ranked = board[board["search_score"].notna()]
    if ranked.empty:
        return sentence(
            "no trial of the search has completed with a number, so there is no answer yet"
        )
    best = ranked.iloc[0]
    equals = int((ranked["search_score"] == best["search_score"]).sum()) - 1
    shared = f", shared with {count(equals, 'other setting')}" if equals else ""
    score = (
        f"{run.metric} {number(best['search_score'])}, n = {best['search_n']}{shared}:"
        f" {setting_name(run, best)}"
    )
    caution = (
        f"it is the best of {count(len(ranked), 'setting')}, picked by the same numbers, so it is"
        " too good on average"
        if len(ranked) > 1
        else "no other setting has one"
    )
    ahead = (
        "its confirmation on fresh seeds is still to come"
        if run.spec.get("confirm")
        else "fresh seeds would tell"
    )
    return sentence(
        f"the best search score is {score}", f"{caution}; no winner is claimed, {ahead}"
    )


def _confirmed(run: Run, board: pd.DataFrame, confirmed: pd.DataFrame) -> str:
    best, others = confirmed.iloc[0], confirmed.iloc[1:]
    ahead = awaited(run)
    said = _verdict(run, best, others, claim=not ahead)
    rest = (
        f"the confirmation is not complete, {count(ahead, 'setting')} still to be trained on all"
        " fresh seeds: no winner is claimed"
        if ahead
        else ""
    )
    confirm = run.phase("confirm")
    keys = setting_keys(settings_table(confirm))
    lost = lost_words(confirm, run.metric, name=lambda number: short_name(board.loc[keys[number]]))
    return sentence(said, lost, _shrinkage(run, best), _on_test(best), rest)


def _verdict(run: Run, best: pd.Series, others: pd.DataFrame, claim: bool) -> str:
    """``claim``: whether a winner may be named."""
    name, score = setting_name(run, best), _score(run, best)
    if others.empty:
        return f"the only setting with a result on fresh seeds is {name}: {score}"
    supported = others["supported"].fillna(False).astype(bool)
    ahead = others["difference"] * run.mode.sign > 0
    # Of means over unequal seeds the best may be worse over the seeds that both have.
    unclear, apart, worse = (
        others[~supported],
        others[supported & ahead],
        others[supported & ~ahead],
    )
    if len(apart) == len(others):
        against, exclude = (
            ("the other confirmed setting", "the corrected interval excludes")
            if len(others) == 1
            else (
                f"each of the {len(others)} other confirmed settings",
                "all corrected intervals exclude",
            )
        )
        ends = range_text(others, "difference", "difference")
        which = "the winner on fresh seeds" if claim else "so far the best on fresh seeds"
        return f"{which} is {name}: {score}; better than {against} ({ends}; {exclude} 0)"
    start = "no winner" if claim else "so far"
    doubts = [f"cannot be told apart from {_unlike(unclear)}"] if len(unclear) else []
    doubts += [f"is worse, seed by seed, than {_unlike(worse)}"] if len(worse) else []
    better = f"; it is better than {_unlike(apart)}" if len(apart) else ""
    return (
        f"{start}: {name} has the best mean on fresh seeds, {score}, but"
        f" {' and '.join(doubts)}{better}"
    )


def _unlike(rows: pd.DataFrame) -> str:
    """Settings with their difference to the best one; all of them are told apart from it, or none
    is.
    """
    if len(rows) > NAMED:
        evidence = (
            "all corrected intervals exclude 0"
            if rows["supported"].all()
            else "no evidence of a difference"
        )
        ends = (
            range_text(rows, *LIMITS) if rows[LIMITS].notna().any(axis=None) else "too few results"
        )
        return (
            f"{count(len(rows), 'other confirmed setting')} ({evidence}, corrected intervals within"
            f" {ends})"
        )
    return listing(f"{short_name(row)} ({_evidence(row)})" for row in rows.to_dict("records"))


def _evidence(row: Any) -> str:
    """The difference of the best and this setting, as far as it goes."""
    seeds = f"n = {row['pairs']}{'' if row['paired'] else ' unpaired'}"
    difference = signed(row["difference"])
    interval = " to ".join(span(row["corrected_low"], row["corrected_high"], 3))
    if pd.isna(row["corrected_low"]):
        if not row["paired"] or row["pairs"] < 2 or isinstance(row.get("closed"), str):
            return f"too few results, {seeds}"
        same = f"the same difference, {difference}," if row["difference"] else "no difference"
        return f"{same} at any seed, {seeds}"
    if row["supported"]:
        return f"{difference}, corrected interval {interval}, {seeds}"
    if why := CLOSED.get(row.get("closed")):
        return f"{why.format(number(row['smallest']))}: {difference}, {interval}, {seeds}"
    if row["p_corrected"] <= 0.05:
        return (
            f"no evidence of a difference where lost seeds count as the worst: {difference},"
            f" {seeds}"
        )
    # Another comparison of the family failed before this one was judged.
    if row["corrected_low"] > 0 or row["corrected_high"] < 0:
        return (
            f"no evidence of a difference after correction: {difference}, p ="
            f" {number(row['p_corrected'], 2)}, {seeds}"
        )
    return f"no evidence of a difference: {interval}, {seeds}"


def _shrinkage(run: Run, best: pd.Series) -> str:
    """How the score that picked the setting held on fresh seeds."""
    if pd.isna(best["shrinkage"]):
        return (
            "it was not among the completed trials of the search, so no search score flatters it"
            if isinstance(best["name"], str)
            else ""
        )
    worse = best["shrinkage"] * run.mode.sign < 0
    score, change = _rounded(best, "search_score", "shrinkage", std="confirmed_std")
    shrank, shrink = ("shrank", "shrink") if run.mode == "max" else ("grew", "grow")
    held = (
        f"{shrank} by {change.removeprefix('-')}"
        if worse
        else f"did not {shrink} ({sign_text(change)})"
    )
    return f"its search score, {score} with n = {best['search_n']}, {held} on fresh seeds"


def _on_test(best: pd.Series) -> str:
    """Mean and least of the metrics of the data set aside, else of the test data, those first that
    have a least.
    """
    for of, where in (("set_aside_", "the data set aside"), ("test_", "the test data")):
        names = [
            name
            for name in held_out_metrics(best.index, of)
            if not name.endswith(("_min", "_std")) and pd.notna(best[f"{name}_mean"])
        ]
        least = {name: best.get(f"{name}_min") for name in names}
        pairs = [name for name in names if pd.notna(least[name])] or names
        said = [
            f"{name} {_rounded(best, f'{name}_mean', std=f'{name}_std')[0]} on average"
            + (f" ({number(least[name])} at the least)" if pd.notna(least[name]) else "")
            for name in pairs[:NAMED]
        ]
        if said:
            return f"on {where} it has {listing(said)}"
    return ""


def _score(run: Run, row: pd.Series) -> str:
    mean, low, high = _rounded(
        row, "confirmed_mean", "confirmed_low", "confirmed_high", std="confirmed_std"
    )
    interval = "" if low == MISSING else f" [{low}, {high}]"
    return f"{run.metric} {mean}{interval}, n = {row['confirmed_n']}"


def _rounded(row: pd.Series, *names: str, std: str) -> list[str]:
    """These figures of a row, to the decimals that their standard deviation deserves."""
    table = pd.DataFrame([row])
    limits = [("confirmed_low", "confirmed_high")] if std == "confirmed_std" else []
    return rounded_rows(table, names, spread_of(table, [std], limits)).iloc[0].tolist()


def _missing(statuses: pd.DataFrame) -> list[str]:
    """Which planned trials stand behind nothing, phase by phase."""
    parts = [missing(rows) for _, rows in statuses.groupby("phase", sort=False)]
    return [
        part if place == 0 or not part else f"of the confirmation, {part}"
        for place, part in enumerate(parts)
    ]
