"""The axes of parallel coordinates, with the values along them and the names above them."""

import altair as alt
import pandas as pd

from analysis.charts.style import HALO, Layer

AXIS = 105  # pixels from one axis to the next
NAMES_AT = 1.15
LONG_NAME, ROOM = 11, 40  # letters of a name, and of all, that have room side by side


def top(labels: pd.DataFrame) -> float:
    """Where a picture ends, on the scale of the axes; slanted names reach further."""
    return 1.1 if _slanted(labels) else 1.24


def _slanted(labels: pd.DataFrame) -> bool:
    names = labels.loc[labels["place"] == NAMES_AT, "text"]
    return bool(names.str.len().max() > min(LONG_NAME, ROOM / len(names)))


def axes_of(labels: pd.DataFrame, across: alt.X, up: alt.Y) -> list[Layer]:
    """Vertical lines, the values along them and the names above them."""
    texts = alt.Chart(alt.NamedData(name="labels")).encode(x=across, y=up, text="text:N")
    rules = (
        alt.Chart(alt.NamedData(name="labels"))
        .transform_aggregate(groupby=["index"])
        .transform_calculate(bottom="0", top="1")
    )
    rules = rules.mark_rule(strokeWidth=1.5, opacity=0.7).encode(
        x=across, y=alt.Y("bottom:Q", axis=None), y2="top:Q"
    )
    names = texts.transform_filter(alt.datum.place > 1.05)
    bold = {"fontSize": 12, "fontWeight": "bold"}
    if _slanted(labels):
        names = names.transform_calculate(place="1.04")
        names = names.mark_text(**bold, angle=335, align="left", baseline="bottom")
    else:
        names = names.mark_text(**bold, baseline="middle", limit=AXIS)
    values = texts.transform_filter(alt.datum.place <= 1.05)
    look = {"fontSize": 11, "align": "right", "dx": -6, "baseline": "middle", "limit": AXIS - 12}
    return [rules, names, values.mark_text(style=HALO, **look), values.mark_text(**look)]
