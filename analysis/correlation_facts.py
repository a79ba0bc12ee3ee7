"""What the pictures of correlation and importance show, as frames."""

import numpy as np
import pandas as pd

from analysis.association import PEARSON
from analysis.axes import is_wide
from analysis.correlation import EXTRAPOLATED
from analysis.evidence import Evidence, evidence, positions
from analysis.extrapolation import at_full_length, can_extrapolate
from analysis.labels import label
from analysis.rounding import rounded
from analysis.runs import Run
from analysis.tables import identity

APART = 0.05  # a naive figure this far off is drawn
MOST_LINES = 300
MOST_LABELS = 24
NAMES_AT = 1.15
SPREAD, GOLDEN = 0.12, 0.6180339887  # values of a list are drawn this far apart at most, so that lines do not cover each other


def differs(ours: pd.Series, naive: pd.Series) -> pd.Series:
    """Whether a naive figure is so far from ours that it is shown."""
    return (naive - ours).abs() > APART


def bars(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``correlation.correlations`` to draw: ``panel, label, method, coefficient, low, high, n, naive``.

    One panel per rung and one for the full length: the extrapolated evidence where there is such. ``naive`` is missing but in the last
    panel, and there where it lies within 0.05 of the coefficient.
    """
    full = table["epoch"].max()
    extrapolated = table["evidence"] == EXTRAPOLATED
    drawn = table[(table["method"] != PEARSON) & (extrapolated | (table["epoch"] < full) | ~extrapolated.any())]
    most = drawn.groupby(["epoch", "evidence"])["n"].transform("max")  # a parameter that some trials lack has fewer
    panel = [_panel(epoch, n, evidence == EXTRAPOLATED) for epoch, n, evidence in zip(drawn["epoch"], most, drawn["evidence"], strict=True)]
    off = (drawn["epoch"] == full) & differs(drawn["coefficient"], drawn["naive"])
    facts = drawn.assign(panel=panel, label=drawn["parameter"], naive=drawn["naive"].where(off)).sort_values("epoch", kind="stable")
    return facts[["panel", "label", "method", "coefficient", "low", "high", "n", "naive"]].reset_index(drop=True)


def importance_bars(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``importance.importances`` to draw: ``label, importance, low, high, n, naive`` (missing within 0.05 of ours)."""
    facts = table.assign(label=table["parameter"], naive=table["naive"].where(differs(table["importance"], table["naive"])))
    return facts[["label", "importance", "low", "high", "n", "naive"]]


def parallel(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lines and labels of the parallel coordinates: ``trial, index, place, name, text, score, state`` with one row per search trial and
    axis, and ``index, place, text``.

    ``score``: the metric at full length, extrapolated for stopped trials where that can be done; missing for the others. At most 300
    trials, every so many-th by score beyond.
    """
    found = evidence(run)
    score = _scores(found, run.spec["mode"] == "max")
    shown = _thinned(score, run.spec["mode"] == "max")
    places = {key: _places(run, found, key) for key in run.parameters}
    axes = [_axis(run, place, key, found.settings[key], *places[key]) for place, key in enumerate(run.parameters)]
    last = len(axes)
    line = pd.DataFrame({"trial": score.index, "index": last, "place": _unit(score), "name": run.metric})
    lines = pd.concat([*(line for line, _ in axes), line.assign(text=rounded(score))], ignore_index=True)
    lines = lines[lines["trial"].isin(shown) & lines["place"].notna()]
    lines = lines.assign(score=lines["trial"].map(score), state=lines["trial"].map(found.ended))
    labels = pd.concat([*(label for _, label in axes), _score_labels(score, last, run.metric)], ignore_index=True)
    columns = ["trial", "index", "place", "name", "text", "score", "state"]
    return lines[columns].sort_values(["trial", "index"], ignore_index=True), labels


def _panel(epoch: int, trials: int, extrapolated: bool) -> str:
    return f"epoch {epoch}, extrapolated (n = {trials:,})" if extrapolated else f"epoch {epoch} (n = {trials:,})"


def _scores(found: Evidence, higher: bool) -> pd.Series:
    values = found.values[found.full]
    if can_extrapolate(found):
        values = values.fillna(at_full_length(found, higher)["value"])
    return values.rename("score")


def _thinned(score: pd.Series, higher: bool) -> list[str]:
    ordered = score.sort_values(ascending=not higher, kind="stable").index
    return list(ordered[:: max(1, -(-len(ordered) // MOST_LINES))])


def _places(run: Run, found: Evidence, key: str) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Where each trial lies along the axis, 0 to 1, and what stands along it."""
    domain, column = found.space[key], found.settings[key]
    if "values" in domain:
        order = {identity(value): place for place, value in enumerate(domain["values"])}
        steps = max(1, len(order) - 1)
        marks = [(place / steps, label(run, key, value)) for place, value in enumerate(domain["values"])]
        places = np.array([order.get(identity(value), np.nan) for value in column], dtype=float) / steps
        apart = np.arange(len(column)) * GOLDEN % 1 - 0.5
        return places + apart * min(SPREAD, 0.5 / steps), marks[:MOST_LABELS]
    ends = positions(domain, pd.Series([domain["low"], domain["high"]]))
    marks = [(0.0, label(run, key, domain["low"])), (1.0, label(run, key, domain["high"]))]
    return (positions(domain, column) - ends[0]) / ((ends[1] - ends[0]) or 1.0), marks


def _axis(
    run: Run, number: int, key: str, column: pd.Series, places: np.ndarray, marks: list[tuple[float, str]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    texts = [label(run, key, value) for value in column]
    lines = pd.DataFrame({"trial": column.index, "index": number, "place": places, "name": key, "text": texts})
    labels = pd.DataFrame([(number, place, text) for place, text in [*marks, (NAMES_AT, key)]], columns=["index", "place", "text"])
    return lines, labels


def _unit(score: pd.Series) -> np.ndarray:
    values = score.to_numpy(dtype=float)
    known = values[np.isfinite(values)]
    values = np.log10(values) if is_wide(known) and known.min() > 0 else values
    low, high = (np.nanmin(values), np.nanmax(values)) if len(known) else (0.0, 1.0)
    return (values - low) / ((high - low) or 1.0)


def _score_labels(score: pd.Series, number: int, metric: str) -> pd.DataFrame:
    ends = list(enumerate(rounded([score.min(), score.max()]))) if score.notna().any() else []
    return pd.DataFrame([(number, float(place), text) for place, text in [*ends, (NAMES_AT, metric)]], columns=["index", "place", "text"])
