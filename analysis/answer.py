"""The sentence at the top of a report: it says only what the corrected intervals support."""

from collections.abc import Mapping
from numbers import Real
from typing import Any

import pandas as pd

from analysis.runs import Run
from analysis.tables import best_setting
from analysis.wording import count, describe, listing, number, show, signed

NAMED = 3  # so many settings are named in the sentence; more are counted


def answer(run: Run, summary: pd.DataFrame, comparisons: pd.DataFrame, rivals: pd.DataFrame, statuses: pd.DataFrame) -> str:
    """What the run says about its question, in one sentence, and in a second one what does not stand behind it.

    The frames are those of ``summary_table``, ``comparison_table``, ``rival_table`` and ``status_table`` of the same run.
    """
    best = best_setting(summary, run.spec)
    if best is None:
        return sentence("no trial has completed with a number, so there is no answer yet", missing(statuses))
    if summary["n"].max() == 1:
        seen = f"the {_extreme(run)} {run.metric} seen is {_score(run, summary, best)}, n = 1"
        return sentence(f"one seed per setting supports no claim about {listing(run.parameters)}; {seen}", missing(statuses))
    effects = [_effect(run, name, rows) for name, rows in comparisons.groupby("parameter", sort=False)]
    return sentence("; ".join([*effects, _best(run, summary, rivals, best)]), missing(statuses))


def sentence(*sentences: str) -> str:
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in sentences if text)


def _effect(run: Run, name: str, rows: pd.DataFrame) -> str:
    """What one parameter does, over all combinations of the others."""
    sign = 1 if run.spec["mode"] == "max" else -1
    tested = rows["p"].notna()
    helps = rows[rows["supported"] & (rows["difference"] * sign > 0)]
    hurts = rows[rows["supported"] & (rows["difference"] * sign < 0)]
    open_rows = rows[tested & ~rows["supported"]]
    if not tested.any():
        return f"too few results to say anything about {name}"
    if len(open_rows) == tested.sum():
        return _no_evidence(name, rows[tested])
    subject, good, bad = _verbs(name, rows.iloc[0])
    others = [key for key in run.parameters if key != name]
    parts = [_part(good, helps, rows, others), _part(bad, hurts, rows, others)]
    parts += [f"no evidence{_places(open_rows, rows, others)}" if len(open_rows) else ""]
    parts += [f"too few results{_places(rows[~tested], rows, others)}" if (~tested).any() else ""]
    return f"{subject} {', '.join(part for part in parts if part)}"


def _verbs(name: str, row: pd.Series) -> tuple[str, str, str]:
    first, last = row["first"], row["last"]
    if all(isinstance(value, Real) and not isinstance(value, bool) for value in (first, last)):
        return f"{'more' if float(last) > float(first) else 'less'} {name}", "helps", "hurts"
    return f"{name} {show(last)}", f"beats {show(first)}", f"loses to {show(first)}"


def _part(verb: str, chosen: pd.DataFrame, rows: pd.DataFrame, others: list[str]) -> str:
    if chosen.empty:
        return ""
    side = "above" if (chosen["difference"] > 0).all() else "below"
    intervals = f"corrected interval {_range(chosen, 'corrected_low', 'corrected_high')}"
    if len(chosen) > 1:
        intervals = f"{'both' if len(chosen) == 2 else f'all {len(chosen)}'} corrected intervals {side} 0"
    against = f"{show(chosen.iloc[0]['last'])} against {show(chosen.iloc[0]['first'])}"
    return f"{verb}{_places(chosen, rows, others)} ({against}: {_range(chosen, 'difference', 'difference')}, {intervals})"


def _places(chosen: pd.DataFrame, rows: pd.DataFrame, others: list[str]) -> str:
    """At which combinations of the other parameters, in words."""
    if not others or len(rows) == 1:
        return ""
    if len(chosen) == len(rows):
        return f" at every {others[0]}" if len(others) == 1 else f" at all {len(rows)} combinations of the others"
    if len(others) == 1:
        return f" at {others[0]} {listing(text.removeprefix(others[0]).strip() for text in chosen['at'])}"
    if len(chosen) > NAMED:
        return f" at {len(chosen)} of {len(rows)} combinations of the others"
    return f" at {listing(f'({text})' for text in chosen['at'])}"


def _range(rows: pd.DataFrame, low: str, high: str) -> str:
    ends = list(dict.fromkeys([signed(rows[low].min()), signed(rows[high].max())]))
    return " to ".join(ends)


def _no_evidence(name: str, rows: pd.DataFrame) -> str:
    against = f"{show(rows.iloc[0]['last'])} against {show(rows.iloc[0]['first'])}"
    seeds = int(rows["n"].max())
    few = f"; {count(seeds, 'seed')} are too few to show one" if len(rows) * 2.0 ** (1 - seeds) > 0.05 else ""
    intervals = f"corrected interval {_range(rows, 'corrected_low', 'corrected_high')}"
    if len(rows) > 1:
        intervals = f"none of {len(rows)} corrected intervals excludes 0"
    return f"no evidence of an effect of {name} ({against}: {_range(rows, 'difference', 'difference')}, {intervals}{few})"


def _best(run: Run, summary: pd.DataFrame, rivals: pd.DataFrame, best: int) -> str:
    seeds = f"n = {summary.loc[best, 'n']}"
    score = f"{_score(run, summary, best)}, {seeds}"
    if rivals.empty:
        return f"the only setting with a result: {score}"
    equals = rivals.loc[~rivals["supported"], "setting"]
    if equals.empty:
        return f"best setting: {score}"
    names = f" ({listing(_name(run, summary, setting) for setting in equals)})" if len(equals) <= NAMED else ""
    if len(names) and len(run.parameters) > 1:
        names = f" ({'; '.join(_name(run, summary, setting) for setting in equals)})"
    return f"{_extreme(run)} mean: {score}, not distinguishable from {count(len(equals), 'other setting')}{names}"


def _score(run: Run, summary: pd.DataFrame, setting: int) -> str:
    row = summary.loc[setting]
    mean = number(row[f"{run.metric}_mean"])
    if row["n"] == 1:
        return f"{mean} at {_name(run, summary, setting)}"
    return f"{_name(run, summary, setting)} with mean {run.metric} {mean} [{number(row['ci_low'])}, {number(row['ci_high'])}]"


def _name(run: Run, summary: pd.DataFrame, setting: int) -> str:
    row: Mapping[str, Any] = {str(key): value for key, value in summary.loc[setting].items()}
    return describe(row, run.parameters)


def _extreme(run: Run) -> str:
    return "highest" if run.spec["mode"] == "max" else "lowest"


def missing(statuses: pd.DataFrame) -> str:
    """Which planned trials stand behind nothing, and which were stopped early, as the study wants it; empty where all completed."""
    trials = statuses.set_index("status")["trials"]
    rest = {status: amount for status, amount in trials.items() if amount and status not in ("planned", "completed", "pruned")}
    stopped = f"{trials['pruned']} {'was' if trials['pruned'] == 1 else 'were'} stopped early by design" if trials["pruned"] else ""
    absent = listing(f"{amount} {status}" for status, amount in rest.items())
    parts = [part for part in (stopped, f"{absent} stand behind no number here" if rest else "") if part]
    return "; ".join([f"{trials['completed']} of {count(trials['planned'], 'planned trial')} completed", *parts]) if parts else ""
