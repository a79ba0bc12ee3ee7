"""The importances of Optuna, over trials as it keeps them."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.numerics.association import FEWEST
from analysis.numerics.samples import RANDOM_SEED
from analysis.stats.fidelity import is_there
from analysis.stats.identity import identity

PED_ANOVA, FANOVA = "ped-anova", "fanova"
MOST = {PED_ANOVA: 2_000, FANOVA: 200}  # trials that Optuna is given for the naive figure


def optuna_importances(
    space: Mapping[str, Any], settings: pd.DataFrame, columns: np.ndarray, higher: bool, method: str
) -> np.ndarray:
    """What ``optuna.importance`` says, shape ``(len(columns), parameters)``, for values of the
    metric, shape ``(columns, settings)``.

    A parameter that is not active in all settings has its share among those in which it is, beside
    the parameters that all of these have; NaN where they are few.
    """
    shares = np.full((len(columns), len(space)), np.nan)
    actives = {key: is_there(settings[key]) for key in space}
    for there in {mask.tobytes(): mask for mask in actives.values()}.values():
        part = settings[there]
        within = {
            key: domain
            for key, domain in space.items()
            if actives[key][there].all() and part[key].map(identity).nunique() > 1
        }
        if there.sum() >= FEWEST and within:
            found = _shares(within, part, columns[:, there], higher, method)
            for place, key in enumerate(space):
                if key in within and (actives[key] == there).all():
                    shares[:, place] = found[:, list(within).index(key)]
    return shares


def _shares(
    space: Mapping[str, Any], settings: pd.DataFrame, columns: np.ndarray, higher: bool, method: str
) -> np.ndarray:
    from optuna.importance import (
        FanovaImportanceEvaluator,
        PedAnovaImportanceEvaluator,
        get_param_importances,
    )

    study = _study(_optuna_trials(space, settings))
    evaluator = (
        PedAnovaImportanceEvaluator()
        if method == PED_ANOVA
        else FanovaImportanceEvaluator(seed=RANDOM_SEED)
    )
    # Given a target, PED-ANOVA takes the lowest values for the best; fANOVA does not care.
    sign = -1 if higher else 1
    rows = []
    for column in columns * sign:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="PedAnovaImportanceEvaluator computes", category=UserWarning
            )  # see ``sign``
            shares = get_param_importances(
                study,
                evaluator=evaluator,
                params=list(space),
                target=lambda trial, values=column: float(values[trial.number]),
            )
        rows.append([shares[key] for key in space])
    return np.array(rows)


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
    columns = [
        settings[key].map(identity).tolist() if "values" in domain else settings[key].tolist()
        for key, domain in space.items()
    ]
    return [
        create_trial(
            params=dict(zip(space, row, strict=True)), distributions=distributions, value=0.0
        )
        for row in zip(*columns, strict=True)
    ]


def _distribution(domain: Mapping[str, Any], column: pd.Series) -> Any:
    """The range of a parameter for Optuna, wide enough for what occurs: a study may have been run
    on with another space.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if "values" in domain:
        return CategoricalDistribution(
            tuple(dict.fromkeys(map(identity, [*domain["values"], *column])))
        )
    low, high = min(domain["low"], column.min()), max(domain["high"], column.max())
    kind = IntDistribution if domain["kind"] == "int" else FloatDistribution
    return kind(low, high, log=bool(domain.get("log")))
