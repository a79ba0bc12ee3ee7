"""What the corrected intervals say about each pair of compared runs."""

from typing import Any

import pandas as pd

from analysis.stats.runs import Comparison
from analysis.text.format import count
from analysis.text.rounding import number, signed, span


def sentences(comparison: Comparison) -> list[str]:
    """What the corrected intervals say about each pair of runs, one sentence each."""
    return [_sentence(comparison, row) for row in comparison.differences.to_dict("records")]


def _sentence(comparison: Comparison, row: dict[Any, Any]) -> str:
    runs = f"{row['last']} against {row['first']}"
    subject = f"{runs}, mean {comparison.metric} of the setting that each chose"
    if not row["n"]:
        return f"{subject}: no result to compare."
    seeds = count(int(row["n"]), "pair" if row["paired"] else "seed")
    if pd.isna(row["corrected_low"]):
        return (
            f"{subject}: {signed(row['difference'])} (n = {row['n']:.0f}: too few seeds for an"
            " interval)."
        )
    ends = " to ".join(span(row["corrected_low"], row["corrected_high"]))
    within = f"{ends}, {seeds} {'of seeds' if row['paired'] else 'on the smaller side'}"
    if not row["supported"]:
        outside = row["corrected_low"] > 0 or row["corrected_high"] < 0
        why = (
            " where lost seeds count as the worst"
            if row["p_corrected"] <= 0.05
            else f" after correction: p = {number(row['p_corrected'], 2)}"
        )
        after = why if outside else ""
        return (
            f"{subject}: no evidence of a difference{after} ({signed(row['difference'])}, corrected"
            f" interval {within})."
        )
    better = (row["difference"] > 0) == (comparison.mode == "max")
    return (
        f"{subject}: {'better' if better else 'worse'} by {number(abs(row['difference']), 2)}"
        f" (corrected interval {within})."
    )
