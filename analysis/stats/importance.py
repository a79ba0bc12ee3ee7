"""Which parameters the metric depends on, over evidence that can be compared; the measures are
those of Optuna.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.association import FEWEST
from analysis.numerics.samples import RANDOM_SEED
from analysis.numerics.surrogate import fit_kernel, most_certain, predict
from analysis.records.load import Run
from analysis.records.space import active
from analysis.stats.correlation import ABOUT, EXTRAPOLATED, REACHED
from analysis.stats.extrapolation import at_full_length, can_extrapolate, fill_in
from analysis.stats.fidelity import Evidence, evidence, features, is_there, kind_of
from analysis.stats.identity import identity
from analysis.stats.optuna_importance import FANOVA, MOST, PED_ANOVA, optuna_importances

DRAWN = {PED_ANOVA: 600, FANOVA: 200}  # settings at which the model is asked
REFITS = {
    PED_ANOVA: 20,
    FANOVA: 0,
}  # resamples of the trials, extrapolated and modelled anew; fANOVA is too slow for that
COLUMNS = [*ABOUT, "importance", "low", "high", "naive"]


def importances(run: Run, method: str = PED_ANOVA) -> pd.DataFrame:
    """Which parameters the metric at full length depends on: one row per parameter, most important
    first.

    ``method``: "ped-anova" (which parameters decide over being among the best tenth; Watanabe,
    Bansal and Hutter 2023) or "fanova" (share of the variance; Hutter, Hoos and Leyton-Brown 2014),
    both from ``optuna.importance``.

    Columns: ``parameter, kind, epoch`` (the full length; where fewer than ten trials got so far,
    the last rung that ten reached), ``evidence, n, measured`` (as in ``correlation.correlations``),
    ``method``, ``importance`` (they add up to 1), ``low, high`` (middle 80 % over 20 resamples of
    the trials, each extrapolated and modelled anew: how stable the figure is, not a confidence
    interval, which a figure that cannot fall below 0 does not have near 0; missing for fANOVA),
    ``naive`` (what Optuna gives for the last values of all trials, however long they ran). The
    share of a parameter of a branch is that among the trials of this branch, which ``n`` counts:
    it comes on top of the 1.

    Optuna is not given the trials but a Gaussian process fitted to them, asked at hundreds of
    settings drawn evenly from the space: with the trials alone a hundred are too few for a stable
    order (``python -m benchmarks.proofs``), and a search that goes where it is good would count
    only the neighbourhood of the best. Extrapolated values weigh less, by their variance. Empty
    below 10 trials, where metric or all parameters do not vary, and where the resamples rank
    parameters the other way round.
    """
    found = evidence(run)
    higher = run.spec["mode"] == "max"
    extrapolates = can_extrapolate(found, higher)
    known = at_full_length(found, higher) if extrapolates else _measured(found)
    varied = [key for key in run.parameters if _varies(found.settings.loc[known.index, key])]
    if len(known) < FEWEST or not varied or np.ptp(known["value"]) == 0:
        return pd.DataFrame(columns=COLUMNS)
    space = {key: found.space[key] for key in varied}
    shares = _modelled(space, found, known, higher, method)
    frame = pd.DataFrame(
        {"parameter": varied, "kind": [kind_of(domain) for domain in space.values()]}
    )
    theirs = [is_there(found.settings.loc[known.index, key]) for key in varied]
    frame = frame.assign(
        epoch=found.full if extrapolates else found.told,
        evidence=EXTRAPOLATED if extrapolates else REACHED,
        method=method,
    )
    frame = frame.assign(
        n=[int(there.sum()) for there in theirs],
        measured=[int(known["measured"][there].sum()) for there in theirs],
        importance=shares[0],
    )
    frame[["low", "high"]] = (
        np.quantile(shares[1:], [0.1, 0.9], axis=0).T if len(shares) > 1 else np.nan
    )
    if contradicts_itself(frame):
        return pd.DataFrame(columns=COLUMNS)
    frame["naive"] = _naive(space, found, higher, method)
    return frame.sort_values("importance", ascending=False, kind="stable", ignore_index=True)[
        COLUMNS
    ]


def contradicts_itself(frame: pd.DataFrame) -> bool:
    """Whether the range of a parameter lies wholly above that of one with more importance."""
    rows = frame.sort_values("importance")
    return bool((rows["low"].cummax().shift() > rows["high"]).any())


def _varies(column: pd.Series) -> bool:
    """Whether enough trials have the parameter, and not all of them the same value."""
    there = is_there(column)
    return there.sum() >= FEWEST and column[there].map(identity).nunique() > 1


def draw_settings(
    space: Mapping[str, Any], amount: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """``amount`` settings drawn evenly from the space (evenly on the log where it is searched so),
    each with its active parameters.
    """
    columns = [_draw(domain, amount, rng) for domain in space.values()]
    rows = zip(*columns, strict=True)
    return [active(space, dict(zip(space, row, strict=True))) for row in rows]


def _draw(domain: Mapping[str, Any], amount: int, rng: np.random.Generator) -> list[Any]:
    if "values" in domain:
        return [domain["values"][place] for place in rng.integers(0, len(domain["values"]), amount)]
    low, high, whole = domain["low"], domain["high"], domain["kind"] == "int"
    if domain.get("log"):
        edge = 0.5 if whole else 0.0
        drawn = np.exp(rng.uniform(np.log(low - edge), np.log(high + edge), amount))
    elif whole or domain.get("step"):
        step = domain.get("step") or 1
        drawn = low + step * rng.integers(0, int((high - low) / step + 1e-9) + 1, amount)
    else:
        drawn = rng.uniform(low, high, amount)
    return [min(max(round(float(value)), low), high) if whole else float(value) for value in drawn]


def _measured(found: Evidence) -> pd.DataFrame:
    values = found.values[found.told].dropna()
    return pd.DataFrame({"value": values, "variance": 0.0, "measured": True}, index=values.index)


def _modelled(
    space: Mapping[str, Any], found: Evidence, known: pd.DataFrame, higher: bool, method: str
) -> np.ndarray:
    """Importances by a model of the trials, then by models of resampled trials: shape ``(1 +
    resamples, parameters)``.
    """
    known = known.iloc[most_certain(known["variance"].to_numpy())]
    settings = found.settings.loc[known.index]
    rng = np.random.default_rng(RANDOM_SEED)
    even = draw_settings(_occurring(found, settings, space), DRAWN[method], rng)
    drawn = pd.DataFrame(
        {key: [row.get(key, pd.NA) for row in even] for key in space}, dtype=object
    )
    inputs = features(
        space, pd.concat([settings[list(space)], drawn], ignore_index=True), squares=False
    )
    inputs, wanted = inputs[: len(settings)], inputs[len(settings) :]
    values, variance = known["value"].to_numpy(), known["variance"].to_numpy()
    kernel = fit_kernel(inputs, values, variance)
    columns = [predict(kernel, inputs, values, variance, wanted)]
    for rows, values, variance in _resamples(found, known, higher, REFITS[method]):
        columns.append(predict(kernel, inputs[rows], values, variance, wanted))
    return optuna_importances(space, drawn, np.array(columns), higher, method)


def _occurring(found: Evidence, settings: pd.DataFrame, space: Mapping[str, Any]) -> dict[str, Any]:
    """``space``, and above it the choices of which one branch alone occurs."""
    choices = {choice for domain in space.values() for choice in domain.get("when", ())}
    return {
        key: domain if key in space else {**domain, "values": list(settings[key].dropna()[:1])}
        for key, domain in found.space.items()
        if key in space or key in choices
    }


def _resamples(
    found: Evidence, known: pd.DataFrame, higher: bool, amount: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Places of trials drawn with replacement, their values at full length, extrapolated anew, and
    the variance of these.
    """
    stops = found.stops if not known["measured"].all() else [found.told]
    values = found.values.loc[known.index, stops].to_numpy(dtype=float)
    inputs = features(found.space, found.settings.loc[known.index], squares=True)
    rng = np.random.default_rng(RANDOM_SEED)
    for _ in range(amount):
        rows = rng.integers(0, len(known), len(known))
        if np.isfinite(values[rows]).sum(axis=0).min() > 1:
            yield rows, *fill_in(values[rows], inputs[rows], higher)


def _naive(space: Mapping[str, Any], found: Evidence, higher: bool, method: str) -> np.ndarray:
    last = found.last.dropna()
    if len(last) > MOST[method]:
        last = last.sample(MOST[method], random_state=RANDOM_SEED)
    values = last.to_numpy(dtype=float)
    return optuna_importances(space, found.settings.loc[last.index], values[None], higher, method)[
        0
    ]
