"""What the pictures of correlations and importances share."""

import altair as alt
import pandas as pd

from analysis.charts.style import COLOURS, Layer, distinct, present
from analysis.text.rounding import MISSING, fixed

SECTION = "correlations"  # the anchor of the section that shows them
APART = 0.05  # a naive figure this far off is drawn
NAIVE = COLOURS[1]
ROW = 26  # pixels from one parameter to the next


def differs(ours: pd.Series, naive: pd.Series) -> pd.Series:
    """Whether a naive figure is so far from ours that it is shown."""
    return (naive - ours).abs() > APART


def naive_words(facts: pd.DataFrame) -> str:
    """What naive figures are, where some are drawn."""
    if not facts["naive"].notna().any():
        return ""
    return " Struck-through circles: what the last values of unequal epochs would have given."


def interval_texts(table: pd.DataFrame) -> list[str]:
    """The columns ``low`` and ``high`` as one."""
    return [
        MISSING if pd.isna(low) else f"{fixed(low, 2)} to {fixed(high, 2)}"
        for low, high in zip(table["low"], table["high"], strict=True)
    ]


def worded(facts: pd.DataFrame, figure: str) -> pd.DataFrame:
    """The facts with the column ``figure``, its limits and the naive figures as texts."""
    return facts.assign(
        text=[fixed(value, 2) for value in facts[figure]],
        limits=interval_texts(facts),
        known=[fixed(value, 2) for value in facts["naive"]],
    )


def rows_of(frame: pd.DataFrame) -> Layer:
    order = distinct(frame["label"])
    return alt.Chart().encode(
        y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=260))
    )


def over_bars(base: Layer, frame: pd.DataFrame, title: str) -> list[Layer]:
    """Intervals and, where some are to be drawn, naive figures, hollow and struck through."""
    known = base.transform_filter(present("low"))
    layers = [known.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title), x2="high:Q")]
    if frame["naive"].notna().any():
        naive = base.transform_filter(present("naive")).encode(x=alt.X("naive:Q", title=title))
        layers += [
            naive.mark_point(filled=False, size=90, strokeWidth=1.8, opacity=1, color=NAIVE),
            naive.mark_tick(thickness=1.8, size=18, opacity=1, color=NAIVE),
        ]
    return layers
