"""The sentence at the top of a report: it says only what the corrected intervals support."""

from collections.abc import Collection

import pandas as pd

from analysis.numerics.intervals import mean_intervals
from analysis.records.load import Run
from analysis.report.claims.effects import effect
from analysis.report.claims.words import missing, sentence
from analysis.stats.best import interval_of_best
from analysis.stats.labels import describe
from analysis.stats.lost import lost_words
from analysis.stats.ranking import ranked_settings
from analysis.text.format import count, listing
from analysis.text.rounding import MISSING, rounded_rows, spread_of

NAMED = 3  # so many settings are named in the sentence; more are counted


def answer(
    run: Run,
    summary: pd.DataFrame,
    comparisons: pd.DataFrame,
    rivals: pd.DataFrame,
    statuses: pd.DataFrame,
) -> str:
    """What the run says about its question, in one sentence, and in a second one what does not
    stand behind it.

    The frames are those of ``summary_table``, ``comparison_table``, ``best_vs_rest`` and
    ``status_table`` of the same run.
    """
    ranked = ranked_settings(run)
    if not ranked:
        return sentence(
            "no trial has completed with a number, so there is no answer yet", missing(statuses)
        )
    best = best_words(run, summary, rivals, _beaten(run, comparisons, ranked[0]))
    if summary["n"].max() == 1:
        return sentence(
            f"one seed per setting supports no claim about {listing(run.parameters)}; {best}",
            missing(statuses),
        )
    family = max(1, int(comparisons["p"].count()))
    effects = [
        effect(run, str(name), rows, family)
        for name, rows in comparisons.groupby("parameter", sort=False)
    ]
    lost = lost_words(run, run.metric)
    return sentence("; ".join([*effects, best]), lost, missing(statuses))


def best_words(
    run: Run, summary: pd.DataFrame, rivals: pd.DataFrame, beaten: Collection[int] = ()
) -> str:
    """The best setting, and from which others it cannot be told apart; empty where none has a
    result. ``beaten``: those than which the answer says it to be better already.
    """
    ranked = ranked_settings(run)
    if not ranked:
        return ""
    if summary["n"].max() == 1:
        return f"the {_extreme(run)} {run.metric} seen is {_score(run, summary, ranked[0])}, n = 1"
    return _best(run, summary, rivals, ranked[0], beaten)


def _beaten(run: Run, comparisons: pd.DataFrame, best: int) -> set[int]:
    """The settings than which a supported comparison says the best one to be better."""
    told = comparisons[comparisons["supported"].fillna(False).astype(bool)]
    ahead = told["difference"] * run.mode.sign > 0
    as_value = told.loc[(told["value_setting"] == best) & ahead, "first_setting"]
    as_first = told.loc[(told["first_setting"] == best) & ~ahead, "value_setting"]
    return {*as_value, *as_first}


def _best(
    run: Run, summary: pd.DataFrame, rivals: pd.DataFrame, best: int, beaten: Collection[int]
) -> str:
    seeds = f"n = {summary.loc[best, 'n']}"
    score = f"{_score(run, summary, best)}, {seeds}"
    if rivals.empty:
        return f"the only setting with a result: {score}"
    ahead = rivals["difference"] * run.mode.sign > 0
    equals = rivals.loc[~rivals["supported"], "setting"]
    claimed = equals.isin(beaten)
    equals = equals[~claimed]
    better = rivals.loc[rivals["supported"] & ~ahead, "setting"]
    if equals.empty and better.empty:
        return f"{_extreme(run)} mean: {score}" if claimed.any() else f"best setting: {score}"
    said = [f"not distinguishable from {_others(run, summary, equals)}"] if len(equals) else []
    # Means over unequal seeds: what a setting has beyond the shared ones may carry it.
    said += [f"but seed by seed worse than {_others(run, summary, better)}"] if len(better) else []
    return f"{_extreme(run)} mean: {score}, {', '.join(said)}"


def _others(run: Run, summary: pd.DataFrame, settings: pd.Series) -> str:
    names = [describe(run, dict(summary.loc[setting])) for setting in settings]
    # Names of several parameters have commas in them.
    named = listing(names) if len(run.parameters) == 1 else "; ".join(names)
    return count(len(names), "other setting") + (f" ({named})" if len(names) <= NAMED else "")


def _score(run: Run, summary: pd.DataFrame, setting: int) -> str:
    """The best setting with its mean, and an interval that allows for its being picked as the best
    of those with a result.
    """
    mean, limits = f"{run.metric}_mean", ("ci_low", "ci_high")
    known = summary[summary["n"] > 0].copy()
    usual = known.loc[setting, [*limits]]
    known.loc[setting, [*limits]] = interval_of_best(run, usual, mean_intervals)
    spreads = spread_of(known, [f"{run.metric}_std"], [limits])
    row = rounded_rows(known, [mean, *limits], spreads).loc[setting]
    name = describe(run, dict(summary.loc[setting]))
    if summary.loc[setting, "n"] == 1:
        return f"{row[mean]} at {name}"
    interval = "" if row["ci_low"] == MISSING else f" [{row['ci_low']}, {row['ci_high']}]"
    return f"{name} with mean {run.metric} {row[mean]}{interval}"


def _extreme(run: Run) -> str:
    return "highest" if run.higher_is_better else "lowest"
