"""Where settings stand in a picture: in rows and columns, in panels, or the best of many alone."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.charts.style import distinct
from analysis.records.load import Run
from analysis.stats.labels import descriptions, label
from analysis.stats.tables import settings_table
from analysis.text.format import count

HUES = 6  # so many curves of different colour in one panel can still be told apart
PANELS = 24
CELLS = 12  # so many values of a parameter fit along one side of a grid


def panels(run: Run) -> pd.DataFrame:
    """Where each setting is drawn, index ``setting``: ``column, row`` (of two parameters; else the
    whole setting and nothing), ``panel``, ``colour`` and ``label``.

    ``panel`` and ``colour`` serve curves: the last of at most two parameters is the colour where it
    has few values.
    """
    settings = settings_table(run)
    labels = descriptions(run, settings)
    titled = {key: f"{key} " + texts_of(run, settings, key) for key in run.parameters}
    pair = is_gridded(run)
    column, row = (titled[key] for key in run.parameters) if pair else (labels, "")
    few = texts_of(run, settings, run.parameters[-1]).nunique() <= HUES
    colour = titled[run.parameters[-1]] if few and (pair or len(titled) == 1) else ""
    panel = labels if isinstance(colour, str) else titled[run.parameters[0]] if pair else ""
    return pd.DataFrame(
        {"column": column, "row": row, "panel": panel, "colour": colour, "label": labels},
        index=settings.index,
        dtype=object,
    )


def is_gridded(run: Run) -> bool:
    """Whether the settings can stand in rows and columns: two parameters with a list of at most 12
    values each.
    """
    space = run.spec["space"]
    return len(space) == 2 and all(
        0 < len(domain.get("values", [])) <= CELLS for domain in space.values()
    )


def shown_settings(run: Run, summary: pd.DataFrame, most: int = PANELS) -> list[int]:
    """The settings that fit into a picture: all of a grid of rows and columns, else the best
    ``most``, in the order of the space.
    """
    means = summary.loc[summary["n"] > 0, f"{run.metric}_mean"]
    if not is_gridded(run):
        means = means.nlargest(most) if run.higher_is_better else means.nsmallest(most)
    return sorted(map(int, means.index))


def texts_of(run: Run, settings: pd.DataFrame, key: str) -> pd.Series:
    texts = [label(run, key, value) for value in settings[key]]
    return pd.Series(texts, index=settings.index, dtype=object)


def shown_words(shown: list[int], summary: pd.DataFrame) -> str:
    results = int((summary["n"] > 0).sum())
    if len(shown) == results:
        return ""
    return f" The best {len(shown)} of {count(results, 'setting')} are shown."


def header(field: str, facts: pd.DataFrame, side: str = "facet") -> Any:
    channel: Any = {"facet": alt.Facet, "row": alt.Row}[side]
    options = {"labelAngle": 0, "labelAlign": "left"} if side == "row" else {}
    texts = alt.Header(title=None, labelLimit=290, **options)
    return channel(f"{field}:N", sort=distinct(facts[field]), title=None, header=texts)
