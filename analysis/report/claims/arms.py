"""The sentence at the top of a report that compares arms: which arm is better, and at which parts,
as far as the corrected intervals go.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.multiplicity import excludes_zero
from analysis.records.load import Run
from analysis.report.claims.words import missing, sentence, sign_text
from analysis.stats.compared import Compared
from analysis.stats.identity import identity
from analysis.stats.lost import lost_words
from analysis.text.format import count, listing
from analysis.text.rounding import percent, rounded, rounded_rows, spread_of

VERDICTS = {1: "better", -1: "worse"}
STATED = 4  # so many comparisons have a statement each; more are counted
NAMED = 6  # so many parts are named in the sentence; more are counted


def arm_answer(
    run: Run,
    what: Compared,
    arms: pd.DataFrame,
    costs: pd.DataFrame,
    statuses: pd.DataFrame,
    best: str = "",
) -> str:
    """What the run says about its arms, one statement for each arm and combination of the other
    parameters; where these are more than ``STATED``, how many say what.

    The frames are those of ``arms_table``, ``costs_table`` and ``status_table``; ``best``: what is
    said of the best setting. "At every" part is said only where all corrected intervals of the
    parts lie on one side of 0.
    """
    if not costs["n"].sum():
        return sentence(
            "no trial has completed with a number, so there is no answer yet", missing(statuses)
        )
    pairs = [rows for _, rows in arms.groupby(["baseline_setting", "arm_setting"], sort=False)]
    if not pairs:
        return sentence(
            f"there is no arm to compare with {what.name(what.baseline)}", missing(statuses)
        )
    better = run.mode.sign
    said = (
        " ".join(f"{_statement(what, rows, costs, better)}." for rows in pairs)
        if len(pairs) <= STATED
        else _counts(what, arms[what.of_first(arms)], better)
    )
    left_out = int(max(rows.loc[what.of_first(rows), "left_out"].max() for rows in pairs))
    stand = "stands" if left_out == 1 else "stand"
    unpaired = (
        f"{count(left_out, 'seed')} that only one arm has {stand} behind no difference"
        if left_out
        else ""
    )
    lost = lost_words(run, what.metrics[0], what.scale, what.unit)
    return " ".join(
        text for text in (said, sentence(best, lost, unpaired, missing(statuses))) if text
    )


def _counts(what: Compared, rows: pd.DataFrame, better: int) -> str:
    """How many comparisons are supported, arm by arm, and the largest difference, of those that
    are supported where any is.
    """
    told = [
        _of_arm(what, of_arm, better)
        for _, of_arm in rows.groupby(rows["arm"].map(identity), sort=False)
    ]
    known = rows[rows["supported"]] if rows["supported"].any() else rows[rows["n"] > 1]
    largest = ""
    if len(known):
        row = known.loc[known["difference"].abs().idxmax()]
        arm, baseline, at = what.sides(row)
        kind = "largest supported difference" if row["supported"] else "largest difference"
        seeds = f"n = {row['n']} paired seeds"
        largest = f"; {kind}: {arm} against {baseline}{at}, {_overall(what, row)}, {seeds}"
    return f"{'; '.join(told)}{largest}."


def _of_arm(what: Compared, rows: pd.DataFrame, better: int) -> str:
    arm, baseline, _ = what.sides(rows.iloc[0])
    ahead = (rows["difference"] * better > 0)[rows["supported"]]
    wins, losses = int(ahead.sum()), int((~ahead).sum())
    return (
        f"{arm} is better than {baseline}{_by(what)} in {wins} of"
        f" {count(len(rows), 'comparison')}, worse in {losses}, no evidence of a difference in"
        f" {len(rows) - wins - losses}"
    )


def _statement(what: Compared, rows: pd.DataFrame, costs: pd.DataFrame, better: int) -> str:
    """One arm against the baseline at one combination of the other parameters."""
    first = what.of_first(rows)
    overall, parts = rows[first].iloc[0], rows[~first]
    arm, baseline, at = what.sides(overall)
    if overall["n"] == 0:
        return f"{_no_pair(what, overall)}, so there is no difference to speak of{at}"
    if overall["n"] == 1:
        return (
            f"One paired seed supports no claim about {arm} and {baseline}{at}; {overall['metric']}"
            f" {_means(what, overall)}, n = 1"
        )
    return _claim(what, overall, parts, _weights(costs, overall), better)


def _no_pair(what: Compared, overall: pd.Series) -> str:
    absent = [
        what.name(overall[arm]) for arm in ("baseline", "arm") if pd.isna(overall[f"{arm}_mean"])
    ]
    if absent:
        return f"{listing(absent)} {'has' if len(absent) == 1 else 'have'} no completed seed"
    return f"{what.name(overall['arm'])} and {what.name(overall['baseline'])} share no seed"


def _claim(
    what: Compared, overall: pd.Series, parts: pd.DataFrame, weights: str, better: int
) -> str:
    arm, baseline, at = what.sides(overall)
    seeds, result = f"n = {overall['n']} paired seeds", _overall(what, overall)
    for sign, side in ((1, "above"), (-1, "below")):
        if what.has_parts and (parts["supported"] & (parts["difference"] * sign > 0)).all():
            every = f"{_range(what, parts)}{what.points} ({_all(len(parts))} {side} 0, {seeds})"
            return (
                f"{arm} is {VERDICTS[sign * better]} than {baseline} at every {what.part}{at}:"
                f" {every}; overall {result}{weights}"
            )
    verdict = (
        f"{arm} is {VERDICTS[np.sign(overall['difference']) * better]} than {baseline}"
        if overall["supported"]
        else f"No evidence of a difference between {arm} and {baseline}"
    )
    return f"{verdict}{_by(what)}{at}: {result}, {seeds}{weights}{_parts(what, parts, better)}"


def _parts(what: Compared, parts: pd.DataFrame, better: int) -> str:
    """What the parts say where they do not all say the same."""
    if parts.empty:
        return ""
    if not what.has_parts:
        return f"; {listing(map(_other, parts.to_dict('records')))}"
    said = []
    for sign in (1, -1):
        rows = parts[parts["supported"] & (parts["difference"] * better * sign > 0)]
        if len(rows):
            said.append(
                f"{VERDICTS[sign]} at {len(rows)} of"
                f" {count(len(parts), what.part)}{_named(parts, rows)}"
            )
    if not said:
        if excludes_zero(parts).any():
            return f"; at no {what.part} is the corrected p-value 0.05 or less"
        return f"; at no {what.part} does the corrected interval exclude 0"
    rest = int((~parts["supported"]).sum())
    return f"; {listing(said)}" + (f", no evidence at {rest}" if rest else "")


def _by(what: Compared) -> str:
    """By what arms are judged, with a space before it."""
    return " overall" if what.has_parts else f" by {what.metrics[0]}"


def _other(row: dict[Any, Any]) -> str:
    """What a metric says beside the one that the study judges by, whose mode it need not have."""
    sign = np.sign(row["difference"]) if row["supported"] else 0
    said = {1: "higher", -1: "lower", 0: "no evidence of a difference"}[sign]
    return f"{said} by {row['metric']}"


def _named(parts: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Which parts ``rows`` are, or which they are not, whichever list is shorter."""
    others = parts.loc[parts.index.difference(rows.index), "part"]
    if len(rows) <= min(len(others), NAMED):
        return f" ({listing(rows['part'])})"
    return f" (all but {listing(others)})" if 0 < len(others) <= NAMED else ""


def _overall(what: Compared, overall: pd.Series) -> str:
    row, limits = pd.DataFrame([overall]), ("corrected_low", "corrected_high")
    difference, low, high = rounded_rows(
        row, ["difference", *limits], spread_of(row, limits=[limits]), what.decimals
    ).iloc[0]
    interval = f" [{low}, {high}]" if pd.notna(overall["corrected_low"]) else ""
    return f"{_means(what, overall)}, {sign_text(difference)}{interval}{what.points}"


def _means(what: Compared, overall: pd.Series) -> str:
    row, means = pd.DataFrame([overall]), ["arm_mean", "baseline_mean"]
    arm, baseline = rounded_rows(
        row, means, spread_of(row, ["arm_std", "baseline_std"]), what.decimals
    ).iloc[0]
    return f"{arm}{what.unit} against {baseline}{what.unit}"


def _range(what: Compared, parts: pd.DataFrame) -> str:
    ends = rounded(parts["difference"].agg(["min", "max"]), decimals=what.decimals)
    return " to ".join(dict.fromkeys(map(sign_text, ends)))


def _all(amount: int) -> str:
    return {1: "corrected interval", 2: "both corrected intervals"}.get(
        amount, f"all {amount} corrected intervals"
    )


def _weights(costs: pd.DataFrame, overall: pd.Series) -> str:
    """How many weights fewer or more; empty where they were not recorded."""
    if "fewer_parameters" not in costs:
        return ""
    rows: Any = costs[
        (costs["arm"].map(identity) == identity(overall["arm"])) & (costs["at"] == overall["at"])
    ]
    fewer = rows["fewer_parameters"].iloc[0] if len(rows) else np.nan  # none, of a branch
    if pd.isna(fewer) or fewer == 0:
        return ""
    return f", with {percent(abs(fewer))} {'fewer' if fewer > 0 else 'more'} parameters"
