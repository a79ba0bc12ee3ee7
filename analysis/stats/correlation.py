"""How each parameter goes with the metric, over evidence that can be compared: at each rung, and at
full length.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.numerics.association import (
    ETA,
    FEWEST,
    MANY,
    PEARSON,
    SPEARMAN,
    coefficient,
    interval,
    normal_interval,
)
from analysis.numerics.samples import RANDOM_SEED
from analysis.records.load import Run
from analysis.stats.extrapolation import at_full_length, can_extrapolate, fill_in
from analysis.stats.fidelity import (
    CATEGORICAL,
    NUMERIC,
    Evidence,
    codes,
    evidence,
    features,
    is_there,
    kind_of,
    positions,
)
from analysis.stats.identity import identity

REACHED, EXTRAPOLATED = "reached", "extrapolated"
ABOUT = ["parameter", "kind", "epoch", "evidence", "method", "n", "measured"]
COLUMNS = [*ABOUT, "coefficient", "low", "high", "naive"]
REFITS, FEW_REFITS = 299, 49
"""Bootstrap resamples with a new extrapolation each; few for more than ``association.MANY`` trials.
"""
METHODS = {NUMERIC: (SPEARMAN, PEARSON), CATEGORICAL: (ETA,)}


def correlations(run: Run) -> pd.DataFrame:
    """How each parameter of the space goes with the metric over the search trials: one row per
    parameter, epoch, evidence and method.

    Columns:

    - ``parameter``, ``kind`` ("numeric" or "categorical"), ``epoch`` (a rung of the study or its
      full length)
    - ``evidence``: "reached": the trials that reached that epoch, each with its value (mean over
      seeds) at that very epoch; at a later rung these are survivors only. "extrapolated", at full
      length of a study that stops trials: every trial that reached the first rung, stopped ones
      with what they would have reached (see ``extrapolation``). Diverged and failed trials have no
      such value
    - ``method``: "spearman" and "pearson" for numeric parameters (on the log of those searched on a
      log scale), "eta" (correlation ratio) for categorical ones
    - ``n``: trials; ``measured``: those of them whose value was measured at that epoch
    - ``coefficient``; ``low, high``: 95 % interval, a bootstrap over trials (noncentral F for eta);
      for extrapolated evidence every resample extrapolates anew. Missing below 10 trials and where
      parameter or metric do not vary
    - ``naive``: the same coefficient over the last values of all trials, however long they ran;
      comparable only where no trial was stopped

    A parameter of a branch is compared over the trials of that branch, which ``n`` and ``measured``
    count.
    """
    found = evidence(run)
    rows = [row for epoch in found.stops for row in _reached(found, epoch)]
    if can_extrapolate(found, run.higher_is_better):
        rows += _extrapolated(found, run.higher_is_better)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    order = {key: place for place, key in enumerate(run.parameters)}
    return frame.sort_values(
        "parameter", key=lambda names: names.map(order), kind="stable", ignore_index=True
    )


def has_coefficients(table: pd.DataFrame) -> bool:
    """Whether a table of ``correlations`` has anything to show."""
    return bool(table["coefficient"].notna().any())


def recommended(table: pd.DataFrame, *, pearson: bool = False) -> pd.DataFrame:
    """The rows of ``correlations`` to quote: at full length, extrapolated where there are such, one
    method each (Spearman or eta), or with ``pearson`` that one as well. Where fewer than ten trials
    got so far, the last rung that ten trials reached.
    """
    told = table.loc[table["n"] >= FEWEST, "epoch"]
    epoch = table["epoch"].max() if told.empty else told.max()
    last = table[(table["epoch"] == epoch) & ((table["method"] != PEARSON) | pearson)]
    chosen = EXTRAPOLATED if (last["evidence"] == EXTRAPOLATED).any() else REACHED
    return last[last["evidence"] == chosen].reset_index(drop=True)


def _reached(found: Evidence, epoch: int) -> Iterator[dict[str, object]]:
    values = found.values[epoch].dropna()
    settings = found.settings.loc[values.index]
    for key, kind, method in _methods(found):
        parameter, metric = _present(found, key, settings, values.to_numpy())
        row = {
            "parameter": key,
            "kind": kind,
            "epoch": epoch,
            "evidence": REACHED,
            "method": method,
            "n": len(metric),
            "measured": len(metric),
        }
        low, high = interval(method, parameter, metric)
        yield row | {
            "coefficient": _safe(method, parameter, metric),
            "low": low,
            "high": high,
            "naive": _naive(found, key, method),
        }


def _extrapolated(found: Evidence, higher: bool) -> list[dict[str, object]]:
    whole = at_full_length(found, higher)
    settings, metric = found.settings.loc[whole.index], whole["value"].to_numpy()
    resampled = _resampled(found, whole, higher)
    same = {
        "epoch": found.full,
        "evidence": EXTRAPOLATED,
    }
    rows: list[dict[str, object]] = []
    for place, (key, kind, method) in enumerate(_methods(found)):
        present = is_there(settings[key])
        value = _safe(method, *_present(found, key, settings, metric))
        low, high = _limits(
            method,
            value,
            resampled[:, place],
            int(present.sum()),
            settings[key][present].map(identity).nunique(),
        )
        row = {
            "n": int(present.sum()),
            "measured": int(whole["measured"][present].sum()),
            "parameter": key,
            "kind": kind,
            "method": method,
            "coefficient": value,
            "low": low,
            "high": high,
        }
        rows.append({**same, **row, "naive": _naive(found, key, method)})
    return rows


def _resampled(found: Evidence, whole: pd.DataFrame, higher: bool) -> np.ndarray:
    """The coefficients over resampled trials, extrapolated anew each time: shape ``(resamples,
    rows)``.
    """
    settings = found.settings.loc[whole.index]
    values, inputs = (
        found.values.loc[whole.index].to_numpy(dtype=float),
        features(found.space, settings, squares=True),
    )
    columns = [(method, _column(found, key, settings)) for key, _, method in _methods(found)]
    rng = np.random.default_rng(RANDOM_SEED)
    results = np.full((REFITS if len(whole) <= MANY else FEW_REFITS, len(columns)), np.nan)
    for draw in range(len(results)):
        rows = rng.integers(0, len(whole), len(whole))
        if np.isfinite(values[rows]).sum(axis=0).min() < 2:
            continue  # hardly any completed trial was drawn: nothing to extrapolate from
        metric, _ = fill_in(values[rows], inputs[rows], higher)
        results[draw] = [
            _safe(method, *_where_known(column[rows], metric)) for method, column in columns
        ]
    return results


def _limits(
    method: str, value: float, resampled: np.ndarray, trials: int, groups: int
) -> tuple[float, float]:
    """The bootstrap interval. The correlation ratio of a resample is too large on average by what
    chance gives, which is taken off.
    """
    if np.isnan(value) or np.isfinite(resampled).sum() < FEWEST:
        return np.nan, np.nan
    if method != ETA:
        return normal_interval(value, resampled)
    chance = 2 * (groups - 1) / trials  # once for the trials, once more for drawing from them
    low, high = np.sqrt(np.clip(np.nanquantile(resampled**2, [0.025, 0.975]) - chance, 0, 1))
    return float(low), float(high)


def _methods(found: Evidence) -> list[tuple[str, str, str]]:
    """Parameter, kind and method of each row."""
    kinds = {key: kind_of(domain) for key, domain in found.space.items()}
    return [(key, kind, method) for key, kind in kinds.items() for method in METHODS[kind]]


def _column(found: Evidence, key: str, settings: pd.DataFrame) -> np.ndarray:
    domain = found.space[key]
    return positions(domain, settings[key]) if kind_of(domain) == NUMERIC else codes(settings[key])


def _present(
    found: Evidence, key: str, settings: pd.DataFrame, metric: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return _where_known(_column(found, key, settings), metric)


def _where_known(column: np.ndarray, metric: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without the trials that do not have the parameter."""
    there = column >= 0 if column.dtype.kind == "i" else np.isfinite(column)
    return column[there], metric[there]


def _naive(found: Evidence, key: str, method: str) -> float:
    last = found.last.dropna()
    return _safe(method, *_present(found, key, found.settings.loc[last.index], last.to_numpy()))


def _safe(method: str, parameter: np.ndarray, metric: np.ndarray) -> float:
    return float(coefficient(method, parameter, metric)) if len(metric) > 1 else np.nan
