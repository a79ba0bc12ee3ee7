"""What the analysis says of searches with early stopping, against the known truth of simulated
ones.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from analysis.records.load import Run
from analysis.stats.correlation import correlations
from analysis.stats.extrapolation import at_full_length
from analysis.stats.fidelity import Evidence, evidence, positions
from analysis.stats.importance import draw_settings, importances
from analysis.stats.optuna_importance import PED_ANOVA, optuna_importances
from benchmarks.simulations import (
    RUNGS,
    SPACE,
    final,
    searched,
    stopped_by_hand,
    survival_weights,
)

SPEED = "warmup"


def true_importances() -> pd.Series:
    """PED-ANOVA over 4,000 settings without noise, all trained to the end."""
    settings = pd.DataFrame(draw_settings(SPACE, 4_000, np.random.default_rng(1)))
    shares = optuna_importances(SPACE, settings, final(settings)[None], True, PED_ANOVA)[0]
    return pd.Series(shares, index=list(SPACE))


def search_ranks(repetitions: int, trials: int, family: str) -> pd.DataFrame:
    """One row per repetition that has importances: ``ours, naive`` (rank correlation with the
    truth), ``ours_first, naive_first`` (whether the parameter that only changes the speed comes
    first), ``ours_speed, naive_speed`` (its importance).
    """
    return _all_ranked(searched(seed, trials, family) for seed in range(repetitions))


def hand_ranks(
    repetitions: int, trials: int, rungs: Sequence[int], looks_bad: bool, share: float = 0.2
) -> pd.DataFrame:
    """``search_ranks`` of searches of which a person stopped that share of the trials."""
    return _all_ranked(
        stopped_by_hand(searched(seed, trials, rungs=rungs), share, looks_bad, seed)
        for seed in range(repetitions)
    )


def _all_ranked(runs: Iterable[Run]) -> pd.DataFrame:
    truth = true_importances()
    tables = (importances(run).set_index("parameter") for run in runs)
    return pd.DataFrame([dict(_ranked(table, truth)) for table in tables if len(table)])


def _ranked(table: pd.DataFrame, truth: pd.Series) -> Iterator[tuple[str, float]]:
    for name, column in (("ours", "importance"), ("naive", "naive")):
        values = table[column].reindex(truth.index)
        yield name, float(stats.spearmanr(values, truth).statistic)
        yield f"{name}_first", values.idxmax() == SPEED
        yield f"{name}_speed", float(values[SPEED])


def correlation_errors(repetitions: int, trials: int, family: str) -> pd.DataFrame:
    """Error of Spearman's coefficient against the same trials all trained to the end, root mean
    square over repetitions: one row per numeric parameter, columns ``extrapolated, survivors,
    weighted`` (survivors, weighted for survival) and ``naive``.
    """
    errors = [_errors(seed, trials, family) for seed in range(repetitions)]
    return (sum(error**2 for error in errors) / repetitions) ** 0.5


def _errors(seed: int, trials: int, family: str) -> pd.DataFrame:
    run, whole = searched(seed, trials, family), evidence(searched(seed, trials, family, rungs=()))
    found = evidence(run)
    survivors = found.values[found.full].dropna()
    guessed, weights = at_full_length(found, True)["value"], survival_weights(found)
    rows = {}
    for key in ("learning_rate", "dropout", "width", SPEED):
        truth = _spearman(whole, key, whole.values[whole.full])
        ways = {
            "extrapolated": _spearman(found, key, guessed),
            "survivors": _spearman(found, key, survivors),
        }
        ways |= {
            "weighted": _spearman(found, key, survivors, weights),
            "naive": _spearman(found, key, found.last),
        }
        rows[key] = {name: value - truth for name, value in ways.items()}
    return pd.DataFrame(rows).T


def _spearman(
    found: Evidence, key: str, values: pd.Series, weights: pd.Series | None = None
) -> float:
    x = stats.rankdata(positions(found.space[key], found.settings.loc[values.index, key]))
    y, w = (
        stats.rankdata(values),
        np.ones(len(values)) if weights is None else weights[values.index].to_numpy(),
    )
    x, y = x - np.average(x, weights=w), y - np.average(y, weights=w)
    return float((w * x * y).sum() / np.sqrt((w * x * x).sum() * (w * y * y).sum()))


def extrapolated_coverage(repetitions: int, trials: int, family: str) -> pd.Series:
    """Share of repetitions in which the interval of the extrapolated coefficient holds that of the
    population, by parameter.
    """
    whole = evidence(searched(12_345, 20_000, family, rungs=()))
    truth = {
        key: _spearman(whole, key, whole.values[whole.full])
        for key in ("learning_rate", "dropout", "width", SPEED)
    }
    held = []
    for seed in range(repetitions):
        table = correlations(searched(seed, trials, family))
        rows = table[
            (table["evidence"] == "extrapolated") & (table["method"] == "spearman")
        ].set_index("parameter")
        held.append(
            {
                key: rows.loc[key, "low"] <= value <= rows.loc[key, "high"]
                for key, value in truth.items()
                if key in rows.index
            }
        )
    return pd.DataFrame(held).astype(float).mean()


def print_searches(repetitions: int) -> None:
    print(
        f"(c) searches with early stopping, {repetitions} repetitions; true importances"
        f" {true_importances().round(3).to_dict()}"
    )
    for family, sizes in {
        "exponential": (60, 120, 240),
        "slow exponential": (60, 120, 240),
        "power": (120,),
        "logistic": (120,),
    }.items():
        for trials in sizes:
            found = search_ranks(repetitions, trials, family)
            means = found.astype(float).mean()
            print(
                f"    {family}, {trials} trials ({len(found)} with importances): rank correlation"
                f" with the truth {means['ours']:.2f}, naive {means['naive']:.2f}; speed first in"
                f" {found['ours_first'].sum()}, naive {found['naive_first'].sum()}; its importance"
                f" {means['ours_speed']:.2f}, naive {means['naive_speed']:.2f}",
                flush=True,
            )
        errors, held = (
            correlation_errors(repetitions, 120, family),
            extrapolated_coverage(repetitions, 120, family),
        )
        print(
            f"    error of Spearman's coefficient, {family}, 120"
            f" trials:\n{_indented(errors.round(2))}"
        )
        print(
            f"    95 % intervals of the extrapolated one hold the truth: {held.round(2).to_dict()}",
            flush=True,
        )


def print_hand_stops(repetitions: int, trials: int = 120) -> None:
    print(
        f"(j) searches of {trials} trials, 20 % stopped by hand, {repetitions} repetitions:"
        " rank correlation of importances with the truth"
    )
    for name, rungs in (("without a scheduler", ()), ("with early stopping", RUNGS)):
        for how, looks_bad in (("at random", False), ("that looked bad", True)):
            found = hand_ranks(repetitions, trials, rungs, looks_bad)
            print(
                f"    {name}, {how} ({len(found)} with importances): {found['ours'].mean():.2f}"
                f" (least {found['ours'].min():.2f}), naive {found['naive'].mean():.2f}",
                flush=True,
            )


def _indented(frame: pd.DataFrame) -> str:
    return "\n".join(f"        {line}" for line in frame.to_string().splitlines())
