"""The league table: frames in, frames out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.intervals import mean_intervals, two_sample_p_value
from analysis.numerics.multiplicity import holm
from analysis.numerics.sign_flips import sign_flip_p_values
from benchmarks.searchers.methods import RANDOM_ASHA
from benchmarks.searchers.race import STEPS


def frame(rows: Sequence[Mapping[str, Any]], versions: Mapping[str, str | None]) -> pd.DataFrame:
    """The rows of the versions that are installed, of what is not (None) those of the version that
    was measured last; one line per search: ``method, problem, seed, trials, ms``, and ``regret`` as
    a list.
    """
    last = {row["method"]: row["version"] for row in rows}
    shown = {name: version or last.get(name) for name, version in versions.items()}
    kept = [row for row in rows if shown.get(row["method"]) == row["version"]]
    columns = ["method", "problem", "workers", "seed", "trials", "ms", "regret"]
    return pd.DataFrame(kept, columns=columns)


def complete(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the methods that were measured on every problem, so that their means compare."""
    problems = rows.groupby("method")["problem"].transform("nunique")
    return rows[problems == rows["problem"].nunique()]


def curves(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Of each method the regret after every part of the budget, mean over its seeds: shape
    ``(problems, STEPS)``, problems in the order of their names.
    """
    return {
        str(method): np.stack(
            [np.stack(each["regret"].tolist()).mean(axis=0) for _, each in own.groupby("problem")]
        )
        for method, own in rows.groupby("method")
    }


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """One line per method, the best first: final regret, mean over problems, with its interval over
    problems; the difference from random + ASHA, or where there is nothing to stop from random, on
    the problems that both have, with its interval; on how many problems it is better and worse than
    that (5 %, Holm over the problems); the share of the budget after which it has the regret that
    the other ends with; the cost of a suggestion.
    """
    lines = [_line(rows, str(method)) for method in rows["method"].unique()]
    return pd.DataFrame(lines).sort_values("regret", kind="stable").reset_index(drop=True)


def against(rows: pd.DataFrame, method: str) -> pd.DataFrame:
    """One line per rival of ``method``, over the problems that both have: how much higher its final
    regret is, with an interval over problems; on how many of them it is lower and higher, seeds
    averaged, and on how many that is decided (5 %, Holm over the problems); the p-value of sign
    flips over problems, corrected by Holm over the rivals.
    """
    last = rows.assign(final=rows["regret"].str[-1])
    finals = last.pivot_table(index="problem", columns="method", values="final")
    apart = finals.drop(columns=method).sub(finals[method], axis=0).dropna(axis=1, how="all")
    samples = [apart[rival].dropna().to_numpy() for rival in apart]
    limits = mean_intervals(samples)
    own = {str(name): each for name, each in rows.groupby("method")}
    decided = [
        _decided(own[rival], own[method], list(apart[rival].dropna().index)) for rival in apart
    ]
    found = pd.DataFrame(
        {
            "rival": list(apart),
            "problems": [len(sample) for sample in samples],
            "higher by": [sample.mean() for sample in samples],
            "low": limits[:, 0],
            "high": limits[:, 1],
            "lower on": [int((sample < 0).sum()) for sample in samples],
            "higher on": [int((sample > 0).sum()) for sample in samples],
            "surely lower on": [lower for lower, _ in decided],
            "surely higher on": [higher for _, higher in decided],
            "p": holm(pd.Series(sign_flip_p_values(samples))),
        }
    )
    return found.sort_values("higher by", kind="stable").reset_index(drop=True)


def _line(rows: pd.DataFrame, method: str) -> dict[str, Any]:
    base = RANDOM_ASHA if (rows["method"] == RANDOM_ASHA).any() else "random"
    own, other = rows[rows["method"] == method], rows[rows["method"] == base]
    shared = sorted(set(own["problem"]) & set(other["problem"]))
    final = curves(own)[method][:, -1]
    low, high = mean_intervals([final])[0]
    ours, theirs = (
        curves(each[each["problem"].isin(shared)])[name]
        for each, name in ((own, method), (other, base))
    )
    difference = ours[:, -1] - theirs[:, -1]
    less, more = mean_intervals([difference])[0]
    better, worse = _decided(own, other, shared)
    return {
        "method": method,
        "problems": own["problem"].nunique(),
        "seeds": own.groupby("problem")["seed"].nunique().min(),
        "regret": final.mean(),
        "low": low,
        "high": high,
        "difference": difference.mean(),
        "less": less,
        "more": more,
        "better": better,
        "worse": worse,
        "reaches": reaches(ours.mean(axis=0), theirs.mean(axis=0)[-1]),
        "ms": own["ms"].median(),
    }


def reaches(curve: np.ndarray, level: float) -> float:
    """The share of the budget after which a mean curve is at ``level`` or below; NaN for never."""
    there = np.flatnonzero(curve <= level)
    return (there[0] + 1) / STEPS if len(there) else np.nan


def _decided(own: pd.DataFrame, other: pd.DataFrame, problems: Sequence[str]) -> tuple[int, int]:
    """On how many problems the final regret is lower, and higher, by Welch's test over the seeds of
    each, corrected by Holm over the problems.
    """
    pairs = [
        tuple(
            np.array([row[-1] for row in each[each["problem"] == name]["regret"]])
            for each in (own, other)
        )
        for name in problems
    ]
    p_values = pd.Series([two_sample_p_value(first, last, student=True) for first, last in pairs])
    supported = holm(p_values) <= 0.05
    signs = pd.Series([first.mean() - last.mean() for first, last in pairs])
    return int((supported & (signs < 0)).sum()), int((supported & (signs > 0)).sum())
