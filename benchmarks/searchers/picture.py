"""The league as one picture: regret over the budget, mean over problems."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.intervals import mean_intervals
from benchmarks.searchers.league import curves
from benchmarks.searchers.methods import DEFAULTS
from benchmarks.searchers.race import STEPS


def facts(rows: pd.DataFrame) -> pd.DataFrame:
    """``method, spent`` (in full trainings of 20), ``regret, low, high``."""
    return pd.concat(
        [_curve(method, values) for method, values in curves(rows).items()], ignore_index=True
    )


def _curve(method: str, values: np.ndarray) -> pd.DataFrame:
    limits = mean_intervals(list(values.T))
    return pd.DataFrame(
        {
            "method": method,
            "spent": 100 * np.arange(1, STEPS + 1) / STEPS,
            "regret": values.mean(axis=0),
            "low": limits[:, 0],
            "high": limits[:, 1],
        }
    )


def draw(rows: pd.DataFrame, file: Path) -> None:
    """As SVG; the names stand in the order of the final regret, the band is the 95 % interval over
    problems of our defaults.
    """
    import altair as alt

    drawn = facts(rows)
    last = drawn[drawn["spent"] == drawn["spent"].max()]
    order = last.sort_values("regret")["method"].tolist()
    names = alt.Color(
        "method:N",
        title=None,
        sort=order,
        scale=alt.Scale(scheme="tableau10" if len(order) <= 10 else "tableau20"),
        legend=alt.Legend(symbolOpacity=1, symbolType="stroke", symbolStrokeWidth=3),
    )
    chart: Any = alt.Chart(drawn).encode(x=alt.X("spent:Q", title="budget spent, %"), color=names)
    value = alt.Y("regret:Q", title="regret (0: best of 40,000 settings, 1: their median)")
    ours = alt.datum["method"] == DEFAULTS
    width = alt.condition(ours, alt.value(3), alt.value(1.5))
    line = chart.mark_line().encode(y=value, strokeWidth=width)
    band = chart.mark_area(opacity=0.15).transform_filter(ours)
    band = band.encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    alt.layer(band, line).properties(width=560, height=360).save(str(file))
