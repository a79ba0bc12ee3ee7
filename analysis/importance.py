"""Which parameters the metric depends on, over evidence that can be compared; the measures are those of Optuna."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.association import FEWEST
from analysis.correlation import EXTRAPOLATED, REACHED
from analysis.evidence import Evidence, evidence, features, kind_of
from analysis.extrapolation import at_full_length, can_extrapolate, fill_in
from analysis.intervals import RANDOM_SEED
from analysis.runs import Run
from analysis.surrogate import fit_kernel, most_certain, predict
from analysis.tables import identity

PED_ANOVA, FANOVA = "ped-anova", "fanova"
DRAWN = {PED_ANOVA: 600, FANOVA: 200}  # settings at which the model is asked
REFITS = {PED_ANOVA: 20, FANOVA: 0}  # resamples of the trials, extrapolated and modelled anew; fANOVA is too slow for that
MOST = {PED_ANOVA: 2_000, FANOVA: 200}  # trials that Optuna is given for the naive figure
COLUMNS = ["parameter", "kind", "epoch", "evidence", "method", "n", "measured", "importance", "low", "high", "naive"]


def importances(run: Run, method: str = PED_ANOVA) -> pd.DataFrame:
    """Which parameters the metric at full length depends on: one row per parameter, most important first.

    ``method``: "ped-anova" (which parameters decide over being among the best tenth; Watanabe, Bansal and Hutter 2023) or "fanova" (share
    of the variance; Hutter, Hoos and Leyton-Brown 2014), both from ``optuna.importance``.

    Columns: ``parameter, kind, epoch`` (the full length; where fewer than ten trials got so far, the last rung that ten reached),
    ``evidence, n, measured`` (as in ``correlation.correlations``), ``method``,
    ``importance`` (they add up to 1), ``low, high`` (middle 80 % over 20 resamples of the trials, each extrapolated and modelled anew: how
    stable the figure is, not a confidence interval, which a figure that cannot fall below 0 does not have near 0; missing for fANOVA),
    ``naive`` (what Optuna gives for the last values of all trials, however long they ran).

    Optuna is not given the trials but a Gaussian process fitted to them, asked at hundreds of settings drawn evenly from the space: with
    the trials alone a hundred are too few for a stable order (``python -m benchmarks.proofs``), and a search that goes where it is good
    would count only the neighbourhood of the best. Extrapolated values weigh less, by their variance. Empty below 10 trials, and
    where metric or all parameters do not vary.
    """
    found = evidence(run)
    higher = run.spec["mode"] == "max"
    extrapolates = can_extrapolate(found)
    known = at_full_length(found, higher) if extrapolates else _measured(found)
    varied = [key for key in run.parameters if found.settings.loc[known.index, key].map(identity).nunique() > 1]
    if len(known) < FEWEST or not varied or np.ptp(known["value"]) == 0:
        return pd.DataFrame(columns=COLUMNS)
    space = {key: found.space[key] for key in varied}
    shares = _modelled(space, found, known, higher, method)
    frame = pd.DataFrame({"parameter": varied, "kind": [kind_of(domain) for domain in space.values()]})
    frame = frame.assign(
        epoch=found.full if extrapolates else found.told, evidence=EXTRAPOLATED if extrapolates else REACHED, method=method
    )
    frame = frame.assign(n=len(known), measured=int(known["measured"].sum()), importance=shares[0])
    frame[["low", "high"]] = np.quantile(shares[1:], [0.1, 0.9], axis=0).T if len(shares) > 1 else np.nan
    frame["naive"] = _naive(space, found, higher, method)
    return frame.sort_values("importance", ascending=False, kind="stable", ignore_index=True)[COLUMNS]


def optuna_importances(space: Mapping[str, Any], settings: pd.DataFrame, columns: np.ndarray, higher: bool, method: str) -> np.ndarray:
    """What ``optuna.importance`` says, shape ``(len(columns), parameters)``, for values of the metric, shape ``(columns, settings)``."""
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances

    study = _study(_optuna_trials(space, settings))
    evaluator = PedAnovaImportanceEvaluator() if method == PED_ANOVA else FanovaImportanceEvaluator(seed=RANDOM_SEED)
    sign = -1 if higher else 1  # given a target, PED-ANOVA takes the lowest values for the best; fANOVA does not care
    shares = []
    for column in columns * sign:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="PedAnovaImportanceEvaluator computes", category=UserWarning)  # see ``sign``
            found = get_param_importances(
                study, evaluator=evaluator, params=list(space), target=lambda trial, values=column: float(values[trial.number])
            )
        shares.append([found[key] for key in space])
    return np.array(shares)


def draw_settings(space: Mapping[str, Any], amount: int, rng: np.random.Generator) -> pd.DataFrame:
    """``amount`` settings drawn evenly from the space (evenly on the log where it is searched so), one column per parameter."""
    return pd.DataFrame({key: pd.Series(_draw(domain, amount, rng), dtype=object) for key, domain in space.items()})


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


def _modelled(space: Mapping[str, Any], found: Evidence, known: pd.DataFrame, higher: bool, method: str) -> np.ndarray:
    """Importances by a model of the trials, then by models of resampled trials: shape ``(1 + resamples, parameters)``."""
    known = known.iloc[most_certain(known["variance"].to_numpy())]
    settings = found.settings.loc[known.index]
    drawn = draw_settings(space, DRAWN[method], np.random.default_rng(RANDOM_SEED))
    inputs = features(space, pd.concat([settings[list(space)], drawn], ignore_index=True), squares=False)
    inputs, wanted = inputs[: len(settings)], inputs[len(settings) :]
    values, variance = known["value"].to_numpy(), known["variance"].to_numpy()
    kernel = fit_kernel(inputs, values, variance)
    columns = [predict(kernel, inputs, values, variance, wanted)]
    for rows, values, variance in _resamples(found, known, higher, REFITS[method]):
        columns.append(predict(kernel, inputs[rows], values, variance, wanted))
    return optuna_importances(space, drawn, np.array(columns), higher, method)


def _resamples(found: Evidence, known: pd.DataFrame, higher: bool, amount: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Places of trials drawn with replacement, their values at full length, extrapolated anew, and the variance of these."""
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
    return optuna_importances(space, found.settings.loc[last.index], values[None], higher, method)[0]


def _study(trials: list[Any]) -> Any:
    """A study of Optuna that holds these trials, in memory, made without a line of log."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    study.add_trials(trials)
    optuna.logging.set_verbosity(before)
    return study


def _optuna_trials(space: Mapping[str, Any], settings: pd.DataFrame) -> list[Any]:
    from optuna.trial import create_trial

    distributions = {key: _distribution(domain, settings[key]) for key, domain in space.items()}
    columns = [settings[key].tolist() if "values" not in space[key] else [identity(value) for value in settings[key]] for key in space]
    rows = zip(*columns, strict=True)
    return [create_trial(params=dict(zip(space, row, strict=True)), distributions=distributions, value=0.0) for row in rows]


def _distribution(domain: Mapping[str, Any], column: pd.Series) -> Any:
    """The range of a parameter for Optuna, wide enough for what occurs: a study may have been run on with another space."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if "values" in domain:
        return CategoricalDistribution(tuple(dict.fromkeys(identity(value) for value in [*domain["values"], *column])))
    low, high = min(domain["low"], column.min()), max(domain["high"], column.max())
    kind = IntDistribution if domain["kind"] == "int" else FloatDistribution
    return kind(low, high, log=bool(domain.get("log")))
